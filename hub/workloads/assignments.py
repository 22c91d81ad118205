"""What single devices shall run: assigned by hand, stopped and started, with their variables; and
how it stands with them."""

import re
from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct

from hub.audit.entries import audit_entry, changes_of
from hub.audit.service import AuditService
from hub.base.database import Connection
from hub.base.errors import Conflict, NotFound, TooLarge, TooMany, Unsupported, invalid
from hub.base.principal import Principal
from hub.rights.access import may_everywhere
from hub.workloads.applications import NO_APPLICATION, NO_REVISION
from hub.workloads.assigning import TOO_LARGE, TOO_MANY, UNSUPPORTED, DeviceStanding, NotGiven
from hub.workloads.assignment_store import AssignmentStore
from hub.workloads.giving import Giving
from hub.workloads.making import require_privilege
from hub.workloads.records import Assignment, RevisionRow
from hub.workloads.showing import WantedApplication, WorkloadItem, items, refused_items
from hub.workloads.store import ApplicationStore
from protocol.ids import DeviceId, DeviceKey, OrgId

MOST_VARIABLES: Final = 64
MOST_VALUE: Final = 4096
"""Bytes of a variable."""
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}\Z")
NO_ASSIGNMENT: Final = "the device does not have the application"
NO_SERVICE: Final = "the device has no such service of the application"
NO_ENGINE: Final = "the device has no engine for containers"
_ERRORS: Final = {TOO_MANY: TooMany, TOO_LARGE: TooLarge, UNSUPPORTED: Unsupported}


class ByHand(Struct, frozen=True, kw_only=True):
    """What is not given stays as it is."""

    revision: str | None = None
    pinned: bool | None = None


