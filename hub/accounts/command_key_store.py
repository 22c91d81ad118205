"""The rows of the keys by which people sign commands."""

from datetime import datetime

from msgspec import Struct

import sql
from hub.base.database import Connection, Database, Row

_Q = sql.queries("command_keys")


class CommandKeyRow(Struct, frozen=True, kw_only=True):
    command_key_id: str
    user_id: str
    name: str
    public_key: bytes
    """Ed25519, 32 bytes."""
    created_at: datetime

    @classmethod
    def from_row(cls, row: Row) -> "CommandKeyRow":
        return cls(
            command_key_id=row["command_key_id"],
            user_id=row["user_id"],
            name=row["name"],
            public_key=row["public_key"],
            created_at=row["created_at"],
        )


class CommandKeyStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def of_account(self, user_id: str) -> list[CommandKeyRow]:
        """The oldest first."""
        rows = await self.database.fetch(_Q["command_keys_of"], user_id)
        return [CommandKeyRow.from_row(row) for row in rows]

    async def count(self, connection: Connection, user_id: str) -> int:
        return int(await connection.fetchval(_Q["count_command_keys"], user_id))

    async def add(
        self, connection: Connection, command_key_id: str, user_id: str, name: str, key: bytes
    ) -> CommandKeyRow | None:
        """None where the account has the key already."""
        row = await connection.fetchrow(_Q["add_command_key"], command_key_id, user_id, name, key)
        return None if row is None else CommandKeyRow.from_row(row)

    async def delete(
        self, connection: Connection, command_key_id: str, user_id: str
    ) -> CommandKeyRow | None:
        """What is gone; None where there was none."""
        row = await connection.fetchrow(_Q["delete_command_key"], command_key_id, user_id)
        return None if row is None else CommandKeyRow.from_row(row)
