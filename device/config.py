"""The pushed configuration on disk: one JSON document with a version that rises by one a change.

`config.json` in the state directory holds `{"version":n,"document":{…}}`. Other programs on the
device may read it; only the agent writes it.
"""

import asyncio
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from device.core.config_patch import Change, Document, Pushed, plan, read
from device.errors import CommandFailed, StateUnavailable
from device.files import write_atomically
from protocol.codec import encode

MOST_BYTES: Final = 256 * 1024


class Versioned(Struct, frozen=True):
    version: Annotated[int, Meta(ge=0)] = 0
    document: Document = {}


class ConfigStore:
    def __init__(self, path: Path) -> None:
        """Raises `StateUnavailable` when the file is there and cannot be understood."""
        self._path = path
        self._current = _load(path)
        self.pushed: Pushed = _read(path, self._current.document)
        self.changed: Final = asyncio.Event()
        """Set after each change; whoever follows it clears it."""

    @property
    def version(self) -> int:
        return self._current.version

    @property
    def document(self) -> Document:
        return self._current.document

    async def push(self, patch: Document, expect_version: int | None) -> Change:
        """Merge `patch`, write, then take it into use. A patch that changes nothing makes no new
        version. Raises `CommandFailed`; then nothing has changed."""
        if expect_version is not None and expect_version != self.version:
            message = f"the version is {self.version}, not {expect_version}"
            raise CommandFailed("version_conflict", message)
        try:
            change = plan(self._current.document, patch)
        except msgspec.ValidationError as error:
            raise CommandFailed("invalid_config", str(error)) from None
        if change.applied or change.restart_required:
            await self._replace(Versioned(self.version + 1, change.document))
        return change

    async def _replace(self, new: Versioned) -> None:
        content = encode(new)
        if len(content) > MOST_BYTES:
            raise CommandFailed("config_too_large", f"over {MOST_BYTES} bytes")
        try:
            await asyncio.to_thread(write_atomically, self._path, content)
        except OSError as error:
            raise CommandFailed("config_not_written", error.strerror or "I/O error") from None
        self._current = new
        self.pushed = read(new.document)
        self.changed.set()


def _load(path: Path) -> Versioned:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Versioned)
    except FileNotFoundError:
        return Versioned()
    except (OSError, msgspec.MsgspecError) as error:
        raise StateUnavailable(f"cannot use {path}: {error}") from None


def _read(path: Path, document: Document) -> Pushed:
    try:
        return read(document)
    except msgspec.ValidationError as error:
        raise StateUnavailable(f"cannot use {path}: {error}") from None
