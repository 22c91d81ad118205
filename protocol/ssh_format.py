"""Keys and signatures as OpenSSH writes them: public keys as lines, and SSHSIG. Pure.

Of signatures only Ed25519 ones; of public keys also those on P-256, which passkeys have.
"""

import hashlib
import struct
from collections.abc import Callable
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_ssh_public_key,
)

from protocol.base64url import base64url

PersonKey = Ed25519PublicKey | EllipticCurvePublicKey
"""On P-256 only of a passkey."""

ED25519: Final = b"ssh-ed25519"
_MAGIC: Final = b"SSHSIG"
_VERSION: Final = 1
_HASHES: Final[dict[bytes, Callable[[bytes], bytes]]] = {
    b"sha256": lambda data: hashlib.sha256(data).digest(),
    b"sha512": lambda data: hashlib.sha512(data).digest(),
}
HASH: Final = b"sha512"
"""What we make is over this one."""


class BadSshFormat(Exception):
    """It is not what OpenSSH writes, or not of a kind that is taken."""


def key_of_line(line: str) -> PersonKey:
    """Of `ssh-ed25519 AAAA… comment`, or `ecdsa-sha2-nistp256 …`. Raises `BadSshFormat`."""
    text = line.strip()
    if "\n" in text or text.startswith("-"):
        raise BadSshFormat("not one line with a public key")
    try:
        key = load_ssh_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise BadSshFormat("not a public key as OpenSSH writes it") from None
    if isinstance(key, Ed25519PublicKey):
        return key
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return key
    raise BadSshFormat("not an Ed25519 key, nor one on P-256 of a passkey")


def line_of_key(key: PersonKey) -> str:
    """Without a comment."""
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def raw_key(key: PersonKey) -> bytes:
    """32 bytes of an Ed25519 key; of one on P-256 the uncompressed point, 65 bytes."""
    if isinstance(key, Ed25519PublicKey):
        return key.public_bytes_raw()
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def key_id_of(key: PersonKey) -> str:
    return base64url(hashlib.sha256(raw_key(key)).digest())


def ssh_string(content: bytes) -> bytes:
    """As SSH puts bytes behind one another (RFC 4251, 5)."""
    return struct.pack(">I", len(content)) + content


def key_blob(key: Ed25519PublicKey) -> bytes:
    return ssh_string(ED25519) + ssh_string(key.public_bytes_raw())


def read_strings(blob: bytes, count: int) -> list[bytes]:
    """Exactly so many of them, and nothing behind. Raises `BadSshFormat`."""
    found: list[bytes] = []
    at = 0
    for _ in range(count):
        length = int.from_bytes(blob[at : at + 4])
        if len(blob) < at + 4 + length:
            raise BadSshFormat("cut off")
        found.append(blob[at + 4 : at + 4 + length])
        at += 4 + length
    if at != len(blob):
        raise BadSshFormat("something behind its end")
    return found


# SSHSIG: https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.sshsig


def sshsig_message(message: bytes, namespace: str, hashed_by: bytes = HASH) -> bytes:
    """What the key itself signs. Raises `BadSshFormat` for a hash that is not SHA-2's."""
    digest = _HASHES.get(hashed_by)
    if digest is None:
        raise BadSshFormat("hashed by neither sha256 nor sha512")
    parts = (namespace.encode(), b"", hashed_by, digest(message))
    return _MAGIC + b"".join(map(ssh_string, parts))


def sshsig(key: Ed25519PublicKey, namespace: str, signature: bytes) -> bytes:
    """The signature of `sshsig_message` as it travels."""
    signed = ssh_string(ED25519) + ssh_string(signature)
    parts = (key_blob(key), namespace.encode(), b"", HASH, signed)
    return _MAGIC + struct.pack(">I", _VERSION) + b"".join(map(ssh_string, parts))


def read_sshsig(
    blob: bytes, message: bytes, namespace: str
) -> tuple[Ed25519PublicKey, bytes, bytes]:
    """(the key that it names, what that one signed, its signature of it), not yet checked. Raises
    `BadSshFormat` when it is not about this message, in this namespace."""
    head = _MAGIC + struct.pack(">I", _VERSION)
    if not blob.startswith(head):
        raise BadSshFormat("not an SSHSIG of version 1")
    public, named, _, hashed_by, signed = read_strings(blob[len(head) :], 5)
    if named != namespace.encode():
        raise BadSshFormat("made for another purpose")
    kinds, content = zip(read_strings(public, 2), read_strings(signed, 2), strict=True)
    if set(kinds) != {ED25519}:
        raise BadSshFormat("not of an Ed25519 key")
    try:
        key = Ed25519PublicKey.from_public_bytes(content[0])
    except ValueError:
        raise BadSshFormat("not of an Ed25519 key") from None
    return key, sshsig_message(message, namespace, hashed_by), content[1]
