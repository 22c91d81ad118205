"""Groups and their members. `on_change` is told when membership may have changed, `membership`
while it does."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from hub.audit.entries import AuditEntry, audit_entry, changes_of
from hub.audit.service import AuditService
from hub.base.database import Connection
from hub.base.errors import Escalation, NotFound
from hub.base.paging import Items, decode_cursor, page_of
from hub.base.principal import Principal
from hub.base.visible import require_visible
from hub.devices.service import DeviceService
from hub.groups.store import GroupRow, GroupStore
from hub.rights.memory import RightsMemory
from protocol.ids import DeviceId, OrgId, uuid7

__all__ = ["GroupRow", "GroupService"]


CHANGES: Final = "devices:update"
MembershipListener = Callable[[Connection, OrgId, str, Sequence[DeviceId]], Awaitable[None]]
"""Given a group, and the devices that come into it or leave it, in the transaction."""


class GroupService:
    def __init__(
        self,
        store: GroupStore,
        devices: DeviceService,
        audit: AuditService,
        on_change: Callable[[OrgId, str], None],
        membership: MembershipListener,
        rights: RightsMemory,
    ) -> None:
        self._store = store
        self._rights = rights
        self._devices = devices
        self._audit = audit
        self._on_change = on_change
        self._membership = membership

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

    async def create(self, by: Principal, name: str) -> GroupRow:
        """Raises `Conflict` when the name is taken, `Invalid` when it cannot be shown."""
        require_visible(name, "name")
        async with self._store.database.tenant(by.org).transaction() as connection:
            group = await self._store.create(connection, by.org, uuid7(), name)
            await self._audit.record(
                connection, audit_entry(by, "group.create", group.group_id, name=name)
            )
        return group

    async def rename(self, by: Principal, group_id: str, name: str) -> GroupRow:
        """Raises `NotFound`, `Conflict`, `Invalid`."""
        require_visible(name, "name")
        was = await self.get(by.org, group_id)
        async with self._store.database.tenant(by.org).transaction() as connection:
            if not await self._store.rename(connection, by.org, group_id, name):
                raise NotFound("no such group")
            changes = changes_of({"name": was.name}, {"name": name})
            entry = audit_entry(by, "group.update", group_id, changes=changes)
            await self._audit.record(connection, entry)
        return await self.get(by.org, group_id)

    async def delete(self, by: Principal, group_id: str) -> None:
        async with self._store.database.tenant(by.org).transaction() as connection:
            leaving = await self._store.members_of(connection, by.org, group_id)
            await self._membership(connection, by.org, group_id, leaving)
            members = await self._store.delete(connection, by.org, group_id)
            if members is None:
                raise NotFound("no such group")
            entries = _membership(by, "group.delete", group_id, members)
            await self._audit.record(connection, *entries)
        self._on_change(by.org, group_id)

    async def members(self, org: OrgId, group_ids: Sequence[str]) -> Sequence[DeviceId]:
        """The devices in any of these groups."""
        return await self._store.members(org, group_ids)

    async def members_of_each(
        self, org: OrgId, group_ids: Sequence[str]
    ) -> Mapping[str, frozenset[str]]:
        return await self._store.members_of_each(org, group_ids)

    async def add(self, by: Principal, group_id: str, device_ids: Sequence[str]) -> GroupRow:
        """All or none. Raises `NotFound` when the group, or one of the devices, is not there,
        `Escalation` for a device over which the caller has no right, into a group that is a
        scope."""
        await self.get(by.org, group_id)
        await self._require_right(by, group_id, device_ids)
        unknown = set(device_ids) - await self._devices.known(by.org, list(device_ids))
        if unknown:
            raise NotFound(f"no such device: {min(unknown)}")
        async with self._store.database.tenant(by.org).transaction() as connection:
            await self._store.add_members(connection, by.org, group_id, device_ids)
            await self._membership(connection, by.org, group_id, _ids(device_ids))
            entries = _membership(by, "group.add_members", group_id, device_ids)
            await self._audit.record(connection, *entries)
        self._on_change(by.org, group_id)
        return await self.get(by.org, group_id)

    async def _require_right(self, by: Principal, group_id: str, device_ids: Sequence[str]) -> None:
        if by.kind == "hub" or by.rights.everywhere(CHANGES):
            return
        if not await self._store.is_scope(by.org, group_id):
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
        return by.rights.everywhere(CHANGES) or not await self._store.is_scope(
            by.org, group.group_id
        )

    async def admit(
        self, connection: Connection, org: OrgId, group_id: str, device_id: DeviceId
    ) -> None:
        """A device that enrols comes into a group; one that is there no more it misses. `changed`
        is to follow the commit."""
        if await self._store.lock(connection, org, group_id):
            await self._store.add_members(connection, org, group_id, [device_id])
            await self._membership(connection, org, group_id, [device_id])

    def changed(self, org: OrgId, group_id: str) -> None:
        """What `admit` did is there."""
        self._on_change(org, group_id)

    async def remove(self, by: Principal, group_id: str, device_ids: Sequence[str]) -> GroupRow:
        await self.get(by.org, group_id)
        async with self._store.database.tenant(by.org).transaction() as connection:
            await self._store.remove_members(connection, by.org, group_id, device_ids)
            await self._membership(connection, by.org, group_id, _ids(device_ids))
            entries = _membership(by, "group.remove_members", group_id, device_ids)
            await self._audit.record(connection, *entries)
        self._on_change(by.org, group_id)
        return await self.get(by.org, group_id)


def _ids(device_ids: Sequence[str]) -> list[DeviceId]:
    return [DeviceId(each) for each in device_ids]


def _membership(
    by: Principal, action: str, group_id: str, device_ids: Sequence[str]
) -> list[AuditEntry]:
    """One row for the group, and one for each device: it is found by either."""
    of_group = audit_entry(by, action, group_id, deviceIds=list(device_ids))
    return [of_group, *(audit_entry(by, action, each, groupId=group_id) for each in device_ids)]
