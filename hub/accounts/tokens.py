"""Tokens: JWTs signed with Ed25519, and random secrets that are stored as hashes.

The only module that sees PyJWT. Verifying a signature costs 220 µs, so a token that was verified is
remembered by its hash until it runs out; whether its version is still good is asked every time (see
`standing.py`). Times are the database's.
"""

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, Literal

import jwt
import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from jwt.algorithms import OKPAlgorithm
from msgspec import Struct

from hub.base.errors import Unauthenticated
from hub.base.principal import Role
from protocol.ids import OrgId

TokenScope = Literal["user", "device"]

ALGORITHM: Final = "EdDSA"
API_KEY_PREFIX: Final = "ll_"
REFUSAL: Final = "the token is missing, wrong or no longer valid"
"""The same words for every reason: a caller learns nothing about why."""
CERTIFICATE_MISSING: Final = "a device shows a certificate here, except to enrol"
OTHERS_TOKEN: Final = "the certificate and the token are of different devices"  # noqa: S105

AUDIENCE: Final = "longline"
TYPES: Final[dict[TokenScope, str]] = {"user": "ll-user+jwt", "device": "ll-device+jwt"}
"""What the header's `typ` says, so that a token of one kind is never taken for another (RFC
8725)."""
LEEWAY_SECONDS: Final = 60.0
"""How far a user's token may be from the future; a device's goes by its version alone."""

_REMEMBERED: Final = 50_000
_LONGEST: Final = 4096


class Claims(Struct, frozen=True, kw_only=True):
    """What a verified token says. Times in seconds since 1970."""

    subject: str
    scope: TokenScope
    org: OrgId
    issued_at: float
    expires_at: float
    token_id: str
    version: int = 0
    """Of the session or device, see `standing.py`."""
    role: Role | None = None
    session_id: str | None = None
    name: str | None = None
    """The user name, for the audit."""


class TokenKey(Struct, frozen=True):
    kid: str
    private: Ed25519PrivateKey

    @classmethod
    def generate(cls) -> "TokenKey":
        return cls(secrets.token_hex(8), Ed25519PrivateKey.generate())

    @classmethod
    def from_bytes(cls, kid: str, raw: bytes) -> "TokenKey":
        return cls(kid, Ed25519PrivateKey.from_private_bytes(raw))

    def jwk(self) -> dict[str, Any]:
        public: dict[str, Any] = OKPAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return {**public, "kid": self.kid, "use": "sig", "alg": ALGORITHM}


class _Payload(Struct, frozen=True):
    """The claims as they travel; one without `ver` is of version 0."""

    sub: str
    scope: TokenScope
    org: OrgId
    iat: float
    exp: float
    jti: str
    nbf: float = 0.0
    ver: int = 0
    role: Role | None = None
    sid: str | None = None
    name: str | None = None


class Tokens:
    """Issues with the newest key, verifies with all of them. `clock`: seconds since 1970."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._issuer = ""
        self._signing: TokenKey | None = None
        self._public: dict[str, Ed25519PublicKey] = {}
        self._jwks: list[dict[str, Any]] = []
        self._verified: OrderedDict[bytes, Claims] = OrderedDict()
        self._heads: dict[str, tuple[str, TokenScope]] = {}
        """Key and scope that each head of a good token names: PyJWT reads it all the same."""

    def load(self, issuer: str, keys: list[TokenKey]) -> None:
        """Take over the installation's id, and the keys, newest first."""
        self._issuer = issuer
        self._signing = keys[0]
        public = {key.kid: key.private.public_key() for key in keys}
        if public.keys() != self._public.keys():
            self._verified.clear()
            self._heads.clear()
        self._public = public
        self._jwks = [key.jwk() for key in keys]

    @property
    def issuer(self) -> str:
        """The id of the installation."""
        return self._issuer

    def jwks(self) -> dict[str, Any]:
        return {"keys": self._jwks}

    def issue(self, claims: Claims) -> str:
        if self._signing is None:
            raise RuntimeError("no signing key was loaded")
        payload: dict[str, Any] = {
            "iss": self._issuer,
            "aud": AUDIENCE,
            "sub": claims.subject,
            "scope": claims.scope,
            "org": claims.org,
            "iat": round(claims.issued_at, 3),
            "exp": int(claims.expires_at),
            "jti": claims.token_id,
            "ver": claims.version,
            "role": claims.role,
            "sid": claims.session_id,
            "name": claims.name,
        }
        present = {name: value for name, value in payload.items() if value is not None}
        headers = {"kid": self._signing.kid, "typ": TYPES[claims.scope]}
        return jwt.encode(present, self._signing.private, algorithm=ALGORITHM, headers=headers)

    def verify(self, token: str, scope: TokenScope) -> Claims:
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
        if claims.scope != scope or not self._is_in_time(claims):
            raise Unauthenticated(REFUSAL)
        return claims

    def _is_in_time(self, claims: Claims) -> bool:
        now = self._clock()
        ahead = claims.scope == "user" and claims.issued_at > now + LEEWAY_SECONDS
        return now < claims.expires_at and not ahead

    def _verify_signature(self, token: str) -> Claims:
        head = token.partition(".")[0]
        try:
            kid, scope = self._heads.get(head) or _head_of(token)
            payload = jwt.decode(
                token,
                self._public[kid],
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=self._issuer,
                options=_OPTIONS,
            )
            claims = _claims(payload)
        except (jwt.PyJWTError, InvalidSignature, KeyError, TypeError, ValueError):
            raise Unauthenticated(REFUSAL) from None
        if claims.scope != scope:
            raise Unauthenticated(REFUSAL)
        self._heads[head] = (kid, scope)
        return claims


