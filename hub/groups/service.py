"""Groups and their members: named by hand, or by a query."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from msgspec import UNSET, UnsetType

from hub.audit.entries import AuditEntry, audit_entry, changes_of
from hub.audit.service import AuditService
from hub.base.database import Connection, beyond_scope
from hub.base.errors import Conflict, Escalation, NotFound, UntrustedQuery
from hub.base.paging import Items, decode_cursor, page_of
from hub.base.principal import Principal
from hub.base.visible import require_visible
from hub.base.zones import require_own_zone
from hub.devices.service import DeviceService
from hub.groups.dynamic import DynamicGroup, named_by, require_fine
from hub.groups.settling import Settling
from hub.groups.store import GroupRow, GroupStore
from hub.queries.service import GroupQuery, QueryService, groups_of
from hub.rights.memory import RightsMemory
from protocol.ids import DeviceId, OrgId, uuid7

__all__ = ["GroupRow", "GroupService"]


CHANGES: Final = "devices:update"

GroupUse = Callable[[Connection, OrgId, GroupRow], Awaitable[str | None]]
"""What names a group, in words; None where nothing does."""


class GroupService:
    def __init__(
        self,
        store: GroupStore,
        devices: DeviceService,
        audit: AuditService,
        queries: QueryService,
        settling: Settling,
        rights: RightsMemory,
    ) -> None:
        self._store = store
        self._rights = rights
        self._devices = devices
        self._audit = audit
        self._queries = queries
        self._settling = settling
        self._uses: list[GroupUse] = []

    def used_by(self, use: GroupUse) -> None:
        """Of what is above: a group that is used so is not deleted, and stays trusted."""
        self._uses.append(use)

    async def get(self, org: OrgId, group_id: str) -> GroupRow:
        group = await self._store.get(org, group_id)
        if group is None:
            raise NotFound("no such group")
        return group

    async def list(self, org: OrgId, *, cursor: str | None, limit: int) -> Items[GroupRow]:
        rows = await self._store.list(org, before=decode_cursor(cursor), limit=limit + 1)
        return page_of(
            rows, limit, key=lambda row: (row.created_at, row.group_id), item=lambda row: row
        )

    async def create(
        self, by: Principal, name: str, query: str | None, timezone: str | None
    ) -> GroupRow:
        """With a query it means its members by itself. Raises `Conflict` when the name is taken or
        the query leads back to where it came from, `Invalid` for a name that cannot be shown and
        for a wrong query, `UntrustedQuery`, `TooMany`."""
        require_visible(name, "name")
        require_own_zone(timezone)
        meant = None if query is None else await self._queries.read_for_group(by.org, query)
        group_id = uuid7()
        async with self._store.database.tenant(by.org).transaction() as connection:
            await self._settling.store.change_alone(connection, by.org)
            if meant is not None:
                others = await self._settling.store.dynamic(connection, by.org)
                require_fine(_dynamic(group_id, meant), others)
            group = await self._store.create(connection, by.org, group_id, name, timezone, meant)
            entry = audit_entry(by, "group.create", group_id, name=name, query=query)
            await self._audit.record(connection, entry)
        return group if meant is None else await self._found(by.org, group_id, meant)

    async def change(
        self,
        by: Principal,
        group_id: str,
        name: str,
        query: str | None,
        timezone: str | UnsetType | None,
    ) -> GroupRow:
        """Without a query whom it means stays, and its time zone without one; None takes that away.
        Raises `NotFound`, and as `create`."""
        require_visible(name, "name")
        require_own_zone(timezone)
        was = await self.get(by.org, group_id)
        meant = None
        if query is not None and query != was.query:
            if was.query is None:
                raise Conflict("the members of this group are named by hand")
            meant = await self._queries.read_for_group(by.org, query)
        async with self._store.database.tenant(by.org).transaction() as connection:
            if meant is not None:
                await self._settling.store.change_alone(connection, by.org)
            zone = was.timezone if timezone is UNSET else timezone
            if not await self._store.describe(connection, by.org, group_id, name, zone):
                raise NotFound("no such group")
            if meant is not None:
                await self._require_changing(connection, by, was, meant)
                await self._store.mean(connection, by.org, group_id, meant)
            text = was.query if meant is None else meant.text
            changes = changes_of(
                {"name": was.name, "query": was.query, "timezone": was.timezone},
                {"name": name, "query": text, "timezone": zone},
            )
            entry = audit_entry(by, "group.update", group_id, changes=changes)
            await self._audit.record(connection, entry)
        if meant is not None:
            return await self._found(by.org, group_id, meant)
        return await self.get(by.org, group_id)

    async def _require_changing(
        self, connection: Connection, by: Principal, was: GroupRow, query: GroupQuery
    ) -> None:
        """Whether a group may mean others from now on. Raises `Conflict`, `UntrustedQuery`,
        `TooMany`, and `Escalation`: who is in a group that is a scope is somebody's to see."""
        if not by.rights.everywhere(CHANGES):
            raise Escalation("a query brings any device in: you have no right over all of them")
        others = await self._settling.store.dynamic(connection, by.org)
        require_fine(_dynamic(was.group_id, query), others)
        if not query.trusted:
            used = await self._use(connection, by.org, was)
            if used is None and await self._store.has_defaults(connection, by.org, was.group_id):
                used = "a configuration"
            if used is not None:
                raise UntrustedQuery(
                    f"query: a device could come in by what it says, and {used} hangs on the group"
                )

    async def _found(self, org: OrgId, group_id: str, query: GroupQuery) -> GroupRow:
        """With its members, where they are known at once."""
        if query.trusted:
            await self._settling.find(org, _dynamic(group_id, query))
        return await self.get(org, group_id)

    async def delete(self, by: Principal, group_id: str) -> None:
        """Raises `NotFound`, and `Conflict` while rights, other groups or targets hang on it."""
        group = await self.get(by.org, group_id)
        async with self._store.database.tenant(by.org).transaction() as connection:
            await self._settling.store.change_alone(connection, by.org)
            used = await self._use(connection, by.org, group)
            if used is not None:
                raise Conflict(f"{used} hangs on the group")
            leaving = await self._store.members_of(connection, by.org, group_id)
            await self._settling.tell(connection, by.org, group_id, leaving)
            members = await self._store.delete(connection, by.org, group_id)
            if members is None:
                raise NotFound("no such group")
            entries = _membership(by, "group.delete", group_id, members)
            await self._audit.record(connection, *entries)

    async def _use(self, connection: Connection, org: OrgId, group: GroupRow) -> str | None:
        """What hangs on a group and would be lost with it, in words."""
        if await self._store.is_scope(connection, org, group.group_id):
            return "a role binding"
        if named_by(await self._settling.store.dynamic(connection, org), group.group_id):
            return "the query of another group"
        for use in self._uses:
            used = await use(connection, org, group)
            if used is not None:
                return used
        return None

    async def members(self, org: OrgId, group_ids: Sequence[str]) -> Sequence[DeviceId]:
        """The devices in any of these groups."""
        return await self._store.members(org, group_ids)

    async def members_of_each(
        self, org: OrgId, group_ids: Sequence[str]
    ) -> Mapping[str, frozenset[str]]:
        return await self._store.members_of_each(org, group_ids)

    async def add(self, by: Principal, group_id: str, device_ids: Sequence[str]) -> GroupRow:
        """All or none. Raises `NotFound` when the group, or one of the devices, is not there,
        `Conflict` for a dynamic group, `Escalation` for a device over which the caller has no
        right, into a group that is a scope."""
        _require_by_hand(await self.get(by.org, group_id))
        await self._require_right(by, group_id, device_ids)
        unknown = set(device_ids) - await self._devices.known(by.org, list(device_ids))
        if unknown:
            raise NotFound(f"no such device: {min(unknown)}")
        async with self._store.database.tenant(by.org).transaction() as connection:
            await self._settling.store.lock_devices(connection, by.org, device_ids)
            await self._store.add_members(connection, by.org, group_id, device_ids)
            await self._moved(connection, by, "group.add_members", group_id, device_ids)
        return await self.get(by.org, group_id)

    async def _moved(
        self,
        connection: Connection,
        by: Principal,
        action: str,
        group_id: str,
        device_ids: Sequence[str],
    ) -> None:
        moved = [DeviceId(each) for each in device_ids]
        await self._settling.tell(connection, by.org, group_id, moved)
        await self.settle(connection, by, moved)
        await self._audit.record(connection, *_membership(by, action, group_id, device_ids))

    async def settle(
        self, connection: Connection, by: Principal, device_ids: Sequence[DeviceId]
    ) -> None:
        """What queries of groups ask for has changed of these devices: they come into the groups
        that mean them now, and leave the others. Raises `Escalation` where one would come into a
        group that is a scope, and the caller has no right there."""
        moves = await self._settling.settle(connection, by.org, device_ids)
        if by.kind == "hub" or by.kind == "device" or by.rights.everywhere(CHANGES):
            return
        for group_id, move in moves.items():
            if move.comes and not await self._may_bring(connection, by, group_id):
                entry = audit_entry(by, "group.add_members", group_id, outcome="refused")
                await self._audit.note(entry)
                raise Escalation(
                    f"rights are bound to the group {group_id}, and you have none there"
                )

    async def _may_bring(self, connection: Connection, by: Principal, group_id: str) -> bool:
        if all(group_id in reach.groups for reach in by.rights.reaches(CHANGES)):
            return True
        async with beyond_scope(connection, by.org):
            return not await self._store.is_scope(connection, by.org, group_id)

    async def _require_right(self, by: Principal, group_id: str, device_ids: Sequence[str]) -> None:
        if by.kind == "hub" or by.rights.everywhere(CHANGES):
            return
        async with self._store.database.tenant(by.org).transaction() as connection:
            if not await self._store.is_scope(connection, by.org, group_id):
                return
        reaches = by.rights.reaches(CHANGES)
        reached = set(await self._rights.within(by.org, reaches, device_ids))
        outside = [each for each in device_ids if each not in reached]
        if outside:
            action = "group.add_members"
            await self._audit.note(audit_entry(by, action, group_id, outcome="refused"))
            raise Escalation(f"rights are bound to this group, and you have none over {outside[0]}")

    async def require_admitting(
        self,
        by: Principal,
        group_ids: Sequence[str],
        *,
        action: str,
        gone_is_fine: bool = False,
    ) -> None:
        """Whether the caller may have devices come into these groups that it does not know yet.
        Raises `NotFound`, and `Escalation`: who is in a group that is a scope is somebody's to
        see."""
        for group_id in group_ids:
            group = await self._store.get(by.org, group_id)
            if group is None and gone_is_fine:
                continue
            if group is None:
                raise NotFound("no such group")
            if not await self._may_admit(by, group):
                await self._audit.note(audit_entry(by, action, group_id, outcome="refused"))
                raise Escalation(f"you may not have new devices come into the group {group.name}")

    async def _may_admit(self, by: Principal, group: GroupRow) -> bool:
        if by.kind == "hub":
            return True
        if not by.rights.everywhere("device-groups:update", group.name):
            return False
        if by.rights.everywhere(CHANGES):
            return True
        async with self._store.database.tenant(by.org).transaction() as connection:
            return not await self._store.is_scope(connection, by.org, group.group_id)

    async def admit(
        self, connection: Connection, org: OrgId, group_id: str, device_id: DeviceId
    ) -> None:
        """A device that enrols comes into a group; one that is there no more, or means its members
        by itself, it misses."""
        if await self._store.lock(connection, org, group_id):
            await self._store.add_members(connection, org, group_id, [device_id])
            await self._settling.tell(connection, org, group_id, [device_id])

    async def remove(self, by: Principal, group_id: str, device_ids: Sequence[str]) -> GroupRow:
        """Raises `NotFound`, `Conflict` for a dynamic group."""
        _require_by_hand(await self.get(by.org, group_id))
        async with self._store.database.tenant(by.org).transaction() as connection:
            await self._settling.store.lock_devices(connection, by.org, device_ids)
            await self._store.remove_members(connection, by.org, group_id, device_ids)
            await self._moved(connection, by, "group.remove_members", group_id, device_ids)
        return await self.get(by.org, group_id)


def _dynamic(group_id: str, query: GroupQuery) -> DynamicGroup:
    return DynamicGroup(
        group_id=group_id,
        query=query.text,
        tree=query.tree,
        named=frozenset(groups_of(query.tree)),
        trusted=query.trusted,
        volatile=query.volatile,
    )


def _require_by_hand(group: GroupRow) -> None:
    if group.query is not None:
        raise Conflict("the members of this group follow from its query")


def _membership(
    by: Principal, action: str, group_id: str, device_ids: Sequence[str]
) -> list[AuditEntry]:
    """One row for the group, and one for each device: it is found by either."""
    of_group = audit_entry(by, action, group_id, deviceIds=list(device_ids))
    return [of_group, *(audit_entry(by, action, each, groupId=group_id) for each in device_ids)]
