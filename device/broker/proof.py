"""How a client proves itself to its issuer: headers and form of one request (RFC 6749 2.3.1, and
RFC 7523 2.2). Pure.

Of the two ways with a secret the header comes first; a 401 `invalid_client` is asked once more the
other way, at once, and what worked is kept. When neither has worked since the last token, they take
turns, one a request.
"""

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Collection
from typing import Any, Final
from urllib.parse import quote_plus

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from msgspec import Struct

from device.base.broker_settings import AuthMethod, BrokerClient
from device.broker.answers import NothingToAskWith, NoToken

ASSERTION_SECONDS: Final = 60
_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_SECRET_WAYS: Final[tuple[AuthMethod, AuthMethod]] = ("client_secret_basic", "client_secret_post")


class Credentials(Struct, frozen=True, kw_only=True):
    """Of one client. Secret, so this has no readable form."""

    client_id: str
    secret: str = ""
    key: bytes = b""
    """PEM, of `private_key_jwt`."""
    key_id: str | None = None

    def __repr__(self) -> str:
        return "Credentials()"


class Way(Struct, frozen=True, kw_only=True):
    """`method`: None until one has been chosen; `turned`: the other one was tried at once."""

    method: AuthMethod | None = None
    turned: bool = False


def method_of(client: BrokerClient, way: Way, offered: Collection[str]) -> AuthMethod:
    """For the next request. Raises `NothingToAskWith` when the issuer takes
    none that we know."""
    if client.auth is not None:
        return client.auth
    if way.method is not None:
        return way.method
    for method in _SECRET_WAYS:
        if method in offered:
            return method
    raise NothingToAskWith(f"the issuer takes neither {' nor '.join(_SECRET_WAYS)}: set auth")


def worked(method: AuthMethod) -> Way:
    return Way(method=method)


def refused(client: BrokerClient, way: Way, method: AuthMethod, error: NoToken) -> tuple[Way, bool]:
    """What to go on with after `error`; whether to ask again at once."""
    if client.auth is not None or (error.status, error.code) != (401, "invalid_client"):
        return way, False
    basic, post = _SECRET_WAYS
    other = post if method == basic else basic
    return Way(method=other, turned=True), not way.turned


class Posted(Struct, frozen=True):
    headers: dict[str, str]
    form: dict[str, str]

    def __repr__(self) -> str:
        return "Posted()"


def posted(
    client: BrokerClient,
    credentials: Credentials,
    method: AuthMethod,
    *,
    url: str,
    wall: float,
    nonce: str,
) -> Posted:
    """The request. `wall` and `nonce` are of the assertion. Raises
    `NothingToAskWith` for an unusable key."""
    form = {"grant_type": "client_credentials"}
    if client.scope is not None:
        form["scope"] = client.scope
    if client.audience is not None:
        form["audience"] = client.audience
    if method == "client_secret_basic":
        pair = f"{quote_plus(credentials.client_id)}:{quote_plus(credentials.secret)}"
        return Posted({"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}, form)
    form["client_id"] = credentials.client_id
    if method == "client_secret_post":
        return Posted({}, {**form, "client_secret": credentials.secret})
    assertion = _assertion(credentials, url=url, wall=wall, nonce=nonce)
    return Posted({}, {**form, "client_assertion_type": _ASSERTION, "client_assertion": assertion})


def _assertion(credentials: Credentials, *, url: str, wall: float, nonce: str) -> str:
    key = _key(credentials.key)
    name = {"kid": credentials.key_id} if credentials.key_id else {}
    head = {"alg": key.algorithm, "typ": "JWT", **name}
    claims = {
        "iss": credentials.client_id, "sub": credentials.client_id, "aud": url, "jti": nonce,
        "iat": int(wall), "exp": int(wall) + ASSERTION_SECONDS,
    }  # fmt: skip
    signed = f"{_part(head)}.{_part(claims)}"
    return f"{signed}.{_text(key.sign(signed.encode()))}"


def _part(value: dict[str, Any]) -> str:
    return _text(msgspec.json.encode(value))


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


class _Key(Struct, frozen=True):
    private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
    algorithm: str

    def sign(self, text: bytes) -> bytes:
        if isinstance(self.private, rsa.RSAPrivateKey):
            return self.private.sign(text, padding.PKCS1v15(), hashes.SHA256())
        if isinstance(self.private, ed25519.Ed25519PrivateKey):
            return self.private.sign(text)
        pair = decode_dss_signature(self.private.sign(text, ec.ECDSA(hashes.SHA256())))
        return b"".join(number.to_bytes(32, "big") for number in pair)


def _key(pem: bytes) -> _Key:
    """Raises `NothingToAskWith`."""
    try:
        private = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise NothingToAskWith("private_key.pem holds no private key without a password") from None
    if isinstance(private, rsa.RSAPrivateKey):
        return _Key(private, "RS256")
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return _Key(private, "EdDSA")
    if isinstance(private, ec.EllipticCurvePrivateKey) and private.curve.name == "secp256r1":
        return _Key(private, "ES256")
    raise NothingToAskWith("private_key.pem is neither RSA, nor P-256, nor Ed25519")
