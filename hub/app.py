"""The composition root of a replica: everything is made here, and handed to whoever needs it.

`Replica.run` serves until `stop()` is called: not ready, no new sockets, devices are sent
elsewhere, results are flushed, goodbye.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import structlog
from starlette.routing import Route as StarletteRoute
from starlette.types import ASGIApp

from cloud.access import Access, problem_of
from cloud.client import CloudClient
from dashboard_ws.dashboards import Dashboards
from hub.accounts.access import COMMAND_MINIMUM, FOR_DEVICES, MINIMUM, Action
from hub.accounts.guards import AccountGuard
from hub.accounts.organisation import OrganisationService
from hub.accounts.passwords import Passwords
from hub.accounts.rest import AccountEndpoints
from hub.accounts.service import AccountService, Change
from hub.accounts.sessions import SessionService
from hub.accounts.settings_rest import SettingsEndpoints
from hub.accounts.store import AccountStore
from hub.accounts.users import UserService
from hub.audit.records import RESTRICTED, RecordChange
from hub.audit.rest import AuditEndpoints
from hub.audit.service import AuditService
from hub.audit.store import AuditStore
from hub.base.bus import Bus, BusUnavailable
from hub.base.clocks import Brake, DatabaseClock, WallClock
from hub.base.database import Database
from hub.base.errors import ConfigurationError, HubError, Unavailable
from hub.base.migrate import bring_up_to_date
from hub.base.partitions import drop, make
from hub.base.present import bring_to_present, now_of
from hub.base.retention import Retention
from hub.base.roles import login_of
from hub.base.settings import Settings
from hub.base.turnstile import Turnstile
from hub.campaigns.service import CampaignService
from hub.campaigns.store import CampaignStore
from hub.commands.rest import CommandEndpoints
from hub.commands.service import CommandService
from hub.commands.store import CommandStore
from hub.config.rest import ConfigEndpoints
from hub.config.service import ConfigService
from hub.config.store import ConfigStore
from hub.devices.rest import DeviceEndpoints
from hub.devices.service import DeviceService
from hub.devices.store import DeviceStore
from hub.edge.modes import Modes
from hub.edge.pusher import CloudPusher
from hub.edge.rest import EdgeEndpoints
from hub.edge.service import Bounds, EdgeService
from hub.edge.store import EdgeStore
from hub.firmware.deployment_rest import DeploymentEndpoints
from hub.firmware.deployments import DeploymentService
from hub.firmware.files import Artifacts
from hub.firmware.rest import FirmwareEndpoints
from hub.firmware.service import FirmwareService
from hub.firmware.store import ReleaseStore
from hub.gate import DashboardGroups, DashboardTokens, SocketGate
from hub.groups.rest import GroupEndpoints
from hub.groups.service import GroupService
from hub.groups.store import GroupStore
from hub.lines.endpoint import DeviceGate, DeviceSettings
from hub.lines.pace import Rates
from hub.lines.service import LineService
from hub.lines.service import Replica as ReplicaName
from hub.lines.store import LineStore
from hub.probes import Health
from hub.replicas.figures import Told
from hub.replicas.hints import COMMON, HintReceiver, HintSender, channel_of
from hub.replicas.membership import Membership
from hub.replicas.meter import Meter
from hub.replicas.rest import HealthEndpoints
from hub.replicas.store import HealthStore, ReplicaStore
from hub.routes import Endpoints, routes
from hub.socket.framing import text_frame
from hub.telemetry.rest import TelemetryEndpoints
from hub.telemetry.service import TelemetryService
from hub.telemetry.store import TelemetryStore
from hub.telemetry.stream import StreamWriter
from hub.web.application import make_application
from hub.web.console import Console
from hub.web.contract_rules import Rules
from hub.web.limits import CHANNEL, Limits
from hub.web.pages import pages
from hub.web.site import Site
from protocol import stream
from protocol.closing import CloseCode
from protocol.dashboard import RecordChanged
from protocol.ids import DEFAULT_ORG, OrgId, new_replica_id
from protocol.stream import EventBatch

log = structlog.get_logger(__name__)

RESERVED_CONNECTIONS: Final = 3
"""For leases and for what devices answer: however busy the others are."""
CLEAN_UP_SECONDS: Final = 600.0
CLOCK_SECONDS: Final = 1.0
WAITING_SECONDS: Final = 15.0
ROLL_UP_SECONDS: Final = 60.0
FLUSH_SECONDS: Final = 2.0


def moment_of(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


class Clock:
    """The clock of the process, and the database's, for whoever takes both."""

    def __init__(self, database: DatabaseClock) -> None:
        self._database = database

    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._database(), UTC)


