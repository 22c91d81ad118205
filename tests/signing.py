"""Whoever signs commands in tests: with a key, as OpenSSH does, and by a passkey."""

import hashlib
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fido2.utils import websafe_encode

from protocol.base64url import base64url
from protocol.ids import CommandId, DeviceId, OrgId
from protocol.signing import (
    NAMESPACE,
    Ed25519Signature,
    PasskeySignature,
    Signature,
    SignedCommand,
    SshSignature,
)
from protocol.ssh_format import key_id_of, line_of_key, sshsig, sshsig_message
from tests.passkeys import SoftPasskey

Json = dict[str, Any]


def make_command(**fields: Any) -> SignedCommand:
    """A reboot of edge-1, until noon of 2025-11-29."""
    made: Json = {
        "org": OrgId("default"),
        "device_id": DeviceId("edge-1"),
        "command_id": CommandId("c1"),
        "type": "reboot_os",
        "params": {},
        "not_after": "2025-11-29T12:00:00Z",
    }
    return SignedCommand(**made | fields)


class Signer:
    """A person with a key of their own."""

    def __init__(self) -> None:
        self.private = Ed25519PrivateKey.generate()
        self.public = self.private.public_key()
        self.line = line_of_key(self.public)
        self.key_id = key_id_of(self.public)

    def sign(self, command: SignedCommand, **more: Any) -> Ed25519Signature:
        value = base64url(self.private.sign(command.to_bytes()))
        return Ed25519Signature(**self._said(command, value) | more)

    def sign_as_ssh(self, command: SignedCommand, **more: Any) -> SshSignature:
        signed = self.private.sign(sshsig_message(command.to_bytes(), NAMESPACE))
        value = base64url(sshsig(self.public, NAMESPACE, signed))
        return SshSignature(**self._said(command, value) | more)

    def _said(self, command: SignedCommand, value: str) -> Json:
        return {
            "key_id": self.key_id,
            "not_after": command.not_after,
            "params": command.params,
            "value": value,
        }


def sign_by_passkey(
    passkey: SoftPasskey, command: SignedCommand, key_id: str, **how: Any
) -> PasskeySignature:
    """`how`: as `SoftPasskey.sign` takes it."""
    challenge = how.pop("challenge", hashlib.sha256(command.to_bytes()).digest())
    said: Json = passkey.sign({"challenge": websafe_encode(challenge)}, **how)["response"]
    return PasskeySignature(
        key_id=key_id,
        not_after=command.not_after,
        params=command.params,
        value=said["signature"],
        authenticator_data=said["authenticatorData"],
        client_data_json=said["clientDataJSON"],
    )


def as_json(signature: Signature) -> Json:
    """As it stands in a request and in a frame."""
    return msgspec.to_builtins(signature)
