"""Tokens: JWTs signed with Ed25519, and random secrets that are stored as hashes.

The only module that sees PyJWT. Verifying a signature costs 220 µs, so a token that was verified is
remembered by its hash until it runs out; whether it was revoked is asked every time (see
`revocations.py`).
"""

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, Literal

import jwt
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from jwt.algorithms import OKPAlgorithm
from msgspec import Struct

from hub.base.errors import Unauthenticated
from hub.web.principal import Role
from protocol.ids import OrgId

Scope = Literal["user", "device"]

ALGORITHM: Final = "EdDSA"
API_KEY_PREFIX: Final = "ll_"
REFUSAL: Final = "the token is missing, wrong or no longer valid"
"""The same words for every reason: a caller learns nothing about why."""

_REMEMBERED: Final = 50_000
_LONGEST: Final = 4096


class Claims(Struct, frozen=True, kw_only=True):
    """What a verified token says. Times in seconds since 1970."""

    subject: str
    scope: Scope
    org: OrgId
    issued_at: float
    expires_at: float
    token_id: str
    role: Role | None = None
    session_id: str | None = None
    name: str | None = None
    """The user name, for the audit."""


class SigningKey(Struct, frozen=True):
    kid: str
    private: Ed25519PrivateKey

    @classmethod
    def generate(cls) -> "SigningKey":
        return cls(secrets.token_hex(8), Ed25519PrivateKey.generate())

    @classmethod
    def from_bytes(cls, kid: str, raw: bytes) -> "SigningKey":
        return cls(kid, Ed25519PrivateKey.from_private_bytes(raw))

    def jwk(self) -> dict[str, Any]:
        public: dict[str, Any] = OKPAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return {**public, "kid": self.kid, "use": "sig", "alg": ALGORITHM}


class Tokens:
    """Issues with the newest key, verifies with all of them. `clock`: seconds since 1970."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._signing: SigningKey | None = None
        self._public: dict[str, Ed25519PublicKey] = {}
        self._jwks: list[dict[str, Any]] = []
        self._verified: OrderedDict[bytes, Claims] = OrderedDict()
        self._kids: dict[str, str] = {}
        """The key that each head of a good token names: PyJWT reads it all the same."""

    def load(self, keys: list[SigningKey]) -> None:
        """Take over the keys, newest first."""
        self._signing = keys[0]
        public = {key.kid: key.private.public_key() for key in keys}
        if public.keys() != self._public.keys():
            self._verified.clear()
            self._kids.clear()
        self._public = public
        self._jwks = [key.jwk() for key in keys]

    def jwks(self) -> dict[str, Any]:
        return {"keys": self._jwks}

    def knows(self, kid: str) -> bool:
        return kid in self._public

    def issue(self, claims: Claims) -> str:
        if self._signing is None:
            raise RuntimeError("no signing key was loaded")
        payload: dict[str, Any] = {
            "sub": claims.subject,
            "scope": claims.scope,
            "org": claims.org,
            "iat": round(claims.issued_at, 3),
            "exp": int(claims.expires_at),
            "jti": claims.token_id,
            "role": claims.role,
            "sid": claims.session_id,
            "name": claims.name,
        }
        present = {name: value for name, value in payload.items() if value is not None}
        return jwt.encode(
            present, self._signing.private, algorithm=ALGORITHM, headers={"kid": self._signing.kid}
        )

    def verify(self, token: str, scope: Scope) -> Claims:
        """The claims of a token of this scope. Raises `Unauthenticated`, in the same words."""
        if len(token) > _LONGEST:
            raise Unauthenticated(REFUSAL)
        digest = hashlib.sha256(token.encode("utf-8", "replace")).digest()
        claims = self._verified.get(digest)
        if claims is None:
            claims = self._verify_signature(token)
            self._verified[digest] = claims
            if len(self._verified) > _REMEMBERED:
                self._verified.popitem(last=False)
        if claims.expires_at <= self._clock() or claims.scope != scope:
            raise Unauthenticated(REFUSAL)
        return claims

    def _verify_signature(self, token: str) -> Claims:
        head = token.partition(".")[0]
        try:
            kid: str = self._kids.get(head) or jwt.get_unverified_header(token)["kid"]
            payload = jwt.decode(
                token,
                self._public[kid],
                algorithms=[ALGORITHM],
                options={"require": ["exp", "iat", "sub"], "verify_aud": False},
            )
            claims = _claims(payload)
        except (jwt.PyJWTError, InvalidSignature, KeyError, TypeError, ValueError):
            raise Unauthenticated(REFUSAL) from None
        self._kids[head] = kid
        return claims


def _claims(payload: dict[str, Any]) -> Claims:
    return Claims(
        subject=payload["sub"],
        scope=payload["scope"],
        org=OrgId(payload["org"]),
        issued_at=float(payload["iat"]),
        expires_at=float(payload["exp"]),
        token_id=payload["jti"],
        role=payload.get("role"),
        session_id=payload.get("sid"),
        name=payload.get("name"),
    )


def new_secret(prefix: str = "") -> str:
    """256 random bits as text."""
    return prefix + secrets.token_urlsafe(32)


def hash_secret(secret: str) -> bytes:
    """What is stored of a random secret; it needs no salt, it cannot be guessed."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()
