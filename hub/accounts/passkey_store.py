"""The rows of passkeys, and of the challenges that they are to sign."""

from collections.abc import Sequence
from datetime import datetime
from secrets import token_bytes
from typing import Final, Literal

from msgspec import Struct

import sql
from hub.accounts.tokens import hash_of
from hub.base.database import Connection, Database, Row

_Q = sql.queries("passkeys")

CHALLENGE_BYTES: Final = 32

PasskeyPurpose = Literal["register", "sign_in", "reauthenticate"]


class PasskeyRow(Struct, frozen=True, kw_only=True):
    passkey_id: str
    user_id: str
    credential_id: bytes
    credential: bytes
    name: str
    created_at: datetime
    used_at: datetime | None

    @classmethod
    def from_row(cls, row: Row) -> "PasskeyRow":
        return cls(
            passkey_id=row["passkey_id"],
            user_id=row["user_id"],
            credential_id=row["credential_id"],
            credential=row["credential"],
            name=row["name"],
            created_at=row["created_at"],
            used_at=row["used_at"],
        )


class Asker(Struct, frozen=True):
    """Who asked for a challenge; nobody, for somebody who signs in."""

    user_id: str | None = None
    session_id: str | None = None


class PasskeyStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def new_challenge(self, purpose: PasskeyPurpose, by: Asker) -> bytes:
        """What a passkey is to sign once, of which the hash is kept."""
        challenge = token_bytes(CHALLENGE_BYTES)
        await self.database.execute(
            _Q["add_challenge"], hash_of(challenge), purpose, by.user_id, by.session_id
        )
        return challenge

    async def use_challenge(self, challenge: bytes, purpose: PasskeyPurpose, by: Asker) -> bool:
        """By itself: it is used up, whatever comes of it. False for one that is not good."""
        good = await self.database.fetchval(
            _Q["use_challenge"], hash_of(challenge), purpose, by.user_id, by.session_id
        )
        return bool(good)

    async def of_account(
        self, user_id: str, connection: "Connection | None" = None
    ) -> list[PasskeyRow]:
        """The oldest first. Where there is a connection already, by that."""
        rows = await (connection or self.database).fetch(_Q["passkeys_of"], user_id)
        return [PasskeyRow.from_row(row) for row in rows]

    async def count(self, connection: Connection, user_id: str) -> int:
        return int(await connection.fetchval(_Q["count_passkeys"], user_id))

    async def by_credential(self, credential_id: bytes) -> PasskeyRow | None:
        row = await self.database.fetchrow(_Q["passkey_by_credential"], credential_id)
        return None if row is None else PasskeyRow.from_row(row)

    async def add(
        self,
        connection: Connection,
        passkey: PasskeyRow,
        *,
        transports: Sequence[str],
        sign_count: int,
    ) -> PasskeyRow | None:
        """None where the credential is there already."""
        row = await connection.fetchrow(
            _Q["add_passkey"],
            passkey.passkey_id,
            passkey.user_id,
            passkey.credential_id,
            passkey.credential,
            list(transports),
            passkey.name,
            sign_count,
        )
        return None if row is None else PasskeyRow.from_row(row)

    async def use(self, connection: Connection, passkey_id: str, sign_count: int) -> bool:
        """False when it is gone, or its counter has not risen."""
        used = await connection.fetchval(_Q["use_passkey"], passkey_id, sign_count)
        return used is not None

    async def delete(self, connection: Connection, passkey_id: str, user_id: str) -> str | None:
        """Its name; None where there was none."""
        return await connection.fetchval(_Q["delete_passkey"], passkey_id, user_id)

    async def delete_of(self, connection: Connection, user_id: str) -> int:
        """How many an account had."""
        return len(await connection.fetch(_Q["delete_passkeys_of"], user_id))

    async def clean_up(self) -> None:
        await self.database.execute(_Q["clean_up"])
