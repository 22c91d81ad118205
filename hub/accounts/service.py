"""Keys, and the proofs of identity that every floor above asks for.

What is made of them is next door: signing in in `signing_in`, sessions in `sessions`, users in
`users`, API keys in `api_keys`. Which versions of a session or device are good stands in their
rows; `standing` remembers it.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime

import structlog
from msgspec import structs

from hub.accounts.api_key_store import ApiKeyStore
from hub.accounts.installation_store import ENROLLMENT_KEY, InstallationStore
from hub.accounts.org_settings import settled
from hub.accounts.session_store import SessionStore, TicketRow
from hub.accounts.standing import (
    POLL_SECONDS,
    STALE_SECONDS,
    Standings,
    Subject,
    VersionChange,
    VersionVerdict,
)
from hub.accounts.standing_store import StandingStore
from hub.accounts.tokens import REFUSAL, Claims, TokenKey, Tokens, hash_secret, new_secret
from hub.audit.entries import AuditEntry
from hub.audit.service import AuditService
from hub.base.clocks import DatabaseClock
from hub.base.database import Connection
from hub.base.errors import SessionEnded, Unauthenticated, Unavailable
from hub.base.holding import Holding, Reach, Right
from hub.base.principal import Principal, Reenroll
from hub.base.settings import Settings
from hub.rights.access import OF_DEVICES
from hub.rights.memory import RightsMemory
from protocol.codec import rfc3339
from protocol.ids import DEFAULT_ORG, DeviceId, OrgId, uuid7

__all__ = ["AccountService", "VersionChange", "Claims"]

log = structlog.get_logger(__name__)


class AccountService:
    """`clock` is the database's: everything that runs out is judged by it."""

    def __init__(
        self,
        installation: InstallationStore,
        keys: ApiKeyStore,
        sessions: SessionStore,
        versions: StandingStore,
        audit: AuditService,
        settings: Settings,
        rights: RightsMemory,
        clock: DatabaseClock | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._installation = installation
        self._keys = keys
        self._sessions = sessions
        self._versions = versions
        self._rights = rights
        self._audit = audit
        self._settings = settings
        self.clock = clock or DatabaseClock(monotonic)
        self._monotonic = monotonic
        self._standings = Standings()
        self._horizon: str | None = None
        self._listeners: list[Callable[[list[VersionChange]], None]] = []
        self._used: set[tuple[OrgId, str]] = set()
        """Keys that were used since it was written last."""
        self.tokens = Tokens(self.clock)

    # What a fresh database lacks

    async def prepare(self) -> None:
        """Make the signing and enrolment keys when there are none, and load the keys."""
        async with self._installation.database.transaction() as connection:
            await self._installation.lock_setup(connection)
            if not await self._installation.signing_keys(connection):
                await self._add_signing_key(connection)
            stored = await self._installation.settings(connection, DEFAULT_ORG)
            if ENROLLMENT_KEY not in stored:
                await self._installation.put_enrollment_key(connection, DEFAULT_ORG, new_secret())
        await self.refresh()

    async def rotate_keys(self, *, revoke: bool = False) -> str:
        """Sign with a new key from now on; the id of it. Tokens in use stay valid until they run
        out; with `revoke`, whatever the other keys have signed is refused at once."""
        async with self._installation.database.transaction() as connection:
            await self._installation.lock_setup(connection)
            kid = await self._add_signing_key(connection)
            if revoke:
                await self._installation.revoke_signing_keys(connection, but=kid)
            else:
                await self._installation.retire_signing_keys(
                    connection, but=kid, longest_life=self._longest_life()
                )
            action = "keys.revoke" if revoke else "keys.rotate"
            await self._audit.record(
                connection, AuditEntry(org=DEFAULT_ORG, actor="hub", action=action, target=kid)
            )
        await self.refresh()
        return kid

    async def _add_signing_key(self, connection: Connection) -> str:
        key = TokenKey.generate()
        await self._installation.add_signing_key(
            connection, key.kid, key.private.private_bytes_raw()
        )
        return key.kid

    async def refresh(self) -> None:
        """Read the keys, the time, and which credentials have changed. Raises `Unavailable`."""
        asked_at = self._monotonic()
        self._horizon, now, changes = await self._versions.changes(self._horizon)
        self.clock.measured(now, asked_at=asked_at)
        async with self._installation.database.connection() as connection:
            issuer = await self._installation.installation(connection)
            keys = await self._installation.signing_keys(connection)
        self.tokens.load(issuer, [TokenKey.from_bytes(kid, raw) for kid, raw in keys])
        for change in changes:
            if change.subject.kind == "rights":
                self._rights.forget(change.subject.org, change.subject.id)
            else:
                if change.subject.kind == "session":
                    user_id = change.subject.id.partition("/")[0]
                    self._rights.forget_sessions(change.subject.org, user_id)
                self._standings.learn(change.subject, change.standing)
        if changes:
            for listener in self._listeners:
                listener(changes)

    def on_change(self, listener: Callable[[list[VersionChange]], None]) -> None:
        """Have `listener` told of credentials that changed on any replica; it may hear of one more
        than once."""
        self._listeners.append(listener)

    async def watch(self) -> None:
        """Keep keys, time and ends up to date; for ever."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                await self.refresh()
            except Unavailable:
                log.warning("credentials_not_read", since=round(self.clock.age, 1))

    def require_current_view(self) -> None:
        """Raises `Unavailable` when what ended in the last minute may not be known here."""
        if self.clock.age > STALE_SECONDS:
            raise Unavailable("the state of this credential is not known at the moment")

    async def note_keys(self) -> None:
        """Write which keys were used of late."""
        used, self._used = self._used, set()
        if not used:
            return
        try:
            await self._keys.used(sorted(used))
        except Unavailable:
            self._used |= used

    async def clean_up(self) -> None:
        await self._sessions.clean_up()

    def _longest_life(self) -> float:
        return float(max(self._settings.device_token_seconds, self._settings.user_token_seconds))

    # Proofs of identity

    async def user(self, token: str) -> Principal:
        """The user of an access token. Raises `Unauthenticated`, always in the same words, or
        `Unavailable`."""
        claims = self.tokens.verify(token, "user")
        if claims.session_id is None:
            raise Unauthenticated(REFUSAL)
        await self._require_good(
            session_subject(claims.org, claims.subject, claims.session_id), claims
        )
        return await self._member(
            Principal(
                org=claims.org,
                kind="user",
                subject=claims.subject,
                actor=claims.name or claims.subject,
                session_id=claims.session_id,
                version=claims.version,
                expires_at=claims.expires_at,
            )
        )

    async def rights_of(self, org: OrgId, user_id: str, session_id: str) -> Holding | None:
        """What a member may do now in a session; None for who is none."""
        standing = await self._rights.in_session(org, user_id, session_id)
        return None if standing is None else standing.rights

    async def rights_of_key(self, org: OrgId, key_id: str) -> Holding | None:
        """What an API key may do now; None for one that is gone or has run out."""
        key = await self._rights.key(org, key_id)
        if key is None or (key.expires_at is not None and key.expires_at <= self.clock()):
            return None
        return await self._rights.holding_of_key(org, key_id)

    async def reach_of(self, org: OrgId, rights: Holding, right: Right) -> Reach | None:
        """Over which devices a right holds now, for all names; None for all. Raises
        `Unavailable`."""
        return await self._rights.joined(org, rights.reaches(right, ""))

    async def reaching(self, principal: Principal, right: Right) -> Principal:
        """With the devices over which it has a right. Raises `Unavailable`."""
        reaches = principal.rights.reaches(right)
        if not reaches:
            return principal
        return structs.replace(principal, reach=await self._rights.joined(principal.org, reaches))

    async def _member(self, principal: Principal) -> Principal:
        """With what it may do now, whatever its token says. Raises `Unauthenticated`."""
        standing = await self._rights.in_session(
            principal.org, principal.subject, principal.session_id or ""
        )
        if standing is None:
            raise SessionEnded(REFUSAL)
        return structs.replace(
            principal,
            role=standing.role,
            rights=standing.rights,
            instance_admin=standing.instance_admin,
            lacks=standing.lacks,
        )

    async def device(self, token: str) -> Principal:
        """The device of a device token. Raises `Unauthenticated`, always in the same words, or
        `Unavailable`."""
        claims = self.tokens.verify(token, "device")
        await self._require_good(device_subject(claims.org, claims.subject), claims)
        return _device(claims)

    def device_at_once(self, token: str) -> Principal:
        """The same without a look into the database: what has ended and is not known here passes,
        and is found when its line is registered."""
        claims = self.tokens.verify(token, "device")
        subject = device_subject(claims.org, claims.subject)
        if self._standings.judge(subject, claims.version) is VersionVerdict.ENDED:
            raise Unauthenticated(REFUSAL)
        return _device(claims)

    def has_ended(self, principal: Principal) -> bool:
        """Whether a session or device token has ended, as far as it is known here."""
        if principal.kind == "device":
            subject = device_subject(principal.org, principal.subject)
        else:
            subject = session_subject(principal.org, principal.subject, principal.session_id or "")
        return self._standings.judge(subject, principal.version) is VersionVerdict.ENDED

    def signed_device(self, token: str) -> Principal:
        """Whose device token it is, if it is genuine and has not run out; whether it has been ended
        is for the caller to ask. Raises `Unauthenticated`."""
        return _device(self.tokens.verify(token, "device"))

    async def _require_good(self, subject: Subject, claims: Claims) -> None:
        verdict = self._standings.judge(subject, claims.version)
        if verdict is VersionVerdict.UNKNOWN:
            standing = await self._versions.standing(subject)
            if standing is not None:
                self._standings.learn(subject, standing)
                verdict = self._standings.judge(subject, claims.version)
        if verdict is not VersionVerdict.GOOD:
            raise SessionEnded(REFUSAL)

    async def api_key(self, key: str) -> Principal:
        """The owner of an API key, with what the key may do. Raises `Unauthenticated`."""
        found = await self._keys.by_hash(hash_secret(key))
        if found is None:
            raise Unauthenticated(REFUSAL)
        owner, row = found
        self._used.add((owner.org, row.key_id))
        rights = await self._rights.holding_of_key(owner.org, row.key_id)
        if rights is None:
            raise Unauthenticated(REFUSAL)
        return Principal(
            org=owner.org,
            kind="api_key",
            subject=row.user_id,
            actor=f"{owner.name}/{row.name}",
            role=row.role,
            rights=rights,
            key_id=row.key_id,
        )

    async def redeem(self, ticket: str) -> Principal:
        """The user of a one-time ticket. Raises `Unauthenticated`."""
        return await self._by_ticket(await self._sessions.redeem_ticket(hash_secret(ticket)))

    async def streaming(self, ticket: str, *, again: bool) -> Principal:
        """The user of a ticket that opens a stream, or by which one comes back. Raises
        `SessionEnded`."""
        return await self._by_ticket(
            await self._sessions.open_by_ticket(hash_secret(ticket), again=again)
        )

    async def _by_ticket(self, row: TicketRow | None) -> Principal:
        if row is None:
            raise SessionEnded(REFUSAL)
        return await self._member(
            Principal(
                org=row.org,
                kind="user",
                subject=row.user_id,
                actor=row.username,
                session_id=row.session_id,
                version=row.version,
                expires_at=row.token_expires_at.timestamp(),
            )
        )

    async def adopt(self, principal: Principal) -> bool:
        """A line goes on with this newer token of its device; False when it is not good."""
        return await self._versions.adopt_version(
            principal.org, DeviceId(principal.subject), principal.version
        )

    def device_token(self, org: OrgId, device_id: DeviceId, version: int) -> tuple[str, str]:
        """(token, expiresAt) for a device whose right to it was checked, under the lock that its
        end takes."""
        now = self.clock()
        claims = Claims(
            subject=device_id,
            scope="device",
            org=org,
            issued_at=now,
            expires_at=int(now) + self._settings.device_token_seconds,
            token_id=uuid7(),
            version=version,
        )
        return self.tokens.issue(claims), moment(claims.expires_at)

    async def enrolling_into(self, key: str | None) -> OrgId:
        """Whose enrolment key it is; `default` for a key that is nobody's."""
        return (
            DEFAULT_ORG if not key else await self._installation.enrolling_into(key) or DEFAULT_ORG
        )

    async def enrollment(self, org: OrgId) -> tuple[str, bool, Reenroll]:
        """(enrolment key, whether unknown devices are registered, whether known ones may again)."""
        async with self._installation.database.tenant(org).transaction() as connection:
            stored = await self._installation.settings(connection, org)
        now = settled(stored, self._settings)
        key = self._installation.enrollment_key(org, stored) or new_secret()
        return key, now.auto_enroll, now.reenroll


def session_subject(org: OrgId, user_id: str, session_id: str) -> Subject:
    return Subject(org, "session", f"{user_id}/{session_id}")


def device_subject(org: OrgId, device_id: str) -> Subject:
    return Subject(org, "device", device_id)


def _device(claims: Claims) -> Principal:
    return Principal(
        org=claims.org,
        kind="device",
        subject=claims.subject,
        actor=claims.subject,
        rights=OF_DEVICES,
        version=claims.version,
        expires_at=claims.expires_at,
    )


def moment(seconds: float) -> str:
    """As times travel."""
    return rfc3339(datetime.fromtimestamp(seconds, UTC))
