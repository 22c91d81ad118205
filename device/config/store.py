"""The pushed configuration on disk: one JSON document with a version that rises by one a change.

`config.json` in the state directory holds `{"version":n,"document":{…}}`, and while a change is not
confirmed the last good one as well: see `device.config.commit`. Other programs on the device may
read it; only the agent writes it.
"""

import asyncio
from pathlib import Path
from typing import Final

import msgspec
import structlog

from device.base.errors import CommandFailed, StateUnavailable
from device.base.files import write_atomically
from device.config.commit import StoredConfig, begun, confirmed, undone
from device.config.patch import ConfigChange, Document, PushedConfig, plan, read
from protocol.codec import encode
from protocol.merge_patch import hash_of

_log = structlog.stdlib.get_logger()

MOST_BYTES: Final = 256 * 1024


class ConfigStore:
    def __init__(self, path: Path) -> None:
        """What was on trial is undone. Raises `StateUnavailable` when the file is there and cannot
        be understood."""
        self._path = path
        self._kept = _at_start(path, _load(path))
        self.pushed: PushedConfig = _read(path, self._kept.document)
        self.changed: Final = asyncio.Event()
        """Set after each change; whoever follows it clears it."""

    @property
    def version(self) -> int:
        return self._kept.version

    @property
    def document(self) -> Document:
        return self._kept.document

    @property
    def hash(self) -> str:
        return hash_of(self._kept.document)

    @property
    def rolled_back(self) -> str | None:
        """The last push, when it was undone."""
        return self._kept.rolled_back

    async def begin(self, patch: Document, command_id: str) -> ConfigChange:
        """Merge `patch`, write, and take it into use, on trial: `confirm` or `undo` follows. A
        patch that changes nothing makes no new version. Raises `CommandFailed`; then nothing has
        changed."""
        try:
            change = plan(self._kept.document, patch)
        except msgspec.ValidationError as error:
            raise CommandFailed("invalid_config", str(error)) from None
        if change.applied or change.restart_required:
            await self._replace(begun(self._kept, change.document, command_id))
        return change

    async def confirm(self) -> None:
        """What is on trial is good. Raises `CommandFailed`; then it is undone at the next start."""
        if self._kept.trial is not None:
            await self._replace(confirmed(self._kept))

    async def undo(self) -> None:
        """Back to the last good one. Raises `CommandFailed`; then the next start does it."""
        await self._replace(undone(self._kept))

    async def _replace(self, new: StoredConfig) -> None:
        content = encode(new)
        if len(content) > MOST_BYTES:
            raise CommandFailed("config_too_large", f"over {MOST_BYTES} bytes")
        try:
            await asyncio.to_thread(write_atomically, self._path, content)
        except OSError as error:
            raise CommandFailed("config_not_written", error.strerror or "I/O error") from None
        self._kept = new
        self.pushed = read(new.document)
        self.changed.set()


def _load(path: Path) -> StoredConfig:
    try:
        return msgspec.json.decode(path.read_bytes(), type=StoredConfig)
    except FileNotFoundError:
        return StoredConfig(version=0, document={})
    except (OSError, msgspec.MsgspecError) as error:
        raise StateUnavailable(f"cannot use {path}: {error}") from None


def _at_start(path: Path, kept: StoredConfig) -> StoredConfig:
    if kept.trial is None:
        return kept
    good = undone(kept)
    try:
        write_atomically(path, encode(good))
    except OSError as error:
        raise StateUnavailable(f"cannot write {path}: {error.strerror}") from None
    _log.warning("configuration_undone", unconfirmed=kept.version, now=good.version)
    return good


def _read(path: Path, document: Document) -> PushedConfig:
    try:
        return read(document)
    except msgspec.ValidationError as error:
        raise StateUnavailable(f"cannot use {path}: {error}") from None
