"""What a passkey is asked to sign, and whether it did (WebAuthn, level 3). Pure. The only module
that sees fido2.

Options and answers are as browsers take and give them: `PublicKeyCredential.parse…FromJSON` and
`toJSON()`. The user must have been verified, by a PIN or a finger. Attestation is not asked for:
which make an authenticator is of decides nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address
from typing import Any, Final, TypeVar, cast
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePublicNumbers,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fido2.cose import ES256, CoseKey, EdDSA
from fido2.server import Fido2Server
from fido2.utils import websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestationConveyancePreference,
    AttestedCredentialData,
    AuthenticationResponse,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialCreationOptions,
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialParameters,
    PublicKeyCredentialRequestOptions,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
    RegistrationResponse,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from msgspec import Struct

from hub.base.errors import PublicUrlMissing, Unsupported
from protocol.ssh_format import PersonKey
from protocol.trusted_keys import PasskeyPlace

T = TypeVar("T")

SECONDS: Final = 300
"""How long a challenge is good: as sql/schema.sql has it."""
ALGORITHMS: Final = (-8, -7, -257)
"""EdDSA, ES256, RS256: what authenticators make (COSE)."""
LONGEST_ID: Final = 1023
"""Bytes of a credential's id."""
_NOBODYS: Final = ES256.from_cryptography_key(generate_private_key(SECP256R1()).public_key())
"""What a signature is checked with where there is no passkey: a refusal takes as long."""


class BadPasskey(Exception):
    """The answer is none, or not to this challenge, or not by this passkey."""


class MadePasskey(Struct, frozen=True):
    credential_id: bytes
    credential: bytes
    """Attested credential data: the id and the public key."""
    sign_count: int


class Signed(Struct, frozen=True):
    """An answer as it came, not yet checked."""

    challenge: bytes
    credential_id: bytes
    user_handle: bytes | None


