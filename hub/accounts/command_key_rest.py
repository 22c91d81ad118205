"""`/auth/command-keys`."""

from typing import Annotated

from msgspec import Meta, Struct

from hub.accounts.command_key_store import CommandKeyRow
from hub.accounts.command_keys import CommandKeys, key_in
from hub.web.envelope import Answer
from hub.web.inputs import Body, Text
from hub.web.route import Call
from protocol.codec import rfc3339
from protocol.ssh_format import key_id_of, line_of_key


class CommandKeyBody(Body, frozen=True):
    name: Text
    """What its owner knows it by."""
    public_key: Annotated[str, Meta(min_length=1, max_length=1024)]
    """A line as OpenSSH writes it: `ssh-ed25519 AAAA…`."""


class CommandKeyItem(Struct, frozen=True, rename="camel", kw_only=True):
    id: str
    name: str
    key_id: str
    """What signatures of it name: SHA-256 of its 32 bytes, in base64url."""
    public_key: str
    created_at: str


class CommandKeyEndpoints:
    def __init__(self, keys: CommandKeys) -> None:
        self._keys = keys

    async def list(self, call: Call[None, None]) -> list[CommandKeyItem]:
        return [_item(row) for row in await self._keys.list(call.principal)]

    async def add(self, call: Call[None, CommandKeyBody]) -> Answer:
        made = await self._keys.add(call.principal, call.body.name, call.body.public_key)
        location = f"/api/v1/auth/command-keys/{made.command_key_id}"
        return Answer(_item(made), status=201, location=location)

    async def remove(self, call: Call[None, None]) -> None:
        await self._keys.remove(call.principal, call.path("id"))


def _item(row: CommandKeyRow) -> CommandKeyItem:
    key = key_in(row)
    return CommandKeyItem(
        id=row.command_key_id,
        name=row.name,
        key_id=key_id_of(key),
        public_key=line_of_key(key),
        created_at=rfc3339(row.created_at),
    )
