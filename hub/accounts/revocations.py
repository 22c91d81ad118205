"""Which credentials are dead before their time: a copy of the `revocation` table in memory.

A replica polls the table every two seconds, so that a revoked token loses its sockets everywhere
within five (promise G12) with or without Redis. Rows are read again with an overlap of a minute:
a transaction may commit later than its row's number suggests.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, Literal

from msgspec import Struct

from protocol.ids import OrgId

Kind = Literal["session", "user", "api_key", "device"]

POLL_SECONDS: Final = 2.0


class Revocation(Struct, frozen=True, kw_only=True):
    revocation_id: int
    org: OrgId
    kind: Kind
    subject: str
    issued_before: datetime


class Revocations:
    """The set, and what was new when it was last fed."""

    def __init__(self) -> None:
        self._dead: dict[tuple[OrgId, Kind, str], float] = {}
        self._seen: set[int] = set()

    def add(self, rows: Iterable[Revocation]) -> list[Revocation]:
        """Take rows in; answers those that were not known."""
        new = [row for row in rows if row.revocation_id not in self._seen]
        for row in new:
            self._seen.add(row.revocation_id)
            key = (row.org, row.kind, row.subject)
            moment = row.issued_before.timestamp()
            self._dead[key] = max(moment, self._dead.get(key, 0.0))
        return new

    def covers(self, org: OrgId, kind: Kind, subject: str, issued_at: float) -> bool:
        """Whether a credential of the subject that was made at `issued_at` is dead."""
        return issued_at <= self._dead.get((org, kind, subject), -1.0)
