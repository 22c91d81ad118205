import base64
from typing import Any

import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hub.accounts import tokens as tokens_
from hub.accounts.tokens import REFUSAL, Claims, TokenKey, Tokens
from hub.base.errors import Unauthenticated
from protocol.ids import DEFAULT_ORG

NOW = 1_700_000_000.0
"""PyJWT looks at the real clock: this is past, and what lives long lives for decades."""
LONG = 10**9
KEY = TokenKey.from_bytes("k1", b"1" * 32)
OTHER = TokenKey.from_bytes("k2", b"2" * 32)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def make_claims(**changes: Any) -> Claims:
    fields: dict[str, Any] = {
        "subject": "u1", "scope": "user", "org": DEFAULT_ORG, "issued_at": NOW,
        "expires_at": NOW + LONG, "token_id": "t1", "role": "ADMIN", "session_id": "s1",
        "name": "alice",
    }  # fmt: skip
    return Claims(**{**fields, **changes})


def make_tokens(*keys: TokenKey, clock: Clock | None = None) -> Tokens:
    tokens = Tokens(clock or Clock())
    tokens.load("installation-1", list(keys or (KEY,)))
    return tokens


def signed(key: Any = KEY.private, *, algorithm: str = "EdDSA", **changes: Any) -> str:
    """A token as somebody else could make it; None leaves a claim out."""
    headers = {"kid": "k1", "typ": "ll-user+jwt", **changes.pop("headers", {})}
    payload = {
        "sub": "u1", "scope": "user", "org": "default", "iat": NOW, "exp": int(NOW + LONG),
        "jti": "t1", "role": "ADMIN", "sid": "s1", "iss": "installation-1", "aud": "longline",
        **changes,
    }  # fmt: skip
    present = {name: value for name, value in payload.items() if value is not None}
    return jwt.encode(present, key, algorithm=algorithm, headers=headers)


def refused(tokens: Tokens, token: str, scope: tokens_.TokenScope = "user") -> None:
    with pytest.raises(Unauthenticated) as caught:
        tokens.verify(token, scope)
    assert caught.value.detail == REFUSAL


def test_what_was_issued_verifies_and_says_the_same() -> None:
    tokens = make_tokens()
    token = tokens.issue(make_claims())
    for _ in range(2):  # the second time from memory
        assert tokens.verify(token, "user") == make_claims()
    device = make_claims(scope="device", role=None, session_id=None, name=None)
    assert tokens.verify(tokens.issue(device), "device") == device


def test_a_token_is_for_its_scope() -> None:
    tokens = make_tokens()
    refused(tokens, tokens.issue(make_claims()), "device")
    refused(tokens, tokens.issue(make_claims(scope="device")), "user")


def test_a_token_that_has_run_out_is_refused_also_from_memory() -> None:
    clock = Clock()
    tokens = make_tokens(clock=clock)
    token = tokens.issue(make_claims())
    tokens.verify(token, "user")
    clock.now = NOW + LONG
    refused(tokens, token)


def test_forged_tokens_are_refused_in_the_same_words() -> None:
    tokens = make_tokens()
    public = KEY.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    stranger = Ed25519PrivateKey.generate()
    good = signed()
    assert tokens.verify(good, "user").subject == "u1"
    header, payload, signature = good.split(".")
    for token in (
        signed(stranger),
        signed(None, algorithm="none"),
        signed(base64.urlsafe_b64encode(public).decode(), algorithm="HS256"),
        signed(headers={"kid": "other"}),
        signed(headers={"crit": ["x"], "x": 1}),
        signed(exp=None),
        signed(iat=None),
        signed(sub=None),
        signed(jti=None),
        signed(scope=None),
        signed(org=None),
        signed(exp=int(NOW) - LONG),
        signed(iat=NOW + LONG),
        signed(exp="soon"),
        signed(scope="admin"),
        signed(scope="device"),
        signed(role="SUPER"),
        signed(iss="installation-2"),
        signed(iss=None),
        signed(aud="other"),
        signed(aud=None),
        signed(ver="1"),
        signed(ver=1.5),
        signed(nbf=NOW + LONG),
        signed(headers={"typ": "JWT"}),
        signed(headers={"typ": "ll-device+jwt"}),
        f"{header}.{payload}.",
        f"{header}.{payload}",
        f"{header}.{payload}.{signature}x",
        "",
        "...",
        "é",
        "\ud800",
        "x" * 5000,
        signed(name="x" * 5000),
    ):
        refused(tokens, token)


def test_a_header_without_kid_is_refused() -> None:
    token = jwt.encode({"sub": "u1"}, KEY.private, algorithm="EdDSA")
    refused(make_tokens(), token)


def test_the_newest_key_signs_and_older_ones_still_verify() -> None:
    tokens = make_tokens(KEY)
    old = tokens.issue(make_claims())
    tokens.verify(old, "user")
    tokens.load("installation-1", [OTHER, KEY])
    assert jwt.get_unverified_header(tokens.issue(make_claims()))["kid"] == "k2"
    assert tokens.verify(old, "user") == make_claims()
    tokens.load("installation-1", [OTHER])
    refused(tokens, old)


def test_without_a_key_nothing_is_issued() -> None:
    with pytest.raises(RuntimeError):
        Tokens(Clock()).issue(make_claims())


def test_public_keys_hold_nothing_private() -> None:
    (key,) = make_tokens().jwks()["keys"]
    assert key.keys() == {"crv", "x", "kty", "kid", "use", "alg"}
    assert TokenKey.generate().kid != TokenKey.generate().kid


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was forgotten has its signature looked at again."""
    looked: list[str] = []
    decode = jwt.decode

    def counted(token: str, *args: Any, **options: Any) -> Any:
        looked.append(token)
        return decode(token, *args, **options)

    monkeypatch.setattr(tokens_, "_REMEMBERED", 3)
    monkeypatch.setattr(jwt, "decode", counted)
    tokens = make_tokens()
    issued = [tokens.issue(make_claims(token_id=f"t{number}")) for number in range(4)]
    for token in (*issued, issued[3], issued[0]):
        tokens.verify(token, "user")
    assert looked == [*issued, issued[0]]
    tokens.load("installation-1", [KEY])  # the same keys: nothing is forgotten
    tokens.verify(issued[3], "user")
    assert len(looked) == 5


def test_secrets_are_long_and_stored_as_hashes() -> None:
    assert tokens_.new_secret("ll_").startswith("ll_")
    assert len(tokens_.new_secret()) >= 43
    assert tokens_.new_secret() != tokens_.new_secret()
    assert tokens_.hash_secret("a") != tokens_.hash_secret("b")
    assert len(tokens_.hash_secret("\ud800")) == 32
    assert msgspec.json.encode(make_claims())
