"""Recording privileged actions, and reading them back."""

import asyncio
import builtins
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import structlog
from msgspec import Struct

from hub.audit.entries import ActorKind, AuditEntry, AuditOutcome
from hub.audit.records import RecordChange, record_changes
from hub.audit.store import AuditFilter, AuditStore
from hub.audit.sums import Sums
from hub.base.database import Connection, Row, after_commit
from hub.base.errors import Unavailable
from hub.base.paging import Items, decode_number_cursor, page_of
from hub.base.partitions import BeforeDrop, Partitioned
from protocol.codec import rfc3339
from protocol.ids import OrgId

log = structlog.get_logger(__name__)

SUM_LOOK_SECONDS: Final = 1.0
MOST_KINDS_OF_CALLERS: Final = 10_000
"""A refused bulk call has a row for each of its targets."""


class AuditRow(Struct, frozen=True, kw_only=True, rename="camel"):
    """One privileged action, as REST shows it."""

    id: str
    at: str
    actor: str
    actor_kind: ActorKind
    actor_id: str
    """Of the user (also for an API key) or device; empty when nobody was proved."""
    actor_name: str
    credential: str | None
    """The session, or the API key."""
    address: str | None
    request_id: str | None
    action: str
    target: str | None
    outcome: AuditOutcome
    reason: str | None
    detail: dict[str, Any]
    changes: dict[str, list[Any]]
    """field: [old, new]; a secret is `hidden`."""


class AuditService:
    def __init__(self, store: AuditStore, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._of_strangers = Sums()
        self._of_callers = Sums(MOST_KINDS_OF_CALLERS)
        self._listeners: list[Callable[[OrgId, list[RecordChange]], None]] = []

    async def record(self, connection: Connection, *entries: AuditEntry) -> None:
        """Write rows in the transaction of their effect (promise G16); listeners hear which records
        have changed when it has committed."""
        await self._store.insert(connection, list(entries))
        changes = record_changes(entries)
        if changes:
            after_commit(lambda: self._tell(entries[0].org, changes))

    def on_records_changed(self, listener: Callable[[OrgId, list[RecordChange]], None]) -> None:
        self._listeners.append(listener)

    def _tell(self, org: OrgId, changes: list[RecordChange]) -> None:
        for listener in self._listeners:
            listener(org, changes)

    async def note(self, *entries: AuditEntry) -> None:
        """What was refused or failed. The first of its kind is a row at once; what follows within
        a minute becomes one row with its `count`."""
        now = self._clock()
        await self._write([entry for entry in entries if self._sums_of(entry).add(entry, now)])

    def _sums_of(self, entry: AuditEntry) -> Sums:
        """Strangers may crowd out each other, but nobody who has said who he is."""
        return self._of_callers if entry.actor_id else self._of_strangers

    async def run(self) -> None:
        """Write the sums of each minute; for ever."""
        while True:
            await asyncio.sleep(SUM_LOOK_SECONDS)
            await self.flush(everything=False)

    async def flush(self, *, everything: bool = True) -> None:
        now = float("inf") if everything else self._clock()
        await self._write(self._of_strangers.due(now) + self._of_callers.due(now))

    async def _write(self, entries: "builtins.list[AuditEntry]") -> None:
        if not entries:
            return
        try:
            await self._store.note(entries)
        except Unavailable:
            actions = sorted({entry.action for entry in entries})
            log.warning("audit_not_written", actions=actions, rows=len(entries))

    def partitioned(self, *, days: int, before_drop: BeforeDrop | None = None) -> list[Partitioned]:
        month, keep = timedelta(days=30), timedelta(days=days)
        return [
            Partitioned(table="audit_log", step=month, ahead=2, keep=keep, before_drop=before_drop)
        ]

    async def list(
        self, org: OrgId, wanted: AuditFilter, *, cursor: str | None, limit: int
    ) -> Items[AuditRow]:
        rows = await self._store.list(
            org, wanted, before=decode_number_cursor(cursor), limit=limit + 1
        )
        return page_of(
            rows, limit, key=lambda row: (row["at"], str(row["audit_id"])), item=_from_row
        )


def _from_row(row: Row) -> AuditRow:
    return AuditRow(
        id=str(row["audit_id"]),
        at=rfc3339(row["at"]),
        actor=row["actor"],
        actor_kind=row["actor_kind"],
        actor_id=row["actor_id"],
        actor_name=row["actor"],
        credential=row["credential"],
        address=row["address"],
        request_id=row["request_id"],
        action=row["action"],
        target=row["target"],
        outcome=row["outcome"],
        reason=row["reason"],
        detail=row["detail"],
        changes=row["changes"],
    )