class RelyingParty:
    """The hub, as authenticators know it: by its name, and at these pages."""

    def __init__(self, rp_id: str, origins: frozenset[str]) -> None:
        self.place = PasskeyPlace(rp_id, origins)
        self._entity = PublicKeyCredentialRpEntity(id=rp_id, name="Longline")
        self._server = Fido2Server(self._entity, verify_origin=self._is_ours)

    def _is_ours(self, origin: str) -> bool:
        return origin.lower() in self.place.origins

    def creation_options(
        self, challenge: bytes, *, user_id: str, username: str, shown: str, known: Sequence[bytes]
    ) -> dict[str, Any]:
        """For `navigator.credentials.create`; authenticators that hold one of `known` refuse."""
        options = PublicKeyCredentialCreationOptions(
            rp=self._entity,
            user=PublicKeyCredentialUserEntity(
                id=user_id.encode(), name=username, display_name=shown
            ),
            challenge=challenge,
            pub_key_cred_params=[
                PublicKeyCredentialParameters(type=PublicKeyCredentialType.PUBLIC_KEY, alg=each)
                for each in ALGORITHMS
            ],
            timeout=SECONDS * 1000,
            exclude_credentials=_descriptors(known),
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            attestation=AttestationConveyancePreference.NONE,
        )
        return dict(options)

    def request_options(self, challenge: bytes, known: Sequence[bytes] = ()) -> dict[str, Any]:
        """For `navigator.credentials.get`; without `known` the authenticator offers what it has."""
        options = PublicKeyCredentialRequestOptions(
            challenge=challenge,
            timeout=SECONDS * 1000,
            rp_id=self._entity.id,
            allow_credentials=_descriptors(known),
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return dict(options)

    def made(self, answer: Mapping[str, Any], challenge: bytes) -> MadePasskey:
        """A new passkey. Raises `BadPasskey`."""
        return _safely(lambda: self._made(answer, challenge))

    def _made(self, answer: Mapping[str, Any], challenge: bytes) -> MadePasskey:
        said = self._server.register_complete(  # pyright: ignore[reportUnknownMemberType]
            _state(challenge), answer
        )
        made = said.credential_data
        sent = RegistrationResponse.from_dict(answer)
        if made is None or made.credential_id != sent.raw_id:
            raise BadPasskey("the answer is about another credential")
        if sent.response.client_data.cross_origin:
            raise BadPasskey("a page inside another asks")
        if len(made.credential_id) > LONGEST_ID:
            raise BadPasskey("the id of the credential is too long")
        _require_key(made.public_key)
        return MadePasskey(made.credential_id, bytes(made), said.counter)

    def signed(self, answer: Mapping[str, Any], challenge: bytes, credential: bytes | None) -> int:
        """The counter of the passkey that has signed; None for one that is nobody's, which takes as
        long to refuse. Raises `BadPasskey`."""
        return _safely(lambda: self._signed(answer, challenge, credential))

    def _signed(self, answer: Mapping[str, Any], challenge: bytes, credential: bytes | None) -> int:
        sent = AuthenticationResponse.from_dict(answer)
        known = (
            AttestedCredentialData.create(Aaguid.NONE, sent.raw_id, _NOBODYS)
            if credential is None
            else AttestedCredentialData(credential)
        )
        self._server.authenticate_complete(  # pyright: ignore[reportUnknownMemberType]
            _state(challenge), [known], answer
        )
        if sent.response.client_data.cross_origin:
            raise BadPasskey("a page inside another asks")
        return sent.response.authenticator_data.counter


def public_key_of(credential: bytes) -> PersonKey | None:
    """The public key of a passkey that can sign commands; None of one by RSA."""
    key = AttestedCredentialData(credential).public_key
    parts = cast("Mapping[int, bytes]", key)
    if key.ALGORITHM == ES256.ALGORITHM:
        x, y = (int.from_bytes(parts[name]) for name in (_X, _Y))
        return EllipticCurvePublicNumbers(x, y, SECP256R1()).public_key()
    if key.ALGORITHM == EdDSA.ALGORITHM:
        return Ed25519PublicKey.from_public_bytes(parts[_X])
    return None


_X, _Y = -2, -3
"""Of a key in COSE (RFC 9053, 7)."""


def party_of(url: str | None, origins: frozenset[str]) -> RelyingParty:
    """`url` is what links begin with. Raises `PublicUrlMissing`; `Unsupported` where it has no host
    name, which passkeys are bound to."""
    name = None if url is None else urlsplit(url).hostname
    if not name:
        raise PublicUrlMissing("set LONGLINE_PUBLIC_URL: a passkey is bound to its host name")
    try:
        ip_address(name)
    except ValueError:
        return RelyingParty(name, origins)
    raise Unsupported(
        f"passkeys are bound to a host name, and LONGLINE_PUBLIC_URL has the address {name}: use "
        "an authenticator program"
    )


def challenge_of_made(answer: Mapping[str, Any]) -> bytes:
    """What a new passkey says that it was asked with. Raises `BadPasskey`."""
    return _safely(lambda: RegistrationResponse.from_dict(answer).response.client_data.challenge)


def signed_of(answer: Mapping[str, Any]) -> Signed:
    """What a signature says that it is about. Raises `BadPasskey`."""
    sent = _safely(lambda: AuthenticationResponse.from_dict(answer))
    said = sent.response
    return Signed(said.client_data.challenge, sent.raw_id, said.user_handle)


def _safely(work: Callable[[], T]) -> T:
    """The library raises what its parsing happens to meet: whatever it is, the answer is none."""
    try:
        return work()
    except BadPasskey:
        raise
    except Exception as error:
        raise BadPasskey(f"the answer of the passkey is wrong: {error}") from None


def _require_key(key: CoseKey) -> None:
    """One that is among those that we have offered, and is a key. Raises `BadPasskey`, or whatever
    cryptography says of it."""
    if key.ALGORITHM not in ALGORITHMS:
        raise BadPasskey("the key is of another algorithm than those that were offered")
    try:
        key.verify(b"", b"")
    except InvalidSignature:
        return


def _state(challenge: bytes) -> dict[str, Any]:
    return {
        "challenge": websafe_encode(challenge),
        "user_verification": UserVerificationRequirement.REQUIRED,
    }


def _descriptors(known: Sequence[bytes]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(type=PublicKeyCredentialType.PUBLIC_KEY, id=each)
        for each in known
    ]
