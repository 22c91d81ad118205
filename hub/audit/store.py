"""The rows of `audit_log`."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

import sql
from hub.audit.entries import AuditEntry, AuditOutcome
from hub.base.database import Connection, Database, Row, as_json
from hub.base.patterns import containing
from protocol.ids import OrgId

_Q = sql.queries("audit")


class AuditFilter(Struct, frozen=True, kw_only=True):
    actor: str | None = None
    action: str | None = None
    target: str | None = None
    outcome: AuditOutcome | None = None
    words: Sequence[str] = ()
    """Each is part of the actor, the action or the target."""
    since: datetime | None = None
    until: datetime | None = None


class AuditStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, connection: Connection, entries: list[AuditEntry]) -> None:
        await connection.execute(_Q["insert"], as_json(entries))

    async def note(self, entries: list[AuditEntry]) -> None:
        """By themselves: what was refused has no effect to be committed with."""
        async with self._database.connection() as connection:
            await self.insert(connection, entries)

    async def list(
        self, org: OrgId, wanted: AuditFilter, *, before: tuple[datetime, int] | None, limit: int
    ) -> list[Row]:
        at, number = before or (None, None)
        return await self._database.tenant(org).fetch(
            _Q["list"],
            org,
            wanted.actor,
            wanted.action,
            wanted.target,
            wanted.outcome,
            wanted.since,
            wanted.until,
            at,
            number,
            limit,
            [containing(word) for word in wanted.words],
        )
