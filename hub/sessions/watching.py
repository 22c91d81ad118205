"""Ends the sessions here whose person or device has lost what it came by: its sign-in session, its
key, its certificate, or the right to it."""

from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

from hub.accounts.service import AccountService, VersionChange
from hub.base.errors import Unavailable
from hub.base.principal import Principal
from hub.rights.memory import RightsMemory
from hub.sessions.ending import EndReason
from hub.sessions.host import JoinedSession, SessionHost
from hub.sessions.records import right_to

LOOK_SECONDS: Final = 2.0


class EndedCertificates(Protocol):
    def has_ended(self, principal: Principal) -> bool: ...


class CredentialWatch:
    """`clock` is the database's; `spawn` runs what a change began."""

    def __init__(
        self,
        host: SessionHost,
        accounts: AccountService,
        certificates: EndedCertificates,
        rights: RightsMemory,
        *,
        clock: Callable[[], float],
        spawn: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._host = host
        self._accounts = accounts
        self._certificates = certificates
        self._rights = rights
        self._clock = clock
        self._spawn = spawn

    def changed(self, changes: list[VersionChange]) -> None:
        """Credentials or rights have changed, on whatever replica."""
        if not len(self._host):
            return
        blocked = {
            (c.subject.org, c.subject.id)
            for c in changes
            if c.subject.kind == "device" and c.has_ended
        }
        self._host.end_where(
            lambda session: (session.row.org, session.row.device_id) in blocked,
            EndReason.DEVICE_BLOCKED,
        )
        if any(change.subject.kind == "signing_key" for change in changes):
            self._host.end_where(_is_by_token, EndReason.SIGNED_OUT)
        self._spawn(self.look())

    async def look(self) -> None:
        """Group memberships change without a word, so it is also asked every two seconds."""
        for session in self._host:
            try:
                reason = await self._reason(session)
            except Unavailable:
                continue
            if reason is not None:
                self._host.end(session.key, reason)

    async def _reason(self, session: JoinedSession) -> EndReason | None:
        device, person = session.device, session.person
        if (
            device is not None
            and device.serial is not None
            and self._certificates.has_ended(device)
        ):
            return EndReason.DEVICE_BLOCKED
        if person is None:
            return None
        if await self._is_gone(person):
            return EndReason.SIGNED_OUT
        return None if await self._may(person, session) else EndReason.FORBIDDEN

    async def _is_gone(self, person: Principal) -> bool:
        if person.kind == "user":
            return self._accounts.has_ended(person)
        key = await self._rights.key(person.org, person.key_id or "")
        expired = key is not None and key.expires_at is not None and key.expires_at <= self._clock()
        return key is None or expired

    async def _may(self, person: Principal, session: JoinedSession) -> bool:
        if person.kind == "user":
            holding = await self._accounts.rights_of(
                person.org, person.subject, person.session_id or ""
            )
        else:
            holding = await self._rights.holding_of_key(person.org, person.key_id or "")
        right = right_to(session.row.kind, "create")
        if holding is None or not holding.anywhere(right):
            return False
        device_id = session.row.device_id
        reached = await self._rights.within(person.org, holding.reaches(right), [device_id])
        return device_id in reached


def _is_by_token(session: JoinedSession) -> bool:
    return session.person is not None and session.person.kind == "user"
