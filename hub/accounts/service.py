"""Signing in and out, users, API keys, and the proofs of identity for every floor above."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

import msgspec
import structlog
from msgspec import Struct

from hub.accounts.access import ROLES, role_covers
from hub.accounts.passwords import Passwords
from hub.accounts.revocations import POLL_SECONDS, Revocation, Revocations
from hub.accounts.store import AccountStore, ApiKeyRow, UserRow
from hub.accounts.tokens import (
    API_KEY_PREFIX,
    REFUSAL,
    Claims,
    SigningKey,
    Tokens,
    hash_secret,
    new_secret,
)
from hub.audit.service import AuditService, Deed
from hub.base.database import Connection
from hub.base.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)
from hub.base.settings import Settings
from hub.web.envelope import Items
from hub.web.paging import decode_cursor, page_of
from hub.web.principal import Principal, Role
from protocol.codec import rfc3339
from protocol.ids import DEFAULT_ORG, DeviceId, OrgId, uuid7

__all__ = ["AccountService", "ApiKeyRow", "Claims", "Grant", "Revocation", "UserRow"]

T = TypeVar("T")

log = structlog.get_logger(__name__)

TICKET_SECONDS: Final = 30.0
FAILURES_BY_NAME: Final = 10
FAILURES_BY_ADDRESS: Final = 50

BAD_LOGIN: Final = "the user name or the password is wrong"


class Grant(Struct, frozen=True):
    """What signing in, or refreshing, gives."""

    token: str
    expires_at: str
    refresh_token: str
    user: UserRow


class UserChange(Struct, frozen=True, kw_only=True):
    """What an administrator changes of a user; None leaves it."""

    display_name: str | None = None
    role: Role | None = None
    disabled: bool | None = None
    password: str | None = None


class AccountService:
    def __init__(
        self,
        store: AccountStore,
        audit: AuditService,
        settings: Settings,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._audit = audit
        self._settings = settings
        self._clock = clock
        self._passwords = Passwords()
        self._revocations = Revocations()
        self._polled: datetime | None = None
        self._listeners: list[Callable[[list[Revocation]], None]] = []
        self.tokens = Tokens(clock)

    # What a fresh database lacks

    async def prepare(self) -> None:
        """Make the signing and enrolment keys when there are none, and load the keys."""
        async with self._store.database.transaction() as connection:
            await self._store.lock_setup(connection)
            if not await self._store.signing_keys(connection):
                await self._add_signing_key(connection)
            stored = await self._store.settings(connection, DEFAULT_ORG)
            if "enrollment_key" not in stored:
                await self._store.put_setting(
                    connection, DEFAULT_ORG, "enrollment_key", new_secret()
                )
        await self.refresh()

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
            await self._store.add_user(connection, _new_user("admin", "ADMIN", hashed))
            await self._audit.record(
                connection, Deed(org=DEFAULT_ORG, actor="hub", action="user.create", target="admin")
            )
        return password

    async def rotate_keys(self) -> str:
        """Sign with a new key from now on; the id of it. Tokens in use stay valid."""
        async with self._store.database.transaction() as connection:
            await self._store.lock_setup(connection)
            kid = await self._add_signing_key(connection)
            await self._store.retire_signing_keys(
                connection, but=kid, longest_life=self._longest_life()
            )
            await self._audit.record(
                connection, Deed(org=DEFAULT_ORG, actor="hub", action="keys.rotate", target=kid)
            )
        await self.refresh()
        return kid

    async def _add_signing_key(self, connection: Connection) -> str:
        key = SigningKey.generate()
        await self._store.add_signing_key(connection, key.kid, key.private.private_bytes_raw())
        return key.kid

    async def refresh(self) -> None:
        """Read the keys and what was revoked. Raises `Unavailable`."""
        async with self._store.database.connection() as connection:
            keys = await self._store.signing_keys(connection)
        self.tokens.load([SigningKey.from_bytes(kid, raw) for kid, raw in keys])
        rows = await self._store.revocations(self._polled and self._polled - timedelta(minutes=1))
        if rows:
            self._polled = max(row.issued_before for row in rows)
        new = self._revocations.add(rows)
        if new:
            for listener in self._listeners:
                listener(new)

    def on_revoked(self, listener: Callable[[list[Revocation]], None]) -> None:
        """Have `listener` told, once each, of revocations from any replica."""
        self._listeners.append(listener)

    async def watch(self) -> None:
        """Keep keys and revocations up to date; for ever."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                await self.refresh()
            except Unavailable:
                log.warning("revocations_not_read")

    async def clean_up(self) -> None:
        await self._store.clean_up(self._longest_life())

    def _longest_life(self) -> float:
        return float(max(self._settings.device_token_seconds, self._settings.user_token_seconds))

    # Proofs of identity

    def user(self, token: str) -> Principal:
        """The user of an access token. Raises `Unauthenticated`, always in the same words."""
        claims = self.tokens.verify(token, "user")
        sid = claims.session_id
        dead = (
            sid is None
            or claims.role is None
            or self._revocations.covers(claims.org, "session", sid, claims.issued_at)
            or self._revocations.covers(claims.org, "user", claims.subject, claims.issued_at)
        )
        if dead:
            raise Unauthenticated(REFUSAL)
        return Principal(
            org=claims.org,
            kind="user",
            subject=claims.subject,
            actor=claims.name or claims.subject,
            role=claims.role,
            session_id=sid,
            expires_at=claims.expires_at,
        )

    def device(self, token: str) -> Principal:
        """The device of a device token. Raises `Unauthenticated`, always in the same words."""
        claims = self.tokens.verify(token, "device")
        if self._revocations.covers(claims.org, "device", claims.subject, claims.issued_at):
            raise Unauthenticated(REFUSAL)
        return Principal(
            org=claims.org,
            kind="device",
            subject=claims.subject,
            actor=claims.subject,
            expires_at=claims.expires_at,
        )

    async def api_key(self, key: str) -> Principal:
        """The user behind an API key, with the key's role. Raises `Unauthenticated`."""
        found = await self._store.api_key_by_hash(hash_secret(key))
        if found is None:
            raise Unauthenticated(REFUSAL)
        org, username, row = found
        if row.expires_at is not None and row.expires_at.timestamp() <= self._clock():
            raise Unauthenticated(REFUSAL)
        return Principal(
            org=org,
            kind="api_key",
            subject=row.user_id,
            actor=f"{username}/{row.name}",
            role=row.role,
        )

    async def redeem(self, ticket: str) -> Principal:
        """The user of a one-time ticket. Raises `Unauthenticated`."""
        row = await self._store.redeem_ticket(hash_secret(ticket))
        if row is None:
            raise Unauthenticated(REFUSAL)
        return Principal(
            org=row.org,
            kind="user",
            subject=row.user_id,
            actor=row.username,
            role=row.role,
            session_id=row.session_id,
            expires_at=row.token_expires_at.timestamp(),
        )

    def device_token(self, org: OrgId, device_id: DeviceId) -> tuple[str, str]:
        """(token, expiresAt) for a device whose right to it was checked."""
        now = self._clock()
        claims = Claims(
            subject=device_id,
            scope="device",
            org=org,
            issued_at=now,
            expires_at=int(now) + self._settings.device_token_seconds,
            token_id=uuid7(),
        )
        return self.tokens.issue(claims), _moment(claims.expires_at)

    async def enrollment(self, org: OrgId) -> tuple[str, bool]:
        """(enrolment key, whether unknown devices are registered)."""
        async with self._store.database.connection() as connection:
            stored = await self._store.settings(connection, org)
        auto = self._settings.auto_enroll
        return str(stored["enrollment_key"]), bool(
            stored.get("auto_enroll", False) if auto is None else auto
        )

    async def set_auto_enroll(self, *, on: bool) -> None:
        async with self._store.database.transaction() as connection:
            await self._store.put_setting(connection, DEFAULT_ORG, "auto_enroll", on)
            deed = Deed(
                org=DEFAULT_ORG, actor="hub", action="setting.auto_enroll", detail={"on": on}
            )
            await self._audit.record(connection, deed)

    # Signing in and out

    async def login(self, username: str, password: str, *, address: str) -> Grant:
        """Raises `Unauthenticated`, or `TooManyRequests` after too many failures."""
        by_name, by_address = await self._store.login_failures(DEFAULT_ORG, username, address)
        if by_name >= FAILURES_BY_NAME or by_address >= FAILURES_BY_ADDRESS:
            raise TooManyRequests("too many failed logins, wait a minute", retry_after=60)
        user = await self._store.user_by_name(DEFAULT_ORG, username)
        fits = await self._passwords.verify(password, user.password_hash if user else None)
        if user is None or not fits or user.disabled:
            await self._store.add_login_failure(DEFAULT_ORG, username, address)
            raise Unauthenticated(BAD_LOGIN)
        session_id = uuid7()
        seconds = float(self._settings.refresh_token_seconds)
        async with self._store.database.transaction() as connection:
            await self._store.add_session(connection, user, session_id, seconds)
            await self._audit.record(connection, _deed(user, "auth.login"))
            refresh_token = await self._new_refresh_token(connection, user.org, session_id)
        return self._grant(user, session_id, refresh_token)

    async def renew(self, refresh_token: str) -> Grant:
        """A new pair for a refresh token; its second use ends the session.

        Raises `Unauthenticated`.
        """
        hashed = hash_secret(refresh_token)
        grant = None
        async with self._store.database.transaction() as connection:
            row = await self._store.lock_refresh_token(connection, hashed)
            if row is not None and row.used and not row.ended:
                await self._store.end_session(connection, row.org, row.session_id)
                deed = Deed(
                    org=row.org, actor="hub", action="auth.refresh_reused", target=row.user_id
                )
                await self._audit.record(connection, deed)
            elif row is not None and not (row.used or row.expired or row.ended):
                user = await self._store.lock_user(connection, row.org, row.user_id)
                if user is not None and not user.disabled:
                    seconds = float(self._settings.refresh_token_seconds)
                    await self._store.use_refresh_token(connection, hashed, row, seconds)
                    new = await self._new_refresh_token(connection, row.org, row.session_id)
                    grant = self._grant(user, row.session_id, new)
        if grant is None:
            await self.refresh()
            raise Unauthenticated(REFUSAL)
        return grant

    async def logout(self, principal: Principal) -> None:
        session_id = _session_of(principal)
        async with self._store.database.transaction() as connection:
            await self._store.end_session(connection, principal.org, session_id)
            await self._audit.record(connection, _by(principal, "auth.logout"))
        await self.refresh()

    async def ticket(self, principal: Principal) -> tuple[str, str]:
        """(ticket, expiresAt): opens one dashboard socket within 30 s."""
        ticket = new_secret()
        await self._store.add_ticket(
            hash_secret(ticket),
            principal.org,
            _session_of(principal),
            seconds=TICKET_SECONDS,
            token_expires=principal.expires_at,
        )
        return ticket, _moment(self._clock() + TICKET_SECONDS)

    async def change_password(self, principal: Principal, current: str, new: str) -> None:
        """Ends every session of the user. Raises `Forbidden` when `current` is wrong."""
        _session_of(principal)
        user = await self.me(principal)
        if not await self._passwords.verify(current, user.password_hash):
            raise Forbidden("the current password is wrong")
        hashed = await self._passwords.hash(new)
        async with self._store.database.transaction() as connection:
            user = await self._locked(connection, principal.org, principal.subject)
            changed = _with(user, password_hash=hashed)
            await self._store.update_user(connection, changed)
            await self._store.end_sessions_of(connection, user.org, user.user_id)
            await self._audit.record(connection, _by(principal, "auth.password", user.username))
        await self.refresh()

    async def me(self, principal: Principal) -> UserRow:
        return await self.get_user(principal.org, principal.subject)

    def _grant(self, user: UserRow, session_id: str, refresh_token: str) -> Grant:
        now = self._clock()
        claims = Claims(
            subject=user.user_id,
            scope="user",
            org=user.org,
            issued_at=now,
            expires_at=int(now) + self._settings.user_token_seconds,
            token_id=uuid7(),
            role=user.role,
            session_id=session_id,
            name=user.username,
        )
        return Grant(self.tokens.issue(claims), _moment(claims.expires_at), refresh_token, user)

    async def _new_refresh_token(self, connection: Connection, org: OrgId, session_id: str) -> str:
        token = new_secret()
        await self._store.add_refresh_token(
            connection,
            hash_secret(token),
            org,
            session_id,
            float(self._settings.refresh_token_seconds),
        )
        return token

    # Users

    async def get_user(self, org: OrgId, user_id: str) -> UserRow:
        user = await self._store.user_by_id(org, user_id)
        if user is None:
            raise NotFound("no such user")
        return user

    async def list_users(self, org: OrgId, *, cursor: str | None, limit: int) -> Items[UserRow]:
        rows = await self._store.list_users(org, before=decode_cursor(cursor), limit=limit + 1)
        return page_of(rows, limit, key=lambda row: (row.created_at, row.user_id), item=_same)

    async def create_user(
        self, by: Principal, username: str, password: str, role: Role, display_name: str | None
    ) -> UserRow:
        """Raises `Conflict` when the name is taken."""
        hashed = await self._passwords.hash(password)
        user = _new_user(username, role, hashed, org=by.org, display_name=display_name)
        async with self._store.database.transaction() as connection:
            made = await self._store.add_user(connection, user)
            deed = _by(by, "user.create", made.username, role=role)
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
            )
            if wanted.role != "ADMIN" or wanted.disabled:
                await self._keep_an_admin(connection, user)
            changed = await self._store.update_user(connection, wanted)
            await self._take_away(connection, user, changed)
            await self._audit.record(connection, _by(by, "user.update", user.username))
        await self.refresh()
        return changed

    async def delete_user(self, by: Principal, user_id: str) -> None:
        async with self._store.database.transaction() as connection:
            user = await self._locked(connection, by.org, user_id)
            await self._keep_an_admin(connection, user)
            await self._store.revoke(connection, user.org, "user", user.user_id)
            await self._store.delete_user(connection, user.org, user.user_id)
            await self._audit.record(connection, _by(by, "user.delete", user.username))
        await self.refresh()

    async def reset_password(self, username: str, password: str) -> None:
        """For the command line, where whoever reaches the database is trusted."""
        user = await self._store.user_by_name(DEFAULT_ORG, username)
        if user is None:
            raise NotFound(f"there is no user named {username}")
        operator = Principal(org=DEFAULT_ORG, kind="anyone", subject="", actor="hub")
        await self.change_user(operator, user.user_id, UserChange(password=password))

    async def _take_away(self, connection: Connection, was: UserRow, now: UserRow) -> None:
        if now.disabled and not was.disabled:
            await self._store.revoke(connection, now.org, "user", now.user_id)
        if now.role != was.role or now.password_hash != was.password_hash or now.disabled:
            await self._store.end_sessions_of(connection, now.org, now.user_id)
        above: list[Role] = [role for role in ROLES if not role_covers(now.role, role)]
        await self._store.delete_keys_above(connection, now.org, now.user_id, above)

    async def _keep_an_admin(self, connection: Connection, user: UserRow) -> None:
        if user.role == "ADMIN" and not await self._store.other_admins(
            connection, user.org, user.user_id
        ):
            raise Conflict("this is the last enabled administrator")

    async def _locked(self, connection: Connection, org: OrgId, user_id: str) -> UserRow:
        user = await self._store.lock_user(connection, org, user_id)
        if user is None:
            raise NotFound("no such user")
        return user

    # API keys

    async def create_api_key(
        self, by: Principal, name: str, role: Role, expires_at: datetime | None
    ) -> tuple[ApiKeyRow, str]:
        """(key, secret): the secret is not kept. Raises `Forbidden` for a role above one's own."""
        if by.role is None or not role_covers(by.role, role):
            raise Forbidden("an API key cannot have a higher role than its maker")
        if expires_at is not None and expires_at.timestamp() <= self._clock():
            raise Invalid("expiresAt: must be in the future")
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
            await self._audit.record(connection, _by(by, "api_key.create", made.key_id, role=role))
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
            await self._audit.record(connection, _by(by, "api_key.delete", key_id))


