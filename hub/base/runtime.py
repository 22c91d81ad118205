"""Where the sockets of `longline up` are: a directory that only this user can enter.

A name that others can guess, in a folder where everybody may make names, can be taken by anybody
before us (CWE-377). So it is below the runtime directory of the service (RuntimeDirectory= of
systemd) or of the user's session (XDG_RUNTIME_DIR), where nobody else may write; without either it
is a fresh one of `mkdtemp`. Its name is kept in the data directory: so the next start after a
kill -9 finds the same one, and `longline admin` a hub that runs. The path must stay below 108
bytes, with the name of a socket.
"""

import hashlib
import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from hub.base.errors import ConfigurationError

KEPT: Final = "runtime"
"""The file in the data directory that holds the name."""
LONGEST: Final = 80


def known(data_dir: Path) -> Path:
    """Of the last start; a name that leads nowhere when there was none."""
    try:
        kept = (data_dir / KEPT).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        kept = ""
    return Path(kept) if kept else data_dir / "never-started"


def make(data_dir: Path, environment: Mapping[str, str]) -> Path:
    """Of this start, made when it is not there. Raises `ConfigurationError`."""
    directory = known(data_dir)
    try:
        if not _is_ours(directory):
            directory = _new(data_dir, environment)
            _keep(data_dir, directory)
        directory.chmod(0o700)
    except OSError as error:
        raise ConfigurationError(
            f"cannot make a directory for sockets: {error.filename}: {error.strerror}"
        ) from None
    return directory


def _new(data_dir: Path, environment: Mapping[str, str]) -> Path:
    digest = hashlib.sha256(str(data_dir.resolve()).encode()).hexdigest()[:12]
    for variable in ("RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"):
        below = Path(environment.get(variable, "").split(":")[0] or "/nowhere")
        directory = below / f"longline-{digest}"
        if _is_private(below) and len(str(directory)) <= LONGEST:
            directory.mkdir(mode=0o700, exist_ok=True)
            if _is_ours(directory):
                return directory
    folder = tempfile.gettempdir()
    is_short = len(folder) + len("/longline-12345678") <= LONGEST
    return Path(tempfile.mkdtemp(prefix="longline-", dir=folder if is_short else "/tmp"))  # noqa: S108


def _keep(data_dir: Path, directory: Path) -> None:
    """By rename: whoever reads it reads all of it."""
    aside = data_dir / f"{KEPT}.new"
    aside.write_text(f"{directory}\n", "utf-8")
    aside.replace(data_dir / KEPT)


def _is_private(directory: Path) -> bool:
    """Ours, and nobody else may make names in it. Root's must let others through: Postgres is
    not root."""
    if not _is_ours(directory):
        return False
    mode = directory.stat().st_mode
    return not mode & 0o022 and (os.geteuid() != 0 or bool(mode & 0o001))


def _is_ours(directory: Path) -> bool:
    """A directory of this user; no link to one. One that root gave to the user that Postgres runs
    as looks like one that this user took: each start makes its own."""
    try:
        found = directory.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
