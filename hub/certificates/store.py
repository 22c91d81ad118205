"""The rows of authorities, of certificates and of the lists of those that have ended."""

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from msgspec import Struct

import sql
from hub.base.database import Connection, Database, Row
from hub.base.vault import Vault
from hub.certificates.authorities import AuthorityRow
from hub.certificates.judging import CertificateStanding
from hub.certificates.making import Authority, EndedCertificate, pem
from hub.certificates.reading import ShownCertificate, read_authority
from hub.certificates.records import CertificateRow, CertificateStatus
from protocol.ids import DEFAULT_ORG, DeviceId, OrgId

_Q = sql.queries("certificates")


class Expiring(Struct, frozen=True, kw_only=True):
    """A device whose newest certificate ends within `days`; 0 = it has ended."""

    org: OrgId
    device_id: DeviceId
    serial: str
    expires_at: datetime
    days: int


class CertificateStore:
    def __init__(self, database: Database, vault: Vault) -> None:
        self.database = database
        self._vault = vault

    # Authorities

    async def lock_authorities(self, connection: Connection) -> None:
        await connection.execute(_Q["lock_authorities"])

    async def authorities(self, connection: Connection) -> list[AuthorityRow]:
        """The one that signs first, then those that are trusted still."""
        return [
            AuthorityRow(
                id=row["ca_id"],
                certificate=x509.load_pem_x509_certificate(row["certificate"].encode()),
                chain=row["chain"],
                sealed_key=row["private_key"],
                retired_at=row["retired_at"],
            )
            for row in await connection.fetch(_Q["authorities"])
        ]

    def open(self, row: AuthorityRow) -> Authority:
        """With its key. Raises `Unavailable` when it does not open."""
        key = self._vault.open(_place(row.id), row.sealed_key)
        return read_authority(pem(row.certificate) + row.chain, key.encode())

    async def put_authority(self, connection: Connection, authority: Authority) -> None:
        """It signs from now on; who did before is trusted still. Raises `MasterKeyMissing`."""
        key = authority.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        sealed = self._vault.seal(_place(authority.id), key.decode())
        await connection.execute(_Q["retire"])
        await connection.execute(
            _Q["add_authority"],
            authority.id,
            pem(authority.certificate),
            sealed,
            authority.chain,
            authority.certificate.not_valid_after_utc,
        )

    async def tell_authorities(self, connection: Connection) -> None:
        """Each replica reads them again."""
        await connection.execute(_Q["tell_authorities"], DEFAULT_ORG)

    # Certificates

    async def add(
        self,
        connection: Connection,
        org: OrgId,
        device_id: DeviceId,
        *,
        serial: str,
        ca_id: str,
        fingerprint: str,
        expires_at: datetime,
    ) -> None:
        await connection.execute(_Q["add"], org, serial, device_id, ca_id, fingerprint, expires_at)

    async def standing(self, shown: ShownCertificate) -> CertificateStanding | None:
        row = await self.database.fetchrow(_Q["standing"], shown.org, shown.serial, shown.device_id)
        return None if row is None else CertificateStanding(**dict(row))

    async def standing_now(
        self, connection: Connection, shown: ShownCertificate
    ) -> CertificateStanding | None:
        row = await connection.fetchrow(_Q["standing"], shown.org, shown.serial, shown.device_id)
        return None if row is None else CertificateStanding(**dict(row))

    async def revoke(
        self, connection: Connection, org: OrgId, serial: str, reason: str
    ) -> tuple[DeviceId, str] | None:
        """(whose it is, its fingerprint); None where there is none."""
        row = await connection.fetchrow(_Q["revoke"], org, serial, reason)
        return None if row is None else (DeviceId(row["device_id"]), row["fingerprint"])

    async def expiring(self, days: Sequence[int]) -> list[Expiring]:
        """Of whom nobody was told yet; it is noted that somebody is."""
        return [
            Expiring(
                org=OrgId(row["org_id"]),
                device_id=DeviceId(row["device_id"]),
                serial=row["serial"],
                expires_at=row["expires_at"],
                days=row["days"],
            )
            for row in await self.database.fetch(_Q["expiring"], list(days))
        ]

    async def forget(self) -> None:
        await self.database.execute(_Q["forget"])

    # Lists

    async def crl(self, ca_id: str) -> bytes | None:
        """DER; None when it has to be made."""
        return await self.database.fetchval(_Q["crl"], ca_id)

    async def crl_now(self, connection: Connection, ca_id: str) -> bytes | None:
        return await connection.fetchval(_Q["crl"], ca_id)

    async def lock_crl(self, connection: Connection, ca_id: str) -> int:
        """The number of the last one."""
        return int(await connection.fetchval(_Q["lock_crl"], ca_id) or 0)

    async def ended(self, connection: Connection, ca_id: str) -> list[EndedCertificate]:
        rows = await connection.fetch(_Q["ended"], ca_id)
        return [EndedCertificate(row["serial"], row["at"], row["superseded"]) for row in rows]

    async def put_crl(self, connection: Connection, ca_id: str, made: bytes, number: int) -> None:
        await connection.execute(_Q["put_crl"], ca_id, made, number)

    # For people

    async def list(
        self,
        org: OrgId,
        *,
        device_id: str | None,
        expires_before: datetime | None,
        status: CertificateStatus | None,
        before: tuple[datetime, str] | None,
        limit: int,
    ) -> list[CertificateRow]:
        values = (org, *(before or (None, None)), expires_before, status, limit)
        tenant = self.database.tenant(org)
        if device_id is None:
            rows = await tenant.fetch(_Q["list"], *values)
        else:
            rows = await tenant.fetch(_Q["list_of_device"], *values, device_id)
        return [_row(row) for row in rows]


def _place(ca_id: str) -> tuple[str, str]:
    return ("certificate_authority", ca_id)


def _row(row: Row) -> CertificateRow:
    return CertificateRow(
        org=OrgId(row["org_id"]),
        serial=row["serial"],
        device_id=DeviceId(row["device_id"]),
        fingerprint=row["fingerprint"],
        issued_at=row["issued_at"],
        expires_at=row["expires_at"],
        first_used=row["first_used"],
        good_until=row["good_until"],
        ended_at=row["ended_at"],
        reason=row["reason"],
        status=row["status"],
    )
