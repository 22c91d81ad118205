"""Devices with their tokens and certificates by the thousand, made as enrolment makes them but at
once: what is measured is the life of a fleet, not its first day."""

import os
import ssl
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from hub.accounts.installation_store import InstallationStore
from hub.accounts.tokens import Claims, TokenKey, Tokens
from hub.base.database import Database
from hub.base.vault import Vault
from hub.certificates.making import fingerprint_of, make_for_device, pem, serial_from, serial_of
from hub.certificates.store import CertificateStore
from protocol.ids import DEFAULT_ORG, DeviceId, uuid7

TOKEN_SECONDS = 86_400


async def mint(database_url: str, vault: Vault, prefix: str, count: int) -> dict[str, str]:
    """Device id → token; `vault` opens what its hub has sealed."""
    names = [f"{prefix}-{number}" for number in range(count)]
    database = await Database.open(database_url, connections=1)
    try:
        async with database.transaction(deadline=60) as connection:
            await connection.execute(
                "INSERT INTO device (org_id, device_id, name)"
                " SELECT $1, name, name FROM unnest($2::text[]) AS name",
                DEFAULT_ORG,
                names,
            )
            for companion in ("device_state", "device_config"):
                await connection.execute(
                    f"INSERT INTO {companion} (org_id, device_id)"  # noqa: S608 - two constants
                    " SELECT $1, name FROM unnest($2::text[]) AS name",
                    DEFAULT_ORG,
                    names,
                )
            store = InstallationStore(database, vault)
            issuer = await store.installation(connection)
            keys = await store.signing_keys(connection)
    finally:
        await database.close()
    tokens = Tokens(time.time)
    tokens.load(issuer, [TokenKey.from_bytes(kid, raw) for kid, raw in keys])
    now = time.time()
    return {
        name: tokens.issue(
            Claims(
                subject=name,
                scope="device",
                org=DEFAULT_ORG,
                issued_at=now,
                expires_at=now + TOKEN_SECONDS,
                token_id=uuid7(),
            )
        )
        for name in names
    }


async def certify(
    database_url: str, vault: Vault, names: Sequence[str]
) -> dict[str, ssl.SSLContext]:
    """Device id → what shows its certificate. They share a key: who checks it has the same work."""
    key = ec.generate_private_key(ec.SECP256R1())
    database = await Database.open(database_url, connections=1)
    found: dict[str, ssl.SSLContext] = {}
    try:
        store = CertificateStore(database, vault)
        async with database.transaction(deadline=120) as connection:
            signs, *_ = await store.authorities(connection)
            by, now = store.open(signs), datetime.now(UTC)
            for name in map(DeviceId, names):
                made = make_for_device(
                    by, key.public_key(), DEFAULT_ORG, name,
                    now=now, until=now + timedelta(days=1), serial=serial_from(os.urandom(16)),
                )  # fmt: skip
                await store.add(
                    connection, DEFAULT_ORG, name,
                    serial=serial_of(made), ca_id=by.id,
                    fingerprint=fingerprint_of(made.public_bytes(serialization.Encoding.DER)),
                    expires_at=made.not_valid_after_utc,
                )  # fmt: skip
                found[name] = _context(key, pem(made))
    finally:
        await database.close()
    return found


def _context(key: ec.EllipticCurvePrivateKey, certificate: str) -> ssl.SSLContext:
    """It does not check the hub: that would be work of the generator alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with tempfile.NamedTemporaryFile() as file:
        file.write(private + certificate.encode())
        file.flush()
        context.load_cert_chain(file.name)
    return context
