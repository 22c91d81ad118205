"""The agent's log on disk: `agent.log` and, when that is full, `agent.log.1`, 5 MiB each.

A disk that is full or read-only must not end the agent (G24), so no fault leaves here; `is_whole`
says whether the last line was written.
"""

import os
from pathlib import Path
from typing import Final

from device.base.files import PRIVATE

MOST_BYTES: Final = 5 * 1024 * 1024
_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC


class LogFile:
    def __init__(self, path: Path, most_bytes: int = MOST_BYTES) -> None:
        self._path = path
        self._former = path.with_name(f"{path.name}.1")
        self._most = most_bytes
        self._descriptor: int | None = None
        self._size = 0
        self.is_whole = True

    @property
    def files(self) -> tuple[Path, Path]:
        """Newest first; each may be missing."""
        return self._path, self._former

    def write(self, line: str) -> None:
        raw = line.encode("utf-8", "replace") + b"\n"
        try:
            self._write(raw)
            self.is_whole = True
        except OSError:
            self.is_whole = False

    def _write(self, raw: bytes) -> None:
        descriptor = self._open() if self._descriptor is None else self._descriptor
        if self._size + len(raw) > self._most:
            self.close()
            self._path.replace(self._former)
            descriptor = self._open()
        self._size += os.write(descriptor, raw)

    def _open(self) -> int:
        self._descriptor = os.open(self._path, _FLAGS, PRIVATE)
        os.fchmod(self._descriptor, PRIVATE)
        self._size = os.fstat(self._descriptor).st_size
        return self._descriptor

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
