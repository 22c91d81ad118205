"""What is done to many devices in one call: each by itself in the audit."""

from typing import Final

from msgspec import Struct

from hub.accounts.service import AccountService
from hub.audit.entries import audit_entry
from hub.audit.service import AuditService
from hub.base.errors import invalid
from hub.base.principal import Principal
from hub.devices.store import DeviceStore
from protocol.ids import DeviceId

AT_ONCE: Final = 1_000
"""Devices of one transaction: others want their rows, too."""


class Sorted(Struct, frozen=True):
    """The devices of a call, each once, in the order in which they were named."""

    known: list[DeviceId]
    unknown: list[DeviceId]


class BulkService:
    def __init__(self, store: DeviceStore, accounts: AccountService, audit: AuditService) -> None:
        self._store = store
        self._accounts = accounts
        self._audit = audit

    async def sort(self, by: Principal, device_ids: list[DeviceId]) -> Sorted:
        """Which of these there are, and which there are not."""
        once = list(dict.fromkeys(device_ids))
        known = await self._store.known(by.org, [*once])
        return Sorted(
            [each for each in once if each in known], [each for each in once if each not in known]
        )

    async def delete(self, by: Principal, device_ids: list[DeviceId], *, confirm: int) -> Sorted:
        """Delete those that there are: `known` are the ones that this call has deleted. Ended by
        `Unavailable`, it may have deleted some. Raises `Invalid` when `confirm` is not how many."""
        wanted = await self.sort(by, device_ids)
        if confirm != len(wanted.known):
            raise invalid("confirm", f"{len(wanted.known)} devices would be deleted")
        deleted: set[DeviceId] = set()
        try:
            for first in range(0, len(wanted.known), AT_ONCE):
                deleted |= await self._delete(by, wanted.known[first : first + AT_ONCE])
        finally:
            if deleted:
                await self._accounts.refresh()
        gone = [each for each in wanted.known if each not in deleted]
        return Sorted([each for each in wanted.known if each in deleted], wanted.unknown + gone)

    async def _delete(self, by: Principal, device_ids: list[DeviceId]) -> set[DeviceId]:
        async with self._store.database.tenant(by.org).transaction() as connection:
            deleted = await self._store.delete(connection, by.org, device_ids)
            await self._store.end_tokens(connection, by.org, deleted)
            entries = [audit_entry(by, "device.delete", each) for each in deleted]
            if entries:
                await self._audit.record(connection, *entries)
        return set(deleted)
