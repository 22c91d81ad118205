"""Artifacts on disk: written aside while they are hashed, synced, and moved in place."""

import asyncio
import hashlib
import os
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Final

from msgspec import Struct

from hub.base.errors import Invalid, TooLarge
from hub.firmware.artifact import stored_name

ASIDE: Final = ".upload-"
FORGOTTEN_SECONDS: Final = 86_400.0
"""An upload that was written to last so long ago was cut off by the end of its replica."""


class Stored(Struct, frozen=True):
    """An artifact that lies aside, complete and on disk."""

    sha256: str
    size: int
    path: Path


class Artifacts:
    """`directory` is shared by all replicas; it is made when the first artifact comes."""

    def __init__(self, directory: Path, *, max_bytes: int) -> None:
        self._directory = directory
        self._max_bytes = max_bytes

    def path(self, sha256: str) -> Path:
        return self._directory / stored_name(sha256)

    @asynccontextmanager
    async def taken(
        self, chunks: AsyncIterator[bytes], *, declared: int | None
    ) -> AsyncGenerator[Stored]:
        """Write a stream aside; unless `put_in_place` is called with it, nothing stays.

        Raises `TooLarge`, or `Invalid` when it is not as long as declared.
        """
        if declared is not None and declared > self._max_bytes:
            raise self._too_large()
        aside = await asyncio.to_thread(self._open_aside)
        try:
            with aside:
                stored = await self._write(aside, chunks)
                _check_length(stored.size, declared)
                await asyncio.to_thread(_sync, aside)
            yield stored
        finally:
            _discard(aside)

    def _open_aside(self) -> IO[bytes]:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return tempfile.NamedTemporaryFile(dir=self._directory, prefix=ASIDE, delete=False)

    async def _write(self, file: IO[bytes], chunks: AsyncIterator[bytes]) -> Stored:
        digest = hashlib.sha256()
        size = 0
        async for chunk in chunks:
            size += len(chunk)
            if size > self._max_bytes:
                raise self._too_large()
            digest.update(chunk)
            await asyncio.to_thread(file.write, chunk)
        return Stored(digest.hexdigest(), size, Path(file.name))

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


def _discard(file: IO[bytes]) -> None:
    Path(file.name).unlink(missing_ok=True)


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _check_length(size: int, declared: int | None) -> None:
    if declared is not None and declared != size:
        raise Invalid(f"{size} bytes came, Content-Length said {declared}")
