"""The pushed configuration on disk: one JSON document with a version that rises by one a change.

`config.json` in the state directory holds `{"version":n,"document":{…}}`, and while a change is not
confirmed the last good one as well: see `device.config.commit`. Other programs on the device may
read it; only the agent writes it.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
import structlog

from device.base.damage import Damage, put_aside
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
        """What was on trial is undone. A file that cannot be understood is put aside: see `damage`.
        Raises `StateUnavailable`."""
        self._path = path
        kept, self.damage = _load(path)
        self._kept = _at_start(path, kept)
        self.pushed: PushedConfig = read(self._kept.document)
        self.changed: Final[list[Callable[[], None]]] = []
        """Called after each change."""

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
    def on_trial(self) -> bool:
        """Whether the present one is not confirmed yet."""
        return self._kept.trial is not None

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
        for follow in self.changed:
            follow()


def _load(path: Path) -> tuple[StoredConfig, Damage | None]:
    nothing = StoredConfig(version=0, document={})
    try:
        return _decoded(path.read_bytes()), None
    except FileNotFoundError:
        return nothing, None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return nothing, _put_aside(path, error)
    except OSError as error:
        raise StateUnavailable(f"cannot read {path}: {error.strerror}") from None


def _decoded(content: bytes) -> StoredConfig:
    """Raises `msgspec.MsgspecError`, also for a document that this version has no use for."""
    kept = msgspec.json.decode(content, type=StoredConfig)
    for document in (kept.document, *([kept.trial.document] if kept.trial else [])):
        read(document)
    return kept


def _put_aside(path: Path, error: Exception) -> Damage:
    try:
        aside = put_aside(path)
    except OSError as failure:
        raise StateUnavailable(f"cannot put {path} aside: {failure.strerror}") from None
    return Damage(
        f"{aside.name}: the pushed configuration ({error}), which was left at its default"
    )


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
