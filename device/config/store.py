"""The pushed configuration on disk: one JSON document with a version that rises by one a change.

`config.json` in the state directory holds `{"version":n,"document":{…}}`, and while a change is not
confirmed the last good one as well: see `device.config.commit`. Other programs on the device may
read it; only the agent writes it.
"""

import asyncio
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

import msgspec
import structlog

from device.base.damage import Damage, put_aside
from device.base.errors import CommandFailed, StateUnavailable
from device.base.files import write_atomically
from device.config.commit import (
    ConfigTrial,
    Handed,
    Origin,
    StoredConfig,
    Until,
    at_start,
    begun,
    confirmed,
    known,
    refusing,
    replaced,
    undone,
)
from device.config.patch import (
    ConfigChange,
    Document,
    NotPushable,
    PushedConfig,
    plan,
    read,
    replacing,
)
from protocol.canonical import hash_of
from protocol.codec import encode

_log = structlog.stdlib.get_logger()

MOST_BYTES: Final = 256 * 1024
"""Of a document; while it is on trial, the one before lies beside it."""


class ConfigStore:
    def __init__(self, path: Path, *, os_boot_id: str, pushable: Collection[str]) -> None:
        """What was on trial is undone, unless the agent has restarted for it. A file that cannot be
        understood is put aside: see `damage`. Raises `StateUnavailable`."""
        self._path = path
        self._os_boot_id = os_boot_id
        self._pushable = pushable
        kept, self.damage = _load(path)
        self._kept = _at_start(path, kept, os_boot_id)
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
    def trial(self) -> ConfigTrial | None:
        """Of the present one, while it is not confirmed."""
        return self._kept.trial

    @property
    def on_trial(self) -> bool:
        """Whether the present one is not confirmed yet."""
        return self._kept.trial is not None

    @property
    def rolled_back(self) -> str | None:
        """The last push, when it was undone."""
        return self._kept.rolled_back

    @property
    def handed(self) -> Handed | None:
        """What the hub handed over last, while the document is that."""
        handed = self._kept.handed
        return handed if handed is not None and handed.hash == self.hash else None

    @property
    def refused(self) -> str | None:
        """The version that was handed over last and could not be taken, or was undone."""
        return self._kept.refused

    def of_patch(self, patch: Document) -> ConfigChange:
        """Raises `CommandFailed`."""
        return _checked(lambda: plan(self._kept.document, patch, self._pushable))

    def of_document(self, document: Document) -> ConfigChange:
        """Raises `CommandFailed`."""
        return _checked(lambda: replacing(self._kept.document, document, self._pushable))

    def until(self, seconds: float) -> Until:
        """So many seconds from now, on a clock that a restart of the agent does not end."""
        return Until(self._os_boot_id, time.clock_gettime(time.CLOCK_BOOTTIME) + seconds)

    async def replace(self, change: ConfigChange, origin: Origin) -> None:
        """Take it into use. Raises `CommandFailed`; then nothing has changed."""
        await self._write(replaced(self._kept, change, origin))

    async def begin(self, change: ConfigChange, origin: Origin, until: Until) -> None:
        """The same on trial: `confirm` or `undo` follows."""
        await self._write(begun(self._kept, change, origin, until))

    async def confirm(self) -> None:
        """What is on trial is good. Raises `CommandFailed`; then it is undone at the next start."""
        await self._write(confirmed(self._kept))

    async def undo(self) -> None:
        """Back to the last good one. Raises `CommandFailed`; then the next start does it."""
        await self._write(undone(self._kept))

    async def know(self, handed: Handed) -> None:
        """The document is what the hub handed over already. Raises `CommandFailed`."""
        await self._write(known(self._kept, handed))

    async def refuse(self, version: str) -> None:
        """What was handed over cannot be taken. Raises `CommandFailed`."""
        await self._write(refusing(self._kept, version))

    async def _write(self, new: StoredConfig) -> None:
        if new == self._kept:
            return
        if len(encode(new.document)) > MOST_BYTES:
            raise CommandFailed("config_too_large", f"over {MOST_BYTES} bytes")
        try:
            await asyncio.to_thread(write_atomically, self._path, encode(new))
        except OSError as error:
            raise CommandFailed("config_not_written", error.strerror or "I/O error") from None
        self._kept = new
        self.pushed = read(new.document)
        for follow in self.changed:
            follow()


def _checked(change: Callable[[], ConfigChange]) -> ConfigChange:
    try:
        return change()
    except msgspec.ValidationError as error:
        raise CommandFailed("invalid_config", str(error)) from None
    except NotPushable as error:
        raise CommandFailed("not_pushable", str(error)) from None


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


def _at_start(path: Path, kept: StoredConfig, os_boot_id: str) -> StoredConfig:
    good = at_start(kept, os_boot_id)
    if good == kept:
        return kept
    try:
        write_atomically(path, encode(good))
    except OSError as error:
        raise StateUnavailable(f"cannot write {path}: {error.strerror}") from None
    if good.trial is None:
        _log.warning("configuration_undone", unconfirmed=kept.version, now=good.version)
    return good
