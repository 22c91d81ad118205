"""Gives applications to the devices that come to match their target, and marks those that match no
more. One replica does it for all.

A device that matches no more keeps what it has, as an orphan, unless the application is to be
removed then: from no more devices in an hour than the organisation's cap allows. Over it the
application is paused, and nothing is removed until somebody changes it.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Final

import structlog

from hub.approvals.service import ApprovalService
from hub.audit.entries import AuditEntry
from hub.audit.service import AuditService
from hub.base.database import Connection
from hub.base.errors import Invalid, Unavailable, UntrustedQuery
from hub.workloads.assigning import DeviceStanding, NotGiven
from hub.workloads.assignment_store import AssignmentStore
from hub.workloads.giving import GONE, Giving
from hub.workloads.records import ApplicationRow
from hub.workloads.store import ApplicationStore
from hub.workloads.targets import Targets
from protocol.ids import DeviceId, DeviceKey

log = structlog.get_logger(__name__)

JOB: Final = "workload_targets"
SECONDS: Final = 2.0
AT_ONCE: Final = 1000
"""Devices of one transaction."""
PAUSED: Final = "blast_radius"
_BY_HAND: Final = NotGiven("by_hand", "it is assigned by hand")


class TargetSweep:
    def __init__(
        self,
        store: AssignmentStore,
        applications: ApplicationStore,
        giving: Giving,
        targets: Targets,
        approvals: ApprovalService,
        audit: AuditService,
        hint_desired: Callable[[DeviceKey], None],
    ) -> None:
        self._store = store
        self._applications = applications
        self._giving = giving
        self._targets = targets
        self._approvals = approvals
        self._audit = audit
        self._hint_desired = hint_desired

    async def look(self) -> None:
        """At each application that has a target."""
        for application in await self._applications.targeted():
            try:
                await self._look_at(application)
            except Unavailable:
                raise
            except (Invalid, UntrustedQuery) as error:
                log.warning("target_not_read", application=application.name, error=error.detail)

    async def _look_at(self, application: ApplicationRow) -> None:
        org, name = application.org, application.name
        async with self._store.database.transaction() as connection:
            matching = await self._targets.matching(connection, org, application.target or "")
            await self._store.forget_refusals(connection, org, name, matching)
            rows = await self._store.matched(
                connection, org, name, matching, also_orphans=application.remove_when_unmatched
            )
        lacking = [row.device_id for row in rows if row.lacks]
        back = [row.device_id for row in rows if row.matches and not row.lacks]
        left = [row.device_id for row in rows if not row.matches]
        if lacking and application.current is not None:
            for some in _pages(lacking):
                await self._give(application, some)
        for some in _pages(back):
            await self._orphan(application, some, orphaned=False)
        if left and application.remove_when_unmatched:
            await self._remove(application, left)
        elif left:
            for some in _pages(left):
                await self._orphan(application, some, orphaned=True)

    async def _give(self, application: ApplicationRow, device_ids: Collection[DeviceId]) -> None:
        org, name = application.org, application.name

        def terms(standing: DeviceStanding) -> tuple[bool, bool] | NotGiven:
            return _BY_HAND if standing.revision is not None else (False, False)

        async with self._store.database.transaction() as connection:
            found = await self._applications.get(connection, org, name)
            if found is None or found.current is None:
                return
            revision = await self._applications.revision(connection, org, name, found.current)
            if revision is None:
                return
            given = await self._giving.give(connection, org, revision, device_ids, terms)
            refused = {at: why for at, why in given.refused.items() if why not in (_BY_HAND, GONE)}
            if refused:
                await self._store.refuse(connection, found, refused)
            await self._note(connection, application, given.assigned, "device.assign_application")
        self._tell(application, given.changed)

    async def _orphan(
        self, application: ApplicationRow, device_ids: Collection[DeviceId], *, orphaned: bool
    ) -> None:
        async with self._store.database.transaction() as connection:
            await self._store.orphan(
                connection, application.org, application.name, device_ids, orphaned=orphaned
            )

    async def _remove(self, application: ApplicationRow, device_ids: Sequence[DeviceId]) -> None:
        org, name = application.org, application.name
        if application.paused_because is not None:
            return
        if not await self._approvals.allows(org, len(device_ids)):
            async with self._store.database.transaction() as connection:
                await self._applications.pause(connection, org, name, PAUSED)
                entry = AuditEntry(
                    org=org,
                    actor=application.created_by,
                    action="application.pause",
                    target=name,
                    detail={"devices": len(device_ids)},
                )
                await self._audit.record(connection, entry)
            log.warning("application_paused", application=name, devices=len(device_ids))
            return
        for some in _pages(device_ids):
            async with self._store.database.transaction() as connection:
                there = await self._store.lock(connection, org, some)
                gone = await self._store.unassign(connection, org, name, some)
                changed = await self._store.settle(connection, org, there)
                await self._note(connection, application, gone, "device.unassign_application")
            self._tell(application, changed)

    async def _note(
        self,
        connection: Connection,
        application: ApplicationRow,
        device_ids: Collection[DeviceId],
        action: str,
    ) -> None:
        entries = [
            AuditEntry(
                org=application.org,
                actor=application.created_by,
                action=action,
                target=device_id,
                detail={"application": application.name, "via": "target"},
            )
            for device_id in device_ids
        ]
        if entries:
            await self._audit.record(connection, *entries)

    def _tell(self, application: ApplicationRow, device_ids: Collection[DeviceId]) -> None:
        for device_id in device_ids:
            self._hint_desired((application.org, device_id))


def _pages(device_ids: Sequence[DeviceId]) -> list[Sequence[DeviceId]]:
    return [device_ids[at : at + AT_ONCE] for at in range(0, len(device_ids), AT_ONCE)]
