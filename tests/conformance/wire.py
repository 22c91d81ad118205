"""A client's side of RFC 6455 in the raw: frames however wrong, and what a server answered."""

from collections.abc import Iterator
from typing import Final

TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA

MASK: Final = b"\x37\xfa\x21\x3d"
KEY: Final = "dGhlIHNhbXBsZSBub25jZQ=="


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    mask: bytes | None = MASK,
    length: bytes | None = None,
) -> bytes:
    """`length` replaces the length's 7 bits and what follows them; the mask bit is added."""
    digits = bytearray(_length(len(payload)) if length is None else length)
    if mask is None:
        return bytes((fin << 7 | rsv << 4 | opcode,)) + digits + payload
    digits[0] |= 0x80
    return bytes((fin << 7 | rsv << 4 | opcode,)) + digits + mask + masked(payload, mask)


def masked(payload: bytes, mask: bytes) -> bytes:
    return bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))


def _length(size: int) -> bytes:
    if size < 126:
        return bytes((size,))
    if size < 1 << 16:
        return b"\x7e" + size.to_bytes(2, "big")
    return b"\x7f" + size.to_bytes(8, "big")


def text(payload: bytes | str) -> bytes:
    return frame(TEXT, payload.encode() if isinstance(payload, str) else payload)


def fragments(opcode: int, *payloads: bytes) -> bytes:
    """One message in as many frames as there are payloads."""
    last = len(payloads) - 1
    return b"".join(
        frame(opcode if index == 0 else 0, payload, fin=index == last)
        for index, payload in enumerate(payloads)
    )


def close(code: int | None = None, reason: bytes = b"") -> bytes:
    return frame(CLOSE, b"" if code is None else code.to_bytes(2, "big") + reason)


def request(path: str = "/ws/device", **changes: str | None) -> bytes:
    """An upgrade request. `changes` are headers, `_` for `-`; None takes one out."""
    headers: dict[str, str | None] = {
        "host": "hub.example",
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec-websocket-version": "13",
        "sec-websocket-key": KEY,
    }
    headers |= {name.replace("_", "-"): value for name, value in changes.items()}
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return "\r\n".join([f"GET {path} HTTP/1.1", *lines, "", ""]).encode()


def answers(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """(opcode, payload) of each frame of a server, which must be whole, final and unmasked."""
    while raw:
        first, size, start = raw[0], raw[1], 2
        if size > 125:
            start = 4 if size == 126 else 10
            size = int.from_bytes(raw[2:start], "big")
        assert first & 0xF0 == 0x80
        assert len(raw) >= start + size
        yield first & 0x0F, raw[start : start + size]
        raw = raw[start + size :]
