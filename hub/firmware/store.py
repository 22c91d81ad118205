"""The rows of releases and of the keys that sign them."""

from collections.abc import Mapping
from datetime import datetime

import asyncpg
from msgspec import Struct

import sql
from hub.base.database import Connection, Database, Row
from hub.base.errors import Conflict
from protocol.ids import DeviceId, OrgId

_Q = sql.queries("firmware")


class ReleaseRow(Struct, frozen=True, kw_only=True):
    org: OrgId
    release_id: str
    type: str
    version: str
    channel: str
    filename: str
    size: int
    sha256: str
    signature_base64: str | None
    signed_by: str | None
    """The key of ours that its signature fits; None when it was not checked."""
    created_by: str
    created_at: datetime

    @classmethod
    def from_row(cls, row: Row) -> "ReleaseRow":
        return cls(
            org=row["org_id"],
            release_id=row["release_id"],
            type=row["type"],
            version=row["version"],
            channel=row["channel"],
            filename=row["filename"],
            size=row["size"],
            sha256=row["sha256"],
            signature_base64=row["signature_base64"],
            signed_by=row["signed_by"],
            created_by=row["created_by"],
            created_at=row["created_at"],
        )


class FirmwareKeyRow(Struct, frozen=True, kw_only=True):
    key_id: str
    name: str
    public_key: str
    created_by: str
    created_at: datetime

    @classmethod
    def from_row(cls, row: Row) -> "FirmwareKeyRow":
        return cls(**{field: row[field] for field in cls.__struct_fields__})


class ReleaseStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def add(self, connection: Connection, release: ReleaseRow) -> ReleaseRow:
        """Raises `Conflict` when the channel has this version of the type."""
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
                release.signed_by,
                release.type,
            )
        except asyncpg.UniqueViolationError:
            raise taken(release.type, release.channel, release.version) from None
        return ReleaseRow.from_row(rows[0])

    async def is_taken(self, org: OrgId, software: str, channel: str, version: str) -> bool:
        names = (software, channel, version)
        return bool(await self.database.tenant(org).fetchval(_Q["taken"], org, *names))

    async def get(self, org: OrgId, release_id: str) -> ReleaseRow | None:
        row = await self.database.tenant(org).fetchrow(_Q["get"], org, release_id)
        return None if row is None else ReleaseRow.from_row(row)

    async def is_pinned(self, org: OrgId, device_id: DeviceId, release_id: str) -> bool:
        """Whether the release is of a version that is pinned for the device."""
        tenant = self.database.tenant(org)
        return bool(await tenant.fetchval(_Q["is_pinned"], org, device_id, release_id))

    async def list(
        self, org: OrgId, *, before: tuple[datetime, str] | None, limit: int
    ) -> list[ReleaseRow]:
        rows = await self.database.tenant(org).fetch(
            _Q["list"], org, *(before or (None, None)), limit
        )
        return [ReleaseRow.from_row(row) for row in rows]

    async def lock(self, connection: Connection, org: OrgId, release_id: str) -> ReleaseRow | None:
        row = await connection.fetchrow(_Q["lock"], org, release_id)
        return None if row is None else ReleaseRow.from_row(row)

    async def sign(
        self,
        connection: Connection,
        org: OrgId,
        release_id: str,
        *,
        signature: str,
        signed_by: str | None,
    ) -> ReleaseRow | None:
        row = await connection.fetchrow(_Q["sign"], org, release_id, signature, signed_by)
        return None if row is None else ReleaseRow.from_row(row)

    async def end_releases(self) -> set[str]:
        """Delete those of organisations that have ended; the digests of their artifacts."""
        return {row["sha256"] for row in await self.database.fetch(_Q["end_releases"])}

    async def delete(self, connection: Connection, org: OrgId, release_id: str) -> None:
        await connection.execute(_Q["delete"], org, release_id)

    async def lock_artifact(self, connection: Connection, sha256: str) -> None:
        """Whether an artifact has a name changes for one at a time, until the commit."""
        await connection.execute(_Q["lock_artifact"], sha256)

    async def names_artifact(self, connection: Connection, sha256: str) -> bool:
        return bool(await connection.fetchval(_Q["names_artifact"], sha256))

    async def installed(
        self, connection: Connection, proven: Mapping[tuple[OrgId, DeviceId, str], str]
    ) -> None:
        """The version that is there, by device and type."""
        columns = zip(*((*name, version) for name, version in proven.items()), strict=True)
        await connection.execute(_Q["installed"], *map(list, columns))

    # Keys

    async def keys(
        self,
        org: OrgId,
        *,
        before: tuple[datetime, str] | None = None,
        limit: int | None = None,
    ) -> "list[FirmwareKeyRow]":
        """Without `limit`, all."""
        rows = await self.database.tenant(org).fetch(
            _Q["keys"], org, *(before or (None, None)), limit
        )
        return [FirmwareKeyRow.from_row(row) for row in rows]

    async def add_key(
        self,
        connection: Connection,
        org: OrgId,
        key_id: str,
        *,
        name: str,
        public_key: str,
        by: str,
    ) -> FirmwareKeyRow:
        """Raises `Conflict` when the key is there."""
        try:
            rows = await connection.fetch(_Q["add_key"], org, key_id, name, public_key, by)
        except asyncpg.UniqueViolationError:
            raise Conflict("this key exists already") from None
        return FirmwareKeyRow.from_row(rows[0])

    async def delete_key(self, connection: Connection, org: OrgId, key_id: str) -> bool:
        """Whether it was there. Raises `Conflict` while a release is signed with it."""
        try:
            return await connection.fetchrow(_Q["delete_key"], org, key_id) is not None
        except asyncpg.ForeignKeyViolationError:
            raise Conflict("a release is signed with this key") from None


def taken(software: str, channel: str, version: str) -> Conflict:
    return Conflict(f"the channel {channel} has a release {version} of {software} already")
