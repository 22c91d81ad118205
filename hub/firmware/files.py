"""Artifacts on disk: written aside while they are hashed, synced, and moved in place.

How much room there is, is asked before an upload and again and again while it is written: artifacts
have a bound together, and whatever else is on the disk (it may be Postgres) keeps a reserve."""

import asyncio
import errno
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import IO, Final

from msgspec import Struct

from hub.base.errors import InsufficientStorage, Invalid, TooLarge
from hub.firmware.artifact import stored_name

ASIDE: Final = ".upload-"
LOOK_BYTES: Final = 8 * 1024 * 1024
"""Written between two looks at what room there is."""
RESERVE_BYTES: Final = 2**30
RESERVE_SHARE: Final = 10
"""Left to others: a gibibyte, on a small disk a tenth of it."""
FORGOTTEN_SECONDS: Final = 86_400.0
"""An upload that was written to last so long ago was cut off by the end of its replica."""


class Stored(Struct, frozen=True):
    """An artifact that lies aside, complete and on disk."""

    sha256: str
    size: int
    path: Path


class Disk(Struct, frozen=True):
    total: int
    free: int


def _disk(path: Path) -> Disk:
    usage = shutil.disk_usage(path)
    return Disk(usage.total, usage.free)


class Artifacts:
    """`directory` is shared by all replicas; it is made when the first artifact comes."""

    def __init__(
        self,
        directory: Path,
        *,
        max_bytes: int,
        total_bytes: int,
        disk: Callable[[Path], Disk] = _disk,
    ) -> None:
        self._directory = directory
        self._max_bytes = max_bytes
        self._total_bytes = total_bytes
        self._disk = disk

    def path(self, sha256: str) -> Path:
        return self._directory / stored_name(sha256)

    @asynccontextmanager
    async def taken(
        self, chunks: AsyncIterator[bytes], *, declared: int | None
    ) -> AsyncGenerator[Stored]:
        """Write a stream aside; unless `put_in_place` is called with it, nothing stays.

        Raises `TooLarge`, `InsufficientStorage`, or `Invalid` when it is not as long as declared.
        """
        if declared is not None and declared > self._max_bytes:
            raise self._too_large()
        aside = await asyncio.to_thread(self._open_aside, declared or 0)
        try:
            with aside:
                stored = await self._write(aside, chunks)
                _check_length(stored.size, declared)
                await asyncio.to_thread(_sync, aside)
                await asyncio.to_thread(self._check_room)
            yield stored
        finally:
            _discard(aside)

    def _open_aside(self, declared: int) -> IO[bytes]:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._check_room(declared)
        return tempfile.NamedTemporaryFile(dir=self._directory, prefix=ASIDE, delete=False)

    async def _write(self, file: IO[bytes], chunks: AsyncIterator[bytes]) -> Stored:
        digest = hashlib.sha256()
        size = looked_at = 0
        async for chunk in chunks:
            size += len(chunk)
            if size > self._max_bytes:
                raise self._too_large()
            if size - looked_at > LOOK_BYTES:
                await asyncio.to_thread(self._check_room)
                looked_at = size
            digest.update(chunk)
            await asyncio.to_thread(append_to, file, chunk)
        return Stored(digest.hexdigest(), size, Path(file.name))

    def _check_room(self, more: int = 0) -> None:
        """Raises `InsufficientStorage` when what is there, and so many bytes more, is too much."""
        used = sum(_size(path) for path in self._directory.rglob("*"))
        if used + more > self._total_bytes:
            raise InsufficientStorage(
                f"artifacts may have {self._total_bytes} bytes together, and {used} are used:"
                " delete releases that no deployment needs"
            )
        disk = self._disk(self._directory)
        if disk.free - more < min(RESERVE_BYTES, disk.total // RESERVE_SHARE):
            raise InsufficientStorage(f"the disk of the hub has {disk.free} bytes left")

    def _too_large(self) -> TooLarge:
        return TooLarge(f"an artifact may have {self._max_bytes} bytes")

    def put_in_place(self, stored: Stored) -> None:
        """Give it the name of its content, durably."""
        target = self.path(stored.sha256)
        target.parent.mkdir(mode=0o700, exist_ok=True)
        stored.path.replace(target)
        for folder in (target.parent, self._directory):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def remove(self, sha256: str) -> None:
        self.path(sha256).unlink(missing_ok=True)

    def clean_up(self) -> None:
        """Remove what uploads left behind that were cut off by the end of their replica."""
        before = time.time() - FORGOTTEN_SECONDS
        for left in self._directory.glob(f"{ASIDE}*"):
            try:
                if left.stat().st_mtime < before:
                    left.unlink(missing_ok=True)
            except FileNotFoundError:
                continue  # another replica was faster


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except FileNotFoundError:
        return 0  # it was moved or removed meanwhile


def append_to(file: IO[bytes], chunk: bytes) -> None:
    with _full_disk():
        file.write(chunk)


@contextmanager
def _full_disk() -> Generator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise InsufficientStorage("the disk of the hub is full") from None


def _discard(file: IO[bytes]) -> None:
    Path(file.name).unlink(missing_ok=True)


def _sync(file: IO[bytes]) -> None:
    with _full_disk():
        file.flush()
        os.fsync(file.fileno())


def _check_length(size: int, declared: int | None) -> None:
    if declared is not None and declared != size:
        raise Invalid(f"{size} bytes came, Content-Length said {declared}")
