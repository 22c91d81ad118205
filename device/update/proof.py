"""A version on trial proves itself: it holds a line for some seconds, or it gives up.

Without a launcher, or when nothing is on trial, there is nothing to do. What an update before came
to is told to the hub, as an alert that is kept until the hub has it.
"""

import asyncio
import signal
from collections.abc import Callable
from typing import Final

import structlog
from msgspec import structs

from device.base.errors import JournalUnavailable
from device.events.disk_outbox import DiskOutbox
from device.line.uplink import Uplink
from device.settings import FirmwareSettings
from device.update.last_words import restore
from device.update.software import InstalledSoftware
from device.update.trial import UpdateRecord, confirmed, failed, is_on_trial, to_tell
from device.update.versions import Versions
from protocol.commands import AGENT_TYPE
from protocol.telemetry import Alert

_log = structlog.stdlib.get_logger()

AGAIN_SECONDS: Final = 1.0


class Proof:
    """Sets `proven` when nothing is on trial any more. `give_up` ends this process so that the
    launcher starts the version before."""

    def __init__(
        self,
        versions: Versions | None,
        settings: FirmwareSettings,
        *,
        uplink: Uplink,
        outbox: DiskOutbox,
        software: InstalledSoftware,
        proven: asyncio.Event,
        give_up: Callable[[], None],
    ) -> None:
        self._versions = versions
        self._settings = settings
        self._uplink = uplink
        self._outbox = outbox
        self._software = software
        self._proven = proven
        self._give_up = give_up

    async def run(self) -> None:
        """Until it is proven or given up. What crashed before is listened to for as long."""
        record = self._versions.read() if self._versions else None
        if self._versions is None or record is None:
            self._proven.set()
        elif is_on_trial(record, running=self._versions.running()):
            await self._try(self._versions, record)
        else:
            self._proven.set()
            if (message := to_tell(record)) is not None:
                await self._tell(self._versions, record, message)
            await asyncio.sleep(self._settings.confirm_seconds)
            await asyncio.to_thread(restore, self._versions.trial_log)

    async def _try(self, versions: Versions, record: UpdateRecord) -> None:
        _log.info("update_on_trial", version=record.version, start=record.starts)
        seconds = self._settings.confirm_seconds
        try:
            async with asyncio.timeout(seconds):
                await self._uplink.stood(self._settings.healthy_seconds)
                if not is_on_trial(versions.read(), running=versions.running()):
                    _log.info("update_replaced", version=record.version)
                    return  # a package ended it, and starts what it has brought
                await self._raise_floor(record)
                await _persist(versions, confirmed(record))
        except TimeoutError:
            _log.error("update_not_confirmed", version=record.version)
            await self._fail(versions, failed(record, f"no hub within {seconds:g} s"))
        else:
            self._proven.set()
            signal.alarm(0)
            await asyncio.to_thread(restore, versions.trial_log)
            _log.info("update_confirmed", version=record.version)

    async def _raise_floor(self, record: UpdateRecord) -> None:
        """Before it is confirmed, so that no crash between the two loses it."""
        is_raised = record.floor is None
        while not is_raised and record.floor is not None:
            try:
                await self._software.raise_floor(AGENT_TYPE, record.floor)
                is_raised = True
            except JournalUnavailable as error:
                _log.error("floor_not_raised", reason=str(error))
                await asyncio.sleep(AGAIN_SECONDS)

    async def _fail(self, versions: Versions, record: UpdateRecord) -> None:
        try:
            await asyncio.to_thread(versions.write, record)
        except OSError as error:
            # The launcher counts this start, and comes to the same end.
            _log.error("update_failure_not_written", reason=error.strerror)
        self._give_up()

    async def _tell(self, versions: Versions, record: UpdateRecord, message: str) -> None:
        alert = Alert(severity="CRITICAL", code="firmware_rolled_back", message=message)
        try:
            await self._outbox.add(alert)
            await asyncio.to_thread(versions.write, structs.replace(record, told=True))
        except (JournalUnavailable, OSError) as error:
            _log.error("rollback_not_reported", reason=str(error))


async def _persist(versions: Versions, record: UpdateRecord) -> None:
    """Write it, however often it takes."""
    while True:
        try:
            await asyncio.to_thread(versions.write, record)
        except OSError as error:
            _log.error("confirmation_not_written", reason=error.strerror)
            await asyncio.sleep(AGAIN_SECONDS)
        else:
            return