class Holes:
    """Tells dashboards of a possible hole in the stream."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def hole(self, org: OrgId, *, source: str) -> bool:
        try:
            await self._bus.append_gap(org, "bus", source=source)
        except BusUnavailable:
            return False
        return True


class Replica:
    """One replica: `async with open_replica(settings) as replica`, then `serve`."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        reserved: Database,
        bus: Bus,
        cloud: CloudClient | None,
        tasks: asyncio.TaskGroup,
        *,
        alone: bool,
    ) -> None:
        self._alone = alone
        self.settings = settings
        self.site = Site(
            settings.public_url, host=settings.host, allowed_origins=settings.allowed_origins
        )
        self.replica_id = new_replica_id()
        self.draining = False
        self._database = database
        self._reserved = reserved
        self._unsure = False
        self._bus = bus
        self._tasks = tasks
        self._loops: list[asyncio.Task[None]] = []
        self._brake = Brake(time.monotonic())
        self._our_clock = WallClock(time.time(), time.monotonic())
        self._database_clock = WallClock(time.time(), time.monotonic())
        hints = HintSender(bus)

        self._limits = Limits(
            settings,
            self.replica_id,
            clock=time.monotonic,
            publish=bus.publish,
            later=asyncio.get_running_loop().call_later,
        )
        self.audit = AuditService(AuditStore(database))
        accounts, passwords = AccountStore(database), Passwords()
        self.accounts = AccountService(accounts, self.audit, settings)
        self.sessions = SessionService(accounts, self.audit, settings, self.accounts, passwords)
        self.organisation = OrganisationService(accounts, self.audit, settings)
        self.users = UserService(accounts, self.audit, self.accounts, self.sessions, passwords)
        self._stream = StreamWriter(
            bus, self.replica_id, show=self._show_here, unavailable=BusUnavailable
        )
        self.telemetry = TelemetryService(
            TelemetryStore(database), self._stream, day_bytes=settings.device_day_bytes
        )
        self.devices = DeviceService(
            DeviceStore(database), self.accounts, self.audit, self.telemetry
        )
        name = ReplicaName(self.replica_id, f"{settings.host}:{settings.port}", version("longline"))
        self.lines = LineService(
            LineStore(database),
            name,
            self.telemetry,
            hint_takeover=hints.taken,
            wall_clock=self.accounts.clock,
        )
        self.membership = Membership(
            ReplicaStore(reserved),
            name,
            self.lines,
            Holes(bus),
            tell=self._tell,
            clock=time.monotonic,
        )
        self.config = ConfigService(ConfigStore(database), self.audit)
        self.lines.on_hello(self.config.said_hello)
        self.commands = CommandService(
            CommandStore(database),
            CommandStore(reserved),
            self.audit,
            self.telemetry,
            self.replica_id,
            listeners=[self.config],
            events=self.telemetry,
            hints=hints,
            require_current_view=self.accounts.require_current_view,
            database_clock=self.accounts.clock,
        )
        self.groups = GroupService(
            GroupStore(database), self.devices, self.audit, on_change=self._groups_changed
        )
        records = EdgeStore(database)
        self._pusher = CloudPusher(records, cloud, self.telemetry, self.replica_id)
        bounds = Bounds(most_pending=settings.cloud_queue_max, is_pushed=cloud is not None)
        self._modes = Modes(records, self.lines)
        self.lines.on_hello(self._modes.said_hello)
        self.edge = EdgeService(records, self.audit, bounds, on_new=self._pusher.wake)
        self.campaigns = CampaignService(
            CampaignStore(database), self.commands, self.audit, self.telemetry, self.replica_id
        )
        self.firmware = FirmwareService(
            ReleaseStore(database),
            Artifacts(
                Path(settings.data_dir) / "firmware",
                max_bytes=settings.firmware_max_bytes,
                total_bytes=settings.firmware_total_bytes,
            ),
            self.commands,
            self.campaigns,
            self.audit,
        )
        self.deployments = DeploymentService(
            self.firmware, self.campaigns, self.devices, self.groups
        )
        tokens = DashboardTokens(self.accounts)
        turnstile = Turnstile(clock=time.monotonic, soon=asyncio.get_running_loop().call_soon)
        self.dashboards = Dashboards(
            source=bus,
            tokens=tokens,
            groups=DashboardGroups(self.groups),
            clock=Clock(self.accounts.clock),
            frame=text_frame,
            replica_id=self.replica_id,
        )
        self._meter = Meter(
            database=database,
            bus=bus,
            lines=self.lines,
            commands=self.commands,
            telemetry=self.telemetry,
            stream=self._stream,
            dashboards=self.dashboards,
            draining=lambda: self.draining,
        )
        self.gate = SocketGate(
            DeviceGate(
                self.accounts,
                self.lines,
                self.telemetry,
                self.commands,
                DeviceSettings(
                    Rates(settings.device_frame_rate, settings.device_byte_rate),
                    settings.query_tokens,
                ),
                turnstile=turnstile,
                clock=time.monotonic,
                wall_clock=self.accounts.clock,
                spawn=self._spawn,
            ),
            self.dashboards,
            tokens,
            self.site,
            query_tokens=settings.query_tokens,
            turnstile=turnstile,
            draining=lambda: self.draining,
        )
        self._hints = hints
        self._hinted = HintReceiver(
            self.lines,
            self.commands,
            self.dashboards.groups_changed,
            self._limits.told,
            self._spawn,
        )
        self.accounts.on_change(self.lines.credentials_changed)
        self.accounts.on_change(self._close_ended_dashboards)
        self.audit.on_records_changed(self._records_changed)

    def application(self) -> ASGIApp:
        commands = CommandEndpoints(self.commands, self._limits, self.config.secrets)
        accounts = AccountEndpoints(self.accounts, self.sessions, self.users, self.site)
        endpoints = Endpoints(
            accounts=accounts,
            audit=AuditEndpoints(self.audit),
            commands=commands,
            config=ConfigEndpoints(self.config, self.commands),
            deployments=DeploymentEndpoints(self.deployments, self.campaigns, self.firmware),
            devices=DeviceEndpoints(self.devices, self._limits),
            edge=EdgeEndpoints(self.edge),
            firmware=FirmwareEndpoints(self.firmware),
            health=HealthEndpoints(
                HealthStore(self._database), self.edge.pending, partial(login_of, self._database)
            ),
            groups=GroupEndpoints(self.groups, self.devices, commands),
            settings=SettingsEndpoints(self.organisation),
            telemetry=TelemetryEndpoints(self.telemetry),
        )
        table = routes(endpoints)
        rules = Rules(
            minimum=MINIMUM, devices=FOR_DEVICES, dispatch=Action.DISPATCH, commands=COMMAND_MINIMUM
        )
        health = Health(
            self.replica_id,
            self._database,
            draining=lambda: self.draining,
            trouble=self.telemetry.trouble,
            before_metrics=self._meter.set_gauges,
            token=self.settings.metrics_token,
        )
        jwks = StarletteRoute("/.well-known/jwks.json", accounts.jwks)
        others = [*health.routes(), jwks, *pages(table, rules, self.site.prefix)]
        return make_application(
            table,
            AccountGuard(self.accounts, self.audit, self._limits),
            others,
            Console(self.site.prefix),
            self.site,
            lambda route: route.action in FOR_DEVICES or route.action is Action.ENROLL,
        )

    async def start(self) -> None:
        """Prepare what a fresh database lacks, take a lease, begin every loop."""
        await self._make_room()
        await bring_to_present(self._database)
        await self.accounts.prepare()
        await self.edge.look()
        await self.membership.start(alone=self._alone)
        for loop in (
            self._bus.run,
            partial(
                self._bus.subscribe, [COMMON, CHANNEL, channel_of(self.replica_id)], self._hinted
            ),
            self._stream.run,
            self.accounts.watch,
            self.audit.run,
            self.telemetry.run,
            self.lines.run,
            self.lines.watch,
            self.lines.beat,
            self.membership.run,
            self.commands.run,
            self.campaigns.run,
            self.dashboards.run,
            self._pusher.run,
            self._modes.watch,
            partial(self._every, WAITING_SECONDS, self.edge.look),
            partial(self._every, ROLL_UP_SECONDS, self.telemetry.roll_up),
            partial(self._every, CLEAN_UP_SECONDS, self._clean_up),
            partial(self._every, CLOCK_SECONDS, self._watch_clock),
        ):
            self._loops.append(self._tasks.create_task(self._forever(loop)))
        await asyncio.sleep(0)
        log.info("replica_started", replica_id=self.replica_id)

    async def drain(self) -> None:
        """Send every socket elsewhere within `drain_seconds`, lose nothing, say goodbye."""
        self.draining = True
        seconds = self.settings.drain_seconds
        log.info("draining", lines=len(self.lines.registry), seconds=seconds)
        await self.lines.drain(seconds)
        self.dashboards.disconnect(lambda _: True, CloseCode.SERVICE_RESTART)
        complete = await self._flush()
        self.commands.stop_waiting()
        try:
            await self.audit.flush()
            await self.campaigns.let_go()
            await self.membership.goodbye(complete=complete)
        except HubError as error:
            log.warning("no_goodbye", error=error.detail)

    async def _flush(self) -> bool:
        """Whether all that sockets brought is committed and in the streams."""
        try:
            async with asyncio.timeout(FLUSH_SECONDS):
                await self.lines.flush()
                await self.telemetry.flush()  # results wait for the events before them
                await self.commands.flush()
                await self.membership.end_lines()
                await self.telemetry.flush()
        except (TimeoutError, HubError):
            log.warning("drain_incomplete", events=self.telemetry.waiting())
            return False
        return not (self._take_unsure() or self._unsure)

    def stop(self) -> None:
        """End every loop."""
        for loop in self._loops:
            loop.cancel()

    async def _forever(self, loop: Callable[[], Awaitable[object]]) -> None:
        """A loop that ends is a defect of ours: log it and go on."""
        while True:
            try:
                await loop()
            except Exception:
                log.exception("loop_failed", loop=str(loop))
            await asyncio.sleep(1)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> object:
        """For what a socket or a hint began: its failure must not end the replica."""

        async def guarded() -> None:
            try:
                await work
            except HubError as error:
                log.warning("task_failed", error=error.detail)
            except Exception:
                log.exception("task_failed")

        return self._tasks.create_task(guarded())

    def _groups_changed(self, org: OrgId) -> None:
        self.dashboards.groups_changed(org)
        self._hints.groups(org)

    def _show_here(self, org: OrgId, batch: EventBatch) -> None:
        self.dashboards.show(org, batch)

    def _records_changed(self, org: OrgId, changes: list[RecordChange]) -> None:
        for change in changes:
            event = RecordChanged(
                kind=change.kind,
                id=change.id,
                version=None,
                device_id=change.device_id,
                ts=self.telemetry.now(),
            )
            level = stream.RESTRICTED if change.kind in RESTRICTED else ""
            self.telemetry.publish(org, event, level)

    def _close_ended_dashboards(self, changes: list[Change]) -> None:
        sessions = {(c.subject.org, c.subject.id) for c in changes if c.subject.kind == "session"}
        users = {(c.subject.org, c.subject.id) for c in changes if c.subject.kind == "user"}
        if users:
            self.dashboards.disconnect(
                lambda who: (who.org, who.user_id) in users, CloseCode.FORBIDDEN
            )
        if sessions:
            self.dashboards.disconnect(
                lambda who: (who.org, f"{who.user_id}/{who.session_id}") in sessions,
                CloseCode.NOT_AUTHENTICATED,
            )
        if any(change.subject.kind == "signing_key" for change in changes):
            self.dashboards.disconnect(lambda _: True, CloseCode.NOT_AUTHENTICATED)

    def _tell(self, latency: float | None) -> Told:
        return self._meter.tell(latency)

    # Jobs

    async def _every(self, seconds: float, job: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await job()
            except Unavailable as error:
                log.warning("job_failed", error=error.detail)
            except Exception:
                log.exception("job_failed")

    async def _make_room(self) -> Retention:
        """Partitions for what comes; answers how long things are kept now."""
        keep = (await self.organisation.settings(DEFAULT_ORG)).retention
        now = [datetime.now(UTC)]
        await self.telemetry.make_room(keep)
        await make(self._database, self.audit.partitioned(days=keep.audit_days), now)
        return keep

    async def _watch_clock(self) -> None:
        """After a step, of ours or of the database's, what comes needs other partitions, and what
        was written before may stand in the future."""
        there = (await now_of(self._database)).timestamp()
        self._tell_of_unsure()
        here, now = time.time(), time.monotonic()
        if self._our_clock.stepped(here, now) or self._database_clock.stepped(there, now):
            log.warning("clock_stepped", here=moment_of(here), database=moment_of(there))
            self._brake.hold(now)
            await self._make_room()
            await bring_to_present(self._database)
            self._our_clock.noted(here, now)
            self._database_clock.noted(there, now)

    def _tell_of_unsure(self) -> None:
        """The database answers again: what it may have committed meanwhile, without our knowing,
        dashboards find by looking anew. Said a look later, when it has come to rest."""
        if self._unsure:
            self._stream.missed(DEFAULT_ORG)
        self._unsure = self._take_unsure()

    def _take_unsure(self) -> bool:
        return any([self._database.take_unsure(), self._reserved.take_unsure()])

    async def _clean_up(self) -> None:
        """Nothing is deleted early in a start nor soon after a step, when a clock may be wrong."""
        await self._watch_clock()
        keep = await self._make_room()
        now = time.monotonic()
        if not self._brake.may_delete(now):
            return
        await self.telemetry.clean_up(self._brake, now)
        tables = self.audit.partitioned(days=keep.audit_days)
        await drop(self._database, tables, self._brake, now)
        await self.accounts.clean_up()
        await self.membership.clean_up()
        await self.config.clean_up()
        await self.edge.clean_up(keep)
        await self.commands.forget(keep.command_days)
        await self.campaigns.clean_up(days=keep.command_days)
        await self.firmware.clean_up()


def _bus(settings: Settings) -> Bus:
    """Redis need not answer now. Raises `ConfigurationError` for an address that cannot be one."""
    try:
        return Bus(
            settings.redis_url,
            clock=time.monotonic,
            window_events=settings.stream_events,
            window_seconds=settings.stream_seconds,
        )
    except ValueError as error:
        raise ConfigurationError(f"LONGLINE_REDIS_URL: {error}") from None


def _cloud(settings: Settings) -> CloudClient | None:
    """None when there is no cloud. Raises `ConfigurationError` when it cannot be used."""
    access = Access(
        url=settings.cloud_url,
        token=settings.cloud_token,
        token_url=settings.cloud_token_url,
        client_id=settings.cloud_client_id,
        client_secret=settings.cloud_client_secret,
    )
    if not access.url:
        return None
    problem = problem_of(access)
    if problem is not None:
        raise ConfigurationError(f"LONGLINE_CLOUD_*: {problem}")
    return CloudClient(access, agent="longline-hub")


@asynccontextmanager
async def open_replica(settings: Settings, *, alone: bool = False) -> AsyncGenerator[Replica]:
    """A replica that is up to date and at work. `alone`: whoever else is in its database is dead,
    because they would need what this process holds.

    Raises `ConfigurationError`, `Unavailable`.
    """
    bus, cloud = _bus(settings), _cloud(settings)
    database = await Database.open(settings.database_url, connections=settings.database_connections)
    await bring_up_to_date(database)
    reserved = await Database.open(settings.database_url, connections=RESERVED_CONNECTIONS)
    try:
        async with asyncio.TaskGroup() as tasks:
            replica = Replica(settings, database, reserved, bus, cloud, tasks, alone=alone)
            await replica.start()
            try:
                yield replica
            finally:
                replica.stop()
    finally:
        if cloud is not None:
            await cloud.close()
        await bus.close()
        await reserved.close()
        await database.close()
