"""Regular files below the folders that the device's file lists: opened component by component, so
that no link leads elsewhere, and never the agent's own."""

import errno
import hashlib
import os
import re
import stat
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from device.base.session_settings import SharedFolder, parts_below

FREE_BYTES: Final = 64 * 1024 * 1024
"""What an upload leaves free on the disk."""
PART_SECONDS: Final = 24 * 3600
BLOCK: Final = 256 * 1024
USUAL_MODE: Final = 0o640
_PART: Final = re.compile(r"\..+\.[0-9a-f]{64}\.part", re.DOTALL)
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class FileFault(Exception):
    """`reason` as the status channel says it."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def open_folder(folder: SharedFolder, path: str, private: Sequence[Path]) -> tuple[int, str]:
    """A descriptor of the directory that holds the file, and the name of the file. Raises
    `FileFault`."""
    parts = parts_below(folder, path)
    if parts is None:
        raise FileFault("Refused", "outside of the folder")
    own = [_identity(each) for each in private]
    try:
        here = os.open(folder.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise _fault(error, folder.path) from None
    try:
        for part in parts[:-1]:
            _refuse_private(here, own)
            inner = os.open(part, _DIRECTORY, dir_fd=here)
            os.close(here)
            here = inner
        _refuse_private(here, own)
    except OSError as error:
        os.close(here)
        raise _fault(error, path) from None
    except FileFault:
        os.close(here)
        raise
    return here, parts[-1]


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _refuse_private(descriptor: int, own: Sequence[tuple[int, int] | None]) -> None:
    found = os.fstat(descriptor)
    if (found.st_dev, found.st_ino) in own:
        raise FileFault("Refused", "the agent's own directory")


def open_regular(directory: int, name: str) -> int:
    """Raises `FileFault`."""
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(name, flags, dir_fd=directory)
    except OSError as error:
        raise _fault(error, name) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileFault("Refused", f"{name} is no regular file")
    return descriptor


def _fault(error: OSError, path: str) -> FileFault:
    """A link on the way is refused: ELOOP, or ENOTDIR for one to a directory."""
    reason = {
        errno.ENOENT: "NotFound",
        errno.ELOOP: "Refused",
        errno.ENOTDIR: "Refused",
        errno.EACCES: "Refused",
        errno.EPERM: "Refused",
    }.get(error.errno or 0, "Io")
    return FileFault(reason, f"{path}: {error.strerror}")


def digest_of(descriptor: int, size: int) -> str:
    """SHA-256 of the first bytes."""
    digest, at = hashlib.sha256(), 0
    while at < size and (block := os.pread(descriptor, min(BLOCK, size - at), at)):
        digest.update(block)
        at += len(block)
    return digest.hexdigest()


class PartFile:
    """What an upload writes into until it is whole: `.<name>.<sha256>.part` beside it."""

    def __init__(self, directory: int, name: str, *, size: int, sha256: str) -> None:
        """Raises `FileFault`."""
        self._directory = directory
        self._name = name
        self._size = size
        self._sha256 = sha256
        self._part = f".{name}.{sha256}.part"
        remove_old_parts(directory, but=self._part)
        try:
            present = os.stat(name, dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise _fault(error, name) from None
        else:
            if not stat.S_ISREG(present.st_mode):
                raise FileFault("Refused", f"{name} is no regular file")
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            self._file = os.open(self._part, flags, 0o600, dir_fd=directory)
        except OSError as error:
            raise _fault(error, name) from None
        self.offset = os.fstat(self._file).st_size
        """What an earlier try has left."""
        if self.offset > size:
            os.ftruncate(self._file, 0)
            self.offset = 0
        self._check_room()

    def _check_room(self) -> None:
        free = os.fstatvfs(self._file)
        if free.f_bavail * free.f_frsize - (self._size - self.offset) < FREE_BYTES:
            self.drop()
            raise FileFault("Io", "no room on the disk")

    def write(self, data: bytes) -> None:
        """Raises `FileFault`."""
        if self.offset + len(data) > self._size:
            raise FileFault("Io", f"more than the {self._size} bytes that were announced")
        try:
            rest = memoryview(data)
            while rest:
                written = os.pwrite(self._file, rest, self.offset)
                self.offset += written
                rest = rest[written:]
        except OSError as error:
            raise _fault(error, self._name) from None

    def finish(self, mode: int) -> None:
        """Under its name, durably, when it is what was announced. Raises `FileFault`."""
        if self.offset != self._size:
            raise FileFault("Io", f"{self.offset} of {self._size} bytes came")
        if digest_of(self._file, self._size) != self._sha256:
            raise FileFault("Io", "the hash is another than announced")
        try:
            os.fchmod(self._file, mode)
            os.fsync(self._file)
            here = self._directory
            os.rename(self._part, self._name, src_dir_fd=here, dst_dir_fd=here)
            os.fsync(here)
        except OSError as error:
            raise _fault(error, self._name) from None

    def drop(self) -> None:
        """Nothing of it is left."""
        try:
            os.unlink(self._part, dir_fd=self._directory)
        except OSError:
            return

    def close(self) -> None:
        os.close(self._file)


def remove_old_parts(directory: int, *, but: str) -> None:
    """Of uploads that nobody has gone on with for a day."""
    now = time.time()
    for name in os.listdir(directory):
        if name == but or not _PART.fullmatch(name):
            continue
        try:
            found = os.stat(name, dir_fd=directory, follow_symlinks=False)
            if stat.S_ISREG(found.st_mode) and now - found.st_mtime > PART_SECONDS:
                os.unlink(name, dir_fd=directory)
        except OSError:
            continue
