"""Whether a call has to wait for a second person, and having it wait."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from hub.approvals.deciding import CAPS, Reason, is_counted, is_over, may_approve, need_of
from hub.approvals.entries import asked_entry
from hub.approvals.records import Approval, NewApproval
from hub.approvals.store import ApprovalStore
from hub.audit.service import AuditService
from hub.base.database import Connection
from hub.base.errors import BlastRadiusExceeded, Conflict, HubError, TooMany
from hub.base.holding import Right
from hub.base.principal import Principal
from hub.rights.guarded import BlastRadius, Guarded
from hub.rights.memory import RightsMemory
from protocol.ids import OrgId, uuid7

_ADVICE: Final = "and nobody else here could approve it"
HOUR: Final = 3600


class Admitted(Struct, frozen=True):
    """It need not wait. `dispatch_id`: under which its `targets` are counted."""

    dispatch_id: int | None = None
    targets: int = 0


class Admitting:
    def __init__(self, store: ApprovalStore, memory: RightsMemory, audit: AuditService) -> None:
        self._store = store
        self._memory = memory
        self._audit = audit

    async def admit(
        self,
        by: Principal,
        new: NewApproval,
        guarded: Guarded,
        *,
        dangerous: bool,
        asked: bool,
        later: bool = False,
    ) -> Approval | Admitted:
        """What waits now, or did when the same call was made before; else it may be sent. What is
        sent `later` does not count for this hour. Raises `Conflict` for the id or key of another
        call, `BlastRadiusExceeded`, `TooMany`."""
        resource = new.rights[0].removesuffix(":create")
        count = len(new.device_ids)
        need = need_of(guarded, resource, dangerous=dangerous, targets=count, asked=asked)
        capped = dangerous and guarded.blast_radius != BlastRadius()
        other = not capped or await self.another_could(by, new.rights, new.right_name)
        refused: HubError | None = None
        async with self._store.database.tenant(by.org).transaction() as connection:
            await self._store.lock(connection, by.org)
            earlier = await self._earlier(connection, by, new)
            if earlier is not None:
                return earlier
            retry_after = HOUR
            if need is None and not later and is_counted(guarded, dangerous=dangerous):
                lately = await self._store.sent_lately(connection, by.org)
                if not is_over(guarded, lately=lately.targets, targets=count):
                    number = await self._store.count_sent(connection, by.org, count)
                    return Admitted(number, count)
                need, retry_after = Reason.PER_HOUR, max(1, round(lately.seconds))
            if need is None:
                return Admitted()
            if other or need not in CAPS:
                return await self._ask(connection, by, new, need)
            refused = BlastRadiusExceeded(
                f"{count} devices are over the cap of the organisation, {_ADVICE}",
                retry_after=retry_after,
            )
        await self._audit.note(asked_entry(by, None, new, outcome="refused", reason=str(need)))
        raise refused

    async def allows(self, org: OrgId, count: int) -> bool:
        """Whether the hub may do by itself what is capped, to so many devices: then they are
        counted. Nobody is asked."""
        guarded = await self._memory.guarded(org)
        if not is_counted(guarded, dangerous=True):
            return True
        async with self._store.database.tenant(org).transaction() as connection:
            await self._store.lock(connection, org)
            lately = await self._store.sent_lately(connection, org)
            if is_over(guarded, lately=lately.targets, targets=count):
                return False
            await self._store.count_sent(connection, org, count)
        return True

    async def ask(self, by: Principal, new: NewApproval, reason: Reason) -> Approval:
        """Have a call wait. Raises `Conflict` where nobody else could approve it, `TooMany`."""
        if not await self.another_could(by, new.rights, new.right_name):
            raise Conflict(f"it needs the approval of another account, {_ADVICE}")
        async with self._store.database.tenant(by.org).transaction() as connection:
            await self._store.lock(connection, by.org)
            return await self._ask(connection, by, new, reason)

    async def _earlier(
        self, connection: Connection, by: Principal, new: NewApproval
    ) -> Approval | None:
        found = await self._store.earlier(connection, by.org, new)
        if found is not None and found.request_hash != new.request_hash:
            raise Conflict("this id or Idempotency-Key was used for another request")
        return found

    async def _ask(
        self, connection: Connection, by: Principal, new: NewApproval, reason: Reason
    ) -> Approval:
        made = await self._store.ask(connection, uuid7(), new, reason, by)
        if made is None:
            raise TooMany("as many calls wait for an approval as may: decide some first")
        entry = asked_entry(by, made.approval_id, new, reason=str(reason))
        await self._audit.record(connection, entry)
        return made

    async def recount(self, org: OrgId, dispatch_id: int, targets: int) -> None:
        """Only so many were sent of what was counted."""
        await self._store.recount(org, dispatch_id, targets)

    async def another_could(
        self, by: Principal, rights: Sequence[Right], name: str | None = None
    ) -> bool:
        """Whether there is another account that could approve what takes these rights."""
        for user_id in await self._store.people(by.org, by.subject):
            member = await self._memory.member(by.org, user_id)
            if member is not None and may_approve(member.rights, rights, name):
                return True
        return False
