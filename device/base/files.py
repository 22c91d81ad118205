"""Files that are whole after a crash: written beside, flushed to disk, then renamed."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

PRIVATE: Final = 0o600


def write_atomically(
    path: Path,
    content: bytes,
    *,
    mode: int = PRIVATE,
    share: Callable[[int, int], None] = os.fchmod,
) -> None:
    """`share` gives what was opened its mode, whatever the umask, and perhaps a group, before there
    is anything in it. Raises `OSError`; then `path` is as it was."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    # New, so that it is nobody else's, and no link.
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            share(descriptor, mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        put_in_place(beside, path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def make_private(path: Path) -> None:
    """Make the file if it is not there, for the agent alone, whatever the umask and whoever made it
    before. SQLite gives the files beside a database its mode. Raises `OSError`."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, PRIVATE)
    try:
        os.fchmod(descriptor, PRIVATE)
    finally:
        os.close(descriptor)


def put_in_place(beside: Path, path: Path) -> None:
    """Give the finished file `beside` the name `path`, durably. Raises `OSError`."""
    beside.replace(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
