"""Applications: made, changed, read, and given to nobody by that."""

import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from hub.approvals.service import Admitted, Approval, ApprovalService, NewApproval, ShownCall
from hub.audit.entries import audit_entry, changes_of
from hub.audit.service import AuditService
from hub.base.database import Connection
from hub.base.errors import Conflict, Forbidden, NotFound, invalid
from hub.base.paging import Items, decode_cursor, page_of
from hub.base.principal import Principal
from hub.rights.access import may_everywhere
from hub.workloads.assignment_store import AssignmentStore
from hub.workloads.making import RevisionMaker, read, require_privilege
from hub.workloads.records import ApplicationRow, NewRevision, RevisionRow
from hub.workloads.store import ApplicationStore
from hub.workloads.targets import Targets
from protocol.canonical import hash_of
from protocol.ids import DeviceId, DeviceKey, OrgId
from protocol.replies import ErrorObject
from protocol.workloads import WORKLOAD_NAME, RevisionSignature

Json = Any
NO_APPLICATION: Final = "no such application"
NO_REVISION: Final = "there is no such revision of the application"
_NAME: Final = re.compile(rf"{WORKLOAD_NAME}\Z")
REMOVAL: Final = "workloads"
RESERVED_NAMES: Final = frozenset({"normalise"})
"""Words of paths."""