_OPTIONS: Final[Any] = {
    "require": ["exp", "iat", "sub", "iss", "aud"],
    "verify_exp": False,  # these three by the database's clock, see `_is_in_time`
    "verify_iat": False,
    "verify_nbf": False,
}
_SCOPES: Final[dict[str, TokenScope]] = {type_: scope for scope, type_ in TYPES.items()}


def _head_of(token: str) -> tuple[str, TokenScope]:
    """(key id, scope) that the head of a token names. Raises `PyJWTError`, `KeyError`."""
    head = jwt.get_unverified_header(token)
    return head["kid"], _SCOPES[head["typ"]]


def _claims(payload: dict[str, Any]) -> Claims:
    """Raises `ValueError` (msgspec's) for claims of another type, or a role that is none."""
    said = msgspec.convert(payload, _Payload)
    return Claims(
        subject=said.sub,
        scope=said.scope,
        org=said.org,
        issued_at=max(said.iat, said.nbf),
        expires_at=said.exp,
        token_id=said.jti,
        version=said.ver,
        role=said.role,
        session_id=said.sid,
        name=said.name,
    )


class NoKey(Exception):
    """None of the keys is the one that a token names."""


def verify_identity(
    token: str, keys: dict[str, Any], *, issuer: str, client: str, now: float
) -> dict[str, Any]:
    """The claims of a provider's token (OpenID Connect Core 1.0, 3.1.3.7): `keys` is the provider's
    JSON Web Key Set, `client` is who we are there. Raises `NoKey`, or `Unauthenticated` saying why.
    """
    try:
        header = jwt.get_unverified_header(token)
        payload = jwt.decode(
            token,
            _provider_key(keys, header),
            algorithms=PROVIDER_ALGORITHMS,
            audience=client,
            issuer=issuer,
            options=_OPTIONS_OF_PROVIDERS,
        )
        issued, expires = float(payload["iat"]), float(payload["exp"])
        begins = float(payload.get("nbf", 0))
    except (jwt.PyJWTError, InvalidSignature, KeyError, TypeError, ValueError) as error:
        raise Unauthenticated(f"the token is not good: {type(error).__name__}") from None
    if expires <= now - LEEWAY_SECONDS or max(issued, begins) > now + LEEWAY_SECONDS:
        raise Unauthenticated("the token has run out, or is not good yet")
    return payload


PROVIDER_ALGORITHMS: Final = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
]  # fmt: skip
"""Signatures only that who checks them could not make."""
_OPTIONS_OF_PROVIDERS: Final[Any] = {
    "require": ["exp", "iat", "iss", "aud"],
    "verify_exp": False,  # by the database's clock
    "verify_iat": False,
    "verify_nbf": False,
    "verify_sub": False,  # a logout token may have none
    "enforce_minimum_key_length": True,
}


def _provider_key(keys: dict[str, Any], header: dict[str, Any]) -> Any:
    """Raises `NoKey`, `PyJWTError`."""
    found = [
        key
        for key in jwt.PyJWKSet.from_dict(keys).keys
        if key.key_type != "oct" and key.public_key_use in (None, "sig")
    ]
    named = [key for key in found if key.key_id == header.get("kid")]
    if "kid" not in header:
        named = [key for key in found if _fits(key.key_type, str(header.get("alg")))]
    if not named:
        raise NoKey
    return named[0].key


def _fits(key_type: str | None, algorithm: str) -> bool:
    return {"R": "RSA", "P": "RSA", "E": "EC"}.get(algorithm[:1]) == key_type or (
        algorithm == "EdDSA" and key_type == "OKP"
    )


def new_secret(prefix: str = "") -> str:
    """256 random bits as text."""
    return prefix + secrets.token_urlsafe(32)


def hash_secret(secret: str) -> bytes:
    """What is stored of a random secret; it needs no salt, it cannot be guessed."""
    return hash_of(secret.encode("utf-8", "replace"))


def hash_of(secret: bytes) -> bytes:
    """The same of bytes."""
    return hashlib.sha256(secret).digest()
