"""The section `software`: brings the versions that an administrator has pinned, and pardons what is
barred.

A pinned version comes as an update would: the same checks, installers, slots and trial. A pin goes
down as well as up, but not below a floor, and to nothing that is barred. What fails ends the try:
what was brought before it stays, and the section rests until it changes.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
import structlog
from msgspec import structs

from device.base.database import Database, get_meta, set_meta
from device.base.errors import CommandFailed, HubUnreachable
from device.desired.small import decoded
from device.update.bars import without_bars
from device.update.own_version import agent_version
from device.update.pins import KeptPins, met, unmet, went_back
from device.update.software import InstalledSoftware
from device.update.versions import Versions
from protocol.canonical import hash_of
from protocol.commands import AGENT_TYPE, UpdateFirmware
from protocol.frames import SectionState
from protocol.sections import PinnedArtifact, SoftwareSection, software_document

_log = structlog.stdlib.get_logger()

META: Final = "pins"
LATER: Final = frozenset({"download_failed", "update_in_progress"})
"""What fails a command, and is no reason to let a pin rest."""
Artifacts = dict[str, PinnedArtifact]
_kept: Final = msgspec.json.Decoder(KeptPins)


class PinnedSoftware:
    """`bring` installs an artifact as an update does; it raises `CommandFailed`, and does not
    return where the agent restarts for it. `versions` is None where nothing starts a new version
    of the agent; `proven` is set when the one that runs is not on trial."""

    def __init__(
        self,
        database: Database,
        software: InstalledSoftware,
        versions: Versions | None,
        *,
        bring: Callable[[UpdateFirmware], Awaitable[None]],
        proven: asyncio.Event,
    ) -> None:
        """Raises `StateUnavailable`."""
        self._database = database
        self._software = software
        self._versions = versions
        self._bring = bring
        self._proven = proven
        self._kept = database.now(_read)

    @property
    def pins(self) -> dict[str, str]:
        """By type of software."""
        return dict(self._kept.pins)

    def state(self) -> SectionState:
        """For `hello`: what the device has."""
        document = software_document(met(self._kept.pins, self._present()), self._kept.allow)
        return SectionState(
            version=self._kept.version, hash=hash_of(document), refused=self._kept.refused
        )

    def _present(self) -> dict[str, str]:
        return {**self._software.versions, AGENT_TYPE: agent_version()}

    async def take(
        self,
        document: dict[str, Any],
        version: str,
        artifacts: dict[str, Any],
        begins: Callable[[], None],
    ) -> None:
        """`begins` is called before anything is brought. Raises `CommandFailed`, and what may be
        well later: `HubUnreachable`, `JournalUnavailable`."""
        section = decoded(document, SoftwareSection)
        was_begun = self._kept.begun == version
        if not was_begun:
            await self._pardon(section.allow)
            await self._keep(structs.replace(self._kept, begun=version))
        updates = self._updates(section, decoded(artifacts, Artifacts), was_begun=was_begun)
        if updates or not self._proven.is_set():
            begins()
        for update in updates:
            await self._brought(update)
        await self._proven.wait()
        await self._keep(
            structs.replace(
                self._kept,
                version=version,
                refused=None,
                pins=section.pins,
                allow=tuple(section.allow),
            )
        )

    async def refuse(self, version: str) -> None:
        """Raises `JournalUnavailable`."""
        await self._keep(structs.replace(self._kept, refused=version))

    def _updates(
        self, section: SoftwareSection, artifacts: Artifacts, *, was_begun: bool
    ) -> list[UpdateFirmware]:
        """What is to be brought, in order. Raises `CommandFailed` before any of it is."""
        updates: list[UpdateFirmware] = []
        for software in unmet(section.pins, self._present()):
            version, artifact = section.pins[software], artifacts.get(software)
            if not self._can_install(software):
                raise CommandFailed("unsupported", f"this device does not install {software}")
            if artifact is None:
                raise CommandFailed("no_release", f"the hub has no {software} {version}")
            if software == AGENT_TYPE and was_begun and self._versions is not None:
                why = went_back(self._versions.read(), artifact.sha256)
                if why is not None:
                    raise CommandFailed("rolled_back", why)
            updates.append(artifact.update(software, version))
        return updates

    def _can_install(self, software: str) -> bool:
        if software == AGENT_TYPE:
            return self._versions is not None
        return self._software.installer(software) is not None

    async def _brought(self, update: UpdateFirmware) -> None:
        _log.info("pin_begun", software=update.installer, version=update.version)
        try:
            await self._bring(update)
        except CommandFailed as error:
            if error.code in LATER:
                raise HubUnreachable(error.message) from None
            raise CommandFailed(error.code, f"{update.installer}: {error.message}") from None

    async def _pardon(self, allowed: list[str]) -> None:
        if self._versions is None or not allowed:
            return
        bars = self._versions.bars()
        left = without_bars(bars, allowed)
        if left == bars:
            return
        try:
            await asyncio.to_thread(self._versions.write_bars, left)
        except OSError as error:
            raise CommandFailed("not_pardoned", error.strerror or "I/O error") from None
        _log.info("bars_lifted", count=len(bars) - len(left))

    async def _keep(self, kept: KeptPins) -> None:
        """Raises `JournalUnavailable`."""
        if kept == self._kept:
            return
        text = msgspec.json.encode(kept).decode()
        await self._database.write(lambda connection: set_meta(connection, META, text))
        self._kept = kept


def _read(connection: sqlite3.Connection) -> KeptPins:
    text = get_meta(connection, META)
    try:
        return KeptPins() if text is None else _kept.decode(text)
    except msgspec.MsgspecError:
        _log.error("pins_not_understood")
        return KeptPins()
