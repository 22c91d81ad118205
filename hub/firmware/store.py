"""The rows of releases."""

from datetime import datetime

import asyncpg
from msgspec import Struct

import sql
from hub.base.database import Connection, Database, Row
from hub.base.errors import Conflict
from protocol.ids import OrgId

_Q = sql.queries("firmware")


class ReleaseRow(Struct, frozen=True, kw_only=True):
    org: OrgId
    release_id: str
    version: str
    channel: str
    filename: str
    size: int
    sha256: str
    signature_base64: str | None
    created_by: str
    created_at: datetime

    @classmethod
    def from_row(cls, row: Row) -> "ReleaseRow":
        return cls(
            org=row["org_id"],
            release_id=row["release_id"],
            version=row["version"],
            channel=row["channel"],
            filename=row["filename"],
            size=row["size"],
            sha256=row["sha256"],
            signature_base64=row["signature_base64"],
            created_by=row["created_by"],
            created_at=row["created_at"],
        )


class ReleaseStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def add(self, connection: Connection, release: ReleaseRow) -> ReleaseRow:
        """Raises `Conflict` when the channel has this version."""
        try:
            rows = await connection.fetch(
                _Q["add"],
                release.org,
                release.release_id,
                release.version,
                release.channel,
                release.filename,
                release.size,
                release.sha256,
                release.signature_base64,
                release.created_by,
            )
        except asyncpg.UniqueViolationError:
            raise taken(release.channel, release.version) from None
        return ReleaseRow.from_row(rows[0])

    async def is_taken(self, org: OrgId, channel: str, version: str) -> bool:
        return bool(await self.database.fetchval(_Q["taken"], org, channel, version))

    async def get(self, org: OrgId, release_id: str) -> ReleaseRow | None:
        row = await self.database.fetchrow(_Q["get"], org, release_id)
        return None if row is None else ReleaseRow.from_row(row)

    async def list(
        self, org: OrgId, *, before: tuple[datetime, str] | None, limit: int
    ) -> list[ReleaseRow]:
        rows = await self.database.fetch(_Q["list"], org, *(before or (None, None)), limit)
        return [ReleaseRow.from_row(row) for row in rows]


def taken(channel: str, version: str) -> Conflict:
    return Conflict(f"the channel {channel} has a release {version} already")
