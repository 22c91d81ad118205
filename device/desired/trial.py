"""Takes a configuration into use: at once, or on trial where it can cut the line or where the owner
has a program that judges. A trial that takes a restart of the agent goes on in the next process.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from cloud.outward import CannotTrust, WayOut
from device.base.errors import BadSettings, CommandFailed
from device.config.commit import ConfigTrial, Origin
from device.config.patch import ConfigChange, Document, read
from device.config.pushed import with_pushed
from device.config.store import ConfigStore
from device.desired.health import Health
from device.settings import Settings

_log = structlog.stdlib.get_logger()

LEAST_SECONDS: Final = 1.0
"""Of a trial that goes on after a restart."""
EFFECT_SECONDS: Final = 0.2
"""For what was changed to take effect, before it is judged."""

Ended = Callable[[ConfigTrial, CommandFailed | None], Awaitable[None]]


class ConfigTrials:
    """`settings` are those of the device's own file. `restart` asks the agent to stop and to be
    started again."""

    def __init__(
        self, store: ConfigStore, settings: Settings, health: Health, restart: Callable[[], None]
    ) -> None:
        self._store = store
        self._settings = settings
        self._health = health
        self._restart = restart
        self._turn = asyncio.Lock()

    async def patch(
        self, patch: Document, origin: Origin, *, seconds: float, begins: Callable[[bool], None]
    ) -> ConfigChange:
        """Raises `CommandFailed` when it cannot be taken or was undone; then the configuration is
        as it was. `begins` is called when a trial begins, with whether the agent restarts for it:
        then this call does not return."""
        async with self._turn:
            change = self._store.of_patch(patch)
            if change.changes_anything:
                await self._take(change, origin, seconds, begins)
            return change

    async def replace(
        self, document: Document, origin: Origin, *, begins: Callable[[bool], None]
    ) -> ConfigChange:
        """The same of a whole document."""
        async with self._turn:
            change = self._store.of_document(document)
            if change.changes_anything:
                seconds = self._settings.config.confirm_seconds
                await self._take(change, origin, seconds, begins)
            elif origin.handed is not None:
                await self._store.know(origin.handed)
            return change

    async def _take(
        self,
        change: ConfigChange,
        origin: Origin,
        seconds: float,
        begins: Callable[[bool], None],
    ) -> None:
        if not (change.cuts or self._health.votes):
            await self._store.replace(change, origin)
            return
        if change.cuts:
            self._check(change)
        await self._store.begin(change, origin, self._store.until(seconds))
        begins(change.cuts)
        if change.cuts:
            self._restart()
            await asyncio.Event().wait()
        await asyncio.sleep(EFFECT_SECONDS)
        failure = await self._judge(seconds)
        if failure is not None:
            raise failure

    def _check(self, change: ConfigChange) -> None:
        """Raises `CommandFailed` for what no process could start with."""
        try:
            WayOut(with_pushed(self._settings, read(change.document)).outward)
        except (BadSettings, CannotTrust) as error:
            raise CommandFailed("invalid_config", str(error)) from None

    async def go_on(self, ended: Ended) -> None:
        """With the trial for which the agent has restarted, if there is one; `ended` is given it,
        and why it was undone."""
        async with self._turn:
            trial = self._store.trial
            if trial is None:
                return
            left = trial.until.at - time.clock_gettime(time.CLOCK_BOOTTIME)
            try:
                failure = await self._judge(max(left, LEAST_SECONDS))
            except CommandFailed as error:  # nothing can be written: the next start undoes it
                failure = error
            await ended(trial, failure)
            if failure is not None:
                self._restart()

    async def _judge(self, seconds: float) -> CommandFailed | None:
        if await self._health.is_good(seconds):
            await self._store.confirm()
            return None
        await self._store.undo()
        _log.error("configuration_rolled_back", now=self._store.version)
        return CommandFailed(
            "rolled_back",
            f"not good within {seconds:g} s; back at version {self._store.version}",
            data={"version": self._store.version, "hash": self._store.hash},
        )
