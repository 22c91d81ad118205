"""Tokens as files: whole at each moment, for a group, and no link is followed on the way.

`<tokens_dir>/<name>/access_token`; a reader that watches the directory sees the new one appear.
"""

import contextlib
import os
import stat
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from device.base.files import PRIVATE
from device.base.sharing import SHARED_FILE, Sharing

DIRECTORY: Final = 0o750
TOKEN: Final = "access_token"  # noqa: S105
MOST_BYTES: Final = 64 * 1024
_OPEN: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class TokenFiles:
    """Every method raises `OSError`."""

    def __init__(self, place: Path, shares: dict[str, Sharing], sharing: Sharing) -> None:
        """`shares`: by the name of a token, where it has a group of its own."""
        self._place = place
        self._shares = shares
        self._sharing = sharing

    def prepare(self) -> None:
        """Make the directory if it is not there."""
        self._sharing.make_directory(self._place, DIRECTORY)
        with self._opened():
            pass

    def write(self, name: str, token: str) -> None:
        sharing = self._shares.get(name, self._sharing)
        with self._opened() as place, _made(place, name, sharing) as directory:
            _replace(directory, TOKEN, token.encode(), SHARED_FILE, sharing.share)

    def read(self, name: str) -> str | None:
        """None where there is none of ours: it is no plain file, or too long."""
        try:
            with self._opened() as place, _opened(name, place) as directory:
                return _content(TOKEN, directory).decode("ascii")
        except (FileNotFoundError, NotADirectoryError, _NotPlain, UnicodeDecodeError):
            return None

    def remove(self, name: str) -> None:
        """The token alone; it need not be there."""
        try:
            with self._opened() as place, _opened(name, place) as directory:
                os.unlink(TOKEN, dir_fd=directory)
        except FileNotFoundError:
            return

    def remove_directory(self, name: str) -> None:
        """With its token. What else is in it stays, and so does the directory then."""
        self.remove(name)
        with self._opened() as place, contextlib.suppress(OSError):
            os.rmdir(name, dir_fd=place)

    def read_note(self, name: str) -> bytes | None:
        """A file of the directory itself; None where there is none."""
        try:
            with self._opened() as place:
                return _content(name, place)
        except FileNotFoundError:
            return None

    def write_note(self, name: str, content: bytes) -> None:
        with self._opened() as place:
            _replace(place, name, content, PRIVATE, os.fchmod)

    def _opened(self) -> "contextlib.AbstractContextManager[int]":
        return _opened(self._place)


class _NotPlain(OSError):
    pass


@contextmanager
def _opened(name: str | Path, beside: int | None = None) -> Generator[int]:
    descriptor = os.open(name, _OPEN, dir_fd=beside)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _made(place: int, name: str, sharing: Sharing) -> Generator[int]:
    """The directory of one token; one that is there is given its group and mode again."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, 0o700, dir_fd=place)
    with _opened(name, place) as directory:
        sharing.share(directory, DIRECTORY)
        yield directory


def _content(name: str, directory: int) -> bytes:
    # Not blocking: what lies there may be a pipe.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(name, flags, dir_fd=directory)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _NotPlain
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise _NotPlain
    return content


def _replace(
    directory: int, name: str, content: bytes, mode: int, share: Callable[[int, int], None]
) -> None:
    beside = f".{name}.new"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(beside, dir_fd=directory)
    # New, so that it is nobody else's, and no link.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(beside, flags, PRIVATE, dir_fd=directory)
    try:
        with os.fdopen(descriptor, "wb") as file:
            share(descriptor, mode)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        os.rename(beside, name, src_dir_fd=directory, dst_dir_fd=directory)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(beside, dir_fd=directory)
        raise
    os.fsync(directory)
