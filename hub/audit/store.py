"""The rows of `audit_log`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal

from msgspec import Struct

import sql
from hub.base.database import Connection, Database, Row
from hub.base.patterns import containing
from protocol.ids import OrgId

_Q = sql.queries("audit")


ActorKind = Literal["user", "api_key", "device", "hub"]
Outcome = Literal["ok", "refused", "failed"]
HIDDEN: Final = "hidden"
"""What stands for a secret."""


class Deed(Struct, frozen=True, kw_only=True):
    """A privileged action: about to be committed with its effect, or refused. Never holds a secret.

    `actor` is a name, as proof counts `actor_id` of the `actor_kind`: the id of the user (also for
    an API key) or of the device. `credential` is the session or the key.
    """

    org: OrgId
    actor: str
    action: str
    target: str | None = None
    detail: dict[str, Any] = {}
    actor_kind: ActorKind = "hub"
    actor_id: str = ""
    credential: str | None = None
    address: str | None = None
    request_id: str | None = None
    outcome: Outcome = "ok"
    reason: str | None = None
    changes: dict[str, Any] = {}
    """field: [old, new]"""


class Filter(Struct, frozen=True, kw_only=True):
    actor: str | None = None
    action: str | None = None
    target: str | None = None
    outcome: Outcome | None = None
    words: Sequence[str] = ()
    """Each is part of the actor, the action or the target."""
    since: datetime | None = None
    until: datetime | None = None


_COLUMNS: Final = (
    "org", "actor", "action", "target", "detail", "actor_kind", "actor_id", "credential", "address",
    "request_id", "outcome", "reason", "changes",
)  # fmt: skip


def columns_of(deeds: Sequence[Deed]) -> list[list[Any]]:
    """As `unnest` takes them, in the order of the statements that write rows of the audit."""
    return [[getattr(deed, column) for deed in deeds] for column in _COLUMNS]


class AuditStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, connection: Connection, deeds: list[Deed]) -> None:
        await connection.execute(_Q["insert"], *columns_of(deeds))

    async def note(self, deed: Deed) -> None:
        """By itself: what was refused has no effect to be committed with."""
        async with self._database.connection() as connection:
            await self.insert(connection, [deed])

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
            wanted.outcome,
            wanted.since,
            wanted.until,
            at,
            number,
            limit,
            [containing(word) for word in wanted.words],
        )
