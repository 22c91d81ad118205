"""Keeps the members of dynamic groups.

Those of a trusted query change in the transaction that changes what it asks for: labels, members
of groups, and which devices there are. It holds the devices, so that what two do to one device
comes one after the other, and each sees what the one before it did. A device may come into any
other group by itself, from one moment to the next: these are swept, and who is to come or go at
two sweeps in a row does.
"""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from hub.base.database import Connection, after_commit, beyond_scope
from hub.base.jobs import HeldJob, JobKind, RunOutcome
from hub.groups.dynamic import DynamicGroup, in_order
from hub.groups.dynamic_store import DynamicStore, MemberMove
from protocol.ids import DeviceId, OrgId

JOB: Final = "group_sweep"
SWEEP_SECONDS: Final = 5.0
REST: Final = 4
"""A sweep waits so many times as long as the one before it took, at least."""
AT_ONCE: Final = 1000
"""Devices of one transaction."""
MembershipListener = Callable[[Connection, OrgId, str, Sequence[DeviceId]], Awaitable[None]]
"""Given a group, and the devices that come into it or leave it, in the transaction."""


class Settling:
    def __init__(
        self,
        store: DynamicStore,
        on_change: Callable[[OrgId, str], None],
        membership: MembershipListener,
    ) -> None:
        self.store = store
        self._on_change = on_change
        self._membership = membership
        self._before: Mapping[tuple[OrgId, DynamicGroup], MemberMove] = {}
        """What the last sweep found, and did not do yet."""

    async def settle(
        self, connection: Connection, org: OrgId, device_ids: Sequence[DeviceId]
    ) -> Mapping[str, MemberMove]:
        """These devices come into the trusted groups that mean them now, and leave the others: what
        has changed of each group, by its id."""
        if not device_ids:
            return {}
        async with beyond_scope(connection, org):
            return await self._settle(connection, org, device_ids)

    async def _settle(
        self, connection: Connection, org: OrgId, device_ids: Sequence[DeviceId]
    ) -> Mapping[str, MemberMove]:
        await self.store.lock_devices(connection, org, device_ids)
        await self.store.hold(connection, org)
        groups = [each for each in await self.store.dynamic(connection, org) if each.trusted]
        moves: dict[str, MemberMove] = {}
        for group in in_order(groups):
            move = await self.store.settle(connection, org, group, device_ids)
            if move.comes or move.goes:
                moves[group.group_id] = move
                await self.tell(connection, org, group.group_id, [*move.comes, *move.goes])
        return moves

    async def tell(
        self, connection: Connection, org: OrgId, group_id: str, device_ids: Sequence[DeviceId]
    ) -> None:
        """These have come into a group or left it."""
        await self._membership(connection, org, group_id, sorted(device_ids))
        after_commit(lambda: self._on_change(org, group_id))

    async def find(self, org: OrgId, group: DynamicGroup) -> None:
        """The members of a trusted group whose query is new."""
        while True:
            async with self.store.database.tenant(org).transaction() as connection:
                unsettled = await self.store.unsettled(connection, org, group, AT_ONCE)
                moves = await self.settle(connection, org, unsettled)
                if group.group_id not in moves:
                    await self.store.evaluated(connection, org, group)
                    return

    @property
    def sweep(self) -> JobKind:
        return JobKind(name=JOB, run=self._run, every=SWEEP_SECONDS, keeps=True)

    async def _run(self, _: HeldJob) -> RunOutcome:
        began = time.monotonic()
        now: dict[tuple[OrgId, DynamicGroup], MemberMove] = {}
        for org, group, is_found in await self.store.all_dynamic():
            if not group.trusted:
                now[org, group] = await self._sweep(org, group)
            elif not is_found:  # who made it was killed meanwhile
                await self.find(org, group)
        self._before = now
        return RunOutcome(wait=max(SWEEP_SECONDS, REST * (time.monotonic() - began)))

    async def _sweep(self, org: OrgId, group: DynamicGroup) -> MemberMove:
        found = await self.store.swept(org, group)
        move = found & self._before.get((org, group), MemberMove())
        moving = sorted(move.comes | move.goes)
        for first in range(0, len(moving), AT_ONCE):
            some = moving[first : first + AT_ONCE]
            async with self.store.database.tenant(org).transaction() as connection:
                await self.store.lock_devices(connection, org, some)
                if not await self.store.still_means(connection, org, group):
                    return MemberMove()
                part = frozenset(some)
                step = MemberMove(move.comes & part, move.goes & part)
                await self.store.move(connection, org, group.group_id, step)
                await self.tell(connection, org, group.group_id, some)
        async with self.store.database.tenant(org).transaction() as connection:
            await self.store.evaluated(connection, org, group)
        return found
