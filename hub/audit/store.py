"""The rows of `audit_log`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

import sql
from hub.base.database import Connection, Database, Row
from hub.base.patterns import containing
from protocol.ids import OrgId

_Q = sql.queries("audit")


class Deed(Struct, frozen=True, kw_only=True):
    """A privileged action about to be committed. `detail` never holds a secret."""

    org: OrgId
    actor: str
    action: str
    target: str | None = None
    detail: dict[str, Any] = {}


class Filter(Struct, frozen=True, kw_only=True):
    actor: str | None = None
    action: str | None = None
    target: str | None = None
    words: Sequence[str] = ()
    """Each is part of the actor, the action or the target."""
    since: datetime | None = None
    until: datetime | None = None


class AuditStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, connection: Connection, deeds: list[Deed]) -> None:
        await connection.execute(
            _Q["insert"],
            [deed.org for deed in deeds],
            [deed.actor for deed in deeds],
            [deed.action for deed in deeds],
            [deed.target for deed in deeds],
            [deed.detail for deed in deeds],
        )

    async def list(
        self, org: OrgId, wanted: Filter, *, before: tuple[datetime, int] | None, limit: int
    ) -> list[Row]:
        at, number = before or (None, None)
        return await self._database.fetch(
            _Q["list"],
            org,
            wanted.actor,
            wanted.action,
            wanted.target,
            wanted.since,
            wanted.until,
            at,
            number,
            limit,
            [containing(word) for word in wanted.words],
        )
