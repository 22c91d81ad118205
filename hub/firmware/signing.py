"""Ed25519 signatures over whole artifacts: which of our keys one fits.

The hub holds public parts only. Whoever builds releases keeps the private one, so a hub that was
taken over cannot sign; devices that are given the public part refuse what does not fit.
"""

import base64
import mmap
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hub.base.errors import invalid

KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64


def check_signature(field: str, signature: str) -> bytes:
    """Raises `Invalid` for what cannot be one."""
    return _base64(field, signature, SIGNATURE_BYTES, "a base64 Ed25519 signature")


def check_public_key(field: str, public_key: str) -> str:
    """The key as it is kept. Raises `Invalid` for what cannot be one."""
    raw = _base64(field, public_key, KEY_BYTES, "a base64 Ed25519 public key of 32 bytes")
    return base64.b64encode(raw).decode()


def _base64(field: str, text: str, size: int, what: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        raw = b""
    if len(raw) != size:
        raise invalid(field, f"not {what}")
    return raw


def key_that_fits(artifact: Path, signature: bytes, keys: Iterable[tuple[str, str]]) -> str | None:
    """The id among (id, public key in base64) whose key made `signature`. Reads the whole file."""
    if artifact.stat().st_size == 0:
        return _first_that_fits(keys, signature, b"")
    with (
        artifact.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
        memoryview(mapped) as content,
    ):
        return _first_that_fits(keys, signature, content)


def _first_that_fits(
    keys: Iterable[tuple[str, str]], signature: bytes, content: bytes | memoryview
) -> str | None:
    return next((name for name, key in keys if _fits(key, signature, content)), None)


def _fits(public_key: str, signature: bytes, content: bytes | memoryview) -> bool:
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key))
        key.verify(signature, content)
    except (InvalidSignature, ValueError):
        return False
    return True
