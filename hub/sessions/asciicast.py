"""Recordings as asciicast v2: what a terminal has shown and how large it was, never what was typed.

A line is `[seconds, "o", text]` or `[seconds, "r", "80x24"]`. Characters may be cut between two
messages, so the bytes of each channel are decoded as one stream; what is not UTF-8 is replaced.
"""

import codecs
from typing import Final

import msgspec

from protocol.sessions import STDERR, STDOUT, size_in

MEDIA: Final = "application/x-asciicast"
MOST_BYTES: Final = 64 * 1024 * 1024
"""Of a recording. The session ends there."""
_UTF8: Final = codecs.getincrementaldecoder("utf-8")


class CastWriter:
    """`began`: the monotonic time of the first line."""

    def __init__(self, began: float) -> None:
        self._began = began
        self._decoders = {STDOUT: _UTF8("replace"), STDERR: _UTF8("replace")}
        self.size: tuple[int, int] | None = None
        """Of the terminal at first, once it is known."""

    def line(self, message: bytes, now: float) -> str | None:
        """What of a message belongs into the recording."""
        decoder = self._decoders.get(message[0])
        if decoder is not None:
            text = decoder.decode(message[1:])
            return self._event(now, "o", text) if text else None
        size = size_in(message)
        if size is None:
            return None
        if self.size is None:
            self.size = size
        return self._event(now, "r", f"{size[0]}x{size[1]}")

    def end(self, now: float) -> str:
        """What was cut at the end."""
        rest = "".join(each.decode(b"", final=True) for each in self._decoders.values())
        return self._event(now, "o", rest) if rest else ""

    def _event(self, now: float, kind: str, text: str) -> str:
        seconds = round(max(0.0, now - self._began), 6)
        return msgspec.json.encode([seconds, kind, text]).decode() + "\n"


def header(*, width: int, height: int, began: float, truncated: bool) -> str:
    """`began` in seconds since 1970."""
    said: dict[str, object] = {
        "version": 2,
        "width": width,
        "height": height,
        "timestamp": int(began),
    }
    if truncated:
        said["truncated"] = True
    return msgspec.json.encode(said).decode() + "\n"
