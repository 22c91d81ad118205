"""The credentials of clients, each in files that nobody but the agent may read."""

import os
import stat
from pathlib import Path
from typing import Final

from device.base.broker_settings import BrokerClient
from device.broker.answers import NothingToAskWith
from device.broker.proof import Credentials

MOST_BYTES: Final = 16 * 1024
_CLOSED: Final = 0o177
"""What a mode of 0600 has not."""


def credentials_of(client: BrokerClient, directory: Path) -> Credentials:
    """Raises `NothingToAskWith`, in one line."""
    place = directory / client.name
    client_id = _text(place / "client_id")
    if client.auth == "private_key_jwt":
        key_id = place / "key_id"
        return Credentials(
            client_id=client_id,
            key=_read(place / "private_key.pem"),
            key_id=_text(key_id) if key_id.exists() else None,
        )
    return Credentials(client_id=client_id, secret=_text(place / "client_secret"))


def _text(path: Path) -> str:
    try:
        text = _read(path).decode("ascii").strip()
    except UnicodeDecodeError:
        text = ""
    if not text or not text.isprintable():
        raise NothingToAskWith(f"{path} does not hold one line of text")
    return text


def _read(path: Path) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise NothingToAskWith(f"{path} is no plain file")
            if stat.S_IMODE(mode) & _CLOSED:
                raise NothingToAskWith(f"{path} is {stat.S_IMODE(mode):04o}: it must be 0600")
            return file.read(MOST_BYTES)
    except OSError as error:
        raise NothingToAskWith(f"cannot read {path}: {error.strerror}") from None
