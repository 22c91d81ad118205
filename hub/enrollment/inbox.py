"""Devices that wait for a person: who has compared the fingerprint lets one in, or keeps it out."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from hub.audit.entries import audit_entry
from hub.audit.service import AuditService
from hub.base.errors import NotFound
from hub.base.paging import Items, decode_cursor, page_of
from hub.base.principal import Principal
from hub.enrollment.choosing import chosen, is_approved_so
from hub.enrollment.records import EnrollmentRequest
from hub.enrollment.store import EnrollmentStore
from hub.groups.service import GroupService
from protocol.ids import DeviceId, OrgId

DECIDES: Final = "device.approve"


class EnrollmentInbox:
    def __init__(self, store: EnrollmentStore, audit: AuditService, groups: GroupService) -> None:
        self._store = store
        self._audit = audit
        self._groups = groups

    async def list(self, org: OrgId, *, cursor: str | None, limit: int) -> Items[EnrollmentRequest]:
        rows = await self._store.requests(org, before=decode_cursor(cursor), limit=limit + 1)
        return page_of(
            rows, limit, key=lambda row: (row.requested_at, row.request_id), item=lambda row: row
        )

    async def approve(
        self,
        by: Principal,
        device_id: DeviceId,
        fingerprint: str,
        *,
        group_ids: Sequence[str],
        tags: Sequence[str],
    ) -> None:
        """The device with this fingerprint gets its token when it asks again; the others of its id
        do not. Raises `NotFound`, `Conflict` for another fingerprint, `Escalation`."""
        groups = list(dict.fromkeys(group_ids))
        await self._groups.require_admitting(by, groups, action=DECIDES)
        async with self._store.database.tenant(by.org).transaction() as connection:
            requests = await self._store.lock_requests(connection, by.org, device_id)
            request = chosen(requests, fingerprint, "approved")
            if is_approved_so(request, groups, tags):
                return
            await self._store.approve(connection, request, groups, list(dict.fromkeys(tags)))
            entry = audit_entry(
                by, DECIDES, device_id, fingerprint=fingerprint, groupIds=groups, tags=list(tags)
            )
            await self._audit.record(connection, entry)

    async def reject(self, by: Principal, device_id: DeviceId, fingerprint: str) -> None:
        """For good, for that device. Raises `NotFound`, `Conflict` for another fingerprint."""
        async with self._store.database.tenant(by.org).transaction() as connection:
            requests = await self._store.lock_requests(connection, by.org, device_id)
            request = chosen(requests, fingerprint, "rejected")
            if request.status == "rejected":
                return
            await self._store.reject(connection, request)
            entry = audit_entry(by, "device.reject", device_id, fingerprint=fingerprint)
            await self._audit.record(connection, entry)

    async def allow_reenroll(self, by: Principal, device_id: DeviceId) -> datetime:
        """Until when. Raises `NotFound`."""
        async with self._store.database.tenant(by.org).transaction() as connection:
            until = await self._store.reopen(connection, by.org, device_id)
            if until is None:
                raise NotFound("no such device")
            entry = audit_entry(by, "device.allow_reenroll", device_id)
            await self._audit.record(connection, entry)
        return until
