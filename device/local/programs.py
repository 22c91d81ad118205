"""The programs of this device, as the agent has them: what they say, and what they hear of it."""

import asyncio
import contextlib
import pwd
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from device.base.sharing import Sharing
from device.base.socket_path import config_beside
from device.broker.standing import TokenInfo
from device.config.store import ConfigStore
from device.events.disk_outbox import DiskOutbox
from device.events.production import Production
from device.local.config_file import ConfigFile
from device.local.desk import Desk
from device.local.device_info import DeviceInfo, EventsHeld, RecordsHeld
from device.local.event_intake import EventIntake
from device.local.hooks import Hooks
from device.local.local_lines import Speakers
from device.local.local_socket import LocalSocket
from device.local.local_state import LocalState, ProductionState, changed, line_of
from device.local.named_metrics import NamedMetrics
from device.local.readiness import Readiness
from device.records.intake import RecordIntake
from device.records.queue import RecordQueue
from device.settings import Settings
from device.update.installed import SoftwareVersions
from device.update.own_version import agent_version
from device.workloads.service_status import ShownWorkload
from protocol.telemetry import DeviceStatus

HEARD_SECONDS: Final = 5.0
"""How long the result of a command waits for the hooks that it sets off."""
AGAIN_SECONDS: Final = 5.0
"""After the file of the configuration could not be written."""


@dataclass(frozen=True, kw_only=True)
class AgentParts:
    """What of the agent local programs see or use."""

    settings: Settings
    sharing: Sharing
    config: ConfigStore
    production: Production
    records: RecordQueue
    intake: RecordIntake
    full: Callable[[], Awaitable[None]]
    """To be called when a record was refused for want of room."""
    outbox: DiskOutbox
    versions: Callable[[], dict[str, SoftwareVersions]]
    reported: Callable[[str, str], None]
    """To be called when a program reports its version."""
    status: Callable[[], DeviceStatus]
    connected: Callable[[], bool]
    fingerprint: Callable[[], str | None]
    tokens: Callable[[], list[TokenInfo]]
    """Of the broker."""
    workloads: Callable[[], list[ShownWorkload] | None]
    """None on a device without a container engine."""


class LocalPrograms:
    def __init__(self, parts: AgentParts) -> None:
        self._parts = parts
        settings = parts.settings
        self.readiness: Final = Readiness(
            settings.agents, now=time.monotonic(), judged=settings.judged
        )
        self.metrics: Final = NamedMetrics()
        self._hooks = Hooks(settings.hooks, parts.outbox)
        place = config_beside(settings.socket_path, settings.state)
        self._file = ConfigFile(place, parts.sharing)
        self._told = self._state()
        self._is_written = True
        self._turn = asyncio.Lock()
        self._wake = asyncio.Event()
        self._desk = self._make_desk()
        parts.config.changed.append(self.note)

    def _make_desk(self) -> Desk:
        return Desk(
            events=EventIntake(self._parts.outbox, self._parts.production),
            records=self._parts.intake,
            full=self._parts.full,
            speakers=Speakers(self._parts.settings.speakers, uid_of),
            readiness=self.readiness,
            metrics=self.metrics,
            reported=self._parts.reported,
            info=self._info,
            state=self._told,
        )

    def note(self) -> None:
        """Something that they hear of may have changed."""
        self._wake.set()

    def line(self) -> bytes:
        """The present state, as programs read it."""
        return line_of(self._state())

    async def told(self) -> None:
        """What has changed is in the file of the configuration, and said to watchers."""
        await self._tell()

    async def heard(self) -> None:
        """What has changed is said to watchers, and hooks have run, if they are quick."""
        self.note()  # whatever becomes of this wait
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HEARD_SECONDS):
                await self._tell()
                await self._hooks.idle()

    async def prepare(self) -> None:
        """Before `run`: whoever finds the socket finds the file, too."""
        self._is_written = await self._file.keep(self._told)

    async def run(self) -> None:
        """For ever. Raises `StateUnavailable` when the socket cannot be made."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._socket().run())
            tasks.create_task(self._hooks.run())
            tasks.create_task(self._follow())

    def _socket(self) -> LocalSocket:
        settings = self._parts.settings
        return LocalSocket(
            settings.socket_path,
            mode=int(settings.socket_mode, 8),
            sharing=self._parts.sharing,
            listener=self._desk,
        )

    async def _follow(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if self._is_written else AGAIN_SECONDS):
                    await self._wake.wait()
            self._wake.clear()
            await self._tell()

    async def _tell(self) -> None:
        """Whoever hears of a configuration finds it in the file, if that could be written."""
        async with self._turn:
            state = self._state()
            self._is_written = await self._file.keep(state)
            sections = changed(self._told, state)
            self._told = state
            if sections:
                self._desk.tell(state)
                self._hooks.changed(sections, state)

    def _state(self) -> LocalState:
        parts = self._parts
        reason = parts.production.disabled_because
        return LocalState(
            config=parts.config.document,
            config_version=parts.config.version,
            config_trial=parts.config.on_trial,
            production=ProductionState(enabled=reason is None, reason=reason),
            mode=parts.records.mode,
            versions=parts.versions(),
            tokens_dir=parts.settings.tokens_dir,
        )

    def _info(self, watchers: int) -> DeviceInfo:
        parts = self._parts
        reason = parts.production.disabled_because
        return DeviceInfo(
            id=parts.settings.id,
            agent_version=agent_version(),
            hub=parts.settings.hub,
            connected=parts.connected(),
            fingerprint=parts.fingerprint(),
            status=parts.status(),
            mode=parts.records.mode,
            config_version=parts.config.version,
            config_trial=parts.config.on_trial,
            production=ProductionState(enabled=reason is None, reason=reason),
            versions=parts.versions(),
            tokens_dir=parts.settings.tokens_dir,
            tokens=parts.tokens(),
            workloads=parts.workloads(),
            agents=self.readiness.agents,
            metrics=self.metrics.present,
            watchers=watchers,
            outbox=EventsHeld(parts.outbox.depth, parts.outbox.dropped),
            queue=RecordsHeld(parts.records.depth, parts.records.refused, parts.records.dropped),
        )


def uid_of(user: str) -> int | None:
    """Of a user by name; None where there is none."""
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        return None
