"""Users, as administrators manage them."""

from msgspec import Struct, structs

from hub.accounts.api_key_store import ApiKeyStore
from hub.accounts.installation_store import InstallationStore
from hub.accounts.names import username_of
from hub.accounts.passwords import Passwords, require_strong
from hub.accounts.recent_sign_in import RecentSignIn
from hub.accounts.service import AccountService
from hub.accounts.session_store import SessionStore
from hub.accounts.sessions import session_of
from hub.accounts.store import AccountStore, NewAccount, UserRow
from hub.accounts.tokens import new_secret
from hub.audit.entries import HIDDEN, AuditEntry, audit_entry, changes_of
from hub.audit.service import AuditService
from hub.base.database import Connection
from hub.base.errors import (
    Escalation,
    LastAdministrator,
    NotFound,
    SharedAccount,
)
from hub.base.paging import Items, decode_cursor, page_of
from hub.base.principal import Principal, Role
from hub.base.visible import require_visible
from hub.rights.access import grant_of_role
from hub.rights.memory import RightsMemory
from protocol.ids import DEFAULT_ORG, OrgId, uuid7


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
        installation: InstallationStore,
        sessions: SessionStore,
        keys: ApiKeyStore,
        audit: AuditService,
        accounts: AccountService,
        recent: RecentSignIn,
        passwords: Passwords,
        rights: RightsMemory,
    ) -> None:
        self._store = store
        self._installation = installation
        self._sessions = sessions
        self._keys = keys
        self._rights = rights
        self._audit = audit
        self._accounts = accounts
        self._recent = recent
        self._passwords = passwords

    async def first_start(self) -> str | None:
        """On a database without users: auto-enrolment on, and an administrator, whose password
        is answered and kept nowhere else."""
        password = new_secret()
        hashed = await self._passwords.hash(password)
        async with self._store.database.transaction() as connection:
            await self._installation.lock_setup(connection)
            if await self._store.has_users(connection, DEFAULT_ORG):
                return None
            await self._installation.put_setting(connection, DEFAULT_ORG, "auto_enroll", True)
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
        return page_of(
            rows, limit, key=lambda row: (row.created_at, row.user_id), item=lambda row: row
        )

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
                changes=changes_of_user(user, wanted, new_password=hashed is not None),
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
            await self._sessions.end_sessions_of(connection, user.org, user.user_id)
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
            await self._recent.require(connection, by)

    async def _take_away(
        self, connection: Connection, was: UserRow, now: UserRow, *, new_password: bool
    ) -> None:
        """Under the lock on the user."""
        if now.disabled and not was.disabled:
            await self._store.end_user(connection, now.org, now.user_id)
        if new_password:
            await self._keys.delete_of(connection, now.org, now.user_id)
        if new_password or now.disabled:
            await self._sessions.end_sessions_of(connection, now.org, now.user_id)
        if now.role != was.role or now.disabled != was.disabled:
            await self._store.rights_changed(connection, now.org, [now.user_id])

    async def _keep_an_admin(self, connection: Connection, user: UserRow) -> None:
        if user.role != "ADMIN":
            return
        await self._installation.lock_setup(connection)
        if not await self._store.other_admins(connection, user.org, user.user_id):
            raise LastAdministrator(
                "this is the last enabled administrator who can sign in with a password"
            )

    async def keep_an_admin(self, connection: Connection, org: OrgId) -> None:
        """Raises `LastAdministrator` when the transaction leaves an organisation without an
        administrator who can sign in with a password."""
        await self._installation.lock_setup(connection)
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
            await self._recent.require(connection, by)


def _with(user: UserRow, **changes: object) -> UserRow:
    present = {name: value for name, value in changes.items() if value is not None}
    return structs.replace(user, **present)


def changes_of_user(
    was: UserRow, now: UserRow, *, new_password: bool
) -> dict[str, tuple[object, object]]:
    """What the audit says of it."""
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
