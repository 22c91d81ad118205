"""Who may sign commands, and whether one of them did: for the hub, which checks early, and for the
device, which decides. Pure.

A key signs by itself (`ed25519`, `sshsig`) or is in a passkey (`webauthn`); neither counts as the
other. Of a passkey the page that asked it and the name that it is bound to are checked, and that
its user was verified.
"""

import hashlib
import json
from collections.abc import Collection, Iterable
from typing import Any, Final, assert_never, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from msgspec import Struct

from protocol.base64url import bytes_of
from protocol.signing import (
    NAMESPACE,
    Ed25519Signature,
    PasskeySignature,
    Signature,
    SignatureRefused,
    SshSignature,
)
from protocol.ssh_format import BadSshFormat, PersonKey, key_id_of, read_sshsig

_USER_PRESENT: Final = 0x01
_USER_VERIFIED: Final = 0x04
_LEAST_DATA: Final = 37
"""Bytes of authenticator data: a hash, flags, a counter."""


class PasskeyPlace(Struct, frozen=True):
    """Where a passkey is used: the name that it is bound to, and the pages that may ask it."""

    rp_id: str
    origins: Collection[str]


class TrustedKey(Struct, frozen=True):
    """`place` of one that is in a passkey."""

    key: PersonKey
    place: PasskeyPlace | None = None


class TrustedKeys:
    def __init__(self, keys: Iterable[TrustedKey]) -> None:
        self._keys = {(key_id_of(each.key), each.place is not None): each for each in keys}

    def check(self, signature: Signature, message: bytes) -> None:
        """Raises `SignatureRefused`."""
        by_passkey = isinstance(signature, PasskeySignature)
        trusted = self._keys.get((signature.key_id, by_passkey))
        if trusted is None:
            raise SignatureRefused("signed by a key that is not known here")
        try:
            _check(signature, message, trusted)
        except InvalidSignature:
            raise SignatureRefused("the signature is not of this command") from None

    def check_bytes(self, key_id: str, value: str, message: bytes) -> None:
        """Of a key that is in no passkey, over `message` itself. Raises `SignatureRefused`."""
        trusted = self._keys.get((key_id, False))
        if trusted is None:
            raise SignatureRefused("signed by a key that is not known here")
        try:
            _verify(trusted.key, _decoded(value), message)
        except InvalidSignature:
            raise SignatureRefused("the signature is not of this revision") from None


def _check(signature: Signature, message: bytes, trusted: TrustedKey) -> None:
    """Raises `SignatureRefused`, `InvalidSignature`."""
    match signature:
        case Ed25519Signature():
            _verify(trusted.key, _decoded(signature.value), message)
        case SshSignature():
            _check_ssh(signature, message, trusted.key)
        case PasskeySignature():
            _check_passkey(signature, message, trusted)
        case _:
            assert_never(signature)


def _check_ssh(signature: SshSignature, message: bytes, key: PersonKey) -> None:
    try:
        named, signed, value = read_sshsig(_decoded(signature.value), message, NAMESPACE)
    except BadSshFormat as error:
        raise SignatureRefused(f"the value is no signature: {error}") from None
    if key_id_of(named) != signature.key_id:
        raise SignatureRefused("the signature names another key")
    _verify(key, value, signed)


def _check_passkey(signature: PasskeySignature, message: bytes, trusted: TrustedKey) -> None:
    place = trusted.place
    if place is None:
        raise AssertionError("the key was looked up as one of a passkey")
    said = _decoded(signature.client_data_json)
    _require_asked(_client_data(said), message, place)
    data = _decoded(signature.authenticator_data)
    _require_verified(data, place)
    _verify(trusted.key, _decoded(signature.value), data + hashlib.sha256(said).digest())


def _require_asked(said: dict[str, Any], message: bytes, place: PasskeyPlace) -> None:
    """The browser says that this was asked for, by a page that may."""
    if said.get("type") != "webauthn.get":
        raise SignatureRefused("the passkey was not asked to sign")
    challenge = said.get("challenge")
    if not isinstance(challenge, str) or _decoded(challenge) != hashlib.sha256(message).digest():
        raise SignatureRefused("the passkey has signed something else")
    if said.get("origin") not in place.origins or said.get("crossOrigin", False) is not False:
        raise SignatureRefused("another page has asked the passkey")


def _require_verified(data: bytes, place: PasskeyPlace) -> None:
    if len(data) < _LEAST_DATA or data[:32] != hashlib.sha256(place.rp_id.encode()).digest():
        raise SignatureRefused("the passkey is bound to another name")
    needed = _USER_PRESENT | _USER_VERIFIED
    if data[32] & needed != needed:
        raise SignatureRefused("the passkey has not verified its user")


def _client_data(raw: bytes) -> dict[str, Any]:
    try:
        found: object = json.loads(raw)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise SignatureRefused("clientDataJSON is not what a browser writes")
    return cast("dict[str, Any]", found)


def _verify(key: PersonKey, signature: bytes, message: bytes) -> None:
    """Raises `InvalidSignature`."""
    if isinstance(key, Ed25519PublicKey):
        key.verify(signature, message)
    else:
        key.verify(signature, message, ECDSA(SHA256()))


def _decoded(text: str) -> bytes:
    try:
        return bytes_of(text)
    except ValueError:
        raise SignatureRefused("not base64url") from None
