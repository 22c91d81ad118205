"""What groups give their devices of the configuration: set, and handed to one device after another.

A change of a group's document, or of who is in it, puts its devices in a row; each gets its new
configuration at its turn, so many a minute. A job walks the rows.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from msgspec import Struct

from hub.audit.entries import audit_entry
from hub.audit.service import AuditService
from hub.base.database import Connection
from hub.base.errors import Invalid, NotFound, UntrustedQuery, invalid
from hub.base.jobs import HeldJob, JobKind, RunOutcome
from hub.base.principal import Principal
from hub.config.defaults import GroupDefault, defaults_of, due
from hub.config.schema import Rule
from hub.config.state import ConfigState, with_defaults
from hub.config.store import ConfigStore, GroupDefaultRow
from protocol.canonical import canonical_json
from protocol.ids import DeviceId, OrgId

TURN_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 3.0
"""Between two looks whether a device has a turn before it."""
NO_SUCH_GROUP: Final = "no such group"
GIVES_NOTHING: Final = "the group gives no configuration"
PREVIEWED: Final = 50
AT_ONCE: Final = 500
MOST_BYTES: Final = 256 * 1024
LONG: Final = 30.0
"""Seconds for a look at all devices of a group."""


class DefaultsPreview(Struct, frozen=True):
    """What a change would change."""

    count: int
    """Devices."""
    sample: list[DeviceId]


class GroupDefaults:
    """`rate_of`: how many devices of a group a minute, by the settings of an organisation."""

    def __init__(
        self, store: ConfigStore, audit: AuditService, rate_of: Callable[[OrgId], Awaitable[int]]
    ) -> None:
        self._store = store
        self._audit = audit
        self._rate_of = rate_of
        self._second = 0

    async def get(self, org: OrgId, group_id: str) -> GroupDefaultRow:
        """Raises `NotFound`."""
        async with self._store.database.tenant(org).transaction() as connection:
            row = await self._store.group_default(connection, org, group_id)
        if row is None:
            raise NotFound(GIVES_NOTHING)
        return row

    async def set(self, by: Principal, group: GroupDefault) -> GroupDefaultRow:
        """Raises `NotFound`, and `Invalid` when a device of the group could not have what it would
        get."""
        async with self._store.database.tenant(by.org).transaction(deadline=LONG) as connection:
            await self._changing(connection, by.org, group)
            if not await self._store.set_group_default(connection, by.org, group, by.actor):
                raise NotFound(NO_SUCH_GROUP)
            await self._store.go_stale(connection, by.org, group.group_id, None)
            entry = audit_entry(by, "group.config", group.group_id, priority=group.priority)
            await self._audit.record(connection, entry)
        return await self.get(by.org, group.group_id)

    async def delete(self, by: Principal, group_id: str) -> None:
        """Raises `NotFound`."""
        async with self._store.database.tenant(by.org).transaction() as connection:
            if not await self._store.delete_group_default(connection, by.org, group_id):
                raise NotFound(GIVES_NOTHING)
            await self._store.go_stale(connection, by.org, group_id, None)
            entry = audit_entry(by, "group.config_delete", group_id)
            await self._audit.record(connection, entry)

    async def preview(self, org: OrgId, group: GroupDefault) -> DefaultsPreview:
        """Which devices would get another configuration. Raises `Invalid` as `set` does."""
        async with self._store.database.tenant(org).transaction(deadline=LONG) as connection:
            changing = await self._changing(connection, org, group)
        return DefaultsPreview(len(changing), changing[:PREVIEWED])

    async def _changing(
        self, connection: Connection, org: OrgId, group: GroupDefault
    ) -> list[DeviceId]:
        """The devices that would get another configuration. Raises `Invalid` when one of the group
        could not have what it would get."""
        rule = await self._rule(connection, org)
        trusted = await self._store.is_trusted(connection, org, group.group_id)
        if trusted is None:
            raise NotFound(NO_SUCH_GROUP)
        if not trusted:
            raise UntrustedQuery("a device could come into the group by what it says")
        changing: list[DeviceId] = []
        behind = ""
        while some := await self._store.members(
            connection, org, group.group_id, behind=behind, limit=AT_ONCE
        ):
            behind = some[-1]
            standings = await self._store.read(connection, [(org, each) for each in some])
            given = await self._store.defaults(connection, org, some)
            for (_, device_id), before in standings.items():
                others = [e for e in given.get(device_id, []) if e.group_id != group.group_id]
                after = with_defaults(before, defaults_of([*others, group]))
                _require(rule, device_id, after)
                if after.desired_version != before.desired_version:
                    changing.append(device_id)
        return changing

    async def _rule(self, connection: Connection, org: OrgId) -> Rule | None:
        rows = await self._store.schemas(connection, [org])
        return Rule(rows[0].schema) if rows else None

    # Who is in a group

    async def membership_changed(
        self, connection: Connection, org: OrgId, group_id: str, device_ids: Sequence[DeviceId]
    ) -> None:
        """In the transaction that changes it."""
        if await self._store.group_default(connection, org, group_id) is not None:
            await self._store.go_stale(connection, org, group_id, device_ids)

    # The turns

    @property
    def turns(self) -> JobKind:
        return JobKind(name="config_turns", run=self.give_turns, every=LOOK_SECONDS, keeps=True)

    async def give_turns(self, _job: HeldJob) -> RunOutcome:
        """Of one second, while somebody waits. Raises `Unavailable`."""
        second, self._second = self._second, (self._second + 1) % 60
        groups = await self._store.stale_groups()
        for org, group_id in groups:
            count = due(await self._rate_of(org), second)
            if count:
                await self._give(org, group_id, count)
        return RunOutcome(wait=TURN_SECONDS if groups else LOOK_SECONDS)

    async def _give(self, org: OrgId, group_id: str, count: int) -> None:
        async with self._store.database.tenant(org).transaction() as connection:
            turn = await self._store.take_turn(connection, org, group_id, count)
            given = await self._store.defaults(connection, org, turn)
            standings = await self._store.lock(connection, [(org, each) for each in turn])
            changed = {
                place: after
                for place, before in standings.items()
                if (after := with_defaults(before, defaults_of(given.get(place[1], [])))) != before
            }
            await self._store.report(connection, changed, hand_over=True)


def _require(rule: Rule | None, device_id: DeviceId, after: ConfigState) -> None:
    if len(canonical_json(after.desired)) > MOST_BYTES:
        raise invalid("document", f"{device_id} would have over {MOST_BYTES} bytes")
    problem = None if rule is None else rule.problem(after.desired)
    if problem is not None:
        raise Invalid(f"{device_id}: {problem.detail}", errors=problem.errors)
