"""What is wrong with a head, and what of it goes to a second parser."""

import pytest

from hub.socket.head import (
    Header,
    asks_for_websocket,
    authority_of,
    fault_of,
    without_upgrade,
)

HOST: Header = (b"host", b"hub:8080")
KEY: Header = (b"sec-websocket-key", b"x")


def upgrade(*values: bytes) -> list[Header]:
    return [(b"upgrade", value) for value in values]


@pytest.mark.parametrize(
    ("method", "version", "headers", "status"),
    [
        (b"GET", "1.1", [HOST], None),
        (b"GET", "1.1", [(b"host", b"[::1]:80")], None),
        (b"GET", "1.1", [(b"host", b"")], None),
        (b"GET", "1.0", [], None),
        (b"GET", "1.1", [], 400),
        (b"GET", "1.1", [HOST, HOST], 400),
        (b"GET", "1.0", [HOST, HOST], 400),
        (b"GET", "1.1", [(b"host", b"a b")], 400),
        (b"CONNECT", "1.1", [HOST], 400),
        (b"POST", "1.1", [HOST, (b"transfer-encoding", b"Chunked")], None),
        (b"POST", "1.0", [HOST, (b"transfer-encoding", b"chunked")], 400),
        (b"POST", "1.1", [HOST, (b"transfer-encoding", b"gzip, chunked")], 501),
    ],
)
def test_faults_of_any_request(
    method: bytes, version: str, headers: list[Header], status: int | None
) -> None:
    fault = fault_of(method, version, headers)
    assert (fault and fault.status) == status


@pytest.mark.parametrize(
    ("method", "headers", "expected"),
    [
        (b"GET", [*upgrade(b"websocket"), KEY], True),
        (b"GET", [*upgrade(b"foo, WebSocket"), KEY], True),
        (b"GET", [*upgrade(b"foo", b"WebSocket"), (b"sec-websocket-version", b"13")], True),
        (b"GET", upgrade(b"websocket"), False),
        (b"GET", [*upgrade(b"h2c"), KEY], False),
        (b"GET", [*upgrade(b"websocket/2"), KEY], False),
        (b"POST", [*upgrade(b"websocket"), KEY], False),
        (b"GET", [KEY], False),
    ],
)
def test_what_asks_for_a_websocket(method: bytes, headers: list[Header], expected: bool) -> None:
    assert asks_for_websocket(method, headers) is expected


def test_the_same_head_without_its_upgrade() -> None:
    headers = [HOST, *upgrade(b"h2c", b"foo"), (b"content-length", b"3")]
    assert without_upgrade(b"POST", b"/a?b", "1.1", headers) == (
        b"POST /a?b HTTP/1.1\r\nhost: hub:8080\r\ncontent-length: 3\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("target", "authority"),
    [
        (b"/path", None),
        (b"*", None),
        (b"http://other:81/x", b"other:81"),
        (b"HTTP://other", b"other"),
        (b"/http://other", None),
    ],
)
def test_the_authority_of_a_target(target: bytes, authority: bytes | None) -> None:
    assert authority_of(target) == authority
