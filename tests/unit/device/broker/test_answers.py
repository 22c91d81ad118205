"""What issuers answer, good and odd."""

import json
from base64 import urlsafe_b64encode

import pytest

from device.broker.answers import (
    ANONYMOUS,
    ASSUMED_SECONDS,
    Issued,
    NoToken,
    Reply,
    discovered,
    granted,
    moment_of,
    released,
)
from protocol.answers import WEB_PAGE

ISSUER = "https://idp.example/realms/master"


def answer(body: object, status: int = 200, media: str = "application/json") -> Reply:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status=status, media=media, body=raw, after=7.0)


def jwt(**claims: object) -> str:
    body = urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"e30.{body}.c2ln"


@pytest.mark.parametrize(
    ("fields", "life"),
    [
        ({"access_token": "t", "expires_in": 300}, 300.0),
        ({"access_token": "t", "expires_in": "300"}, 300.0),
        ({"access_token": "t", "expires_in": 0.5, "token_type": "bearer"}, 0.5),
        ({"access_token": "t", "expires_in": None}, ASSUMED_SECONDS),
        ({"access_token": "t"}, ASSUMED_SECONDS),
        ({"access_token": jwt(iat=1000, exp=1020)}, 20.0),
        ({"access_token": jwt(iat=1000, exp=1020), "expires_in": 10}, 10.0),
        ({"access_token": jwt(exp=1020)}, ASSUMED_SECONDS),
        ({"access_token": jwt(iat=1020)}, ASSUMED_SECONDS),
        ({"access_token": "e30.!!!!.c2ln"}, ASSUMED_SECONDS),
        ({"access_token": "e30.bm8.c2ln"}, ASSUMED_SECONDS),
    ],
)
def test_a_token_and_its_life(fields: dict[str, object], life: float) -> None:
    assert granted(answer(fields)) == Issued(str(fields["access_token"]), life)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (answer({"access_token": "t", "expires_in": 0}), "has ended already"),
        (answer({"access_token": "t", "expires_in": -5}), "has ended already"),
        (answer({"access_token": "t", "expires_in": "nan"}), "has ended already"),
        (answer({"access_token": "t", "expires_in": "soon"}), "no number"),
        (answer({"access_token": jwt(iat=1020, exp=1000)}), "has ended already"),
        (answer({"access_token": "a b"}), "no bearer token"),
        (answer({"access_token": "t", "token_type": "mac"}), "no bearer token"),
        (answer({"access_token": ""}), "no token"),
        (answer({}), "no token"),
        (answer(b"<html>", media="text/html"), WEB_PAGE),
        (answer({}, status=500), "answered 500"),
        (answer({"error": "invalid_client"}, status=401), "answered 401 invalid_client"),
        (answer({"error": "s3cret!"}, status=400), "answered 400"),
        (answer({}, status=302), "answered 302"),
    ],
)
def test_what_is_no_token(reply: Reply, said: str) -> None:
    with pytest.raises(NoToken) as raised:
        granted(reply)

    assert raised.value.message.endswith(said)


def test_what_a_refusal_says() -> None:
    with pytest.raises(NoToken) as raised:
        granted(answer({"error": "invalid_client"}, status=401))

    found = raised.value
    assert (found.status, found.code, found.after) == (401, "invalid_client", 7.0)


def test_a_token_is_never_shown() -> None:
    assert "t0p" not in repr(Issued("t0p", None))


@pytest.mark.parametrize(
    ("body", "issued"),
    [
        (b"\nabc.def-ghi\n", Issued("abc.def-ghi", ASSUMED_SECONDS)),
        (jwt(iat=1, exp=61).encode(), Issued(jwt(iat=1, exp=61), 60.0)),
        (b"anonymous\n", Issued(ANONYMOUS, None)),
    ],
)
def test_a_release_token(body: bytes, issued: Issued) -> None:
    assert released(answer(body, media="text/plain")) == issued


@pytest.mark.parametrize(
    "body", [b"", b"two words", b'{"token":"t"}', b"x" * 20_000, b"\xff", b"<!doctype html>"]
)
def test_what_is_no_release_token(body: bytes) -> None:
    with pytest.raises(NoToken):
        released(answer(body, media="text/plain"))
    with pytest.raises(NoToken, match="answered 401"):
        released(answer(body, status=401))


def test_what_an_issuer_says_of_itself() -> None:
    endpoint = {"token_endpoint": "https://idp.example/token"}

    assert discovered(answer(endpoint), ISSUER).token_endpoint == "https://idp.example/token"
    found = discovered(answer({**endpoint, "issuer": f"{ISSUER}/"}), ISSUER)
    assert found.token_endpoint_auth_methods_supported == ("client_secret_basic",)


@pytest.mark.parametrize(
    "said",
    [
        {"token_endpoint": "https://t", "issuer": "https://other.example"},
        {"token_endpoint": "/token"},
        {},
    ],
)
def test_an_issuer_that_is_not_believed(said: dict[str, str]) -> None:
    with pytest.raises(NoToken):
        discovered(answer(said), ISSUER)


def test_what_time_it_is_there() -> None:
    assert moment_of("Thu, 01 Jan 1970 00:01:00 GMT") == 60.0
    assert moment_of("Thu, 01 Jan 1970 00:01:00 -0000") is None
    assert moment_of("yesterday") is None
    assert moment_of(None) is None
