"""Hands `[[forward_proxy]]` to Caddy when it has changed: checked, put in place, reloaded.

A mark in the state directory says that the file is this agent's: without one, an agent that has no
proxies leaves the file of another alone.
"""

import asyncio
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path
from typing import Final

import structlog

from device import process
from device.base.broker_settings import CaddySettings
from device.base.files import put_in_place, write_atomically
from device.base.output import excerpt
from device.base.text import clean
from device.broker.caddy_file import HEAD
from protocol.telemetry import Alert

_log = structlog.stdlib.get_logger()

MODE: Final = 0o644
ARGV_SECONDS: Final = 30.0
MOST_OUTPUT: Final = 2048
AGAIN_SECONDS: Final = 60.0
MARK: Final = "caddy-reloaded"
"""In the state directory: the digest of what Caddy has taken up."""


class NotTakenUp(Exception):
    """`message` is one line; `for_good`: until the settings change."""

    def __init__(self, message: str, *, for_good: bool) -> None:
        super().__init__(message)
        self.message = message
        self.for_good = for_good


class ForwardProxies:
    def __init__(
        self,
        settings: CaddySettings,
        content: str,
        *,
        state: Path,
        tell: Callable[[Alert], Awaitable[None]],
    ) -> None:
        """`content`: of Caddy's file."""
        self._settings = settings
        self._content = content.encode()
        self._digest = sha256(self._content).hexdigest()
        self._file = Path(settings.file)
        self._mark = state / MARK
        self._tell = tell

    async def run(self) -> None:
        """Until Caddy has it, or never will. A Caddy that does not run takes it up at its start."""
        told = ""
        while True:
            try:
                if await self._hand_over():
                    _log.info("forward_proxy_changed", path=str(self._file))
            except NotTakenUp as error:
                if error.message != told:
                    told = error.message
                    await self._say(error.message)
                if error.for_good:
                    return
            else:
                return
            await asyncio.sleep(AGAIN_SECONDS)

    async def _say(self, message: str) -> None:
        _log.warning("forward_proxy_not_set", reason=message)
        alert = Alert(severity="WARN", code="forward_proxy_not_set", message=message)
        await self._tell(alert)

    async def _hand_over(self) -> bool:
        """Whether something was to be done. Raises `NotTakenUp`."""
        present = await asyncio.to_thread(_read, self._file)
        mark = await asyncio.to_thread(_read, self._mark)
        if mark is None and self._content == HEAD.encode():
            return False
        if present != self._content:
            await self._mark_with("")
            await self._put()
        elif mark == self._digest.encode():
            return False
        await self._run(self._settings.reload_argv, "Caddy does not reload", for_good=False)
        await self._mark_with(self._digest)
        return True

    async def _mark_with(self, digest: str) -> None:
        """`digest`: of what Caddy has taken up; empty, while that is not known. Raises
        `NotTakenUp`."""
        try:
            await asyncio.to_thread(write_atomically, self._mark, digest.encode())
        except OSError as error:
            message = f"cannot write {self._mark}: {error.strerror}"
            raise NotTakenUp(message, for_good=False) from None

    async def _put(self) -> None:
        """In place only when Caddy says that it is right."""
        beside = self._file.with_name(f"{self._file.name}.new")
        try:
            await asyncio.to_thread(write_atomically, beside, self._content, mode=MODE)
            try:
                await self._validate(beside)
                await asyncio.to_thread(put_in_place, beside, self._file)
            finally:
                await asyncio.to_thread(beside.unlink, missing_ok=True)
        except OSError as error:
            message = f"cannot write {self._file}: {error.strerror}"
            raise NotTakenUp(message, for_good=False) from None

    async def _validate(self, beside: Path) -> None:
        """Raises `NotTakenUp`."""
        argv = [part.replace("{file}", str(beside)) for part in self._settings.validate_argv]
        if argv:
            await self._run(argv, "Caddy does not take the file", for_good=True)

    async def _run(self, argv: tuple[str, ...] | list[str], what: str, *, for_good: bool) -> None:
        try:
            finished = await process.run(
                argv,
                timeout_seconds=ARGV_SECONDS,
                stdout_limit=MOST_OUTPUT,
                stderr_limit=MOST_OUTPUT,
            )
        except process.CannotRun as error:
            raise NotTakenUp(f"no Caddy here: {error.message}", for_good=for_good) from None
        except process.TimedOut:
            reason = f"{what}: longer than {ARGV_SECONDS:g} s"
            raise NotTakenUp(reason, for_good=False) from None
        if finished.exit_code != 0:
            said = excerpt(finished.stderr, MOST_OUTPUT, failed=True).strip().splitlines()
            raise NotTakenUp(f"{what}: {clean(said[-1]) if said else ''}", for_good=for_good)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