def _new_user(
    username: str,
    role: Role,
    password_hash: str,
    *,
    org: OrgId = DEFAULT_ORG,
    display_name: str | None = None,
) -> UserRow:
    return UserRow(
        org=org,
        user_id=uuid7(),
        username=username,
        display_name=display_name or username,
        role=role,
        password_hash=password_hash,
        disabled=False,
        created_at=datetime.now(UTC),
    )


def _with(user: UserRow, **changes: object) -> UserRow:
    present = {name: value for name, value in changes.items() if value is not None}
    return msgspec.structs.replace(user, **present)


def _owner(by: Principal) -> str | None:
    """Whose keys a caller sees: an administrator everybody's (None), others their own."""
    return None if by.role == "ADMIN" else by.subject


def _session_of(principal: Principal) -> str:
    if principal.session_id is None:
        raise Forbidden("this needs a session: sign in with a password")
    return principal.session_id


def _by(principal: Principal, action: str, target: str | None = None, **detail: object) -> Deed:
    return Deed(
        org=principal.org, actor=principal.actor, action=action, target=target, detail=detail
    )


def _deed(user: UserRow, action: str) -> Deed:
    return Deed(org=user.org, actor=user.username, action=action, target=user.username)


def _moment(seconds: float) -> str:
    return rfc3339(datetime.fromtimestamp(seconds, UTC))


def _same(row: T) -> T:
    return row
