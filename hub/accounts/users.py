"""Users and their API keys, as administrators and the command line manage them."""

from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from msgspec import Struct, structs

from hub.accounts.names import username_of
from hub.accounts.passwords import Passwords, require_strong
from hub.accounts.second_factor import SecondFactors
from hub.accounts.service import AccountService
from hub.accounts.sessions import SessionService, session_of
from hub.accounts.store import AccountStore, ApiKeyRow, NewAccount, OrgRow, UserRow
from hub.accounts.tokens import API_KEY_PREFIX, hash_secret, new_secret
from hub.audit.entries import HIDDEN, LONGEST_TARGET, AuditEntry, audit_entry, changes_of
from hub.audit.service import AuditService
from hub.base.database import Connection
from hub.base.errors import (
    Escalation,
    Forbidden,
    LastAdministrator,
    NotFound,
    SharedAccount,
    TooMany,
    invalid,
)
from hub.base.holding import Grant
from hub.base.paging import Items, decode_cursor, page_of
from hub.base.principal import Principal, Role
from hub.base.visible import require_visible
from hub.rights.access import grant_of_role, grant_to_key, may_everywhere
from hub.rights.memory import RightsMemory
from protocol.ids import DEFAULT_ORG, OrgId, uuid7

T = TypeVar("T")

