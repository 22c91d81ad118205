"""The rows of users, sessions, tokens and keys."""

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal

import asyncpg
from msgspec import Struct

import sql
from hub.accounts.standing import Subject, VersionChange, VersionRange
from hub.accounts.tokens import hash_secret
from hub.base.database import Connection, Database, Row
from hub.base.errors import SignInFirst
from hub.base.principal import Role
from hub.base.vault import Vault
from protocol.ids import DEFAULT_ORG, DeviceId, OrgId, uuid7

_Q = sql.queries("accounts")
_RIGHTS = sql.queries("rights")

MemberKind = Literal["person", "service"]

ENROLLMENT_KEY: Final = "enrollment_key"
"""The setting, and what it is sealed as."""


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


class SessionRow(Struct, frozen=True, kw_only=True):
    session_id: str
    user_id: str
    created_at: datetime
    used_at: datetime
    expires_at: datetime
    ends_at: datetime
    """However often it is renewed, it ends then."""
    address: str | None
    version: int
    check_due: float | None = None
    """When the provider that began it is to be asked again, in seconds since 1970, where one is."""

    @classmethod
    def from_row(cls, row: Row) -> "SessionRow":
        return cls(
            session_id=row["session_id"],
            user_id=row["user_id"],
            created_at=row["created_at"],
            used_at=row["used_at"],
            expires_at=row["expires_at"],
            ends_at=row["ends_at"],
            address=row["address"],
            version=row["highest"],
            check_due=row.get("check_due"),
        )


class RefreshOf(Struct, frozen=True):
    """Whose refresh token it is."""

    org: OrgId
    session_id: str
    user_id: str


class RefreshState(Struct, frozen=True):
    """Of a refresh token that is locked, with its session and its user."""

    used: bool
    expired: bool


class TicketRow(Struct, frozen=True, kw_only=True):
    org: OrgId
    session_id: str
    user_id: str
    username: str
    version: int
    token_expires_at: datetime


class KeyOwner(Struct, frozen=True):
    org: OrgId
    name: str
    is_service: bool


class ApiKeyRow(Struct, frozen=True, kw_only=True):
    key_id: str
    user_id: str
    name: str
    role: Role
    created_at: datetime
    expires_at: datetime | None
    prefix: str
    """How its secret begins."""
    used_at: datetime | None = None
    """As of late."""

    @classmethod
    def from_row(cls, row: Row) -> "ApiKeyRow":
        return cls(
            key_id=row["key_id"],
            user_id=row["user_id"],
            name=row["name"],
            role=row["role"],
            created_at=row["created_at"],
            expires_at=row["expires_at"],
            prefix=row["prefix"],
            used_at=row["used_at"],
        )


