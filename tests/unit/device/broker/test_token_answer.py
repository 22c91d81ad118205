"""What Caddy is answered."""

import pytest

from device.broker.token_answer import Answered, answer

TOKENS = {"release-service": "abc", "anonymous-one": "anonymous", "other": "xyz"}


def asked(head: bytes) -> tuple[bytes, bool]:
    names = {"release-service", "anonymous-one", "gone"}
    found = answer(head + b"\r\n\r\n", names=names, token=TOKENS.get)
    return found.raw, found.goes_on


def test_a_good_token() -> None:
    raw, goes_on = asked(b"GET /release-service HTTP/1.1\r\nHost: x\r\nAuthorization: Basic me")

    assert raw == (b"HTTP/1.1 200 OK\r\nAuthorization: Bearer abc\r\nContent-Length: 0\r\n\r\n")
    assert goes_on is True


def test_no_token_is_needed() -> None:
    raw, _ = asked(b"GET /anonymous-one HTTP/1.1\r\nHost: x")

    assert b"\r\nAuthorization: \r\n" in raw


@pytest.mark.parametrize("path", [b"gone", b"other", b"", b"../release-service", b"a?b=c"])
def test_anything_else_is_503(path: bytes) -> None:
    raw, _ = asked(b"GET /" + path + b" HTTP/1.1\r\nHost: x")

    assert raw.startswith(b"HTTP/1.1 503 ")
    assert b"xyz" not in raw


@pytest.mark.parametrize(
    ("head", "goes_on"),
    [
        (b"GET /release-service HTTP/1.1\r\nContent-Length: 0", True),
        (b"GET /release-service HTTP/1.1\r\ncontent-length:12", False),
        (b"GET /release-service HTTP/1.1\r\nTransfer-Encoding: chunked", False),
        (b"GET /release-service HTTP/1.1\r\nConnection: close", False),
        (b"nonsense", False),
    ],
)
def test_what_has_a_body_ends_the_connection(head: bytes, goes_on: bool) -> None:
    raw, found = asked(head)

    assert found is goes_on
    assert (b"Connection: close" in raw) is not goes_on


def test_an_answer_is_never_shown() -> None:
    assert repr(Answered(b"abc", goes_on=True)) == "Answered()"