SHOWN: Final = len(API_KEY_PREFIX) + 6
"""Characters of a key's secret that people know it by."""
MOST_KEYS: Final = 20
"""API keys of one user."""
MAKES_SERVICES: Final = "service-accounts:create"


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
        sessions: SessionService,
        passwords: Passwords,
        rights: RightsMemory,
    ) -> None:
        self._store = store
        self._rights = rights
        self._audit = audit
        self._accounts = accounts
        self._sessions = sessions
        self._passwords = passwords

    async def first_start(self) -> str | None:
        """On a database without users: auto-enrolment on, and an administrator, whose password
        is answered and kept nowhere else."""
        password = new_secret()
        hashed = await self._passwords.hash(password)
        async with self._store.database.transaction() as connection:
            await self._store.lock_setup(connection)
            if await self._store.has_users(connection, DEFAULT_ORG):
                return None
            await self._store.put_setting(connection, DEFAULT_ORG, "auto_enroll", True)
            admin = NewAccount(
                user_id=uuid7(),
                username="admin",
                display_name="admin",
                password_hash=hashed,
                initial_password=True,
                instance_admin=True,
            )
            await self._add(connection, DEFAULT_ORG, admin, "ADMIN")
            await self._audit.record(
                connection,
                AuditEntry(org=DEFAULT_ORG, actor="hub", action="user.create", target="admin"),
            )
        return password

    async def get_user(self, org: OrgId, user_id: str) -> UserRow:
        user = await self._store.user_by_id(org, user_id)
        if user is None or user.kind != "person":
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
        """Raises `Conflict` when the name is taken, `Invalid` for a name or password that cannot
        be, `Reauthenticate` for an administrator made by an old sign-in."""
        username = username_of(username)
        if display_name is not None:
            require_visible(display_name, "displayName")
        require_strong(password, username)
        await self._require_grantable(by, role, username)
        account = NewAccount(
            user_id=uuid7(),
            username=username,
            display_name=display_name or username,
            password_hash=await self._passwords.hash(password),
            initial_password=initial_password,
        )
        async with self._store.database.transaction() as connection:
            await self._may_make_admins(connection, by, role)
            await self._add(connection, by.org, account, role)
            entry = audit_entry(by, "user.create", username, role=role, userId=account.user_id)
            await self._audit.record(connection, entry)
        return await self.get_user(by.org, account.user_id)

    async def _add(
        self, connection: Connection, org: OrgId, account: NewAccount, role: Role
    ) -> None:
        await self._store.add_account(connection, org, account)
        await self._store.add_member(connection, org, account.user_id)
        await self._store.set_role(connection, org, account.user_id, role)

    async def change_user(self, by: Principal, user_id: str, change: UserChange) -> UserRow:
        """A role counts at once, for the sessions and keys that there are. Raises `Escalation` for
        one with more rights than the caller has, and for the password of somebody who has more;
        `SharedAccount` for the password of somebody who is a member elsewhere, too,
        `LastAdministrator`."""
        if change.display_name is not None:
            require_visible(change.display_name, "displayName")
        before = await self.get_user(by.org, user_id)
        if change.password is not None:
            await self._require_over(by, before)
        hashed = await self._hashed(before, change.password)
        if change.role not in (None, before.role):
            await self._require_grantable(by, change.role or "NONE", before.username)
        async with self._store.database.transaction() as connection:
            user = await self._locked(connection, by.org, user_id)
            if hashed is not None:
                await self._require_alone(connection, by, user_id)
            if change.role not in (None, user.role):
                await self._may_make_admins(connection, by, user.role, change.role)
            wanted = _with(
                user,
                display_name=change.display_name,
                role=change.role,
                disabled=change.disabled,
                initial_password=change.initial_password if hashed else None,
            )
            if wanted.role != "ADMIN" or wanted.disabled:
                await self._keep_an_admin(connection, user)
            await self._store.update_user(connection, wanted, hashed)
            if change.role is not None:
                await self._store.set_role(connection, by.org, user_id, change.role)
            await self._take_away(connection, user, wanted, new_password=hashed is not None)
            entry = audit_entry(
                by,
                "user.update",
                user.username,
                changes=_changes(user, wanted, new_password=hashed is not None),
                userId=user.user_id,
            )
            await self._audit.record(connection, entry)
        await self._accounts.refresh()
        return await self.get_user(by.org, user_id)

    async def delete_user(self, by: Principal, user_id: str) -> None:
        """The membership; the account ends with its last."""
        async with self._store.database.transaction() as connection:
            user = await self._locked(connection, by.org, user_id)
            if user.kind != "person":
                raise NotFound("no such user")
            await self._keep_an_admin(connection, user)
            await self._store.end_user(connection, user.org, user.user_id)
            await self._store.end_sessions_of(connection, user.org, user.user_id)
            await self._store.rights_changed(connection, user.org, [user.user_id])
            await self._store.delete_user(connection, user.org, user.user_id)
            entry = audit_entry(by, "user.delete", user.username, userId=user.user_id)
            await self._audit.record(connection, entry)
        await self._accounts.refresh()

    async def _require_grantable(self, by: Principal, role: Role, target: str) -> None:
        """Raises `Escalation` for a role with more rights than the caller has."""
        if not await self._rights.covers(by, grant_of_role(role)):
            await self._audit.note(
                audit_entry(by, "user.role", target, outcome="refused", role=role)
            )
            raise Escalation(f"you cannot grant {role}: it has rights that you do not have")

    async def _require_over(self, by: Principal, user: UserRow) -> None:
        """Who sets a password can be that user. Raises `Escalation` for one with more rights than
        the caller has, `Forbidden` for an API key."""
        if by.kind == "hub":
            return
        session_of(by)
        is_above = user.instance_admin and not by.instance_admin
        if is_above or not await self._rights.covers_member(by, user.user_id):
            entry = audit_entry(by, "user.update", user.username, outcome="refused")
            await self._audit.note(entry)
            raise Escalation(f"you cannot set the password of {user.username}, who may do more")

    async def _require_alone(self, connection: Connection, by: Principal, user_id: str) -> None:
        """Whether an administrator may set this password. Raises `SharedAccount`; for one's own
        `Reauthenticate`."""
        if await self._store.is_shared(connection, user_id):
            raise SharedAccount("who is a member of several organisations changes it alone")
        if by.subject == user_id:
            await self._sessions.require_recent(connection, by)

    async def reset_password(self, username: str, password: str) -> None:
        """For the command line, where whoever reaches the database is trusted. The user is asked
        for another password."""
        found = await self._store.for_login(None, username)
        if found is None:
            raise NotFound(f"there is no user named {username}")
        user, _ = found
        hashed = await self._hashed(user, password)
        async with self._store.database.transaction() as connection:
            user = await self._locked(connection, user.org, user.user_id)
            changed = structs.replace(user, initial_password=True)
            await self._store.update_user(connection, changed, hashed)
            await self._store.end_everywhere(connection, user.user_id)
            by = structs.replace(THE_HUB, org=user.org)
            entry = audit_entry(
                by,
                "user.update",
                user.username,
                changes=_changes(user, changed, new_password=True),
                userId=user.user_id,
            )
            await self._audit.record(connection, entry)
        await self._accounts.refresh()

    async def remove_factor(self, username: str, factors: SecondFactors) -> None:
        """For the command line: who has lost the authenticator program. Raises `NotFound`."""
        found = await self._store.for_login(None, username)
        if found is None:
            raise NotFound(f"there is no user named {username}")
        user, _ = found
        async with self._store.database.transaction() as connection:
            await self._locked(connection, user.org, user.user_id)
            by = structs.replace(THE_HUB, org=user.org)
            if not await factors.remove(connection, by, user.user_id, user.username):
                raise NotFound(f"{username} has no second factor")

    async def _take_away(
        self, connection: Connection, was: UserRow, now: UserRow, *, new_password: bool
    ) -> None:
        """Under the lock on the user."""
        if now.disabled and not was.disabled:
            await self._store.end_user(connection, now.org, now.user_id)
        if new_password:
            await self._store.delete_keys_of(connection, now.org, now.user_id)
        if new_password or now.disabled:
            await self._store.end_sessions_of(connection, now.org, now.user_id)
        if now.role != was.role or now.disabled != was.disabled:
            await self._store.rights_changed(connection, now.org, [now.user_id])

    async def _keep_an_admin(self, connection: Connection, user: UserRow) -> None:
        if user.role != "ADMIN":
            return
        await self._store.lock_setup(connection)
        if not await self._store.other_admins(connection, user.org, user.user_id):
            raise LastAdministrator(
                "this is the last enabled administrator who can sign in with a password"
            )

    async def keep_an_admin(self, connection: Connection, org: OrgId) -> None:
        """Raises `LastAdministrator` when the transaction leaves an organisation without an
        administrator who can sign in with a password."""
        await self._store.lock_setup(connection)
        if not await self._store.other_admins(connection, org, ""):
            raise LastAdministrator("an organisation keeps an administrator with a password")

    async def _locked(self, connection: Connection, org: OrgId, user_id: str) -> UserRow:
        locked = await self._store.lock_user(connection, org, user_id)
        if locked is None:
            raise NotFound("no such user")
        return locked[0]

    async def _hashed(self, user: UserRow, password: str | None) -> str | None:
        if password is None:
            return None
        require_strong(password, user.username)
        return await self._passwords.hash(password)

    async def _may_make_admins(
        self, connection: Connection, by: Principal, *roles: Role | None
    ) -> None:
        """Raises `Reauthenticate` where a role of an administrator is given or taken by somebody
        whose sign-in is not recent."""
        if "ADMIN" in roles and by.kind != "hub":
            await self._sessions.require_recent(connection, by)

    async def change_password(
        self, by: Principal, current: str, new: str, *, end_api_keys: bool = False
    ) -> None:
        """Ends every session of the user, and the API keys when that is wanted. Raises `Forbidden`
        when `current` is wrong, `Reauthenticate` when the sign-in is not recent."""
        session_of(by)
        async with self._store.database.tenant(by.org).transaction() as connection:
            await self._sessions.require_recent(connection, by)
        user = await self.me(by)
        require_strong(new, user.username, field="new")
        await self._sessions.require_password(by, user, current)
        hashed = await self._passwords.hash(new)
        async with self._store.database.transaction() as connection:
            user = await self._locked(connection, by.org, by.subject)
            changed = structs.replace(user, initial_password=False)
            await self._store.update_user(connection, changed, hashed)
            await self._store.end_everywhere(connection, user.user_id, keys=end_api_keys)
            entry = audit_entry(by, "auth.password", user.username, apiKeysEnded=end_api_keys)
            await self._audit.record(connection, entry)
        await self._accounts.refresh()

    async def me(self, principal: Principal) -> UserRow:
        user = await self._store.user_by_id(principal.org, principal.subject)
        if user is None:
            raise NotFound("you are no member any more")
        return user

    async def organisations(self, by: Principal) -> list[OrgRow]:
        """Where the caller's account is a member, the oldest first."""
        return await self._store.organisations(by.subject)

    # What the console keeps for a user

    async def preferences(self, principal: Principal) -> dict[str, Any]:
        session_of(principal)
        return await self._store.preferences(principal.org, principal.subject)

    async def set_preferences(self, principal: Principal, wanted: dict[str, Any]) -> None:
        """Replaces all of them."""
        session_of(principal)
        await self._store.put_preferences(principal.org, principal.subject, wanted)

    # API keys

    async def create_api_key(
        self,
        by: Principal,
        name: str,
        role: Role,
        expires_at: datetime | None,
        *,
        service_account: str | None = None,
    ) -> tuple[ApiKeyRow, str]:
        """(key, secret): the secret is not kept. Raises `Forbidden` for a key (keys make no keys),
        and for a service account's by who may make none of those; `Escalation` for a role above
        one's own, `NotFound`, `TooMany`."""
        session_of(by)
        require_visible(name, "name")
        if service_account is not None and not may_everywhere(by, MAKES_SERVICES):
            raise Forbidden("you may not make keys of service accounts")
        await self._require_key(by, grant_to_key(role), name, role)
        if expires_at is not None and expires_at.timestamp() <= self._accounts.clock():
            raise invalid("expiresAt", "must be in the future")
        secret = new_secret(API_KEY_PREFIX)
        owner = service_account or by.subject
        key = ApiKeyRow(
            key_id=uuid7(),
            user_id=owner,
            name=name,
            role=role,
            created_at=datetime.now(UTC),
            expires_at=expires_at,
            prefix=secret[:SHOWN],
        )
        async with self._store.database.transaction() as connection:
            locked = await self._locked(connection, by.org, owner)
            if service_account is not None and locked.kind != "service":
                raise NotFound("no such service account")
            if await self._store.count_api_keys(connection, by.org, owner) >= MOST_KEYS:
                raise TooMany(f"a user may have {MOST_KEYS} API keys: delete one")
            made = await self._store.add_api_key(connection, by.org, key, hash_secret(secret))
            await self._audit.record(
                connection, audit_entry(by, "api_key.create", made.key_id, role=role, name=name)
            )
        return made, secret

    async def _require_key(self, by: Principal, grant: Grant, name: str, role: Role) -> None:
        if not await self._rights.covers(by, grant):
            entry = audit_entry(by, "api_key.create", None, outcome="refused", role=role, name=name)
            await self._audit.note(entry)
            raise Escalation("an API key cannot have a higher role than its owner")

    async def list_api_keys(
        self, by: Principal, *, cursor: str | None, limit: int
    ) -> Items[ApiKeyRow]:
        """One's own, an administrator everybody's; a key sees itself."""
        rows = await self._store.list_api_keys(
            by.org,
            owner=None if may_everywhere(by, "api-keys:list") else by.subject,
            key_id=by.key_id,
            before=decode_cursor(cursor),
            limit=limit + 1,
        )
        return page_of(rows, limit, key=lambda row: (row.created_at, row.key_id), item=_same)

    async def delete_api_key(self, by: Principal, key_id: str) -> None:
        """One's own, an administrator anybody's; a key ends itself. Raises `NotFound`, and
        `Forbidden` for a key that would end another."""
        if by.key_id is not None and by.key_id != key_id:
            target = key_id[:LONGEST_TARGET]
            await self._audit.note(audit_entry(by, "api_key.delete", target, outcome="refused"))
            raise Forbidden("an API key cannot delete another key")
        async with self._store.database.tenant(by.org).transaction() as connection:
            owner = await self._store.api_key_owner(connection, by.org, key_id)
            if owner is None or not (owner == by.subject or may_everywhere(by, "api-keys:delete")):
                raise NotFound("no such API key")
            name = await self._store.delete_api_key(connection, by.org, key_id)
            await self._store.rights_changed(connection, by.org, [key_id])
            await self._audit.record(
                connection, audit_entry(by, "api_key.delete", key_id, name=name)
            )


THE_HUB: Final = Principal(org=DEFAULT_ORG, kind="hub", subject="", actor="hub")
"""Its command line, where whoever reaches the database is trusted."""


def _with(user: UserRow, **changes: object) -> UserRow:
    present = {name: value for name, value in changes.items() if value is not None}
    return structs.replace(user, **present)


def _changes(was: UserRow, now: UserRow, *, new_password: bool) -> dict[str, tuple[object, object]]:
    changes = changes_of(_shown(was), _shown(now))
    if new_password:
        changes["password"] = (HIDDEN, HIDDEN)
    return changes


def _shown(user: UserRow) -> dict[str, object]:
    return {
        "displayName": user.display_name,
        "role": user.role,
        "disabled": user.disabled,
        "initialPassword": user.initial_password,
    }


def _same(row: T) -> T:
    return row
