"""RFC 6455 frames, the server's side: bytes in, events out. No I/O, no clock.

A client's bytes are a sequence of frames; frames make messages. The parser keeps at most one
unfinished frame and one unfinished message, and both are bounded by `max_message`: what is too long
is refused from the header that announces it, before its payload arrives.

A peer's fault never raises. It comes out as `Fault`, which is the last event, as `PeerClosed` is:
whatever follows either of them is ignored (sections 1.4 and 7.1.7).

`whole_texts` is the hub's hottest loop. It takes the whole unfragmented text messages, nearly all
there is; everything else goes the long way. It and `unmask` have compiled twins: see
`protocol/native.py`.
"""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from protocol import native
from protocol.closing import CloseCode

MAX_FRAGMENTS: Final = 256
"""Of one message. Our rule (protocol.md, section 3), not the RFC's."""
NO_STATUS: Final = 1005
"""What a close frame without a code means; never sent (section 7.1.5)."""

_CONTINUATION: Final = 0x0
_TEXT: Final = 0x1
_BINARY: Final = 0x2
_CLOSE: Final = 0x8
_PING: Final = 0x9
_PONG: Final = 0xA
_DATA: Final = frozenset({_CONTINUATION, _TEXT, _BINARY})
_CONTROL: Final = frozenset({_CLOSE, _PING, _PONG})

_FIN: Final = 0x80
_RSV: Final = 0x70
_OPCODE: Final = 0x0F
_MASKED: Final = 0x80
_LENGTH: Final = 0x7F
_WHOLE_TEXT: Final = _FIN | _TEXT
_WHOLE_BINARY: Final = _FIN | _BINARY
_MAX_CONTROL: Final = 125
_IN_TWO: Final = 126
_IN_EIGHT: Final = 127


class Binary(Struct, frozen=True):
    """A whole binary message; its payload is empty where nobody takes it."""

    payload: bytes = b""


class Ping(Struct, frozen=True):
    payload: bytes


class Pong(Struct, frozen=True):
    """Any byte shows that the peer lives; the payload is that of the ping it answers."""

    payload: bytes = b""


class PeerClosed(Struct, frozen=True):
    """The peer's close frame; `code` is `NO_STATUS` when it had none."""

    code: int
    reason: str


class Fault(Struct, frozen=True):
    """The peer broke a rule: close with `code`."""

    code: CloseCode
    reason: str


Event = bytes | Binary | Ping | Pong | PeerClosed | Fault
"""`bytes` is a whole text message, valid UTF-8."""


