"""The applied configuration as a file for other programs: whole at each moment, and only read."""

import asyncio
from pathlib import Path

import structlog

from device.base.files import write_atomically
from device.base.sharing import SHARED_FILE, SOCKET_DIRECTORY, Sharing
from device.local.local_state import LocalState
from protocol.codec import encode

_log = structlog.stdlib.get_logger()


class ConfigFile:
    def __init__(self, path: Path | None, sharing: Sharing) -> None:
        """None: there is no place for one."""
        self._path = path
        self._sharing = sharing
        self._written: int | None = None

    async def keep(self, state: LocalState) -> bool:
        """Write it if it is another one; False when it could not be written."""
        if self._path is None or not isinstance(state.config, dict):
            return True
        if state.config_version == self._written:
            return True
        try:
            await asyncio.to_thread(self._write, self._path, encode(state.config) + b"\n")
        except OSError as error:
            _log.error("config_file_not_written", path=str(self._path), reason=error.strerror)
            return False
        self._written = state.config_version or 0
        return True

    def _write(self, path: Path, content: bytes) -> None:
        self._sharing.make_directory(path.parent, SOCKET_DIRECTORY)
        write_atomically(path, content, mode=SHARED_FILE, share=self._sharing.share)
