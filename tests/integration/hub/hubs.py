"""Floors of the hub over a real Postgres, without sockets: lines are made by hand."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast

from hub.approvals.service import ApprovalService
from hub.approvals.store import ApprovalStore
from hub.audit.service import AuditService
from hub.audit.store import AuditStore
from hub.base.database import Connection, Database
from hub.base.job_runner import JobRunner
from hub.base.job_store import JobStore
from hub.base.jobs import HeldJob, every
from hub.base.principal import Principal
from hub.base.vault import Vault
from hub.commands.service import CommandRequest, CommandService
from hub.commands.store import CommandStore
from hub.config.service import ConfigService
from hub.config.store import ConfigStore
from hub.devices.store import DeviceStore
from hub.lines.service import LineService, ReplicaIdentity
from hub.lines.session import LineSession
from hub.lines.store import LineRef, LineStore, Opening
from hub.own.service import OwnService
from hub.own.store import OwnStore
from hub.replicas.lease import RENEW_SECONDS
from hub.replicas.membership import Membership
from hub.replicas.store import ReplicaStore
from hub.rights.memory import RightsMemory
from hub.rights.store import RightsStore
from hub.secrets.service import SecretService
from hub.secrets.store import SecretStore
from hub.telemetry.writer import Taps, TelemetryWriter
from protocol.closing import CloseCode
from protocol.commands import COMMANDS, Command, Danger
from protocol.dashboard import AlertEvent, DashboardEvent, GapReason
from protocol.ids import (
    DEFAULT_ORG,
    CommandId,
    CommandKey,
    DeviceId,
    DeviceKey,
    OrgId,
    ReplicaId,
    uuid7,
)
from protocol.stream import Appended, EventBatch
from protocol.trusted_keys import TrustedKeys
from tests.factories import FakeContext, Wire, make_line, make_principal, make_told
from tests.tasks import in_background

ADMIN = make_principal("ADMIN", kind="hub", subject="")


class NoStream:
    """A stream that takes everything and keeps it."""

    def __init__(self) -> None:
        self.batches: list[EventBatch] = []

    async def append(self, org: OrgId, batch: EventBatch) -> Appended:
        self.batches.append(batch)
        return Appended(epoch="e", first_offset=1, last_offset=1)

    async def append_gap(self, org: OrgId, reason: GapReason, *, source: str) -> Appended:
        return Appended(epoch="e", first_offset=1, last_offset=1)


async def trust_nobody(_: Principal) -> TrustedKeys:
    return TrustedKeys([])


def show_nobody(org: OrgId, batch: EventBatch) -> None:
    """There are no dashboards here."""


class Told:
    """What dashboards and the stream were told."""

    def __init__(self) -> None:
        self.events: list[DashboardEvent] = []
        self.gaps: list[str] = []
        self.bus_is_there = True
        self.storing: asyncio.Future[None] | None = None
        """Done when the events that came before are stored."""
        self.taps = Taps()
        self.telemetry = cast("TelemetryWriter", self)
        """For those who only tell it something."""

    def stored(self, _: LineSession) -> "asyncio.Future[None] | None":
        return self.storing

    def publish(self, org: OrgId, event: DashboardEvent, level: str = "") -> None:
        self.events.append(event)

    def alert(self, org: OrgId, event: AlertEvent) -> None:
        self.publish(org, event)

    async def raise_alert(
        self, connection: Connection, org: OrgId, event: AlertEvent, *, subject: str
    ) -> None:
        self.publish(org, event)

    def now(self) -> str:
        return "2026-01-02T03:04:05.000Z"

    async def gap(self, org: OrgId, *, source: str) -> bool:
        if self.bus_is_there:
            self.gaps.append(source)
        return self.bus_is_there


class Hints:
    """There is no bus here: hints are noted, and whoever depends on them manages without."""

    def __init__(self) -> None:
        self.taken_from: list[tuple[ReplicaId, LineRef]] = []
        self.sends: list[tuple[ReplicaId, DeviceKey]] = []
        self.cancels: list[tuple[ReplicaId, CommandKey]] = []
        self.ends: list[tuple[ReplicaId, CommandKey]] = []

    def taken(self, owner: ReplicaId, newer: LineRef) -> None:
        self.taken_from.append((owner, newer))

    def send(self, owner: ReplicaId, place: DeviceKey) -> None:
        self.sends.append((owner, place))

    def cancel(self, owner: ReplicaId, name: CommandKey) -> None:
        self.cancels.append((owner, name))

    def ended(self, accepted_by: ReplicaId, name: CommandKey) -> None:
        self.ends.append((accepted_by, name))


async def until(condition: Callable[[], Awaitable[bool]], *, seconds: float = 8) -> None:
    """Fails when `condition` has not come true by then."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - the database's rows notify nobody
            await asyncio.sleep(0.005)