class _Broken(Exception):
    """A `Fault` on its way up."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.fault = Fault(code, reason)


class FrameParser:
    """One per connection.

    `max_message` (bytes) may be changed at any time, also between two events of one `feed`.
    With `takes_binary` the payload of binary messages is kept, and whole ones are not odd.
    `odd_frames` counts the frames that were not a whole text message: they cost us what messages
    cost but never reach a handler that could count them. The owner sets it back as it likes.
    """

    __slots__ = (
        "_fragments",
        "_kind",
        "_need",
        "_over",
        "_pieces",
        "_size",
        "_tail",
        "max_message",
        "odd_frames",
        "takes_binary",
    )

    def __init__(self, max_message: int) -> None:
        self.max_message = max_message
        self.odd_frames = 0
        self.takes_binary = False
        self._over = False
        # The beginning of a frame, and the length it must reach before another look pays: a message
        # that arrives byte by byte costs no more than its length.
        self._tail: bytearray | None = None
        self._need = 2
        # The fragmented message under way: its opcode (`_CONTINUATION` for none), frames, bytes.
        self._kind = _CONTINUATION
        self._fragments = 0
        self._size = 0
        self._pieces: list[bytes] | None = None

    def feed(self, data: bytes) -> Iterator[Event]:
        """The events that `data` completes. Exhaust it, or never feed again."""
        if self._tail is not None:
            data = self._joined(self._tail, data)
        position, end = 0, len(data)
        while end - position >= 2 and not self._over:
            if self._kind == _CONTINUATION:
                limit = self.max_message
                messages, after = whole_texts(data, position, limit)
                rest = iter(messages)
                for message in rest:
                    yield message
                    if self.max_message != limit:
                        after -= sum(map(_size_of_frame, rest))  # again, by the new limit
                        break
                if messages:
                    position = after
                    continue
            event, after = self._long_way(data, position)
            if after == position:
                break
            position = after
            if event is not None:
                yield event
        self._keep(data, position)

    def _keep(self, data: bytes, position: int) -> None:
        if position < len(data) and not self._over:
            self._tail = bytearray(data[position:])

    def _joined(self, tail: bytearray, data: bytes) -> bytes:
        tail += data
        if len(tail) < self._need:
            return b""
        self._tail, self._need = None, 2
        return bytes(tail)

    def _long_way(self, data: bytes, position: int) -> tuple[Event | None, int]:
        """The event, if any, of the frame at `position`, and where the next frame begins.

        Where that is `position` itself, the frame is not all there.
        """
        try:
            return self._frame(data, position)
        except _Broken as broken:
            self._over = True
            return broken.fault, len(data)

    def _frame(self, data: bytes, position: int) -> tuple[Event | None, int]:
        head = self._head(data, position)
        if head is None:
            return None, position
        first, start, stop = head
        if stop > len(data):
            self._need = stop - position
            return None, position
        if first != _WHOLE_BINARY or not self.takes_binary:
            self.odd_frames += 1
        if first & _OPCODE in _CONTROL:
            return self._control(first & _OPCODE, unmask(data, start, stop)), stop
        return self._data(first, data, start, stop), stop

    def _head(self, data: bytes, position: int) -> tuple[int, int, int] | None:
        """First byte, start and stop of the payload; None while the header is incomplete."""
        first, second = data[position], data[position + 1]
        self._check_kind(first, second)
        length, start = second & _LENGTH, position + 6
        if length > _MAX_CONTROL:
            size = 2 if length == _IN_TWO else 8
            if len(data) - position < 2 + size:
                self._need = 2 + size
                return None
            length = _long_length(data[position + 2 : position + 2 + size])
            start += size
        self._check_size(first, length)
        return first, start, start + length

    def _check_kind(self, first: int, second: int) -> None:
        opcode = first & _OPCODE
        if first & _RSV:
            raise _Broken(CloseCode.PROTOCOL_ERROR, "reserved bits")
        if not second & _MASKED:
            raise _Broken(CloseCode.PROTOCOL_ERROR, "not masked")
        if opcode in _CONTROL:
            if not first & _FIN:
                raise _Broken(CloseCode.PROTOCOL_ERROR, "fragmented control frame")
            if second & _LENGTH > _MAX_CONTROL:
                raise _Broken(CloseCode.PROTOCOL_ERROR, "control frame too long")
        elif opcode not in _DATA:
            raise _Broken(CloseCode.PROTOCOL_ERROR, "unknown opcode")
        elif (opcode == _CONTINUATION) != (self._kind != _CONTINUATION):
            raise _Broken(CloseCode.PROTOCOL_ERROR, "continuation out of order")

    def _check_size(self, first: int, length: int) -> None:
        if first & _OPCODE in _CONTROL:
            return
        if self._size + length > self.max_message:
            raise _Broken(CloseCode.TOO_BIG, f"message over {self.max_message} bytes")
        if self._fragments == MAX_FRAGMENTS:
            raise _Broken(CloseCode.TOO_BIG, f"message in over {MAX_FRAGMENTS} fragments")

    def _control(self, opcode: int, payload: bytes) -> Event:
        if opcode == _PING:
            return Ping(payload)
        if opcode == _PONG:
            return Pong(payload)
        closed = _peer_closed(payload)
        self._over = True
        return closed

    def _data(self, first: int, data: bytes, start: int, stop: int) -> Event | None:
        """One more fragment, which a whole message in one frame is too."""
        self._kind = self._kind or first & _OPCODE
        self._fragments += 1
        self._size += stop - start
        if (self._kind == _TEXT or self.takes_binary) and stop > start:
            self._pieces = self._pieces or []
            self._pieces.append(unmask(data, start, stop))
        return self._message() if first & _FIN else None

    def _message(self) -> bytes | Binary:
        kind, pieces = self._kind, self._pieces or ()
        self._kind, self._pieces = _CONTINUATION, None
        self._fragments = self._size = 0
        message = b"".join(pieces)
        if kind == _BINARY:
            return Binary(message)
        if not is_utf8(message):
            raise _Broken(CloseCode.INVALID_DATA, "invalid UTF-8")
        return message


def _long_length(digits: bytes) -> int:
    """The length in 2 or 8 bytes, which must be the shortest way to write it (section 5.2)."""
    length = int.from_bytes(digits, "big")
    if length < _IN_TWO or (len(digits) == 8 and length < 1 << 16):
        raise _Broken(CloseCode.PROTOCOL_ERROR, "length not in its shortest form")
    if length >= 1 << 63:
        raise _Broken(CloseCode.PROTOCOL_ERROR, "length beyond 63 bits")
    return length


def _peer_closed(payload: bytes) -> PeerClosed:
    if not payload:
        return PeerClosed(NO_STATUS, "")
    code = int.from_bytes(payload[:2], "big")
    if not is_utf8(payload[2:]):
        raise _Broken(CloseCode.INVALID_DATA, "invalid UTF-8 in a close reason")
    if not may_be_sent(code):  # one byte alone never makes a code
        raise _Broken(CloseCode.PROTOCOL_ERROR, "bad close code")
    return PeerClosed(code, payload[2:].decode())


def may_be_sent(code: int) -> bool:
    """Whether a close frame may carry `code` (section 7.4 and the IANA registry)."""
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999


def is_utf8(payload: bytes) -> bool:
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True


# The hot path.

_RUN: Final = 256
"""Most messages that are cut at once: what they hold beside their bytes stays small."""


def _whole_texts(data: bytes, position: int, limit: int) -> tuple[list[bytes], int]:
    """The messages from `position` on, and where the first frame begins that is not a whole text
    frame of at most `limit` bytes and 65535, in UTF-8. At most `_RUN` of them."""
    messages: list[bytes] = []
    end = len(data)
    while end - position >= 6 and data[position] == _WHOLE_TEXT and len(messages) < _RUN:
        length = data[position + 1] - _MASKED
        start = position + 6
        if length == _IN_TWO:
            length = data[position + 2] << 8 | data[position + 3]
            start = position + 8
            if length < _IN_TWO:
                break
        elif not 0 <= length < _IN_TWO:
            break
        stop = start + length
        if stop > end or length > limit:
            break
        message = _unmask(data, start, stop)
        if not message.isascii() and not is_utf8(message):
            break
        messages.append(message)
        position = stop
    return messages, position


def _size_of_frame(message: bytes) -> int:
    """Of what `whole_texts` made a message of."""
    return len(message) + (6 if len(message) < _IN_TWO else 8)


# Masking (section 5.3).

_LANES_FROM: Final = 4096
"""Above this, four passes of `translate` beat one addition of long integers (measured)."""
_EVERY_BYTE: Final = int.from_bytes(bytes(range(256)), "little")


def _unmask(data: bytes, start: int, stop: int) -> bytes:
    """The payload `data[start:stop]`, whose mask is the four bytes before it."""
    mask, size = data[start - 4 : start], stop - start
    if size > _LANES_FROM:
        return _unmask_lanes(data, start, stop, mask)
    key = int.from_bytes((mask * ((size + 3) >> 2))[:size], "little")
    return (int.from_bytes(data[start:stop], "little") ^ key).to_bytes(size, "little")


def _unmask_lanes(data: bytes, start: int, stop: int, mask: bytes) -> bytes:
    """Each fourth byte has the same mask: look it up in a table of the 256 results."""
    payload = bytearray(stop - start)
    for lane in range(4):
        key = int.from_bytes(mask[lane : lane + 1] * 256, "little")
        table = (_EVERY_BYTE ^ key).to_bytes(256, "little")
        payload[lane::4] = data[start + lane : stop : 4].translate(table)
    return bytes(payload)


whole_texts: Final = native.compiled.whole_texts if native.compiled else _whole_texts
unmask: Final = native.compiled.unmask if native.compiled else _unmask


# Building: what a server sends is never masked.

PING: Final = bytes((_FIN | _PING, 0))
_SHORT_TEXT: Final = [bytes((_WHOLE_TEXT, size)) for size in range(_IN_TWO)]
_LONG_TEXT: Final = bytes((_WHOLE_TEXT, _IN_TWO))
_VERY_LONG_TEXT: Final = bytes((_WHOLE_TEXT, _IN_EIGHT))


def _text_frame(payload: bytes) -> bytes:
    """`payload`, which must be UTF-8, as one text frame."""
    size = len(payload)
    if size < _IN_TWO:
        return _SHORT_TEXT[size] + payload
    if size < 1 << 16:
        return _LONG_TEXT + size.to_bytes(2, "big") + payload
    return _VERY_LONG_TEXT + size.to_bytes(8, "big") + payload


text_frame: Final = native.compiled.text_frame if native.compiled else _text_frame


def binary_frame(payload: bytes) -> bytes:
    """`payload` as one binary frame."""
    size = len(payload)
    if size < _IN_TWO:
        return bytes((_WHOLE_BINARY, size)) + payload
    if size < 1 << 16:
        return bytes((_WHOLE_BINARY, _IN_TWO)) + size.to_bytes(2, "big") + payload
    return bytes((_WHOLE_BINARY, _IN_EIGHT)) + size.to_bytes(8, "big") + payload


def ping_frame(payload: bytes) -> bytes:
    """A ping whose answer says `payload` (at most 125 bytes)."""
    return bytes((_FIN | _PING, len(payload))) + payload


def pong_frame(payload: bytes) -> bytes:
    """The answer to a ping with `payload` (at most 125 bytes)."""
    return bytes((_FIN | _PONG, len(payload))) + payload


def close_frame(code: int, reason: str = "") -> bytes:
    """`NO_STATUS` makes an empty one; a reason is cut to the 123 bytes that fit."""
    if code == NO_STATUS:
        return bytes((_FIN | _CLOSE, 0))
    words = reason.encode()[: _MAX_CONTROL - 2].decode(errors="ignore").encode()
    return bytes((_FIN | _CLOSE, 2 + len(words))) + code.to_bytes(2, "big") + words