class AccountStore:
    def __init__(self, database: Database, vault: Vault) -> None:
        self.database = database
        self._vault = vault

    # Keys and settings

    async def signing_keys(self, connection: Connection) -> list[tuple[str, bytes]]:
        """Raises `Unavailable` for those of another master key."""
        rows = await connection.fetch(_Q["signing_keys"])
        return [
            (
                row["kid"],
                b64decode(self._vault.open(("signing_key", row["kid"]), row["private_key"])),
            )
            for row in rows
        ]

    async def revoke_signing_keys(self, connection: Connection, *, but: str) -> None:
        await connection.execute(_Q["revoke_signing_keys"], but, DEFAULT_ORG)

    async def installation(self, connection: Connection) -> str:
        """The id of it, which its tokens name as their issuer."""
        return str(await connection.fetchval(_Q["installation"]))

    async def add_signing_key(self, connection: Connection, kid: str, raw: bytes) -> None:
        sealed = self._vault.keep(("signing_key", kid), b64encode(raw).decode())
        await connection.execute(_Q["add_signing_key"], kid, sealed)

    async def retire_signing_keys(
        self, connection: Connection, *, but: str, longest_life: float
    ) -> None:
        await connection.execute(_Q["retire_signing_keys"], but, longest_life)

    async def lock_setup(self, connection: Connection) -> None:
        await connection.execute(_Q["lock_setup"])

    async def settings(self, connection: Connection, org: OrgId) -> dict[str, Any]:
        return {row["name"]: row["value"] for row in await connection.fetch(_Q["settings"], org)}

    async def put_setting(
        self, connection: Connection, org: OrgId, name: str, value: object
    ) -> None:
        await connection.execute(_Q["put_setting"], org, name, value)

    async def put_enrollment_key(self, connection: Connection, org: OrgId, key: str) -> None:
        value = {
            "hash": hash_secret(key).hex(),
            "sealed": self._vault.keep((ENROLLMENT_KEY, org), key),
        }
        await self.put_setting(connection, org, ENROLLMENT_KEY, value)

    def enrollment_key(self, org: OrgId, stored: Mapping[str, Any]) -> str | None:
        """Of the settings of an organisation. Raises `Unavailable` when it does not open."""
        value = stored.get(ENROLLMENT_KEY)
        return None if value is None else self._vault.open((ENROLLMENT_KEY, org), value["sealed"])

    async def living(self) -> list[OrgId]:
        return [OrgId(row["org_id"]) for row in await self.database.fetch(_Q["living"])]

    async def enrolling_into(self, key: str) -> OrgId | None:
        found: str | None = await self.database.fetchval(
            _Q["enrolling_into"], hash_secret(key).hex()
        )
        return None if found is None else OrgId(found)

    # Users

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

    async def rights_changed(
        self, connection: Connection, org: OrgId, subjects: Sequence[str]
    ) -> None:
        """What these users or keys may do is another now."""
        await connection.execute(_RIGHTS["changed"], org, list(subjects))

    async def preferences(self, org: OrgId, user_id: str) -> dict[str, Any]:
        return await self.database.tenant(org).fetchval(_Q["preferences"], org, user_id) or {}

    async def put_preferences(self, org: OrgId, user_id: str, wanted: dict[str, Any]) -> None:
        await self.database.tenant(org).execute(_Q["put_preferences"], org, user_id, wanted)

    # Signing in

    async def reserve_attempt(
        self, username: str, address: str, *, by_name: int, by_address: int
    ) -> int | None:
        """The id of an attempt that may be decided; None when there were too many in a minute."""
        async with self.database.transaction() as connection:
            await connection.execute(_Q["lock_attempts"], username, address)
            return await connection.fetchval(
                _Q["reserve_attempt"], username, address, by_name, by_address
            )

    async def forget_attempt(self, connection: Connection, attempt: int) -> None:
        await connection.execute(_Q["forget_attempt"], attempt)

    async def signed_in(self, connection: Connection, user: UserRow, address: str) -> None:
        await connection.execute(_Q["signed_in"], user.user_id, address, user.org)

    async def add_session(
        self,
        connection: Connection,
        user: UserRow,
        session_id: str,
        *,
        seconds: float,
        address: str | None,
    ) -> SessionRow:
        row = await connection.fetchrow(
            _Q["add_session"], user.org, session_id, user.user_id, seconds, address
        )
        return SessionRow.from_row(_one(row))

    async def add_refresh_token(
        self, connection: Connection, token_hash: bytes, org: OrgId, session: str, seconds: float
    ) -> None:
        await connection.execute(_Q["add_refresh_token"], token_hash, org, session, seconds)

    async def refresh_token(self, connection: Connection, token_hash: bytes) -> RefreshOf | None:
        row = await connection.fetchrow(_Q["refresh_token"], token_hash)
        return None if row is None else RefreshOf(row["org_id"], row["session_id"], row["user_id"])

    async def browser_session(self, token_hash: bytes) -> Row | None:
        """Organisation, session, user and its name of a good refresh token, which is not used
        up."""
        return await self.database.fetchrow(_Q["browser_session"], token_hash)

    async def lock_session(
        self, connection: Connection, org: OrgId, session_id: str
    ) -> SessionRow | None:
        """Whoever locks it has locked its user before. None for one that has ended."""
        row = await connection.fetchrow(_Q["lock_session"], org, session_id)
        return None if row is None or row["ended"] else SessionRow.from_row(row)

    async def lock_refresh_token(
        self, connection: Connection, token_hash: bytes
    ) -> RefreshState | None:
        row = await connection.fetchrow(_Q["lock_refresh_token"], token_hash)
        return None if row is None else RefreshState(row["used"], row["expired"])

    async def use_refresh_token(
        self, connection: Connection, token_hash: bytes, of: RefreshOf, seconds: float
    ) -> None:
        await connection.execute(_Q["use_refresh_token"], token_hash)
        await connection.execute(_Q["extend_session"], of.org, of.session_id, seconds)

    async def sessions(self, org: OrgId, user_id: str) -> list[SessionRow]:
        """Those that have not ended, the newest first."""
        rows = await self.database.tenant(org).fetch(_Q["sessions"], org, user_id)
        return [SessionRow.from_row(row) for row in rows]

    async def session_owner(
        self, connection: Connection, org: OrgId, session_id: str
    ) -> str | None:
        return await connection.fetchval(_Q["session_owner"], org, session_id)

    async def end_session(self, connection: Connection, org: OrgId, session_id: str) -> None:
        await connection.execute(_Q["end_sessions"], org, session_id, None)

    async def end_sessions_of(self, connection: Connection, org: OrgId, user_id: str) -> None:
        """Whoever ends them holds the lock on the user."""
        await connection.execute(_Q["end_sessions"], org, None, user_id)

    async def end_everywhere(
        self, connection: Connection, user_id: str, *, keys: bool = True
    ) -> None:
        """Each session of an account, and its keys, in all its organisations."""
        for row in await connection.fetch(_Q["organisations_of"], user_id):
            await self.end_sessions_of(connection, row["org_id"], user_id)
            if keys:
                await self.delete_keys_of(connection, row["org_id"], user_id)

    async def authenticated_recently(
        self, connection: Connection, org: OrgId, session_id: str, *, seconds: float
    ) -> bool:
        return bool(
            await connection.fetchval(_Q["authenticated_recently"], org, session_id, seconds)
        )

    async def keep_sign_in(
        self, connection: Connection, old: tuple[OrgId, str], new: tuple[OrgId, str]
    ) -> bool:
        """A session goes on from another: as long ago as there its user has shown a password, and
        it ends when that does. False when that has ended."""
        return await connection.fetchval(_Q["keep_sign_in"], *old, *new) is not None

    async def authenticated(self, connection: Connection, org: OrgId, session_id: str) -> None:
        await connection.execute(_Q["authenticated"], org, session_id)

    async def end_user(self, connection: Connection, org: OrgId, user_id: str) -> None:
        """Sockets of the user close as those of somebody who may not come back."""
        await connection.execute(_Q["end_user"], org, user_id)

    # What is good

    async def standing(self, subject: Subject) -> VersionRange | None:
        """The numbers of a session or device; None when there is none."""
        match subject.kind:
            case "session":
                user_id, _, session_id = subject.id.partition("/")
                row = await self.database.fetchrow(
                    _Q["session_standing"], subject.org, user_id, session_id
                )
            case "device":
                row = await self.database.fetchrow(_Q["device_standing"], subject.org, subject.id)
            case "user" | "signing_key" | "rights":
                raise AssertionError("only what tokens name has numbers")
        return None if row is None else VersionRange(row["lowest"], row["highest"])

    async def adopt_version(self, org: OrgId, device_id: DeviceId, version: int) -> bool:
        """A line goes on with a newer token, and the earlier ones end; False when it is not
        good."""
        return (
            await self.database.fetchval(_Q["adopt_version"], org, device_id, version) is not None
        )

    async def changes(self, horizon: str | None) -> tuple[str, float, list[VersionChange]]:
        """(next horizon, database time, changes since `horizon`)."""
        rows = await self.database.fetch(_Q["changes"], horizon)
        changes = [
            VersionChange(
                Subject(OrgId(row["org_id"]), row["kind"], row["subject"]),
                VersionRange(row["lowest"], row["highest"]),
            )
            for row in rows
            if row["subject"] is not None
        ]
        return rows[0]["horizon"], rows[0]["now"], changes

    async def add_ticket(
        self, ticket_hash: bytes, org: OrgId, session: str, *, seconds: float, token_expires: float
    ) -> None:
        await self.database.tenant(org).execute(
            _Q["add_ticket"], ticket_hash, org, session, seconds, token_expires
        )

    async def redeem_ticket(self, ticket_hash: bytes) -> TicketRow | None:
        row = await self.database.fetchrow(_Q["redeem_ticket"], ticket_hash)
        if row is None or not row["valid"]:
            return None
        return TicketRow(
            org=OrgId(row["org_id"]),
            session_id=row["session_id"],
            user_id=row["user_id"],
            username=row["username"],
            version=row["highest"],
            token_expires_at=row["token_expires_at"],
        )

    # API keys

    async def add_api_key(
        self, connection: Connection, org: OrgId, key: ApiKeyRow, key_hash: bytes
    ) -> ApiKeyRow:
        row = await connection.fetchrow(
            _Q["add_api_key"],
            org,
            key.key_id,
            key.user_id,
            key.name,
            key.role,
            key_hash,
            key.expires_at,
            key.prefix,
        )
        return ApiKeyRow.from_row(_one(row))

    async def api_key_by_hash(self, key_hash: bytes) -> tuple[KeyOwner, ApiKeyRow] | None:
        """When its owner is enabled and it has not run out."""
        row = await self.database.fetchrow(_Q["api_key_by_hash"], key_hash)
        if row is None:
            return None
        owner = KeyOwner(OrgId(row["org_id"]), row["owner"], row["kind"] == "service")
        return owner, ApiKeyRow.from_row(row)

    async def list_api_keys(
        self,
        org: OrgId,
        *,
        owner: str | None,
        key_id: str | None,
        before: tuple[datetime, str] | None,
        limit: int,
    ) -> list[ApiKeyRow]:
        """Of one user, or one key; None for all."""
        rows = await self.database.tenant(org).fetch(
            _Q["list_api_keys"], org, owner, key_id, *(before or (None, None)), limit
        )
        return [ApiKeyRow.from_row(row) for row in rows]

    async def keys_used(self, keys: Sequence[tuple[OrgId, str]]) -> None:
        """(organisation, key): they were used a moment ago."""
        orgs, ids = [org for org, _ in keys], [key_id for _, key_id in keys]
        await self.database.execute(_Q["keys_used"], orgs, ids)

    async def count_api_keys(self, connection: Connection, org: OrgId, user_id: str) -> int:
        return int(await connection.fetchval(_Q["count_api_keys"], org, user_id))

    async def api_key_owner(self, connection: Connection, org: OrgId, key_id: str) -> str | None:
        return await connection.fetchval(_Q["api_key_owner"], org, key_id)

    async def delete_api_key(self, connection: Connection, org: OrgId, key_id: str) -> str | None:
        """Its name; None when there was none."""
        row = await connection.fetchrow(_Q["delete_api_key"], org, key_id)
        return None if row is None else row["name"]

    async def delete_keys_of(self, connection: Connection, org: OrgId, user_id: str) -> None:
        await connection.execute(_Q["delete_keys_of"], org, user_id)

    async def clean_up(self) -> None:
        await self.database.execute(_Q["clean_up"])


def _one(row: Row | None) -> Row:
    if row is None:
        raise LookupError("a statement that always answers a row answered none")
    return row