class Hub:
    """The lines and commands of one replica; `step` makes its clock run."""

    def __init__(self, database: Database, name: str) -> None:
        self.database = database
        self.told = Told()
        self.seconds = 1000.0
        self.replica_id = ReplicaId(name)
        self.hints = Hints()
        self.lines = LineService(
            LineStore(database),
            ReplicaIdentity(self.replica_id, "here", "1.0"),
            self.told.telemetry,
            hint_takeover=self.hints.taken,
            wall_clock=lambda: 1e9,
            clock=lambda: self.seconds,
        )
        self.membership = Membership(
            ReplicaStore(database),
            self.lines,
            self.told,
            tell=lambda _: make_told(lines=len(self.lines.registry)),
            clock=lambda: self.seconds,
        )
        self.config = ConfigService(
            ConfigStore(database), AuditService(AuditStore(database)), self.lines.hand_over
        )
        self.lines.on_hello(self.config.said_hello)
        self.own = OwnService(
            OwnStore(database), self.lines, least=Danger.NO, spawn=asyncio.ensure_future
        )
        self.lines.on_hello(self.own.said_hello)
        self.store = CommandStore(database)
        self.memory = memory = RightsMemory(RightsStore(database), time.time)
        self.approvals = ApprovalService(
            ApprovalStore(database), memory, AuditService(AuditStore(database)), self.config.secrets
        )
        self.commands = CommandService(
            self.store,
            self.store,
            AuditService(AuditStore(database)),
            self.told.telemetry,
            self.replica_id,
            self.own,
            memory,
            SecretService(SecretStore(database, Vault()), AuditService(AuditStore(database))),
            trust_nobody,
            self.approvals,
            hints=self.hints,
        )
        self.commands.listen(self.config)

    async def line(self, device_id: DeviceId) -> "Line":
        """A newer line of the device, registered and open."""
        registered = await self.lines.register(Opening(DEFAULT_ORG, device_id, uuid7()))
        assert registered is not None
        wire = Wire()
        around = FakeContext()
        session = make_line(
            wire,
            around,
            device_id=device_id,
            generation=registered.generation,
            replica_id=self.replica_id,
        )
        assert self.lines.opened(session)
        self.commands.opened(session)
        return Line(session, wire)

    def pass_seconds(self, seconds: float) -> None:
        """While the process runs: it beats."""
        for _ in range(int(seconds)):
            self.seconds += 1
            self.lines.beat_once()

    async def expire(self, _: HeldJob) -> None:
        await self.commands.expire()

    async def settle(self) -> None:
        """It has looked at the others for a while."""
        await outlive(self, looks=3)

    async def accept(self, device_id: DeviceId, kind: str = "force_sync", **request: object) -> str:
        """The id of a command that is not waited for."""
        command = await self.commands.dispatch(ADMIN, device_id, make_request(kind, **request))
        return command.command_id


async def add_member(database: Database, user_id: str = "u1", role: str = "ADMIN") -> None:
    await database.execute(
        "INSERT INTO account (user_id, username, display_name, password_hash) "
        "VALUES ($1, $1, $1, '')",
        user_id,
    )
    await database.execute("INSERT INTO member (org_id, user_id) VALUES ('default', $1)", user_id)
    await database.execute(
        "INSERT INTO role_binding (org_id, binding_id, role, subject_kind, subject_id, scope_kind)"
        " VALUES ('default', $1, $2, 'user', $1, 'org')",
        user_id,
        role,
    )


async def outlive(*alive: Hub, looks: int = 4) -> None:
    """These renew for a whole lease and a little longer; whoever else is there does not."""
    for _ in range(looks):
        for hub in alive:
            hub.pass_seconds(RENEW_SECONDS)
            await hub.membership.look()


class Line:
    def __init__(self, session: LineSession, wire: Wire) -> None:
        self.session = session
        self._wire = wire
        self.frames: list[dict[str, object]] = []

    async def until(self, count: int, kind: str | None = None) -> list[dict[str, object]]:
        """The first so many frames (of one type) that were written to it."""

        async def written() -> bool:
            return len(self.of(kind)) >= count

        await until(written)
        return self.of(kind)

    @property
    def closed(self) -> list[CloseCode]:
        return self._wire.closed

    def of(self, kind: str | None) -> list[dict[str, object]]:
        self.frames += self._wire.frames()
        return [f for f in self.frames if kind in (None, f["type"])]


def make_request(kind: str = "force_sync", **request: object) -> CommandRequest:
    params = request.pop("params", {})
    assert isinstance(params, dict)
    command: Command = COMMANDS[kind].params(**params)  # pyright: ignore[reportAssignmentType, reportUnknownArgumentType]
    return CommandRequest(**{"command": command, "wait": False, **request})  # pyright: ignore[reportArgumentType]


@asynccontextmanager
async def running_hub(database: Database, name: str = "r-1") -> AsyncGenerator[Hub]:
    """Its batches and its sweep run; a loop that fails fails the test."""
    hub = Hub(database, name)
    await hub.membership.start()
    await hub.settle()
    jobs = JobRunner(JobStore(database, hub.replica_id), [every(1.0, "expiries", hub.expire)])
    await jobs.prepare()
    async with in_background(hub.lines.run(), hub.commands.run(), jobs.run()):
        yield hub


@asynccontextmanager
async def two_hubs(database: Database) -> AsyncGenerator[tuple[Hub, Hub]]:
    """Two replicas, and the device d1."""
    await add_devices(database)
    async with running_hub(database, "r-1") as one, running_hub(database, "r-2") as two:
        yield one, two


async def add_devices(database: Database, count: int = 1, *, first: int = 1) -> list[DeviceId]:
    store = DeviceStore(database)
    made = [DeviceId(f"d{number}") for number in range(first, first + count)]
    async with database.transaction() as connection:
        for device_id in made:
            await store.create(
                connection,
                DEFAULT_ORG,
                device_id,
                name=None,
                company_id=None,
                production_line_id=None,
                timezone=None,
            )
    return made


def as_command_id(text: str) -> CommandId:
    return CommandId(text)
