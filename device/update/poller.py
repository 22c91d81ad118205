"""Looks for versions by itself, where the device's file names a source that is not the hub."""

import asyncio
import random
import sqlite3
import time
from collections.abc import Awaitable, Callable, Collection
from typing import Final

import structlog

from device.base.database import Database, get_meta, set_meta
from device.base.errors import CommandFailed, HubUnreachable, JournalUnavailable
from device.settings import UpdateSettings
from device.update.artifact import UpdateRefused
from device.update.own_version import agent_version
from device.update.polled import Offer, reference_time, to_bring, window_of
from device.update.software import InstalledSoftware
from device.update.source import UpdateSource
from device.update.versions import Versions
from protocol.commands import AGENT_TYPE, UpdateFirmware

_log = structlog.stdlib.get_logger()

FIRST_SECONDS: Final = 60.0
"""Within which the first look is, so that a fleet that starts together does not look together."""
META: Final = "newest_time"
LATER: Final = frozenset({"download_failed", "update_in_progress"})


class Poller:
    """`bring` installs as an update does; `hub_time` is the hub's, in seconds since the epoch."""

    def __init__(
        self,
        settings: UpdateSettings,
        source: UpdateSource,
        *,
        database: Database,
        software: InstalledSoftware,
        versions: Versions | None,
        pins: Callable[[], Collection[str]],
        hub_time: Callable[[], float | None],
        proven: asyncio.Event,
        bring: Callable[[UpdateFirmware], Awaitable[None]],
        failed: Callable[[str], Awaitable[None]],
    ) -> None:
        """`failed` tells people of an update that failed."""
        self._settings = settings
        self._source = source
        self._database = database
        self._software = software
        self._versions = versions
        self._pins = pins
        self._hub_time = hub_time
        self._proven = proven
        self._bring = bring
        self._tell = failed
        self._failed: set[str] = set()

    async def run(self) -> None:
        """For ever."""
        interval = self._settings.interval
        await self._proven.wait()
        await asyncio.sleep(random.uniform(0, min(FIRST_SECONDS, interval)))  # noqa: S311
        while True:
            if self._is_open():
                await self._look()
            await asyncio.sleep(interval * random.uniform(0.9, 1.1))  # noqa: S311

    def _is_open(self) -> bool:
        if self._settings.window is None:
            return True
        local = time.localtime()
        return window_of(self._settings.window).is_open(60 * local.tm_hour + local.tm_min)

    async def _look(self) -> None:
        try:
            newest = await self._database.read(_newest)
            now = reference_time(time.time(), self._hub_time(), newest)
            offers = await self._source.look(now)
            await self._database.write(lambda connection: set_meta(connection, META, f"{now:.0f}"))
        except HubUnreachable as error:
            _log.warning("source_not_reached", reason=error.message)
        except (UpdateRefused, OSError, JournalUnavailable) as error:
            _log.error("source_not_believed", reason=str(error))
        else:
            await self._bring_newer(offers)

    async def _bring_newer(self, offers: list[Offer]) -> None:
        record = self._versions.read() if self._versions else None
        wanted = to_bring(
            offers, self._present(), pins=self._pins(), record=record, failed=self._failed
        )
        for offer in wanted:
            _log.info("update_found", software=offer.type, version=offer.version)
            try:
                await self._bring(offer.update())
            except CommandFailed as error:
                _log.error("update_failed", software=offer.type, code=error.code)
                if error.code not in LATER:
                    self._failed.add(offer.sha256)
                    await self._tell(f"{offer.type} {offer.version}: {error.message}")

    def _present(self) -> dict[str, str | None]:
        """What this device installs by itself."""
        others = {each: self._software.versions.get(each) for each in self._software.types}
        return others if self._versions is None else {**others, AGENT_TYPE: agent_version()}


def _newest(connection: sqlite3.Connection) -> float | None:
    """The latest time at which metadata was good."""
    text = get_meta(connection, META)
    return None if text is None else float(text)
