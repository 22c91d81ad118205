"""Users and their API keys, as administrators and the command line manage them."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from msgspec import Struct, structs

from hub.accounts.access import ROLES, role_covers
from hub.accounts.passwords import Passwords
from hub.accounts.service import AccountService
from hub.accounts.sessions import session_of
from hub.accounts.store import AccountStore, ApiKeyRow, UserRow
from hub.accounts.tokens import API_KEY_PREFIX, hash_secret, new_secret
from hub.audit.service import AuditService, Deed, deed_of
from hub.base.database import Connection
from hub.base.errors import Conflict, Forbidden, NotFound, invalid
from hub.web.envelope import Items
from hub.web.paging import decode_cursor, page_of
from hub.web.principal import Principal, Role
from protocol.ids import DEFAULT_ORG, OrgId, uuid7

T = TypeVar("T")


class UserChange(Struct, frozen=True, kw_only=True):
    """What an administrator changes of a user; None leaves it."""

    display_name: str | None = None
    role: Role | None = None
    disabled: bool | None = None
    password: str | None = None
    initial_password: bool = False
    """With `password`: the user is asked for another one."""


class UserService:
    def __init__(
        self,
        store: AccountStore,
        audit: AuditService,
        accounts: AccountService,
        passwords: Passwords,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._audit = audit
        self._accounts = accounts
        self._passwords = passwords
        self._clock = clock

    async def first_start(self) -> str | None:
        """On a database without users: auto-enrolment on, and an administrator, whose password
        is answered and kept nowhere else."""
        password = new_secret()
        hashed = await self._passwords.hash(password)
        async with self._store.database.transaction() as connection:
            await self._store.lock_setup(connection)
            if await self._store.count_users(connection, DEFAULT_ORG):
                return None
            await self._store.put_setting(connection, DEFAULT_ORG, "auto_enroll", True)
            admin = _new_user("admin", "ADMIN", hashed, initial_password=True)
            await self._store.add_user(connection, admin)
            await self._audit.record(
                connection, Deed(org=DEFAULT_ORG, actor="hub", action="user.create", target="admin")
            )
        return password

    async def get_user(self, org: OrgId, user_id: str) -> UserRow:
        user = await self._store.user_by_id(org, user_id)
        if user is None:
            raise NotFound("no such user")
        return user

    async def list_users(self, org: OrgId, *, cursor: str | None, limit: int) -> Items[UserRow]:
        rows = await self._store.list_users(org, before=decode_cursor(cursor), limit=limit + 1)
        return page_of(rows, limit, key=lambda row: (row.created_at, row.user_id), item=_same)

    async def create_user(
        self,
        by: Principal,
        username: str,
        password: str,
        role: Role,
        display_name: str | None,
        *,
        initial_password: bool = False,
    ) -> UserRow:
        """Raises `Conflict` when the name is taken."""
        hashed = await self._passwords.hash(password)
        user = _new_user(
            username,
            role,
            hashed,
            org=by.org,
            display_name=display_name,
            initial_password=initial_password,
        )
        async with self._store.database.transaction() as connection:
            made = await self._store.add_user(connection, user)
            deed = deed_of(by, "user.create", made.username, role=role)
            await self._audit.record(connection, deed)
        return made

    async def change_user(self, by: Principal, user_id: str, change: UserChange) -> UserRow:
        """Whatever lessens a user's rights ends the sessions made with the greater ones."""
        hashed = await self._passwords.hash(change.password) if change.password else None
        async with self._store.database.transaction() as connection:
            user = await self._locked(connection, by.org, user_id)
            wanted = _with(
                user,
                display_name=change.display_name,
                role=change.role,
                disabled=change.disabled,
                password_hash=hashed,
                initial_password=change.initial_password if hashed else None,
            )
            if wanted.role != "ADMIN" or wanted.disabled:
                await self._keep_an_admin(connection, user)
            changed = await self._store.update_user(connection, wanted)
            await self._take_away(connection, user, changed)
            await self._audit.record(connection, deed_of(by, "user.update", user.username))
        await self._accounts.refresh()
        return changed

    async def delete_user(self, by: Principal, user_id: str) -> None:
        async with self._store.database.transaction() as connection:
            user = await self._locked(connection, by.org, user_id)
            await self._keep_an_admin(connection, user)
            await self._store.revoke(connection, user.org, "user", user.user_id)
            await self._store.delete_user(connection, user.org, user.user_id)
            await self._audit.record(connection, deed_of(by, "user.delete", user.username))
        await self._accounts.refresh()

    async def reset_password(self, username: str, password: str) -> None:
        """For the command line, where whoever reaches the database is trusted. The user is asked
        for another password."""
        user = await self._store.user_by_name(DEFAULT_ORG, username)
        if user is None:
            raise NotFound(f"there is no user named {username}")
        operator = Principal(org=DEFAULT_ORG, kind="anyone", subject="", actor="hub")
        change = UserChange(password=password, initial_password=True)
        await self.change_user(operator, user.user_id, change)

    async def _take_away(self, connection: Connection, was: UserRow, now: UserRow) -> None:
        if now.disabled and not was.disabled:
            await self._store.revoke(connection, now.org, "user", now.user_id)
        if now.role != was.role or now.password_hash != was.password_hash or now.disabled:
            await self._store.end_sessions_of(connection, now.org, now.user_id)
        above: list[Role] = [role for role in ROLES if not role_covers(now.role, role)]
        await self._store.delete_keys_above(connection, now.org, now.user_id, above)

    async def _keep_an_admin(self, connection: Connection, user: UserRow) -> None:
        if user.role != "ADMIN":
            return
        await self._store.lock_setup(connection)
        if not await self._store.other_admins(connection, user.org, user.user_id):
            raise Conflict("this is the last enabled administrator")

    async def _locked(self, connection: Connection, org: OrgId, user_id: str) -> UserRow:
        user = await self._store.lock_user(connection, org, user_id)
        if user is None:
            raise NotFound("no such user")
        return user

    async def change_password(self, principal: Principal, current: str, new: str) -> None:
        """Ends every session of the user. Raises `Forbidden` when `current` is wrong."""
        session_of(principal)
        user = await self.me(principal)
        if not await self._passwords.verify(current, user.password_hash):
            raise Forbidden("the current password is wrong")
        hashed = await self._passwords.hash(new)
        async with self._store.database.transaction() as connection:
            user = await self._locked(connection, principal.org, principal.subject)
            changed = _with(user, password_hash=hashed, initial_password=False)
            await self._store.update_user(connection, changed)
            await self._store.end_sessions_of(connection, user.org, user.user_id)
            await self._audit.record(connection, deed_of(principal, "auth.password", user.username))
        await self._accounts.refresh()

    async def me(self, principal: Principal) -> UserRow:
        return await self.get_user(principal.org, principal.subject)

    # What the console keeps for a user

    async def preferences(self, principal: Principal) -> dict[str, Any]:
        return await self._store.preferences(principal.org, principal.subject)

    async def set_preferences(self, principal: Principal, wanted: dict[str, Any]) -> None:
        """Replaces all of them."""
        await self._store.put_preferences(principal.org, principal.subject, wanted)

    # API keys

    async def create_api_key(
        self, by: Principal, name: str, role: Role, expires_at: datetime | None
    ) -> tuple[ApiKeyRow, str]:
        """(key, secret): the secret is not kept. Raises `Forbidden` for a role above one's own."""
        if by.role is None or not role_covers(by.role, role):
            raise Forbidden("an API key cannot have a higher role than its maker")
        if expires_at is not None and expires_at.timestamp() <= self._clock():
            raise invalid("expiresAt", "must be in the future")
        secret = new_secret(API_KEY_PREFIX)
        key = ApiKeyRow(
            key_id=uuid7(),
            user_id=by.subject,
            name=name,
            role=role,
            created_at=datetime.now(UTC),
            expires_at=expires_at,
        )
        async with self._store.database.transaction() as connection:
            made = await self._store.add_api_key(connection, by.org, key, hash_secret(secret))
            await self._audit.record(
                connection, deed_of(by, "api_key.create", made.key_id, role=role)
            )
        return made, secret

    async def list_api_keys(
        self, by: Principal, *, cursor: str | None, limit: int
    ) -> Items[ApiKeyRow]:
        rows = await self._store.list_api_keys(
            by.org, _owner(by), before=decode_cursor(cursor), limit=limit + 1
        )
        return page_of(rows, limit, key=lambda row: (row.created_at, row.key_id), item=_same)

    async def delete_api_key(self, by: Principal, key_id: str) -> None:
        async with self._store.database.transaction() as connection:
            if not await self._store.delete_api_key(connection, by.org, key_id, _owner(by)):
                raise NotFound("no such API key")
            await self._audit.record(connection, deed_of(by, "api_key.delete", key_id))


def _new_user(
    username: str,
    role: Role,
    password_hash: str,
    *,
    org: OrgId = DEFAULT_ORG,
    display_name: str | None = None,
    initial_password: bool = False,
) -> UserRow:
    return UserRow(
        org=org,
        user_id=uuid7(),
        username=username,
        display_name=display_name or username,
        role=role,
        password_hash=password_hash,
        disabled=False,
        initial_password=initial_password,
        created_at=datetime.now(UTC),
    )


def _with(user: UserRow, **changes: object) -> UserRow:
    present = {name: value for name, value in changes.items() if value is not None}
    return structs.replace(user, **present)


def _owner(by: Principal) -> str | None:
    """Whose keys a caller sees: an administrator everybody's (None), others their own."""
    return None if by.role == "ADMIN" else by.subject


def _same(row: T) -> T:
    return row
