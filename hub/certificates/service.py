"""Who a certificate is, whether it is good, and its end."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from hashlib import sha256
from typing import Final, NamedTuple

from hub.accounts.service import VersionChange
from hub.audit.entries import audit_entry
from hub.audit.service import AuditService
from hub.base.clocks import DatabaseClock
from hub.base.database import Connection
from hub.base.errors import (
    CertificateExpired,
    CertificateRevoked,
    CertificateUnknown,
    HubError,
    NotFound,
)
from hub.base.paging import Items, decode_cursor, page_of
from hub.base.principal import Principal
from hub.certificates.alerts import CertificateAlerts
from hub.certificates.authority import EVERYTHING, CertificateAuthority
from hub.certificates.judging import CertificateVerdict, judge
from hub.certificates.memory import CertificateMemory, Remembered
from hub.certificates.reading import NotOurs, ShownCertificate, read_shown
from hub.certificates.records import CertificateRow, CertificateStatus
from hub.certificates.store import CertificateStore
from hub.rights.access import OF_DEVICES
from protocol.ids import DeviceId

NO_CERTIFICATE: Final = "no such certificate"


class FoundCertificate(NamedTuple):
    certificate: ShownCertificate
    by: Principal
    """Who it names."""
    verdict: CertificateVerdict
    refusal: HubError | None


class CertificateService:
    def __init__(
        self,
        store: CertificateStore,
        authority: CertificateAuthority,
        audit: AuditService,
        alerts: CertificateAlerts,
        clock: DatabaseClock,
        refresh: Callable[[], Awaitable[None]],
    ) -> None:
        """`refresh` hears of what has ended at once."""
        self._store = store
        self._authority = authority
        self._audit = audit
        self._alerts = alerts
        self._clock = clock
        self._refresh = refresh
        self._memory = CertificateMemory()
        self._changes = 0
        """What is found while one is told may be what was before it."""

    # Proofs of identity

    def at_once(self, der: bytes) -> Principal | None:
        """The device of a certificate that was seen before; None for one to be looked up by
        `device`. Raises what that does."""
        known = self._memory.get(sha256(der).digest())
        return None if known is None else self._judged(known)

    async def device(self, der: bytes) -> Principal:
        """Whose certificate it is. Raises `CertificateUnknown`, `CertificateRevoked`,
        `CertificateExpired`, `Unavailable`."""
        return self._judged(await self._known(der))

    async def shown(self, der: bytes) -> FoundCertificate:
        """The same, whether it is good or not. Raises `CertificateUnknown` for none of ours,
        `Unavailable`."""
        known = await self._known(der)
        verdict = self._verdict(known)
        return FoundCertificate(known.shown, _principal(known.shown), verdict, _refusal(verdict))

    async def require_good(self, connection: Connection, shown: ShownCertificate) -> None:
        """By its row alone: whoever gets more by it must not have lost it a moment ago, wherever
        that was. Raises as `device`."""
        standing = await self._store.standing_now(connection, shown)
        refusal = _refusal(judge(shown, standing, self._clock()))
        if refusal is not None:
            raise refusal

    async def _known(self, der: bytes) -> Remembered:
        digest = sha256(der).digest()
        known = self._memory.get(digest)
        if known is None:
            try:
                shown = read_shown(der, self._authority.trusted)
            except NotOurs:
                raise CertificateUnknown(CertificateVerdict.UNKNOWN.value) from None
            changes = self._changes
            known = Remembered(shown, await self._store.standing(shown))
            if known.standing is not None and changes == self._changes:
                self._memory.put(digest, known)
        return known

    def has_ended(self, principal: Principal) -> bool:
        """Whether the certificate by which it came is good no more, as far as it is known here."""
        known = self._memory.of_serial(principal.org, principal.serial or "")
        if known is None:
            return False
        return judge(known.shown, known.standing, self._clock()) is not CertificateVerdict.GOOD

    def _judged(self, known: Remembered) -> Principal:
        refusal = _refusal(self._verdict(known))
        if refusal is not None:
            raise refusal
        return _principal(known.shown)

    def _verdict(self, known: Remembered) -> CertificateVerdict:
        shown = known.shown
        verdict = judge(shown, known.standing, self._clock())
        if verdict is CertificateVerdict.SUPERSEDED:
            self._alerts.cloned(shown.org, shown.device_id)
        return verdict

    def credentials_changed(self, changes: list[VersionChange]) -> bool:
        """What has changed is looked up again. Whether the authorities have."""
        self._changes += 1
        authorities = False
        for change in changes:
            org, kind, of = change.subject
            if kind == "certificate":
                authorities = authorities or of == EVERYTHING
                self._memory.forget(org, of.rpartition("/")[2])
            elif kind == "device" and change.has_ended:
                self._memory.forget_device(org, DeviceId(of))
        return authorities

    # Those who keep watch

    async def list(
        self,
        by: Principal,
        *,
        device_id: str | None,
        expires_before: datetime | None,
        status: CertificateStatus | None,
        cursor: str | None,
        limit: int,
    ) -> Items[CertificateRow]:
        rows = await self._store.list(
            by.org,
            device_id=device_id,
            expires_before=expires_before,
            status=status,
            before=decode_cursor(cursor),
            limit=limit + 1,
        )
        return page_of(
            rows, limit, key=lambda row: (row.issued_at, row.serial), item=lambda row: row
        )

    async def revoke(self, by: Principal, serial: str, reason: str) -> None:
        """It ends now, and a line that was opened with it. Again is nothing. Raises `NotFound`."""
        async with self._store.database.tenant(by.org).transaction() as connection:
            found = await self._store.revoke(connection, by.org, serial, reason)
            if found is None:
                raise NotFound(NO_CERTIFICATE)
            device_id, fingerprint = found
            await self._audit.record(
                connection,
                audit_entry(
                    by,
                    "device.revoke_certificate",
                    device_id,
                    serial=serial,
                    fingerprint=fingerprint,
                    reason=reason,
                ),
            )
        await self._refresh()


def _principal(shown: ShownCertificate) -> Principal:
    return Principal(
        org=shown.org,
        kind="device",
        subject=shown.device_id,
        actor=shown.device_id,
        rights=OF_DEVICES,
        serial=shown.serial,
        expires_at=shown.expires_at.timestamp(),
    )


def _refusal(verdict: CertificateVerdict) -> HubError | None:
    match verdict:
        case CertificateVerdict.GOOD:
            return None
        case CertificateVerdict.EXPIRED:
            return CertificateExpired(verdict.value)
        case CertificateVerdict.UNKNOWN:
            return CertificateUnknown(verdict.value)
        case _:
            return CertificateRevoked(verdict.value)