class ApplicationService:
    """`hint_desired` has replicas look at a device, `wake` has targets be looked at."""

    def __init__(
        self,
        store: ApplicationStore,
        assignments: AssignmentStore,
        maker: RevisionMaker,
        targets: Targets,
        audit: AuditService,
        approvals: ApprovalService,
        hint_desired: Callable[[DeviceKey], None],
        wake: Callable[[], None],
    ) -> None:
        self._store = store
        self._assignments = assignments
        self._maker = maker
        self._targets = targets
        self._audit = audit
        self._approvals = approvals
        self._hint_desired = hint_desired
        self._wake = wake
        approvals.carry_out(REMOVAL, self.approved)

    # Reading

    async def list(self, by: Principal, *, cursor: str | None, limit: int) -> Items[ApplicationRow]:
        """Of the names that the caller's rights are for."""
        rows = await self._store.list(
            by.org,
            names=by.rights.names("applications:list"),
            before=decode_cursor(cursor),
            limit=limit + 1,
        )
        return page_of(rows, limit, key=lambda row: (row.created_at, row.name), item=lambda r: r)

    async def get(self, by: Principal, name: str, verb: str = "get") -> ApplicationRow:
        """Raises `NotFound`, also for a name that the caller's rights are not for."""
        async with self._store.database.tenant(by.org).transaction() as connection:
            found = await self._store.get(connection, by.org, name)
        if found is None or not may_everywhere(by, f"applications:{verb}", name):
            raise NotFound(NO_APPLICATION)
        return found

    async def revisions(
        self, by: Principal, name: str, *, behind: int | None, limit: int
    ) -> "list[RevisionRow]":
        await self.get(by, name)
        return await self._store.revisions(by.org, name, behind=behind, limit=limit)

    async def normalise(self, compose: str | dict[str, Json]) -> tuple[dict[str, Json], str]:
        """The canonical form, and its hash. Raises `Invalid`, `TooLarge`."""
        document = (await read(compose)).document
        return document, hash_of(document)

    # Changing

    async def create(
        self,
        by: Principal,
        name: str | None,
        compose: str | dict[str, Json],
        *,
        target: str | None,
        remove: bool,
        signature: RevisionSignature | None,
    ) -> tuple[ApplicationRow, RevisionRow]:
        """Without a name the file's own counts. Raises `Forbidden`, `Invalid`, `Conflict`,
        `UntrustedQuery`, `BadSignature`, `TooLarge`."""
        found = await read(compose)
        named = _name_of(name, found.name)
        if not may_everywhere(by, "applications:create", named):
            raise Forbidden(f"you may not make an application named {named}")
        if target is not None:
            await self._targets.check(by.org, target)
        new = await self._maker.make(by, named, found.document, signature, verb="create")
        async with self._store.database.tenant(by.org).transaction() as connection:
            row = await self._store.add(
                connection, by.org, named, target=target, remove=remove, by=by.actor
            )
            if row is None:
                raise Conflict(f"there is an application {named}")
            revision = await self._store.add_revision(connection, by.org, named, new, by=by.actor)
            entry = audit_entry(by, "application.create", named, revision=revision.revision)
            await self._audit.record(connection, entry)
        return row, revision

    async def change(
        self,
        by: Principal,
        name: str,
        compose: str | dict[str, Json] | UnsetType,
        *,
        target: str | UnsetType | None,
        remove: bool | UnsetType,
        signature: RevisionSignature | None,
    ) -> tuple[ApplicationRow, RevisionRow | None]:
        """New content makes a revision; what is not given stays. Moves nothing. Raises as
        `create`, and `NotFound`."""
        await self.get(by, name, "update")
        if isinstance(target, str):
            await self._targets.check(by.org, target)
        new: NewRevision | None = None
        if compose is not UNSET:
            found = await read(compose)
            _name_of(name, found.name)
            new = await self._maker.make(by, name, found.document, signature, verb="update")
        elif signature is not None:
            raise invalid("signature", "is of content: send it with compose")
        async with self._store.database.tenant(by.org).transaction() as connection:
            was = await self._store.lock(connection, by.org, name)
            if was is None:
                raise NotFound(NO_APPLICATION)
            if isinstance(target, str) and was.current is not None:
                await self._require_privilege(connection, by, name, was.current)
            wanted = was.target if target is UNSET else target
            removes = was.remove_when_unmatched if remove is UNSET else remove
            row = await self._store.change(connection, by.org, name, target=wanted, remove=removes)
            revision = None if new is None else await self._add(connection, by, name, new)
            changes = changes_of(
                {"target": was.target, "removeWhenUnmatched": was.remove_when_unmatched},
                {"target": row.target, "removeWhenUnmatched": row.remove_when_unmatched},
            )
            made = None if revision is None else revision.revision
            entry = audit_entry(by, "application.update", name, changes=changes, revision=made)
            await self._audit.record(connection, entry)
        self._wake()
        return row, revision

    async def _add(
        self, connection: Connection, by: Principal, name: str, new: NewRevision
    ) -> RevisionRow:
        """A signature that comes later changes what devices are handed."""
        revision = await self._store.add_revision(connection, by.org, name, new, by=by.actor)
        await self._store.forget_revisions(connection, by.org, name)
        if new.signature is not None:
            device_ids = await self._assignments.of_revision(
                connection, by.org, name, revision.revision
            )
            await self._settle(connection, by.org, device_ids)
        return revision

    async def _settle(
        self, connection: Connection, org: OrgId, device_ids: "list[DeviceId]"
    ) -> None:
        if not device_ids:
            return
        there = await self._assignments.lock(connection, org, device_ids)
        for device_id in await self._assignments.settle(connection, org, there):
            self._hint_desired((org, device_id))

    async def set_current(self, by: Principal, name: str, revision: str) -> ApplicationRow:
        """Raises `NotFound`, `Invalid`, `Forbidden`."""
        was = await self.get(by, name, "update")
        async with self._store.database.tenant(by.org).transaction() as connection:
            await self._require_privilege(connection, by, name, revision)
            row = await self._store.set_current(connection, by.org, name, revision)
            if row is None:
                raise NotFound(NO_APPLICATION)
            changes = changes_of({"current": was.current}, {"current": revision})
            entry = audit_entry(by, "application.current", name, changes=changes)
            await self._audit.record(connection, entry)
        self._wake()
        return row

    async def _require_privilege(
        self, connection: Connection, by: Principal, name: str, revision: str
    ) -> None:
        """For a revision that devices get by their target. Raises `Invalid`, `Forbidden`."""
        found = await self._store.revision(connection, by.org, name, revision)
        if found is None:
            raise invalid("revision", NO_REVISION)
        require_privilege(by, found.asks_for, "update")

    async def delete(self, by: Principal, name: str) -> Approval | None:
        """Removed from every device, or what waits for an approval first. Raises `NotFound`,
        `BlastRadiusExceeded`, `TooMany`."""
        await self.get(by, name, "delete")
        async with self._store.database.tenant(by.org).transaction() as connection:
            device_ids = await self._assignments.device_ids_of(connection, by.org, name)
        guarded = await self._approvals.guarded(by.org)
        call = {"application": name}
        new = NewApproval(
            kind=REMOVAL,
            subject=None,
            device_ids=list(device_ids),
            shown=ShownCall(command={"type": "delete_application", **call}),
            call=call,
            request_hash=sha256(msgspec.json.encode(call, order="deterministic")).digest(),
            rights=["applications:delete"],
            right_name=name,
        )
        admitted = await self._approvals.admit(
            by, new, guarded, dangerous=bool(device_ids), asked=False
        )
        if not isinstance(admitted, Admitted):
            return admitted
        await self._delete(by, name)
        return None

    async def approved(
        self, approval: Approval, asker: Principal, error: ErrorObject | None
    ) -> Mapping[str, ErrorObject]:
        """As an `Executor` of approvals: done twice, it finds nothing."""
        if error is None:
            await self._delete(asker, approval.call["application"])
        return {}

    async def _delete(self, by: Principal, name: str) -> None:
        async with self._store.database.tenant(by.org).transaction() as connection:
            if await self._store.lock(connection, by.org, name) is None:
                return
            device_ids = await self._assignments.device_ids_of(connection, by.org, name)
            there = await self._assignments.lock(connection, by.org, device_ids)
            gone = await self._assignments.unassign(connection, by.org, name, None)
            changed = await self._assignments.settle(connection, by.org, there)
            await self._store.delete(connection, by.org, name)
            entries = [
                audit_entry(by, "application.delete", name, devices=len(gone)),
                *(
                    audit_entry(by, "device.unassign_application", each, application=name)
                    for each in gone
                ),
            ]
            await self._audit.record(connection, *entries)
        for device_id in changed:
            self._hint_desired((by.org, device_id))


def _name_of(name: str | None, in_file: str | None) -> str:
    """Raises `Invalid`."""
    if name is None and in_file is None:
        raise invalid("name", "is missing: an application has a name")
    if None not in (name, in_file) and name != in_file:
        raise invalid("name", f"is {in_file} in the file, and {name} beside it")
    found = name or in_file or ""
    if found in RESERVED_NAMES or not _NAME.match(found):
        raise invalid("name", "is 2 to 63 small letters, digits, '-' and '_', and no reserved word")
    return found
