"""Devices and their tokens by the thousand, made as enrolment makes them but at once: what is
measured is the life of a fleet, not its first day."""

import time

from hub.accounts.installation_store import InstallationStore
from hub.accounts.tokens import Claims, TokenKey, Tokens
from hub.base.database import Database
from hub.base.vault import Vault
from protocol.ids import DEFAULT_ORG, uuid7

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
