"""The rows of organisations, invitations and service accounts."""

from datetime import datetime

from msgspec import Struct

import sql
from hub.base.database import Connection, Database, Row
from hub.base.principal import Role
from protocol.ids import OrgId

_Q = sql.queries("organisations")
Before = tuple[datetime, str] | None


class Organisation(Struct, frozen=True, kw_only=True):
    org: OrgId
    name: str
    timezone: str
    created_at: datetime
    ended_at: datetime | None

    @classmethod
    def from_row(cls, row: Row) -> "Organisation":
        return cls(
            org=OrgId(row["org_id"]),
            name=row["name"],
            timezone=row["timezone"],
            created_at=row["created_at"],
            ended_at=row["ended_at"],
        )


class Invitation(Struct, frozen=True, kw_only=True):
    org: OrgId
    invitation_id: str
    username: str | None
    """Who may accept it; None for anybody with the link."""
    role: Role
    made_by: str
    created_at: datetime
    expires_at: datetime

    @classmethod
    def from_row(cls, row: Row) -> "Invitation":
        return cls(
            org=OrgId(row["org_id"]),
            invitation_id=row["invitation_id"],
            username=row["username"],
            role=row["role"],
            made_by=row["made_by"],
            created_at=row["created_at"],
            expires_at=row["expires_at"],
        )


class ServiceAccount(Struct, frozen=True, kw_only=True):
    user_id: str
    name: str
    role: Role
    created_at: datetime

    @classmethod
    def from_row(cls, row: Row) -> "ServiceAccount":
        return cls(
            user_id=row["user_id"],
            name=row["display_name"],
            role=row["role"],
            created_at=row["created_at"],
        )


class OrganisationStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def list(self) -> "list[Organisation]":
        return [Organisation.from_row(row) for row in await self.database.fetch(_Q["list"])]

    async def get(self, org: OrgId, connection: "Connection | None" = None) -> Organisation | None:
        """Where there is a connection already, by that."""
        row = await (connection or self.database).fetchrow(_Q["get"], org)
        return None if row is None else Organisation.from_row(row)

    async def add(
        self, connection: Connection, org: OrgId, name: str, timezone: str
    ) -> Organisation | None:
        """None when there is one of that id, or was."""
        row = await connection.fetchrow(_Q["add"], org, name, timezone)
        return None if row is None else Organisation.from_row(row)

    async def describe(
        self, connection: Connection, org: OrgId, name: str, timezone: str
    ) -> Organisation | None:
        row = await connection.fetchrow(_Q["describe"], org, name, timezone)
        return None if row is None else Organisation.from_row(row)

    async def end(self, connection: Connection, org: OrgId) -> bool:
        """With every credential in it. False when it has ended before."""
        if await connection.fetchrow(_Q["end"], org) is None:
            return False
        for statement in ("end_sessions", "end_devices", "end_settings", "end_members"):
            await connection.execute(_Q[statement], org)
        return True

    async def ended(self) -> "list[OrgId]":
        return [OrgId(row["org_id"]) for row in await self.database.fetch(_Q["ended"])]

    async def empty(self, org: OrgId, most: int) -> int:
        """Delete so many rows, or fewer, of one that has ended; how many are gone."""
        return int(await self.database.fetchval(_Q["empty"], org, most))

    # Invitations

    async def add_invitation(
        self,
        connection: Connection,
        org: OrgId,
        invitation_id: str,
        token_hash: bytes,
        *,
        username: str | None,
        role: Role,
        made_by: str,
        expires_at: datetime | None,
    ) -> Invitation:
        row = await connection.fetchrow(
            _Q["add_invitation"],
            org,
            invitation_id,
            token_hash,
            username,
            role,
            made_by,
            expires_at,
        )
        if row is None:
            raise LookupError("an insert answered no row")
        return Invitation.from_row(row)

    async def invitations(self, org: OrgId, *, before: Before, limit: int) -> "list[Invitation]":
        rows = await self.database.tenant(org).fetch(
            _Q["invitations"], org, *(before or (None, None)), limit
        )
        return [Invitation.from_row(row) for row in rows]

    async def delete_invitation(
        self, connection: Connection, org: OrgId, invitation_id: str
    ) -> bool:
        return await connection.fetchval(_Q["delete_invitation"], org, invitation_id) is not None

    async def open_invitation(self, token_hash: bytes) -> Invitation | None:
        """One that can be accepted."""
        row = await self.database.fetchrow(_Q["open_invitation"], token_hash)
        return None if row is None else Invitation.from_row(row)

    async def use_invitation(self, connection: Connection, token_hash: bytes) -> Invitation | None:
        row = await connection.fetchrow(_Q["use_invitation"], token_hash)
        return None if row is None else Invitation.from_row(row)

    # Service accounts

    async def services(self, org: OrgId, *, before: Before, limit: int) -> "list[ServiceAccount]":
        rows = await self.database.tenant(org).fetch(
            _Q["services"], org, *(before or (None, None)), limit
        )
        return [ServiceAccount.from_row(row) for row in rows]

    async def service(self, org: OrgId, user_id: str) -> ServiceAccount | None:
        row = await self.database.tenant(org).fetchrow(_Q["service"], org, user_id)
        return None if row is None else ServiceAccount.from_row(row)
