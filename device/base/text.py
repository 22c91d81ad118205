"""Text that must fit a frame: what the wire refuses is replaced, what is too long is cut.

A frame has 64 KiB after JSON escaping, in which one control character takes six bytes; so lengths
are counted as encoded.
"""

from collections.abc import Callable
from typing import Final

from protocol.codec import encode

FRAME_LIMIT: Final = 64 * 1024
RESULT_LIMIT: Final = 60 * 1024
LINE_LIMIT: Final = 8192
"""Characters and bytes of one log line."""


def clean(text: str) -> str:
    """`text` without U+0000 and lone surrogates, which no frame may carry."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def decode(raw: bytes) -> str:
    return clean(raw.decode("utf-8", "replace"))


def encoded_length(text: str) -> int:
    """Bytes of `text` as a JSON string, without the quotes."""
    return len(encode([text])) - 4


def cut(text: str, limit: int) -> str:
    """The longest beginning of `text` that takes at most `limit` bytes in JSON."""
    return text[: _most(text, limit, lambda length: text[:length])]


def ending(text: str, limit: int) -> str:
    """The longest end of `text` that takes at most `limit` bytes in JSON."""
    return text[len(text) - _most(text, limit, lambda length: text[len(text) - length :]) :]


def _most(text: str, limit: int, part: Callable[[int], str]) -> int:
    """How many characters `part` may have."""
    if encoded_length(text) <= limit:
        return len(text)
    low, high = 0, min(len(text), limit)
    while low < high:
        middle = (low + high + 1) // 2
        if encoded_length(part(middle)) <= limit:
            low = middle
        else:
            high = middle - 1
    return low


def log_line(text: str) -> str:
    """One log line: no line end, at most 8 KiB of UTF-8."""
    line = clean(text.rstrip("\r\n"))
    return line.encode()[:LINE_LIMIT].decode(errors="ignore")
