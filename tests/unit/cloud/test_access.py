import pytest

from cloud.access import ASSUMED_SECONDS, Access, Grant, granted, problem_of

CLOUD = "https://cloud.example"
ISSUER = "https://issuer.example/token"


@pytest.mark.parametrize(
    ("access", "problem"),
    [
        (Access(url=CLOUD, token="t"), None),
        (Access(url=CLOUD, token_url=ISSUER, client_id="c", client_secret="s"), None),
        (Access(url=CLOUD), "a token or a token_url is required"),
        (Access(url=CLOUD, token_url=ISSUER), "token_url needs client_id and client_secret"),
        (Access(url="ftp://cloud", token="t"), "url is not an http(s) URL"),
        (Access(url="http://h:99999", token="t"), "url is not an http(s) URL"),
        (Access(url=CLOUD, token_url="issuer"), "token_url is not an http(s) URL"),
    ],
)
def test_what_is_wrong_with_an_access(access: Access, problem: str | None) -> None:
    assert problem_of(access) == problem


def test_secrets_are_not_shown() -> None:
    shown = repr(Access(url=CLOUD, token="t0p", client_secret="s3cret"))
    assert shown == f"Access({CLOUD})"


@pytest.mark.parametrize(
    ("body", "grant"),
    [
        (b'{"access_token":"t","expires_in":100}', Grant("t", 90.0)),
        (b'{"access_token":"t"}', Grant("t", 10 + ASSUMED_SECONDS * 0.8)),
        (b'{"access_token":""}', None),
        (b'{"access_token":"a\\nb"}', None),
        (b'{"error":"no"}', None),
        (b"nonsense", None),
        (b"<html>Please log in</html>", None),
        (b'{"x":' + b"[" * 100_000, None),
    ],
)
def test_the_token_in_an_issuers_answer(body: bytes, grant: Grant | None) -> None:
    assert granted(body, 10.0) == grant
