"""The rows of `audit_seal`, and of `audit_log` as the chain sees them."""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

import sql
from hub.audit.chain import Head, Seal, Sealable, sealed
from hub.audit.verifying import Drop, Link, Unplaced
from hub.base.database import Connection, Database, Row, as_json, hexed
from protocol.ids import OrgId

_Q = sql.queries("audit_chain")

SEAL_SECONDS: Final = 30.0
PAGE: Final = 2_000
READ_SECONDS: Final = 600.0
MOST_UNPLACED: Final = 1_000


class ChainHealth(Struct, frozen=True):
    unsealed: int
    anchor_error: str | None


class Exported(Struct, frozen=True):
    row: str
    """As JSON."""
    at: datetime
    number: int | None
    """None: it is not sealed."""
    hash: bytes | None


class SealStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def seal(self) -> tuple[list[Seal], bool]:
        """The next rows, and whether there may be more."""
        if not await self._database.fetchval(_Q["has_work"]):
            return [], False
        async with self._database.transaction(deadline=SEAL_SECONDS) as connection:
            look = await connection.fetchrow(_Q["lock"])
            if look is None:
                raise LookupError("audit_look has no row")
            since, up_to = look["since"], look["up_to"]
            rows = await connection.fetch(_Q["unsealed"], since, up_to)
            orgs = sorted({row["org_id"] for row in rows})
            heads = await _heads(connection, orgs) if rows else {}
            seals = sealed(heads, [_sealable(row) for row in rows])
            if seals:
                await connection.execute(_Q["seal"], _as_rows(seals))
            await connection.execute(_Q["looked"], rows[-1]["made_in"] if rows else up_to)
        return seals, bool(rows)

    async def heads(self) -> dict[OrgId, Head]:
        async with self._database.connection() as connection:
            return await _heads(connection, None)

    async def note_anchor(self, error: str | None) -> None:
        await self._database.execute(_Q["note_anchor"], error)

    async def health(self, seconds: float) -> ChainHealth:
        """Rows that are not sealed so long after they were written."""
        (row,) = await self._database.fetch(_Q["health"], seconds)
        return ChainHealth(row["unsealed"], row["anchor_error"])


class ChainStore:
    """Reads all of the chain, page by page: nobody who drops a partition waits for it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def drops(self) -> dict[OrgId, Drop]:
        async with self._database.connection() as connection:
            return await drops_in(connection)

    async def links(self) -> AsyncGenerator[list[Link]]:
        """In the order of the chain, by organisation."""
        org, number = "", 0
        while True:
            async with self._database.connection(deadline=READ_SECONDS) as connection:
                rows = await connection.fetch(_Q["links"], org, number, PAGE)
            if not rows:
                return
            yield [
                Link(
                    org=OrgId(row["org_id"]),
                    number=row["number"],
                    audit_id=row["audit_id"],
                    at=row["at"],
                    hash=row["hash"],
                    row=row["row"],
                )
                for row in rows
            ]
            org, number = rows[-1]["org_id"], rows[-1]["number"]

    async def unplaced(self) -> list[Unplaced]:
        async with self._database.connection(deadline=READ_SECONDS) as connection:
            rows = await connection.fetch(_Q["unplaced"], MOST_UNPLACED)
        return [
            Unplaced(
                org=OrgId(row["org_id"]),
                audit_id=row["audit_id"],
                at=row["at"],
                actor=row["actor"],
                action=row["action"],
                is_past=row["is_past"],
            )
            for row in rows
        ]

    async def rows(
        self, org: OrgId | None, since: datetime, until: datetime
    ) -> AsyncGenerator[list[Exported]]:
        """By organisation and time."""
        behind = "", since, 0
        while True:
            async with self._database.connection(deadline=READ_SECONDS) as connection:
                rows = await connection.fetch(_Q["rows"], *behind, org, since, until, PAGE)
            if not rows:
                return
            yield [Exported(row["row"], row["at"], row["number"], row["hash"]) for row in rows]
            behind = rows[-1]["org_id"], rows[-1]["at"], rows[-1]["audit_id"]


async def drops_in(connection: Connection) -> dict[OrgId, Drop]:
    """Where chains begin behind what went with a partition."""
    return {
        OrgId(row["org_id"]): Drop(Head(row["number"], row["hash"]), row["through"])
        for row in await connection.fetch(_Q["drops"])
    }


async def _heads(connection: Connection, orgs: Sequence[str] | None) -> dict[OrgId, Head]:
    return {
        OrgId(row["org_id"]): Head(row["number"], row["hash"])
        for row in await connection.fetch(_Q["heads"], orgs)
    }


def _sealable(row: Row) -> Sealable:
    return Sealable(
        org=OrgId(row["org_id"]), audit_id=row["audit_id"], at=row["at"], row=row["row"]
    )


def _as_rows(seals: Sequence[Seal]) -> str:
    return as_json(
        {
            "org": each.org,
            "number": each.number,
            "audit_id": each.audit_id,
            "at": each.at,
            "hash": hexed(each.hash),
        }
        for each in seals
    )
