"""The dashboards' fan-out on the floors of the hub: whose tokens count, who is in a group, what it
shows, and whose sockets end."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Final

from dashboard_ws.core.filters import Area, Sight
from dashboard_ws.dashboards import Dashboards
from dashboard_ws.ports import Authorised
from hub.accounts.service import AccountService, VersionChange
from hub.audit.records import RESTRICTED, RecordChange
from hub.audit.service import AuditService
from hub.base.clocks import DatabaseClock
from hub.base.errors import Invalid, Unauthenticated, UntrustedQuery
from hub.base.foundation import Capability, Foundation
from hub.base.holding import ANY_COMMAND, Holding, Reach, Right
from hub.base.principal import Principal
from hub.groups.service import GroupService
from hub.queries.service import QueryService
from hub.rights.memory import EVERYBODY
from hub.socket.framing import text_frame
from hub.telemetry.writer import TelemetryWriter
from protocol import stream
from protocol.closing import CloseCode
from protocol.dashboard import RecordChanged
from protocol.ids import OrgId

SEES: Final = "telemetry:list"
"""The right to see the events of a device."""


def build(
    base: Foundation,
    audit: AuditService,
    telemetry: TelemetryWriter,
    accounts: AccountService,
    groups: GroupService,
    queries: QueryService,
) -> tuple[Dashboards, Capability]:
    dashboards = Dashboards(
        source=base.bus,
        tokens=DashboardTokens(accounts),
        groups=DashboardGroups(groups),
        queries=DashboardQueries(queries),
        clock=Clock(base.clock),
        frame=text_frame,
        replica_id=base.replica_id,
    )
    accounts.on_change(partial(close_ended, dashboards))
    audit.on_records_changed(partial(publish_changes, telemetry))
    return dashboards, Capability(loops=(dashboards.run,))


def close_ended(dashboards: Dashboards, changes: list[VersionChange]) -> None:
    """Close the sockets of ended sessions, users and signing keys."""
    sessions = {(c.subject.org, c.subject.id) for c in changes if c.subject.kind == "session"}
    users = {(c.subject.org, c.subject.id) for c in changes if c.subject.kind == "user"}
    if users:
        dashboards.disconnect(lambda who: (who.org, who.user_id) in users, CloseCode.FORBIDDEN)
    if sessions:
        dashboards.disconnect(
            lambda who: (who.org, f"{who.user_id}/{who.session_id}") in sessions,
            CloseCode.NOT_AUTHENTICATED,
        )
    rights = {(c.subject.org, c.subject.id) for c in changes if c.subject.kind == "rights"}
    if rights:
        dashboards.rights_changed(
            lambda who: (who.org, who.user_id) in rights or (who.org, EVERYBODY) in rights
        )
    if any(change.subject.kind == "signing_key" for change in changes):
        dashboards.disconnect(lambda _: True, CloseCode.NOT_AUTHENTICATED)


def publish_changes(telemetry: TelemetryWriter, org: OrgId, changes: list[RecordChange]) -> None:
    for change in changes:
        event = RecordChanged(
            kind=change.kind,
            id=change.id,
            version=None,
            device_id=change.device_id,
            ts=telemetry.now(),
        )
        telemetry.publish(org, event, stream.RESTRICTED if change.kind in RESTRICTED else "")


class Clock:
    """The clock of the process, and the database's, for whoever takes both."""

    def __init__(self, database: DatabaseClock) -> None:
        self._database = database

    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._database(), UTC)


class DashboardTokens:
    """The token check of the dashboards: users only."""

    def __init__(self, accounts: AccountService) -> None:
        self._accounts = accounts

    async def check(self, token: str) -> Authorised | None:
        try:
            return _authorised(await self._accounts.user(token))
        except Unauthenticated:
            return None

    async def redeem(self, ticket: str) -> Authorised | None:
        try:
            return _authorised(await self._accounts.redeem(ticket))
        except Unauthenticated:
            return None

    async def sight(self, authorised: Authorised) -> Sight | None:
        rights = await self._accounts.rights_of(
            authorised.org, authorised.user_id, authorised.session_id
        )
        return None if rights is None else sight_of(rights)


def _authorised(principal: Principal) -> Authorised:
    return Authorised(
        org=principal.org,
        user_id=principal.subject,
        session_id=principal.session_id or "",
        role=principal.role or "",
        sight=sight_of(principal.rights),
        expires_at=datetime.fromtimestamp(principal.expires_at, UTC),
    )


def sight_of(rights: Holding) -> Sight:
    """Of which devices somebody sees the events, and of which also what secret commands wrote:
    where every command may be dispatched. Over REST it goes by the single command."""
    return Sight(
        sees=_area(rights, SEES),
        cleared=_area(rights, ANY_COMMAND),
    )


async def sight_in(accounts: AccountService, org: OrgId, rights: Holding, right: Right) -> Sight:
    """The same at this moment, by a right of its own; also of an API key, which has no more than
    its owner has."""
    sees = await accounts.reach_of(org, rights, right)
    cleared = await accounts.reach_of(org, rights, ANY_COMMAND)
    return Sight(sees=_covered(sees), cleared=_covered(cleared))


def _covered(reach: Reach | None) -> Area | None:
    return None if reach is None else Area(reach.groups, reach.devices)


def _area(rights: Holding, right: Right) -> Area | None:
    """Where a right holds for all names; None for everywhere. Users' rights have no owner's round
    them, so that there is one reach at most."""
    reaches = rights.reaches(right, "")
    if not reaches:
        return None
    return Area(reaches[0].groups, reaches[0].devices)


class DashboardGroups:
    """The membership of groups, as the dashboards' filters need it."""

    def __init__(self, groups: GroupService) -> None:
        self._groups = groups

    async def members(self, org: OrgId, group_ids: frozenset[str]) -> frozenset[str]:
        return frozenset(await self._groups.members(org, sorted(group_ids)))

    async def members_of_each(
        self, org: OrgId, group_ids: frozenset[str]
    ) -> Mapping[str, frozenset[str]]:
        return await self._groups.members_of_each(org, sorted(group_ids))


class DashboardQueries:
    """Whom queries mean, as the filters of event streams need it."""

    def __init__(self, queries: QueryService) -> None:
        self._queries = queries

    async def devices(self, org: OrgId, query: str) -> frozenset[str]:
        try:
            tree = await self._queries.read_trusted(org, query)
        except (Invalid, UntrustedQuery):
            return frozenset()  # of groups that are gone, or that devices may come into now
        return await self._queries.meant(org, tree)
