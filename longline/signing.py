"""Ed25519 keys in files, and detached signatures."""

import base64
import os
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_ssh_private_key,
)

from longline.errors import USAGE, UserError

_SSH: Final = b"BEGIN OPENSSH PRIVATE KEY"


def new_key(file: Path) -> Ed25519PrivateKey:
    """Written to a file of its own, for nobody else to read. Raises `UserError`."""
    key = Ed25519PrivateKey.generate()
    content = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(content)
    except OSError as error:
        raise UserError(f"cannot write {file}: {error.strerror}") from None
    return key


def key_in(file: Path) -> Ed25519PrivateKey:
    """In PEM, or as ssh-keygen writes it; without a passphrase. Raises `UserError`."""
    try:
        content = file.read_bytes()
        load = load_ssh_private_key if _SSH in content else load_pem_private_key
        key = load(content, None)
    except OSError as error:
        raise UserError(f"cannot read {file}: {error.strerror}") from None
    except (TypeError, UnsupportedAlgorithm):
        raise UserError(f"{file} has a passphrase: let ssh-agent sign", USAGE) from None
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise UserError(f"{file} is no Ed25519 private key", USAGE)
    return key


def signature_of(artifact: Path, key_file: Path) -> str:
    """In base64. Raises `UserError`."""
    key = key_in(key_file)
    try:
        content = artifact.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {artifact}: {error.strerror}") from None
    return base64.b64encode(key.sign(content)).decode()
