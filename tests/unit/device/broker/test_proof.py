"""How a client proves itself to its issuer."""

import json
from base64 import b64decode

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from device.base.broker_settings import AuthMethod, BrokerClient
from device.broker.answers import NothingToAskWith, NoToken
from device.broker.proof import (
    Credentials,
    Posted,
    Way,
    method_of,
    posted,
    refused,
    worked,
)
from tests.issuer import decoded

CLIENT = BrokerClient(name="node-agent")
URL = "https://idp.example/token"
BASIC: AuthMethod = "client_secret_basic"
POST: AuthMethod = "client_secret_post"
JWT: AuthMethod = "private_key_jwt"
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def pem(key: Key, password: bytes = b"") -> bytes:
    closed = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, closed)


def request(client: BrokerClient, method: AuthMethod, **fields: object) -> Posted:
    values = {"client_id": "node agent", "secret": "a:b/ü", **fields}
    credentials = Credentials(**values)  # pyright: ignore[reportArgumentType]
    return posted(client, credentials, method, url=URL, wall=1000.7, nonce="n")


def test_what_is_chosen() -> None:
    assert method_of(CLIENT, Way(), (POST, BASIC)) == BASIC
    assert method_of(CLIENT, Way(), (JWT, POST)) == POST
    assert method_of(CLIENT, worked(POST), (BASIC,)) == POST
    assert method_of(BrokerClient(name="a", auth=JWT), Way(), (BASIC,)) == JWT
    with pytest.raises(NothingToAskWith, match="set auth"):
        method_of(CLIENT, Way(), (JWT,))


def test_a_client_that_is_not_known_is_asked_for_once_more_at_once() -> None:
    unknown = NoToken("no", status=401, code="invalid_client")

    way, at_once = refused(CLIENT, Way(), BASIC, unknown)
    assert (way.method, at_once) == (POST, True)
    way, at_once = refused(CLIENT, way, POST, unknown)
    assert (way.method, at_once) == (BASIC, False), "they take turns"
    way, at_once = refused(CLIENT, way, BASIC, unknown)
    assert (way.method, at_once) == (POST, False)
    assert refused(CLIENT, worked(POST), POST, unknown)[1] is True


@pytest.mark.parametrize(
    ("auth", "status", "code"),
    [(None, 400, "invalid_client"), (None, 401, "invalid_grant"), (BASIC, 401, "invalid_client")],
)
def test_nothing_else_is_asked_again_at_once(
    auth: AuthMethod | None, status: int, code: str
) -> None:
    client = BrokerClient(name="a", auth=auth)
    error = NoToken("no", status=status, code=code)

    assert refused(client, Way(), BASIC, error) == (Way(), False)


def test_a_secret_in_the_header_or_in_the_form() -> None:
    basic = request(CLIENT, BASIC)
    assert basic.form == {"grant_type": "client_credentials"}
    sent = b64decode(basic.headers["Authorization"].removeprefix("Basic ")).decode()
    assert sent == "node+agent:a%3Ab%2F%C3%BC", "form-encoded first"

    post = request(BrokerClient(name="a", scope="s", audience="u"), POST)
    assert post.headers == {}
    assert post.form == {
        "grant_type": "client_credentials", "scope": "s", "audience": "u",
        "client_id": "node agent", "client_secret": "a:b/ü",
    }  # fmt: skip


def test_nothing_secret_is_shown() -> None:
    shown = repr(request(CLIENT, POST)) + repr(Credentials(client_id="c", secret="s3cret"))

    assert shown == "Posted()Credentials()"


KEYS: list[tuple[str, Key]] = [
    ("RS256", rsa.generate_private_key(public_exponent=65537, key_size=2048)),
    ("ES256", ec.generate_private_key(ec.SECP256R1())),
    ("EdDSA", ed25519.Ed25519PrivateKey.generate()),
]


@pytest.mark.parametrize(("algorithm", "key"), KEYS, ids=[name for name, _ in KEYS])
def test_an_assertion(algorithm: str, key: Key) -> None:
    form = request(CLIENT, JWT, key=pem(key), key_id="k1").form
    signed, _, signature = form["client_assertion"].rpartition(".")
    head, claims = (json.loads(decoded(part)) for part in signed.split("."))

    assert head == {"alg": algorithm, "typ": "JWT", "kid": "k1"}
    assert claims == {
        "iss": "node agent", "sub": "node agent", "aud": URL, "jti": "n", "iat": 1000, "exp": 1060,
    }  # fmt: skip
    assert form["client_assertion_type"].endswith(":jwt-bearer")
    assert "client_secret" not in form
    _verify(key, signed.encode(), decoded(signature))


def _verify(key: Key, text: bytes, signature: bytes) -> None:
    """Raises `InvalidSignature`."""
    if isinstance(key, rsa.RSAPrivateKey):
        key.public_key().verify(signature, text, padding.PKCS1v15(), hashes.SHA256())
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        halves = (int.from_bytes(part, "big") for part in (signature[:32], signature[32:]))
        key.public_key().verify(encode_dss_signature(*halves), text, ec.ECDSA(hashes.SHA256()))
    else:
        key.public_key().verify(signature, text)


def test_a_key_need_not_have_a_name() -> None:
    form = request(CLIENT, JWT, key=pem(KEYS[2][1])).form

    assert json.loads(decoded(form["client_assertion"].split(".")[0])).keys() == {"alg", "typ"}


@pytest.mark.parametrize(
    "key",
    [b"", b"no key", pem(ec.generate_private_key(ec.SECP384R1())), pem(KEYS[2][1], b"pass")],
)
def test_a_key_that_cannot_be_used(key: bytes) -> None:
    with pytest.raises(NothingToAskWith, match=r"private_key\.pem"):
        request(CLIENT, JWT, key=key)
