"""Artifacts on disk: written aside while they are hashed, synced, and moved in place."""

import asyncio
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO

from msgspec import Struct

from hub.base.errors import Invalid, TooLarge
from hub.firmware.artifact import stored_name


class Stored(Struct, frozen=True):
    sha256: str
    size: int


class Artifacts:
    """`directory` is shared by all replicas; it is made when the first artifact comes."""

    def __init__(self, directory: Path, *, max_bytes: int) -> None:
        self._directory = directory
        self._max_bytes = max_bytes

    def path(self, sha256: str) -> Path:
        return self._directory / stored_name(sha256)

    async def keep(self, chunks: AsyncIterator[bytes], *, declared: int | None) -> Stored:
        """Store a stream. Raises `TooLarge`, or `Invalid` when it is not as long as declared;
        then nothing stays on disk."""
        if declared is not None and declared > self._max_bytes:
            raise TooLarge(f"an artifact may have {self._max_bytes} bytes")
        aside = await asyncio.to_thread(self._open_aside)
        try:
            stored = await self._write(aside, chunks)
            _check_length(stored.size, declared)
            await asyncio.to_thread(self._move_in_place, aside, stored)
        except BaseException:
            _discard(aside)
            raise
        finally:
            aside.close()
        return stored

    def _open_aside(self) -> IO[bytes]:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return tempfile.NamedTemporaryFile(dir=self._directory, prefix=".upload-", delete=False)

    async def _write(self, file: IO[bytes], chunks: AsyncIterator[bytes]) -> Stored:
        digest = hashlib.sha256()
        size = 0
        async for chunk in chunks:
            size += len(chunk)
            if size > self._max_bytes:
                raise TooLarge(f"an artifact may have {self._max_bytes} bytes")
            digest.update(chunk)
            await asyncio.to_thread(file.write, chunk)
        return Stored(digest.hexdigest(), size)

    def _move_in_place(self, file: IO[bytes], stored: Stored) -> None:
        file.flush()
        os.fsync(file.fileno())
        target = self.path(stored.sha256)
        target.parent.mkdir(mode=0o700, exist_ok=True)
        Path(file.name).replace(target)
        directory = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def _check_length(size: int, declared: int | None) -> None:
    if declared is not None and declared != size:
        raise Invalid(f"{size} bytes came, Content-Length said {declared}")


def _discard(file: IO[bytes]) -> None:
    Path(file.name).unlink(missing_ok=True)
