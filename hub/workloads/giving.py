"""Gives a revision of an application to devices: by hand, by target, by a roll-out."""

from collections.abc import Callable, Collection, Mapping
from typing import Final

from msgspec import Struct

from hub.base.database import Connection
from hub.workloads.assigning import Assigned, DeviceStanding, NotGiven, assigned
from hub.workloads.assignment_store import AssignmentStore
from hub.workloads.records import RevisionRow
from protocol.ids import DeviceId, OrgId

GONE: Final = NotGiven("not_found", "no such device")


class Given(Struct, frozen=True):
    """What became of each device."""

    assigned: Mapping[DeviceId, Assigned]
    refused: Mapping[DeviceId, NotGiven]
    changed: Collection[DeviceId]
    """Those that shall have something else now."""


Terms = Callable[[DeviceStanding], tuple[bool, bool] | NotGiven]
"""By hand, and pinned; or why the device does not get it."""


class Giving:
    def __init__(self, store: AssignmentStore) -> None:
        self._store = store

    async def give(
        self,
        connection: Connection,
        org: OrgId,
        revision: RevisionRow,
        device_ids: Collection[DeviceId],
        terms: Terms,
    ) -> Given:
        """In the caller's transaction, which is about to end."""
        name = revision.application
        there = await self._store.lock(connection, org, device_ids)
        rows: dict[DeviceId, Assigned] = {}
        refused: dict[DeviceId, NotGiven] = dict.fromkeys(device_ids, GONE)
        for standing in await self._store.standing(
            connection, org, there, name, revision.variables
        ):
            del refused[standing.device_id]
            agreed = terms(standing)
            if not isinstance(agreed, NotGiven):
                by_hand, pinned = agreed
                agreed = assigned(standing, revision, by_hand=by_hand, pinned=pinned)
            if isinstance(agreed, NotGiven):
                refused[standing.device_id] = agreed
            else:
                rows[standing.device_id] = agreed
        if rows:
            await self._store.assign(connection, org, name, list(rows.values()))
        changed = await self._store.settle(connection, org, list(rows))
        return Given(rows, refused, changed)

    async def keep(
        self,
        connection: Connection,
        org: OrgId,
        application: str,
        standing: DeviceStanding,
        *,
        pinned: bool,
    ) -> None:
        """What the device has, by hand from now on."""
        row = Assigned(
            device_id=standing.device_id,
            revision=standing.revision or "",
            filled=standing.filled or {},
            wanted=standing.wanted,
            errors=standing.errors or {},
            by_hand=True,
            pinned=pinned,
        )
        await self._store.assign(connection, org, application, [row])
