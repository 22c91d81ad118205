"""Ed25519 signatures over whole artifacts."""

import base64
import mmap
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def fits(artifact: Path, public_key: str, signature: bytes) -> bool:
    """Whether the private part of `public_key` (32 bytes in base64) signed this file."""
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
        with artifact.open("rb") as file:
            if artifact.stat().st_size == 0:
                key.verify(signature, b"")
                return True
            with (
                mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
                memoryview(mapped) as content,
            ):
                key.verify(signature, content)
    except (InvalidSignature, ValueError):
        return False
    return True
