"""What a program wrote, where there is no room for all of it: its beginning and its end, with a
mark between. What failed says why at the end, so of a failure most of what is kept is the end.
"""

from collections.abc import Callable, Iterable
from typing import Final

from msgspec import Struct

from device.base.text import cut, decode, encoded_length, ending
from protocol.secret_values import Redactor

END_SHARE: Final = 0.5
FAILED_END_SHARE: Final = 0.875
"""Of the room: what the end takes."""


class Written(Struct, frozen=True):
    """What was kept of one stream: `head` and `tail` are all of it when they have `total` bytes."""

    head: bytes
    tail: bytes
    total: int

    @property
    def left_out(self) -> int:
        return self.total - len(self.head) - len(self.tail)


class Capture:
    """Takes a stream of any length and keeps its first and its last `limit` bytes, without the
    values of secrets; `seen` is given all of it."""

    def __init__(
        self,
        limit: int,
        seen: Callable[[bytes], None] | None = None,
        secrets: Iterable[str] = (),
    ) -> None:
        self._limit = limit
        self._redactor = Redactor(secrets) if secrets else None
        self._seen = seen
        self._head = bytearray()
        self._tail = bytearray()
        self._total = 0

    def take(self, chunk: bytes) -> None:
        self._keep(chunk if self._redactor is None else self._redactor.take(chunk))

    def _keep(self, chunk: bytes) -> None:
        if self._seen is not None:
            self._seen(chunk)
        self._total += len(chunk)
        room = self._limit - len(self._head)
        self._head += chunk[:room]
        self._tail += chunk[room:]
        if len(self._tail) > 2 * self._limit:
            del self._tail[: -self._limit]

    def written(self) -> Written:
        """Of a stream that is at its end."""
        if self._redactor is not None:
            self._keep(self._redactor.end())
        return Written(bytes(self._head), bytes(self._tail[-self._limit :]), self._total)


def is_longer(written: Written, limit: int) -> bool:
    """Whether it takes more than `limit` bytes in JSON."""
    return written.left_out > 0 or encoded_length(_whole(written)) > limit


def excerpt(written: Written, limit: int, *, failed: bool) -> str:
    """It as text that takes at most `limit` bytes in JSON. The mark counts the bytes left out."""
    if not is_longer(written, limit):
        return _whole(written)
    head, tail = decode(written.head), decode(written.tail)
    if not written.left_out:
        head = tail = _whole(written)
    room = max(0, limit - encoded_length(_mark(written.total)))
    end = ending(tail, int(room * (FAILED_END_SHARE if failed else END_SHARE)))
    begin = cut(head, room - encoded_length(end))
    left_out = written.total - len(begin.encode()) - len(end.encode())
    return cut(begin + _mark(max(1, left_out)) + end, limit)


def _whole(written: Written) -> str:
    return decode(written.head + written.tail)


def _mark(left_out: int) -> str:
    return f"\n[… {left_out} bytes left out …]\n"
