"""Whether a configuration on trial is good: a line stands, and the owner's program says so."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from device import process
from device.settings import ConfigSettings

_log = structlog.stdlib.get_logger()

AGAIN_SECONDS: Final = 1.0
_SAID_BYTES: Final = 4096


class Health:
    """`stood` waits for a line that has stood for so many seconds; `state` is the line that local
    programs read, for the program's standard input."""

    def __init__(
        self,
        settings: ConfigSettings,
        *,
        healthy_seconds: float,
        stood: Callable[[float], Awaitable[None]],
        state: Callable[[], bytes],
    ) -> None:
        self._settings = settings
        self._healthy_seconds = healthy_seconds
        self._stood = stood
        self._state = state

    @property
    def votes(self) -> bool:
        """Whether the owner has a program that judges each change."""
        return self._settings.health_argv is not None

    async def is_good(self, seconds: float) -> bool:
        """Whether both are so within so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._stood(self._healthy_seconds)
                await self._approved()
        except TimeoutError:
            return False
        return True

    async def _approved(self) -> None:
        """Ask the program until it says so."""
        while True:
            if await self._approves():
                return
            await asyncio.sleep(AGAIN_SECONDS)

    async def _approves(self) -> bool:
        argv = self._settings.health_argv
        if argv is None:
            return True
        try:
            finished = await process.run(
                argv,
                stdin=self._state(),
                timeout_seconds=self._settings.health_seconds,
                stdout_limit=_SAID_BYTES,
                stderr_limit=_SAID_BYTES,
            )
        except (process.CannotRun, process.TimedOut) as error:
            _log.warning("health_not_known", reason=str(error))
            return False
        return finished.exit_code == 0
