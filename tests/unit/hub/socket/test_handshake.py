import json

import pytest
from msgspec import structs

from hub.socket.handshake import (
    Refusal,
    Upgrade,
    accepted,
    malformed,
    parse,
    refused,
    subprotocol,
)
from protocol.errors import ProblemCode
from tests.conformance import wire


def parsed(request: bytes) -> Upgrade | Refusal:
    return parse(request, remote="192.0.2.1", secure=True)


def upgrade(**changes: str | None) -> Upgrade:
    result = parsed(wire.request("/ws/device", **changes))
    assert isinstance(result, Upgrade)
    return result


def test_an_upgrade_keeps_path_query_and_headers_as_sent() -> None:
    result = parsed(wire.request("/ws/a%20b?token=x?y", X_One="Ärger", x_two="b"))
    assert isinstance(result, Upgrade)
    assert (result.path, result.query) == ("/ws/a%20b", "token=x?y")
    assert (result.remote, result.secure) == ("192.0.2.1", True)
    assert result.header("x-two") == "b"
    assert result.header("x-three") is None


def test_an_upgrade_shows_no_tokens() -> None:
    result = parsed(wire.request("/ws?token=secret", authorization="Bearer secret"))
    assert repr(result) == "Upgrade('/ws', remote='192.0.2.1')"


def test_a_header_that_comes_several_times_is_joined() -> None:
    assert upgrade(x="a", X="b").header("x") == "a, b"


@pytest.mark.parametrize(
    "request_",
    [
        wire.request().replace(b"GET", b"PUT"),
        wire.request().replace(b"1.1", b"1.0"),
        wire.request("ws://hub/ws"),
        wire.request("*"),
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\nnonsense\r\n\r\n",
        wire.request(host=None),
        wire.request(Host="twice"),
        wire.request(authorization="Bearer a", Authorization="Bearer b"),
        wire.request(upgrade="websockets"),
        wire.request(connection="keep-alive"),
        wire.request(content_length="1"),
        wire.request(transfer_encoding="chunked"),
        wire.request(sec_websocket_key=None),
        wire.request(sec_websocket_key="AAAA"),
        wire.request(sec_websocket_key="!" * 24),
        wire.request(sec_websocket_key="é" * 24),
    ],
)
def test_what_is_no_upgrade_is_400(request_: bytes) -> None:
    result = parsed(request_)
    assert isinstance(result, Refusal)
    assert (result.status, result.code) == (400, ProblemCode.INVALID)


@pytest.mark.parametrize("version", [None, "", "12", "14", "13, 12"])
def test_another_version_is_426_and_told_the_right_one(version: str | None) -> None:
    result = parsed(wire.request(sec_websocket_version=version))
    assert isinstance(result, Refusal)
    assert result.status == 426
    assert b"\r\nSec-WebSocket-Version: 13\r\n" in refused(result)
    assert b"\r\nUpgrade: websocket\r\n" in refused(result)


def test_a_length_of_zero_is_no_body() -> None:
    assert upgrade(content_length="0")


def test_the_answer_is_the_one_of_section_1_3() -> None:
    assert accepted(upgrade()) == (
        b"HTTP/1.1 101 Switching Protocols\r\n"
        b"Upgrade: websocket\r\n"
        b"Connection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [("longline.v1", True), ("a,longline.v1 , b", True), ("longline.v2", False), ("", False)],
)
def test_our_subprotocol_is_chosen_when_offered(offered: str, *, chosen: bool) -> None:
    answer = accepted(upgrade(sec_websocket_protocol=offered))
    assert (b"\r\nSec-WebSocket-Protocol: longline.v1\r\n" in answer) == chosen


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        ("longline.session.v1", "longline.session.v1"),
        ("v5.channel.k8s.io", "v5.channel.k8s.io"),
        ("v5.channel.k8s.io, longline.session.v1", "longline.session.v1"),
        ("longline.v1", None),
    ],
)
def test_a_session_has_subprotocols_of_its_own(offered: str, chosen: str | None) -> None:
    asked = structs.replace(upgrade(sec_websocket_protocol=offered), path="/p/ws/sessions/s")
    assert subprotocol(asked) == chosen


def test_a_refusal_is_a_problem_document() -> None:
    refusal = Refusal(429, ProblemCode.TOO_MANY_REQUESTS, "slow down", retry_after=3)
    head, _, body = refused(refusal).partition(b"\r\n\r\n")
    assert head.decode().split("\r\n") == [
        "HTTP/1.1 429 Too Many Requests",
        "Content-Type: application/problem+json",
        "X-Content-Type-Options: nosniff",
        f"Content-Length: {len(body)}",
        "Connection: close",
        "Retry-After: 3",
    ]
    assert json.loads(body) == {
        "type": "urn:longline:problem:too_many_requests",
        "title": "Too Many Requests",
        "status": 429,
        "detail": "slow down",
        "code": "too_many_requests",
        "success": False,
    }


def test_a_missing_credential_is_asked_for() -> None:
    refusal = Refusal(401, ProblemCode.UNAUTHENTICATED, "who are you?")
    assert b"\r\nWWW-Authenticate: Bearer\r\n" in refused(refusal)
    assert b"Retry-After" not in refused(malformed("x"))
