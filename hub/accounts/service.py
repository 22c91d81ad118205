"""Keys, and the proofs of identity that every floor above asks for.

What is made of them is next door: signing in and out in `sessions`, users and their API keys in
`users`.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog

from hub.accounts.organisation import settled
from hub.accounts.revocations import POLL_SECONDS, Revocation, Revocations
from hub.accounts.store import AccountStore
from hub.accounts.tokens import REFUSAL, Claims, SigningKey, Tokens, hash_secret, new_secret
from hub.audit.service import AuditService, Deed
from hub.base.database import Connection
from hub.base.errors import Unauthenticated, Unavailable
from hub.base.settings import Settings
from hub.web.principal import Principal
from protocol.codec import rfc3339
from protocol.ids import DEFAULT_ORG, DeviceId, OrgId, uuid7

__all__ = ["AccountService", "Claims", "Revocation"]

log = structlog.get_logger(__name__)


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
        return str(stored["enrollment_key"]), settled(stored, self._settings).auto_enroll


def _moment(seconds: float) -> str:
    return rfc3339(datetime.fromtimestamp(seconds, UTC))
