"""An authenticator in software, by fido2's own types: what a browser and a finger do."""

import hashlib
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from fido2.cose import ES256, CoseKey
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

FLAG = AuthenticatorData.FLAG
VERIFIED = FLAG.UP | FLAG.UV
Json = dict[str, Any]


class SoftPasskey:
    """One passkey: made once, then asked to sign. `origin` is the page that asks it."""

    def __init__(self, origin: str, credential_id: bytes = b"") -> None:
        self.origin = origin
        self.key = generate_private_key(SECP256R1())
        public = ES256.from_cryptography_key(self.key.public_key())
        self.public: CoseKey = public
        self.id = credential_id or hashlib.sha256(bytes(repr(public), "ascii")).digest()
        self.count = 0
        self.user_handle = b""
        self.rp_id = ""

    @property
    def made_id(self) -> str:
        """As it travels."""
        return websafe_encode(self.id)

    def make(
        self,
        options: Json,
        *,
        flags: AuthenticatorData.FLAG = VERIFIED,
        origin: str | None = None,
        kind: str = CollectedClientData.TYPE.CREATE,
        cross_origin: bool = False,
        **more: object,
    ) -> Json:
        """What a browser gives for `POST /auth/passkeys`."""
        self.rp_id = options["rp"]["id"]
        self.user_handle = websafe_decode(options["user"]["id"])
        credential = AttestedCredentialData.create(Aaguid.NONE, self.id, self.public)
        said = self._said(flags | FLAG.AT, credential)
        sent = CollectedClientData.create(  # pyright: ignore[reportUnknownMemberType]
            kind,
            websafe_decode(options["challenge"]),
            origin or self.origin,
            cross_origin=cross_origin,
        )
        return self._answer(
            clientDataJSON=sent.b64,
            attestationObject=websafe_encode(AttestationObject.create("none", said, {})),
            transports=["internal"],
            publicKeyAlgorithm=-7,
        ) | {"clientExtensionResults": {"credProps": {"rk": True}}, **more}

    def sign(
        self,
        options: Json,
        *,
        flags: AuthenticatorData.FLAG = VERIFIED,
        origin: str | None = None,
        kind: str = CollectedClientData.TYPE.GET,
        count: int | None = None,
        cross_origin: bool = False,
        **more: object,
    ) -> Json:
        """What a browser gives for `POST /auth/passkeys/login`."""
        self.count = self.count + 1 if count is None else count
        said = self._said(flags)
        sent = CollectedClientData.create(  # pyright: ignore[reportUnknownMemberType]
            kind, websafe_decode(options["challenge"]), origin or self.origin,
            cross_origin=cross_origin,
        )  # fmt: skip
        return self._answer(
            clientDataJSON=sent.b64,
            authenticatorData=websafe_encode(said),
            signature=websafe_encode(self.key.sign(said + sent.hash, ECDSA(SHA256()))),
            userHandle=websafe_encode(self.user_handle),
        ) | {"clientExtensionResults": {}, **more}

    def unattested(self) -> str:
        """An attestation object that is about no credential."""
        return websafe_encode(AttestationObject.create("none", self._said(VERIFIED), {}))

    def _said(self, flags: AuthenticatorData.FLAG, credential: bytes = b"") -> AuthenticatorData:
        of = hashlib.sha256(self.rp_id.encode()).digest()
        return AuthenticatorData.create(  # pyright: ignore[reportUnknownMemberType]
            of, flags, self.count, credential
        )

    def _answer(self, **response: object) -> Json:
        return {
            "id": websafe_encode(self.id),
            "rawId": websafe_encode(self.id),
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "response": response,
        }
