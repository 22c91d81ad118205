"""What a provider has signed, and what only looks like it."""

from functools import cache
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from hub.accounts.tokens import NoKey, verify_identity
from hub.base.errors import Unauthenticated

NOW = 1_700_000_000.0
ISSUER, CLIENT = "https://login.example.org", "longline"
CLAIMS: dict[str, Any] = {
    "iss": ISSUER, "aud": CLIENT, "sub": "s", "iat": int(NOW), "exp": int(NOW) + 300,
}  # fmt: skip


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def keys(**members: str) -> dict[str, Any]:
    first = RSAAlgorithm.to_jwk(rsa_key().public_key(), as_dict=True)
    second = ECAlgorithm.to_jwk(ec_key().public_key(), as_dict=True)
    shared = {"kty": "oct", "k": "c2hhcmVkLXNlY3JldC1zaGFyZWQtc2VjcmV0LXNoYXJlZA", "kid": "o"}
    return {
        "keys": [
            {**first, "kid": "r", "use": "sig", **members},
            {**second, "kid": "e"},
            {**first, "kid": "enc", "use": "enc"},
            shared,
        ]
    }


def token(key: Any = None, algorithm: str = "RS256", kid: str | None = "r", **changed: Any) -> str:
    claims = {name: value for name, value in {**CLAIMS, **changed}.items() if value is not None}
    headers = {} if kid is None else {"kid": kid}
    return jwt.encode(claims, key or rsa_key(), algorithm=algorithm, headers=headers)


def verified(text: str, now: float = NOW) -> dict[str, Any]:
    return verify_identity(text, keys(), issuer=ISSUER, client=CLIENT, now=now)


def test_a_good_one_is_read_by_the_key_that_it_names() -> None:
    assert verified(token())["sub"] == "s"
    assert verified(token(algorithm="PS256"))["sub"] == "s"
    assert verified(token(ec_key(), "ES256", "e"))["sub"] == "s"
    assert verified(token(kid=None))["sub"] == "s"
    assert verified(token(ec_key(), "ES256", None))["sub"] == "s"
    assert verified(token(aud=[CLIENT, "other"]))["aud"] == [CLIENT, "other"]
    assert verified(token(sub=None))["iss"] == ISSUER


def test_a_key_that_is_not_there_is_said_apart() -> None:
    for kid in ("unknown", "enc", "o"):
        with pytest.raises(NoKey):
            verified(token(kid=kid))


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://evil.example"}, {"aud": "other"}, {"aud": None}, {"exp": None},
        {"iat": None}, {"iss": None}, {"exp": int(NOW) - 61}, {"iat": int(NOW) + 61},
        {"nbf": int(NOW) + 61}, {"exp": "soon"},
    ],
)  # fmt: skip
def test_of_another_or_another_time_it_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        verified(token(**changed))


def test_times_are_by_the_clock_that_is_given() -> None:
    assert verified(token(exp=int(NOW) - 59, iat=int(NOW) + 59))
    with pytest.raises(Unauthenticated):
        verified(token(), now=NOW + 1000)


def test_signatures_of_others_and_none_are_refused() -> None:
    other = rsa.generate_private_key(65537, 2048)
    stolen = token().split(".")
    forged = [
        token(other),
        token("a-shared-secret-of-thirty-two-bytes", "HS256", "r"),
        jwt.encode(CLAIMS, "", algorithm="none", headers={"kid": "r"}),
        ".".join([*stolen[:2], "AAAA"]),
        "nonsense",
        "",
        token(ec_key(), "ES256", "r"),
    ]
    for text in forged:
        with pytest.raises(Unauthenticated):
            verified(text)
    with pytest.raises(Unauthenticated):
        verify_identity(token(), {"keys": []}, issuer=ISSUER, client=CLIENT, now=NOW)
