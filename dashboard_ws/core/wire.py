"""How events and other frames go out to a kind of reader. Pure.

Readers of one kind share one `Wire`, so that who wants the same gets the same bytes.
"""

from collections.abc import Callable
from typing import Final, Protocol

from protocol.codec import at_offset


class Wire(Protocol):
    """`text` is a JSON object."""

    def event(self, body: bytes, epoch: str, offset: int, /) -> bytes:
        """An event, with its place in the stream."""
        ...

    def text(self, text: bytes, /) -> bytes:
        """What has no place."""
        ...


class Frames:
    """A frame a text; the place stands in the text."""

    def __init__(self, frame: Callable[[bytes], bytes]) -> None:
        self.text = frame

    def event(self, body: bytes, epoch: str, offset: int) -> bytes:
        return self.text(at_offset(body, epoch, offset))


class ServerSentEvents:
    """Messages of `text/event-stream`; the place is also their id."""

    def event(self, body: bytes, epoch: str, offset: int) -> bytes:
        text = at_offset(body, epoch, offset)
        return b"id: %b:%d\ndata: %b\n\n" % (epoch.encode(), offset, text)

    def placed(self, text: bytes, epoch: str, offset: int) -> bytes:
        """A text, and where its reader stands with it."""
        return b"id: %b:%d\ndata: %b\n\n" % (epoch.encode(), offset, text)

    def text(self, text: bytes) -> bytes:
        return b"data: %b\n\n" % text


SSE: Final = ServerSentEvents()
AS_IT_IS: Final = Frames(bytes)
