"""The file of the master key: read by every replica, made once, added to at a rotation."""

import os
import secrets
import tempfile
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

from hub.base.errors import ConfigurationError
from hub.base.master_key import BadKeyFile, Keyring, new_line, parse
from hub.base.settings import Settings

NAME: Final = "master-key"
"""In the data directory."""
MOST_BYTES: Final = 64 * 1024
OTHERS: Final = 0o077


def wanted(settings: Settings) -> Path:
    """Where it is, or is to be."""
    if settings.master_key_file:
        return Path(settings.master_key_file)
    return Path(settings.data_dir) / NAME


def path_of(settings: Settings) -> Path | None:
    """None where there is none and none is named. Whoever uses the database of a `longline up` by
    its socket finds the file beside that, for `up` links it there."""
    path = wanted(settings)
    if settings.master_key_file or path.exists():
        return path
    host = parse_qs(urlsplit(settings.database_url).query).get("host", [""])[0]
    linked = Path(host) / NAME
    return linked.resolve() if host.startswith("/") and linked.exists() else None


def link(path: Path, sockets: Path) -> None:
    """The directory of the sockets is for this user alone, and goes with the servers."""
    there = sockets / NAME
    there.unlink(missing_ok=True)  # of a start that was killed
    there.symlink_to(path.absolute())


def read(path: Path) -> Keyring:
    """Raises `ConfigurationError` for a file that others can read, or that is none."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode & 0o777
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"the master key file {path}: {error.strerror}") from None
    if mode & OTHERS:
        raise ConfigurationError(
            f"the master key file {path} is open to others (mode {mode:04o}): chmod 600 {path}"
        )
    try:
        return parse(data[:MOST_BYTES].decode("utf-8", "surrogateescape"))
    except BadKeyFile as error:
        raise ConfigurationError(f"the master key file {path}: {error}") from None


def make(path: Path) -> bool:
    """A file with a new key, whole at its first moment; False when there is one. Raises
    `ConfigurationError`."""
    try:
        aside = _written(path, new_line(secrets.token_bytes) + "\n")
        try:
            path.hardlink_to(aside)  # never over what another process has made meanwhile
        except FileExistsError:
            return False
        finally:
            aside.unlink()
        _sync(path.parent)
    except OSError as error:
        raise ConfigurationError(f"cannot make {path}: {error.strerror}") from None
    return True


def add(path: Path) -> Keyring:
    """A new key before those of the file. Raises `ConfigurationError`."""
    read(path)
    try:
        before = path.read_text("utf-8")
        _written(path, f"{new_line(secrets.token_bytes)}\n{before}").replace(path)
        _sync(path.parent)
    except OSError as error:
        raise ConfigurationError(f"cannot write {path}: {error.strerror}") from None
    return read(path)


def _written(path: Path, text: str) -> Path:
    """Beside it, for its owner alone, and on the disk: no value may outlive its key."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    if path.exists():
        status = path.stat()
        if os.geteuid() == 0:
            os.chown(name, status.st_uid, status.st_gid)
    return Path(name)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
