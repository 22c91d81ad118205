"""Rows about the installation or an organisation as a whole: signing keys, settings."""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, Final

import sql
from hub.accounts.tokens import hash_secret
from hub.base.database import Connection, Database
from hub.base.vault import Vault
from protocol.ids import DEFAULT_ORG, OrgId

_Q = sql.queries("accounts")

ENROLLMENT_KEY: Final = "enrollment_key"
"""The setting, and what it is sealed as."""


class InstallationStore:
    def __init__(self, database: Database, vault: Vault) -> None:
        self.database = database
        self._vault = vault

    async def lock_setup(self, connection: Connection) -> None:
        await connection.execute(_Q["lock_setup"])

    async def installation(self, connection: Connection) -> str:
        """The id of it, which its tokens name as their issuer."""
        return str(await connection.fetchval(_Q["installation"]))

    async def signing_keys(self, connection: Connection) -> list[tuple[str, bytes]]:
        """Raises `Unavailable` for those of another master key."""
        rows = await connection.fetch(_Q["signing_keys"])
        return [
            (
                row["kid"],
                b64decode(self._vault.open(("signing_key", row["kid"]), row["private_key"])),
            )
            for row in rows
        ]

    async def add_signing_key(self, connection: Connection, kid: str, raw: bytes) -> None:
        sealed = self._vault.keep(("signing_key", kid), b64encode(raw).decode())
        await connection.execute(_Q["add_signing_key"], kid, sealed)

    async def retire_signing_keys(
        self, connection: Connection, *, but: str, longest_life: float
    ) -> None:
        await connection.execute(_Q["retire_signing_keys"], but, longest_life)

    async def revoke_signing_keys(self, connection: Connection, *, but: str) -> None:
        await connection.execute(_Q["revoke_signing_keys"], but, DEFAULT_ORG)

    async def settings(self, connection: Connection, org: OrgId) -> dict[str, Any]:
        return {row["name"]: row["value"] for row in await connection.fetch(_Q["settings"], org)}

    async def lock_guarded(self, connection: Connection, org: OrgId) -> None:
        await connection.execute(_Q["lock_guarded"], org)

    async def put_setting(
        self, connection: Connection, org: OrgId, name: str, value: object
    ) -> None:
        await connection.execute(_Q["put_setting"], org, name, value)

    async def put_enrollment_key(self, connection: Connection, org: OrgId, key: str) -> None:
        value = {
            "hash": hash_secret(key).hex(),
            "sealed": self._vault.keep((ENROLLMENT_KEY, org), key),
        }
        await self.put_setting(connection, org, ENROLLMENT_KEY, value)

    def enrollment_key(self, org: OrgId, stored: Mapping[str, Any]) -> str | None:
        """Of the settings of an organisation. Raises `Unavailable` when it does not open."""
        value = stored.get(ENROLLMENT_KEY)
        return None if value is None else self._vault.open((ENROLLMENT_KEY, org), value["sealed"])

    async def living(self) -> list[OrgId]:
        return [OrgId(row["org_id"]) for row in await self.database.fetch(_Q["living"])]

    async def enrolling_into(self, key: str) -> OrgId | None:
        found: str | None = await self.database.fetchval(
            _Q["enrolling_into"], hash_secret(key).hex()
        )
        return None if found is None else OrgId(found)
