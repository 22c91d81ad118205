"""What an executor gets, and what it gives back.

An executor is `async def run(command, context) -> Done`. It raises `CommandFailed` for a failure,
is cancelled by a `cancel` until it has said `no_return`, and holds no state of its own.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx
from msgspec import UNSET, Struct

from device.config.store import ConfigStore
from device.desired.trial import ConfigTrials
from device.events.disk_outbox import DiskOutbox
from device.events.production import Production
from device.line.enrolment import Enrolment
from device.line.uplink import Uplink
from device.logs.sources import LogSources
from device.records.queue import RecordQueue
from device.settings import Settings
from device.update.software import InstalledSoftware
from device.update.versions import Versions
from device.workloads.keeper import WorkloadKeeper
from protocol.ids import CommandId
from protocol.replies import Progress, ResultError
from protocol.secret_values import Values


class Done(Struct, frozen=True, kw_only=True):
    """How a command ended: a success, unless there is an `error`."""

    output: str | None = None
    data: dict[str, Any] | None = None
    error: ResultError | None = None
    afterwards: Callable[[], Awaitable[None]] | None = None
    """To be awaited once the result is recorded and sent."""


@dataclass(frozen=True, kw_only=True)
class Tools:
    """What executors work with; one per agent."""

    settings: Settings
    uplink: Uplink
    outbox: DiskOutbox
    records: RecordQueue
    hurry: Callable[[], None]
    """Have records that rest after a failure sent now."""
    config: ConfigStore
    trials: ConfigTrials
    production: Production
    logs: LogSources
    http: httpx.AsyncClient
    enrolment: Enrolment
    versions: Versions | None
    """None: nothing starts a new version, so updates are only staged."""
    software: InstalledSoftware
    pins: Callable[[], dict[str, str]]
    """The versions that an administrator has pinned, by type."""
    updating: asyncio.Lock
    """Held while software is brought: by a command, or for a pin."""
    restart: Callable[[], None]
    """Ask the agent to stop and to be started again."""
    report_status: Callable[[], None]
    told: Callable[[], Awaitable[None]]
    """Wait until the programs of this device can read what a command has changed."""
    workloads: WorkloadKeeper | None
    heard: Callable[[], Awaitable[None]]
    """The same, and until their hooks have run, if they are quick."""


class CommandContext:
    """One run of one command. `elsewhere` is where its artifact is, if not at the hub."""

    def __init__(
        self,
        command_id: CommandId,
        tools: Tools,
        progress: Callable[[Progress], None],
        *,
        elsewhere: httpx.AsyncClient | None = None,
        secrets: Values | None = None,
    ) -> None:
        self.command_id = command_id
        self.tools = tools
        self.elsewhere = elsewhere
        self.secrets = secrets or Values()
        """What its parameters name; programs that it runs may say it again."""
        self._progress = progress
        self.can_cancel = True
        self.awaits_end = False
        """Only the end of the agent ends this command."""

    def progress(
        self, percent: float | None = None, *, stage: str | None = None, message: str | None = None
    ) -> None:
        """May be dropped when the line is busy or down."""
        self._progress(
            Progress(
                command_id=self.command_id,
                percent=percent,
                stage=UNSET if stage is None else stage,
                message=UNSET if message is None else message,
            )
        )

    def no_return(self) -> None:
        """From here on a `cancel` comes too late."""
        self.can_cancel = False

    async def delay(self, seconds: float) -> None:
        """Wait as the command asked; until the end of it the command can be cancelled."""
        if seconds:
            self.progress(stage="waiting", message=f"in {seconds:g} s")
            await asyncio.sleep(seconds)