class AssignmentService:
    def __init__(
        self,
        store: AssignmentStore,
        applications: ApplicationStore,
        giving: Giving,
        audit: AuditService,
        hint_desired: Callable[[DeviceKey], None],
    ) -> None:
        self._store = store
        self._applications = applications
        self._giving = giving
        self._audit = audit
        self._hint_desired = hint_desired

    # Assignment by hand

    async def get(self, org: OrgId, device_id: DeviceId, name: str) -> Assignment:
        """Raises `NotFound`."""
        async with self._store.database.tenant(org).transaction() as connection:
            return await self._required(connection, org, device_id, name)

    async def _required(
        self, connection: Connection, org: OrgId, device_id: DeviceId, name: str
    ) -> Assignment:
        found = await self._store.get(connection, org, device_id, name)
        if found is None:
            raise NotFound(NO_ASSIGNMENT)
        return found

    async def put(self, by: Principal, device_id: DeviceId, name: str, given: ByHand) -> Assignment:
        """Raises `NotFound`, `Invalid`, `Conflict`, `Unsupported`, `TooMany`, `TooLarge`,
        `Forbidden`."""
        if not may_everywhere(by, "applications:get", name):
            raise NotFound(NO_APPLICATION)
        async with self._store.database.tenant(by.org).transaction() as connection:
            was = await self._store.get(connection, by.org, device_id, name)
            if was is not None and given.revision is None:
                pinned = was.pinned if given.pinned is None else given.pinned
                await self._keep(connection, by, was, pinned=pinned)
                changed = False
            else:
                revision = await self._revision(connection, by, name, given.revision)
                changed = await self._give(connection, by, device_id, revision, given)
            now = await self._required(connection, by.org, device_id, name)
            fields = ("revision", "pinned", "by_hand")
            before = {} if was is None else {field: getattr(was, field) for field in fields}
            after = {field: getattr(now, field) for field in fields}
            entry = audit_entry(
                by,
                "device.assign_application",
                device_id,
                changes=changes_of(before, after),
                application=name,
            )
            await self._audit.record(connection, entry)
        if changed:
            self._hint_desired((by.org, device_id))
        return now

    async def _keep(
        self, connection: Connection, by: Principal, was: Assignment, *, pinned: bool
    ) -> None:
        await self._store.lock(connection, by.org, [was.device_id])
        for standing in await self._store.standing(
            connection, by.org, [was.device_id], was.application, []
        ):
            await self._giving.keep(connection, by.org, was.application, standing, pinned=pinned)

    async def _revision(
        self, connection: Connection, by: Principal, name: str, wanted: str | None
    ) -> RevisionRow:
        application = await self._applications.get(connection, by.org, name)
        if application is None:
            raise NotFound(NO_APPLICATION)
        chosen = wanted or application.current
        if chosen is None:
            raise Conflict("the application has no current revision: name one")
        found = await self._applications.revision(connection, by.org, name, chosen)
        if found is None:
            raise invalid("revision", NO_REVISION)
        require_privilege(by, found.asks_for, "update")
        return found

    async def _give(
        self,
        connection: Connection,
        by: Principal,
        device_id: DeviceId,
        revision: RevisionRow,
        given: ByHand,
    ) -> bool:
        """Whether the device shall have something else now."""

        def terms(standing: DeviceStanding) -> tuple[bool, bool] | NotGiven:
            if standing.has_engine is False:
                return NotGiven(UNSUPPORTED, NO_ENGINE)
            pinned = standing.pinned if given.pinned is None else given.pinned
            return True, bool(pinned)

        found = await self._giving.give(connection, by.org, revision, [device_id], terms)
        refused = found.refused.get(device_id)
        if refused is not None:
            raise _ERRORS.get(refused.code, NotFound)(refused.message)
        return bool(found.changed)

    async def delete(self, by: Principal, device_id: DeviceId, name: str, *, volumes: bool) -> None:
        """Its named volumes stay, unless they are to go with it. Raises `NotFound`."""
        async with self._store.database.tenant(by.org).transaction() as connection:
            await self._store.lock(connection, by.org, [device_id])
            if not await self._store.unassign(connection, by.org, name, [device_id]):
                raise NotFound(NO_ASSIGNMENT)
            await self._store.forget_volumes(connection, by.org, name, [device_id], gone=volumes)
            await self._store.settle(connection, by.org, [device_id])
            entry = audit_entry(
                by, "device.unassign_application", device_id, application=name, volumes=volumes
            )
            await self._audit.record(connection, entry)
        self._hint_desired((by.org, device_id))

    # Stopped and started

    async def stop(
        self, by: Principal, device_id: DeviceId, name: str, service: str
    ) -> WorkloadItem:
        """Raises `NotFound`."""
        return await self._mark(by, device_id, name, service, stops=True)

    async def start(
        self, by: Principal, device_id: DeviceId, name: str, service: str
    ) -> WorkloadItem:
        """Raises `NotFound`."""
        return await self._mark(by, device_id, name, service, stops=False)

    async def _mark(
        self, by: Principal, device_id: DeviceId, name: str, service: str, *, stops: bool
    ) -> WorkloadItem:
        async with self._store.database.tenant(by.org).transaction() as connection:
            found = await self._items(connection, by.org, [device_id], name)
            if not any(item.service == service and item.revision for item in found):
                raise NotFound(NO_SERVICE)
            await self._store.lock(connection, by.org, [device_id])
            place = (by.org, device_id, name, service)
            if stops:
                done = await self._store.stop(connection, *place, by.actor)
            else:
                done = await self._store.start(connection, *place)
            if done:
                await self._store.settle(connection, by.org, [device_id])
                action = "device.stop_service" if stops else "device.start_service"
                entry = audit_entry(by, action, device_id, application=name, service=service)
                await self._audit.record(connection, entry)
            found = await self._items(connection, by.org, [device_id], name)
        if done:
            self._hint_desired((by.org, device_id))
        return next(item for item in found if item.service == service)

    async def require_service(
        self, org: OrgId, device_id: DeviceId, name: str, service: str
    ) -> None:
        """Raises `NotFound`."""
        async with self._store.database.tenant(org).transaction() as connection:
            found = await self._items(connection, org, [device_id], name)
        if not any(item.service == service for item in found):
            raise NotFound(NO_SERVICE)

    # Variables

    async def variables(self, org: OrgId, device_id: DeviceId) -> dict[str, str]:
        return await self._store.variables(org, device_id)

    async def put_variables(
        self, by: Principal, device_id: DeviceId, values: dict[str, str]
    ) -> dict[str, str]:
        """Moves nothing by itself. Raises `Invalid`, `NotFound`."""
        if len(values) > MOST_VARIABLES:
            raise invalid("variables", f"a device has at most {MOST_VARIABLES}")
        for name, value in values.items():
            if not _VARIABLE.match(name):
                raise invalid(name, "a name is 1 to 64 letters, digits and '_', no digit first")
            if len(value.encode()) > MOST_VALUE:
                raise invalid(name, f"a value has at most {MOST_VALUE} bytes")
            if "\0" in value:
                raise invalid(name, "U+0000 is not allowed")
        async with self._store.database.tenant(by.org).transaction() as connection:
            was = await self._store.variables_of(connection, by.org, device_id)
            await self._store.put_variables(connection, by.org, device_id, values)
            changed = sorted(
                name for name in was.keys() | values.keys() if was.get(name) != values.get(name)
            )
            if changed:
                entry = audit_entry(by, "device.variables", device_id, names=changed)
                await self._audit.record(connection, entry)
        return dict(sorted(values.items()))

    # How it stands

    async def of_device(self, org: OrgId, device_id: DeviceId) -> list[WorkloadItem]:
        async with self._store.database.tenant(org).transaction() as connection:
            return await self._items(connection, org, [device_id], None)

    async def of_application(
        self, org: OrgId, name: str, *, since: str | None, limit: int
    ) -> list[WorkloadItem]:
        """Of at most so many devices, by their ids, from `since` on."""
        async with self._store.database.tenant(org).transaction() as connection:
            device_ids = await self._store.devices_of(
                connection, org, name, since=since, limit=limit
            )
            return await self._items(connection, org, device_ids, name)

    async def states(self, org: OrgId, name: str) -> dict[str, int]:
        """How many of its services are in which state; `unknown`: nothing was said of them."""
        async with self._store.database.tenant(org).transaction() as connection:
            found = await self._store.states(connection, org, name)
        return {state or "unknown": count for state, count in found.items()}

    async def _items(
        self,
        connection: Connection,
        org: OrgId,
        device_ids: Sequence[DeviceId],
        application: str | None,
    ) -> list[WorkloadItem]:
        assignments = await self._store.assignments(connection, org, device_ids, application)
        keys = {
            (org, each.application, revision)
            for each in assignments
            for revision in (each.revision, each.wanted)
            if revision is not None
        }
        refusals = await self._store.refusals(connection, org, device_ids, application)
        keys.update((org, each.application, each.revision) for each in refusals)
        revisions = await self._applications.compositions(connection, keys)
        reports = await self._store.reports(connection, org, device_ids, application)
        fills = await self._store.fills(connection, org, device_ids)
        engines = await self._store.engines(connection, org, device_ids)
        found: list[WorkloadItem] = []
        for device_id in device_ids:
            wanted = [
                WantedApplication(
                    assignment=each,
                    revision=revisions[org, each.application, each.revision],
                    wanted=revisions.get((org, each.application, each.wanted or "")),
                )
                for each in assignments
                if each.device_id == device_id
                and (org, each.application, each.revision) in revisions  # else just deleted
            ]
            said = {each.application: each for each in reports if each.device_id == device_id}
            found += items(
                device_id, wanted, said, fills.get(device_id, {}), has_engine=engines.get(device_id)
            )
            for each in refusals:
                revision = revisions.get((org, each.application, each.revision))
                if each.device_id == device_id and revision is not None:  # else just deleted
                    found += refused_items(each, revision)
        return found
