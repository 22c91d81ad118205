"""The rows of accounts and members."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import asyncpg
from msgspec import Struct

import sql
from hub.base.database import Connection, Database, Row
from hub.base.errors import SignInFirst
from hub.base.principal import Role
from protocol.ids import OrgId, uuid7

_Q = sql.queries("accounts")
_RIGHTS = sql.queries("rights")

MemberKind = Literal["person", "service"]


class UserRow(Struct, frozen=True, kw_only=True):
    org: OrgId
    user_id: str
    kind: MemberKind
    username: str
    """Of a service account its name."""
    display_name: str
    role: Role
    """The strongest built-in one for the whole organisation."""
    disabled: bool
    initial_password: bool
    """Somebody or something else than the user made it."""
    instance_admin: bool
    has_code: bool
    """Signing in asks for a code of an authenticator program."""
    created_at: datetime

    @classmethod
    def from_row(cls, row: Row) -> "UserRow":
        return cls(
            org=OrgId(row["org_id"]),
            user_id=row["user_id"],
            kind=row["kind"],
            username=row["username"],
            display_name=row["display_name"],
            role=row["role"],
            disabled=row["disabled"],
            initial_password=row["initial_password"],
            instance_admin=row["instance_admin"],
            has_code=row["totp_confirmed"],
            created_at=row["created_at"],
        )


class NewAccount(Struct, frozen=True, kw_only=True):
    user_id: str
    username: str | None
    """None: nobody signs in as it."""
    display_name: str
    password_hash: str | None
    initial_password: bool = False
    instance_admin: bool = False


class OrgRow(Struct, frozen=True):
    org: OrgId
    name: str
    created_at: datetime


class AccountStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def has_users(self, connection: Connection, org: OrgId) -> bool:
        return bool(await connection.fetchval(_Q["has_users"], org))

    async def other_admins(self, connection: Connection, org: OrgId, user_id: str) -> bool:
        return bool(await connection.fetchval(_Q["other_admins"], org, user_id))

    async def add_account(self, connection: Connection, org: OrgId, account: NewAccount) -> None:
        """Of somebody who is made in `org`. Raises `SignInFirst` when the name is taken."""
        try:
            async with connection.transaction():
                await connection.execute(
                    _Q["add_account"],
                    account.user_id,
                    account.username,
                    account.display_name,
                    account.password_hash,
                    account.initial_password,
                    account.instance_admin,
                    org,
                )
        except asyncpg.UniqueViolationError:
            raise SignInFirst(
                f"the user name {account.username} is taken: who has it signs in, and joins by an "
                "invitation"
            ) from None

    async def add_member(
        self, connection: Connection, org: OrgId, user_id: str, kind: MemberKind = "person"
    ) -> bool:
        """False for who is one already."""
        return await connection.fetchval(_Q["add_member"], org, user_id, kind) is not None

    async def set_role(self, connection: Connection, org: OrgId, user_id: str, role: Role) -> None:
        """For the whole organisation, in place of the built-in one that it has by itself."""
        given = None if role == "NONE" else role
        await connection.execute(_Q["set_role"], org, user_id, given, uuid7())

    async def organisations(self, user_id: str) -> list[OrgRow]:
        rows = await self.database.fetch(_Q["organisations_of"], user_id)
        return [OrgRow(OrgId(row["org_id"]), row["name"], row["created_at"]) for row in rows]

    async def is_shared(self, connection: Connection, user_id: str) -> bool:
        """Whether an account is a member of several organisations."""
        return bool(await connection.fetchval(_Q["is_shared"], user_id))

    async def for_login(
        self, org: OrgId | None, username: str
    ) -> tuple[UserRow, str | None] | None:
        """(user, hash of the password): in `org`, or where the account signed in last."""
        row = await self.database.fetchrow(_Q["account_for_login"], org, username)
        return None if row is None else (UserRow.from_row(row), row["password_hash"])

    async def user_by_id(self, org: OrgId, user_id: str) -> UserRow | None:
        row = await self.database.tenant(org).fetchrow(_Q["user_by_id"], org, user_id)
        return None if row is None else UserRow.from_row(row)

    async def lock_user(
        self, connection: Connection, org: OrgId, user_id: str
    ) -> tuple[UserRow, str | None] | None:
        """(user, hash of the password), until the end of a transaction that is not of one
        organisation."""
        row = await connection.fetchrow(_Q["lock_user"], org, user_id)
        return None if row is None else (UserRow.from_row(row), row["password_hash"])

    async def list_users(
        self, org: OrgId, *, before: tuple[datetime, str] | None, limit: int
    ) -> list[UserRow]:
        rows = await self.database.tenant(org).fetch(
            _Q["list_users"], org, *(before or (None, None)), limit
        )
        return [UserRow.from_row(row) for row in rows]

    async def update_user(
        self, connection: Connection, user: UserRow, password_hash: str | None = None
    ) -> None:
        await connection.execute(
            _Q["update_user"],
            user.org,
            user.user_id,
            user.display_name,
            user.disabled,
            password_hash,
            user.initial_password,
        )

    async def delete_user(self, connection: Connection, org: OrgId, user_id: str) -> None:
        await connection.execute(_Q["delete_user"], org, user_id)

    async def end_user(self, connection: Connection, org: OrgId, user_id: str) -> None:
        """Sockets of the user close as those of somebody who may not come back."""
        await connection.execute(_Q["end_user"], org, user_id)

    async def rights_changed(
        self, connection: Connection, org: OrgId, subjects: Sequence[str]
    ) -> None:
        """What these users or keys may do is another now."""
        await connection.execute(_RIGHTS["changed"], org, list(subjects))

    async def preferences(self, org: OrgId, user_id: str) -> dict[str, Any]:
        return await self.database.tenant(org).fetchval(_Q["preferences"], org, user_id) or {}

    async def put_preferences(self, org: OrgId, user_id: str, wanted: dict[str, Any]) -> None:
        await self.database.tenant(org).execute(_Q["put_preferences"], org, user_id, wanted)
