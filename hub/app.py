"""The composition root of a replica: the builds of all capabilities, in the order of the floors.

`Replica` serves until `stop()` is called: not ready, no new sockets, devices are sent elsewhere,
results are flushed, goodbye.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from contextvars import Context
from functools import partial
from importlib.metadata import version
from typing import Any, Final

import structlog
from starlette.routing import BaseRoute
from starlette.routing import Route as StarletteRoute
from starlette.types import ASGIApp

from cloud.access import Access, problem_of
from cloud.client import CloudClient
from cloud.outward import is_in_clear
from hub.accounts.guards import AccountGuard
from hub.accounts.wiring import build as build_accounts
from hub.alerts.wiring import build as build_alerts
from hub.approvals.wiring import build as build_approvals
from hub.audit.entries import Hide
from hub.audit.wiring import build as build_audit
from hub.base.bus import Bus
from hub.base.clocks import DatabaseClock
from hub.base.database import Connection, Database
from hub.base.errors import ConfigurationError, HubError, Unavailable
from hub.base.foundation import Foundation
from hub.base.job_runner import JobRunner
from hub.base.job_store import JobStore
from hub.base.migrate import bring_up_to_date
from hub.base.outward import way_out_of
from hub.base.principal import Principal
from hub.base.retention import ShownFor
from hub.base.sealing import prepare as prepare_sealing
from hub.base.settings import Settings
from hub.base.vault import Vault
from hub.base.vault import of_settings as vault_of
from hub.campaigns.wiring import build as build_campaigns
from hub.certificates.listener import DeviceListenerTls
from hub.certificates.rest import CRL_PATH
from hub.certificates.wiring import build as build_certificates
from hub.channels.wiring import build as build_channels
from hub.commands.wiring import build as build_commands
from hub.config.wiring import build as build_config
from hub.dashboards import build as build_dashboards
from hub.desired.wiring import build as build_desired
from hub.devices.wiring import build as build_devices
from hub.edge.wiring import build as build_edge
from hub.enrollment.wiring import build as build_enrollment
from hub.event_streams.wiring import build as build_event_streams
from hub.firmware.wiring import build as build_firmware
from hub.gate import build as build_gate
from hub.groups.wiring import build as build_groups
from hub.history.wiring import build as build_history
from hub.lines.wiring import build as build_lines
from hub.organisations.wiring import build as build_organisations
from hub.own.wiring import build as build_own
from hub.plain.rest import routes as plain_routes
from hub.plain.wiring import build as build_plain
from hub.probes import Probes
from hub.queries.wiring import build as build_queries
from hub.replicas.hints import HintSender
from hub.replicas.wiring import build as build_replicas
from hub.rights.access import FOR_DEVICES, Door
from hub.rights.service import RightsGuards
from hub.rights.wiring import build as build_rights
from hub.routes import ROUTES, RULES
from hub.rules.wiring import build as build_rules
from hub.schedules.wiring import build as build_schedules
from hub.secrets.wiring import build as build_secrets
from hub.sessions.wiring import build as build_sessions
from hub.telemetry.wiring import build as build_telemetry
from hub.upkeep import Upkeep
from hub.usage.wiring import build as build_usage
from hub.web.application import make_application, not_found
from hub.web.console import Console
from hub.web.limits import RequestLimits
from hub.web.pages import pages
from hub.web.route import Route
from hub.web.site import Site
from hub.web.updates import updates
from hub.webhooks.wiring import build as build_webhooks
from hub.workloads.wiring import build as build_workloads
from protocol.closing import CloseCode
from protocol.ids import DeviceId, OrgId, new_replica_id
from protocol.stream import EventBatch

log = structlog.get_logger(__name__)

RESERVED_CONNECTIONS: Final = 3
FLUSH_SECONDS: Final = 2.0


class Replica:
    """One replica: `async with open_replica(settings) as replica`, then `serve`."""

    def __init__(
        self,
        settings: Settings,
        vault: Vault,
        database: Database,
        reserved: Database,
        bus: Bus,
        cloud: CloudClient | None,
        tasks: asyncio.TaskGroup,
        *,
        alone: bool,
    ) -> None:
        self.settings = settings
        self.draining = False
        self._tasks = tasks
        self._loops: list[asyncio.Task[None]] = []
        self._base = base = Foundation(
            settings=settings,
            vault=vault,
            database=database,
            reserved=reserved,
            bus=bus,
            replica_id=new_replica_id(),
            version=version("longline"),
            clock=DatabaseClock(),
            spawn=self._spawn,
            is_draining=lambda: self.draining,
            wake_jobs=lambda: self._jobs.wake(),
        )
        self.site = site = Site(
            settings.public_url, host=settings.host, allowed_origins=settings.allowed_origins
        )
        self._limits = limits = RequestLimits(
            settings,
            base.replica_id,
            clock=time.monotonic,
            publish=bus.publish,
            later=asyncio.get_running_loop().call_later,
        )
        hints = HintSender(bus)

        def show_groups(org: OrgId, group_id: str) -> None:
            self.dashboards.groups_changed(org, group_id)
            hints.groups(org, group_id)

        async def settle(
            connection: Connection, by: Principal, device_ids: Sequence[DeviceId]
        ) -> None:
            await groups.settle(connection, by, device_ids)

        async def secrets(org: OrgId) -> Hide:
            return await config.secrets(org)

        async def shown_of(org: OrgId) -> ShownFor:
            return await self.people.organisation.shown_for(org)

        def show(org: OrgId, batch: EventBatch) -> None:
            self.dashboards.show(org, batch)

        self.audit, self._sealer, of_audit = build_audit(base, shown_of=shown_of)
        self.telemetry, stream, of_telemetry = build_telemetry(base, show=show, shown_of=shown_of)
        self.people, signing_in, of_accounts = build_accounts(base, self.audit, site)
        self._jwks = signing_in.jwks
        people, accounts = self.people, self.people.accounts
        _, of_rights = build_rights(
            base,
            self.audit,
            people.rights,
            RightsGuards(people.recent.require, people.users.keep_an_admin, accounts.refresh),
        )
        of_organisations = build_organisations(base, self.audit, people, signing_in, site)
        secret_service, of_secrets = build_secrets(base, self.audit)
        self.certificates, of_certificates = build_certificates(
            base, self.audit, self.telemetry, accounts
        )
        queries, of_queries = build_queries(base)
        of_history = build_history(base, accounts, queries, shown_of=shown_of)
        alerts, of_alerts = build_alerts(base, self.audit, self.telemetry, queries)
        notifications, of_channels = build_channels(
            base, self.audit, self.telemetry, queries, people.rights
        )
        of_rules = build_rules(
            base,
            self.audit,
            self.telemetry,
            accounts,
            queries,
            people.rights,
            alerts,
            notifications,
        )
        of_webhooks = build_webhooks(
            base, self.audit, self.telemetry, accounts, queries, people.rights
        )
        devices, of_devices = build_devices(
            base,
            self.audit,
            accounts,
            queries,
            people.rights,
            settle=settle,
            hint_desired=hints.desired,
            hint_quarantine=hints.quarantine,
        )
        self.lines, of_lines = build_lines(
            base, self.telemetry, accounts, hint_takeover=hints.taken
        )
        self.sessions, of_sessions = build_sessions(
            base, self.audit, accounts, self.certificates.service, people.rights, self.lines,
            hint=hints.session,
        )  # fmt: skip
        own, of_own = build_own(base, self.lines)
        approvals, of_approvals = build_approvals(
            base, self.audit, people.rights, people.organisation, secrets=secrets
        )
        self.commands, dispatching, of_commands = build_commands(
            base, self.audit, self.telemetry, accounts, limits, own, people.rights, secret_service,
            people.command_keys.trusted, approvals, hints=hints, secrets=secrets, shown_of=shown_of,
        )  # fmt: skip
        config, defaults, of_config = build_config(
            base,
            self.audit,
            self.lines,
            self.commands,
            rate_of=self.people.organisation.config_rate,
        )  # fmt: skip
        groups, of_groups = build_groups(
            base,
            self.audit,
            devices,
            dispatching,
            queries,
            people.rights,
            on_change=show_groups,
            membership=defaults.membership_changed,
        )
        enrollment, of_enrollment = build_enrollment(
            base, self.audit, self.telemetry, accounts, devices, groups, people.rights, limits,
            self.certificates.service, self.certificates.authority,
        )  # fmt: skip
        self._plain = build_plain(base, enrollment)
        edge, of_edge = build_edge(base, self.audit, self.telemetry, cloud=cloud, shown_of=shown_of)
        desired, of_desired = build_desired(
            base,
            self.audit,
            devices,
            self.lines,
            self.commands,
            config,
            hint_desired=hints.desired,
        )  # fmt: skip
        self.campaigns, of_campaigns = build_campaigns(
            base, self.audit, self.telemetry, self.commands, approvals, devices, groups, queries,
            people.rights, secrets=secrets, shown_of=shown_of,
        )  # fmt: skip
        of_firmware = build_firmware(base, self.audit, self.commands, self.campaigns, desired)
        of_workloads = build_workloads(
            base, self.audit, devices, self.lines, approvals, groups, self.campaigns, dispatching,
            desired, secret_service, people.command_keys.trusted, queries,
            hint_desired=hints.desired,
        )  # fmt: skip
        of_schedules = build_schedules(
            base, self.audit, self.telemetry, self.commands, self.campaigns, approvals,
            people.rights, secrets=secrets,
        )  # fmt: skip
        self.dashboards, of_dashboards = build_dashboards(
            base, self.audit, self.telemetry, accounts, groups, queries
        )
        of_event_streams = build_event_streams(base, accounts, queries, self.dashboards)
        self.membership, meter, of_replicas = build_replicas(
            base, self.telemetry, stream, self.lines, self.commands, desired, edge, self.dashboards,
            self.sessions.asking, hear=limits.told, audit=self._sealer.health, alone=alone,
        )  # fmt: skip
        self.capabilities = (
            of_audit, of_telemetry, of_accounts, of_rights, of_organisations, of_secrets,
            of_certificates, of_queries, of_history, of_alerts, of_channels, of_rules, of_webhooks,
            of_devices, of_lines, of_sessions, of_own, of_approvals, of_commands, of_config,
            of_groups, of_enrollment, of_edge, of_desired, of_campaigns, of_firmware, of_workloads,
            of_schedules, of_dashboards, of_event_streams, of_replicas,
            build_usage(base),
        )  # fmt: skip
        self._upkeep = Upkeep(base, self.people.organisation, stream, self.capabilities)
        self._jobs = JobRunner(
            JobStore(base.reserved, base.replica_id),
            [*self._upkeep.jobs, *(job for each in self.capabilities for job in each.jobs)],
        )
        self._alone = alone
        self.gate = build_gate(
            base, site, accounts, self.certificates.service, self.telemetry, self.lines,
            self.commands, self.dashboards, self.sessions.gate, self.capabilities,
        )  # fmt: skip
        self._probes = Probes(
            base.replica_id,
            base.database,
            draining=base.is_draining,
            trouble=self.telemetry.trouble,
            before_metrics=meter.set_gauges,
            token=settings.metrics_token,
        )

    def application(self) -> ASGIApp:
        """Everything."""
        others = [
            *self._probes.routes(),
            StarletteRoute("/.well-known/jwks.json", self._jwks),
            StarletteRoute(CRL_PATH, self.certificates.endpoints.revocation_list),
            *updates(self.settings.updates_dir),
            *pages(ROUTES, RULES, self.site.prefix),
        ]
        return self._served(ROUTES, others, Console(self.site.prefix))

    def device_application(self) -> ASGIApp:
        """What devices call, and nothing else."""
        return self._served([route for route in ROUTES if _is_for_devices(route)], [], not_found)

    def _served(self, routes: Sequence[Route], others: list[BaseRoute], last: ASGIApp) -> ASGIApp:
        guard = AccountGuard(
            self.people.accounts,
            self.audit,
            self._limits,
            self.certificates.service,
            self.people.recent.methods,
            certificate_required=self.settings.device_certificates == "required",
        )
        return make_application(
            routes,
            [one for capability in self.capabilities for one in capability.endpoints],
            guard,
            [*others, *plain_routes(self._plain, guard, last)],
            last,
            self.site,
            _is_for_devices,
        )

    def device_tls(self) -> DeviceListenerTls:
        """For the device listener. Raises `ConfigurationError`, `MasterKeyMissing`."""
        own = self.settings.tls_cert, self.settings.tls_key
        return DeviceListenerTls(
            self.certificates.authority, self.site.hosts, own if all(own) else None
        )

    async def start(self) -> None:
        """Prepare what a fresh database lacks, take a lease, begin every loop."""
        await self._upkeep.prepare()
        for capability in self.capabilities:
            for prepare in capability.prepare:
                await prepare()
        await self._jobs.prepare(alone=self._alone)
        for capability in self.capabilities:
            self._begin(*capability.loops)
            self._begin(*(partial(_every, each.seconds, each.run) for each in capability.timers))
        self._begin(*(partial(_every, each.seconds, each.run) for each in self._upkeep.timers))
        self._begin(self._jobs.run)
        await asyncio.sleep(0)
        log.info("replica_started", replica_id=self._base.replica_id)

    async def drain(self) -> None:
        """Send every socket elsewhere within `drain_seconds`, lose nothing, say goodbye."""
        self.draining = True
        self._jobs.leave()
        seconds = self.settings.drain_seconds
        log.info("drain_began", lines=len(self.lines.registry), seconds=seconds)
        await self.lines.drain(seconds)
        self.sessions.host.drain()
        self.dashboards.disconnect(lambda _: True, CloseCode.SERVICE_RESTART)
        complete = await self._flush()
        self.commands.stop_waiting()
        try:
            await self.audit.flush()
            await self._sealer.seal()
            await self._sealer.tell()
            await self._jobs.stop()
            await self.membership.goodbye(complete=complete)
        except HubError as error:
            log.warning("no_goodbye", error=error.detail)

    async def _flush(self) -> bool:
        """Whether all that sockets brought is committed and in the streams."""
        try:
            async with asyncio.timeout(FLUSH_SECONDS):
                await self.lines.flush()
                await self.sessions.host.flush()
                await self.telemetry.flush()  # results wait for the events before them
                await self.commands.flush()
                await self.membership.end_lines()
                await self.telemetry.flush()
        except (TimeoutError, HubError):
            log.warning("drain_incomplete", events=self.telemetry.waiting())
            return False
        return not self._upkeep.is_unsure()

    def stop(self) -> None:
        """End every loop."""
        for loop in self._loops:
            loop.cancel()

    def _begin(self, *loops: Callable[[], Awaitable[object]]) -> None:
        self._loops += [self._tasks.create_task(_forever(loop)) for loop in loops]

    def _spawn(self, work: Coroutine[Any, Any, None]) -> object:
        """In a context of its own: whoever began it may see less than it needs."""
        return self._tasks.create_task(_guarded(work), context=Context())


def _is_for_devices(route: Route) -> bool:
    return route.action in FOR_DEVICES or route.action is Door.ENROLL


async def _guarded(work: Coroutine[Any, Any, None]) -> None:
    """What a socket or a hint began: its failure must not end the replica."""
    try:
        await work
    except HubError as error:
        log.warning("task_failed", error=error.detail)
    except Exception:
        log.exception("task_failed")


async def _forever(loop: Callable[[], Awaitable[object]]) -> None:
    """A loop that ends is a defect of ours: log it and go on."""
    while True:
        try:
            await loop()
        except Exception:
            log.exception("loop_failed", loop=str(loop))
        await asyncio.sleep(1)


async def _every(seconds: float, call: Callable[[], Awaitable[object]]) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            await call()
        except Unavailable as error:
            log.warning("timer_failed", error=error.detail)
        except Exception:
            log.exception("timer_failed")


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
    if not settings.cloud_insecure and any(map(is_in_clear, (access.url, access.token_url))):
        raise ConfigurationError(
            "the cloud is another machine, and its URL is http: use https, or set"
            " LONGLINE_CLOUD_INSECURE=on"
        )
    return CloudClient(access, agent="longline-hub", way_out=way_out_of(settings))


@asynccontextmanager
async def open_replica(settings: Settings, *, alone: bool = False) -> AsyncGenerator[Replica]:
    """A replica that is up to date and at work. `alone`: whoever else is in its database is dead,
    because they would need what this process holds.

    Raises `ConfigurationError`, `Unavailable`.
    """
    bus, cloud, vault = _bus(settings), _cloud(settings), vault_of(settings)
    database = await Database.open(settings.database_url, connections=settings.database_connections)
    await bring_up_to_date(database)
    await prepare_sealing(database, vault)
    reserved = await Database.open(settings.database_url, connections=RESERVED_CONNECTIONS)
    try:
        async with asyncio.TaskGroup() as tasks:
            replica = Replica(settings, vault, database, reserved, bus, cloud, tasks, alone=alone)
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
