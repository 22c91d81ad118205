"""The authority that gives certificates to devices: made at the first start, or the owner's own.

One signs for all organisations. Those before it are trusted until they expire, so that devices come
with what they have, and take a new one from the new authority when theirs is due. Without a master
key there is none: its key is kept sealed only.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hub.audit.entries import AuditEntry
from hub.audit.service import AuditService
from hub.base.database import Connection
from hub.base.errors import Conflict, NotFound, Overloaded
from hub.base.limiter import Limiter, Policy
from hub.base.vault import Vault
from hub.certificates.authorities import AuthorityRow, signing, vouching
from hub.certificates.making import (
    Authority,
    DeviceKey,
    fingerprint_of,
    make_authority,
    make_for_device,
    make_list,
    pem,
    serial_from,
    serial_of,
)
from hub.certificates.records import Issued
from hub.certificates.store import CertificateStore
from protocol.ids import DEFAULT_ORG, DeviceId, OrgId

log = structlog.get_logger(__name__)

NAME: Final = "Longline devices"
ISSUED_A_SECOND: Final = 100
"""By one replica: a signature is work."""
EVERYTHING: Final = "*"
"""The subject of a change of the authorities themselves."""


class CertificateAuthority:
    """`clock` is the database's; `seconds` is the life of a certificate."""

    def __init__(
        self,
        store: CertificateStore,
        audit: AuditService,
        vault: Vault,
        clock: Callable[[], float],
        *,
        seconds: int,
    ) -> None:
        self._store = store
        self._audit = audit
        self._vault = vault
        self._clock = clock
        self._seconds = seconds
        self._pace = Limiter(Policy("certificates", ISSUED_A_SECOND, 1.0))
        self._able: dict[str, Authority] = {}
        """All that count, with their keys."""
        self._signs: Authority | None = None
        self._vouches: Authority | None = None
        """Of the hub itself, before devices."""
        self._trusted: list[x509.Certificate] = []
        self._bundle = ""
        self._changed: list[Callable[[], None]] = []
        self._listing = asyncio.Lock()
        """Anybody may ask for the list: those who wait for it hold no connection."""

    async def prepare(self) -> None:
        """Make the authority where there is a master key and none yet, and read them all."""
        if self._vault.ring is not None:
            async with self._store.database.transaction() as connection:
                await self._store.lock_authorities(connection)
                if not await self._store.authorities(connection):
                    await self._put(connection, self.made_anew(), action="ca.create")
        await self.load()

    def made_anew(self) -> Authority:
        serial = serial_from(secrets.token_bytes(16))
        return make_authority(f"{NAME} {serial:032x}"[:32], now=self.now(), serial=serial)

    async def load(self) -> None:
        """Raises `Unavailable`."""
        async with self._store.database.connection() as connection:
            rows = await self._store.authorities(connection)
        if self._vault.ring is not None:
            able = {row.id: self._store.open(row) for row in rows}
            self._able = able
            self._signs = _of(signing(rows), able)
            self._vouches = _of(vouching(rows, self.now()), able)
        self._trusted = [row.certificate for row in rows]
        self._bundle = "".join(pem(row.certificate) + row.chain for row in rows)
        for tell in self._changed:
            tell()

    async def replace(self, authority: Authority, *, action: str) -> None:
        """It signs from now on, on every replica."""
        async with self._store.database.transaction() as connection:
            await self._store.lock_authorities(connection)
            await self._put(connection, authority, action=action)
            await self._store.tell_authorities(connection)

    async def _put(self, connection: Connection, authority: Authority, *, action: str) -> None:
        await self._store.put_authority(connection, authority)
        certificate = authority.certificate
        entry = AuditEntry(
            org=DEFAULT_ORG,
            actor="hub",
            action=action,
            target=authority.id,
            detail={"subject": certificate.subject.rfc4514_string()},
        )
        await self._audit.record(connection, entry)

    def on_change(self, listener: Callable[[], None]) -> None:
        self._changed.append(listener)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)

    @property
    def trusted(self) -> Sequence[x509.Certificate]:
        """Whose certificates count, the one that signs first."""
        return self._trusted

    @property
    def bundle(self) -> str:
        """PEM of those and of what is above them."""
        return self._bundle

    def require(self) -> Authority:
        """The one that signs. Raises `MasterKeyMissing`."""
        if self._signs is None:
            self._vault.require()
            raise Overloaded("the authority is being read: try again", retry_after=1)
        return self._signs

    def vouching(self) -> Authority:
        """The one by which the hub shows itself to devices: it is in the chain that each of them
        has. Raises `MasterKeyMissing`, `Conflict`."""
        return self._living(self._vouches or self.require())

    def _living(self, authority: Authority) -> Authority:
        """What it signs after its end counts for nobody. Raises `Conflict`."""
        if authority.certificate.not_valid_after_utc <= self.now():
            raise Conflict("the authority has expired: its owner makes another (longline ca)")
        return authority

    async def issue(
        self, connection: Connection, org: OrgId, device_id: DeviceId, key: DeviceKey
    ) -> Issued:
        """A certificate for a device whose right to it was checked, under the lock that its end
        takes. Raises `MasterKeyMissing`, `Conflict`, `Overloaded`."""
        by = self._living(self.require())
        wait = self._pace.take("", time.monotonic()).wait
        if wait:
            raise Overloaded("too many certificates are asked for", retry_after=wait)
        now = self.now()
        until = min(now + timedelta(seconds=self._seconds), by.certificate.not_valid_after_utc)
        serial = serial_from(secrets.token_bytes(16))
        made = await asyncio.to_thread(
            make_for_device, by, key, org, device_id, now=now, until=until, serial=serial
        )
        issued = Issued(
            certificate=pem(made),
            chain=self._bundle,
            serial=serial_of(made),
            fingerprint=fingerprint_of(made.public_bytes(Encoding.DER)),
            expires_at=made.not_valid_after_utc,
        )
        await self._store.add(
            connection,
            org,
            device_id,
            serial=issued.serial,
            ca_id=by.id,
            fingerprint=issued.fingerprint,
            expires_at=issued.expires_at,
        )
        return issued

    async def revocation_lists(self) -> list[bytes]:
        """Of each authority that counts, DER; that of the signing one first. Raises as
        `revocation_list`."""
        signs = self.require()
        others = [ca_id for ca_id in self._able if ca_id != signs.id]
        return [await self.revocation_list(ca_id) for ca_id in (signs.id, *others)]

    async def revocation_list(self, ca_id: str | None = None) -> bytes:
        """DER of what an authority gave, the signing one unless another is named, and is good no
        more; made once a change. Raises `MasterKeyMissing`, `NotFound`, `Unavailable`."""
        by = self._able.get(ca_id) if ca_id else self.require()
        if by is None:
            raise NotFound("no such authority")
        current = await self._store.crl(by.id)
        if current is not None:
            return current
        async with self._listing, self._store.database.transaction() as connection:
            number = await self._store.lock_crl(connection, by.id) + 1
            current = await self._store.crl_now(connection, by.id)
            if current is not None:  # somebody else has made it meanwhile
                return current
            ended = await self._store.ended(connection, by.id)
            made = await asyncio.to_thread(make_list, by, ended, now=self.now(), number=number)
            await self._store.put_crl(connection, by.id, made, number)
        return made


def _of(row: AuthorityRow | None, able: Mapping[str, Authority]) -> Authority | None:
    return None if row is None else able[row.id]
