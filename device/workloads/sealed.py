"""What the hub handed over last, sealed in the state directory: it names secrets.

AES-256-GCM, with a key beside it. That keeps them out of backups and logs that take one file, not
from whoever reads the whole directory.
"""

import os
from pathlib import Path
from typing import Final

import msgspec
import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from device.base.damage import put_aside
from device.base.files import write_atomically
from protocol.workloads import WorkloadsDocument

_log = structlog.stdlib.get_logger()

SEALED: Final = "workloads.sealed"
KEY: Final = "workloads.key"
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12


class Kept(Struct, frozen=True):
    """A section as it was handed over: `hash` is the hub's."""

    version: str
    hash: str
    document: WorkloadsDocument


_kept: Final = msgspec.json.Decoder(Kept)


class SealedFile:
    def __init__(self, state: Path) -> None:
        self._path = state / SEALED
        self._key_path = state / KEY

    def read(self) -> Kept | None:
        """None where there is none, or none that can be read: that is put aside."""
        try:
            sealed = self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            _log.error("workloads_not_read", reason=str(error))
            return None
        try:
            return _kept.decode(self._opened(sealed))
        except (InvalidTag, msgspec.MsgspecError, ValueError, OSError):
            _log.error("state_damaged", what=SEALED, now=str(put_aside(self._path)))
            return None

    def write(self, kept: Kept) -> None:
        """Raises `OSError`."""
        nonce = os.urandom(_NONCE_BYTES)
        content = msgspec.json.encode(kept)
        sealed = AESGCM(self._key()).encrypt(nonce, content, SEALED.encode())
        write_atomically(self._path, nonce + sealed)

    def remove(self) -> None:
        """Raises `OSError`."""
        self._path.unlink(missing_ok=True)
        self._key_path.unlink(missing_ok=True)

    def _opened(self, sealed: bytes) -> bytes:
        nonce, content = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        return AESGCM(self._key_path.read_bytes()).decrypt(nonce, content, SEALED.encode())

    def _key(self) -> bytes:
        try:
            key = self._key_path.read_bytes()
        except FileNotFoundError:
            key = b""
        if len(key) != _KEY_BYTES:
            key = os.urandom(_KEY_BYTES)
            write_atomically(self._key_path, key)
        return key
