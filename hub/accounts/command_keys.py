"""The keys by which people sign commands: added, listed, removed, and asked when something was
signed.

The hub checks signatures early, so that nobody waits for a device to refuse one. It decides
nothing: whom a device trusts stands in its own file.
"""

from collections.abc import Callable, Sequence
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hub.accounts.command_key_store import CommandKeyRow, CommandKeyStore
from hub.accounts.own_factors import OwnFactors
from hub.accounts.passkey_store import PasskeyStore
from hub.accounts.sessions import session_of
from hub.accounts.webauthn import RelyingParty, public_key_of
from hub.audit.entries import audit_entry
from hub.audit.service import AuditService
from hub.base.errors import Conflict, NotFound, PublicUrlMissing, TooMany, Unsupported, invalid
from hub.base.principal import Principal
from hub.base.visible import require_visible
from protocol.ids import uuid7
from protocol.ssh_format import BadSshFormat, key_id_of, key_of_line
from protocol.trusted_keys import TrustedKey, TrustedKeys

MOST_COMMAND_KEYS: Final = 20
"""Of one account."""


class CommandKeys:
    """`party` says who asks passkeys; it raises `PublicUrlMissing` or `Unsupported` where nobody
    can."""

    def __init__(
        self,
        store: CommandKeyStore,
        passkeys: PasskeyStore,
        own: OwnFactors,
        audit: AuditService,
        party: Callable[[], RelyingParty],
    ) -> None:
        self._store = store
        self._passkeys = passkeys
        self._own = own
        self._audit = audit
        self._party = party

    async def list(self, by: Principal) -> Sequence[CommandKeyRow]:
        session_of(by)
        return await self._store.of_account(by.subject)

    async def add(self, by: Principal, name: str, line: str) -> CommandKeyRow:
        """`line`: as OpenSSH writes it. Raises `Invalid`, `Conflict`, `TooMany`,
        `Reauthenticate`."""
        require_visible(name, "name")
        key = _key_of(line)
        async with self._own.changing(by) as (connection, user):
            if await self._store.count(connection, by.subject) >= MOST_COMMAND_KEYS:
                raise TooMany(f"an account may have {MOST_COMMAND_KEYS} command keys: remove one")
            added = await self._store.add(
                connection, uuid7(), by.subject, name, key.public_bytes_raw()
            )
            if added is None:
                raise Conflict("you have this key already")
            entry = audit_entry(
                by, "auth.command_key_add", user.username, keyId=key_id_of(key), name=name
            )
            await self._audit.record(connection, entry)
        return added

    async def remove(self, by: Principal, command_key_id: str) -> None:
        """Raises `NotFound`, `Reauthenticate`."""
        async with self._own.changing(by) as (connection, user):
            gone = await self._store.delete(connection, command_key_id, by.subject)
            if gone is None:
                raise NotFound("you have no such command key")
            entry = audit_entry(
                by,
                "auth.command_key_remove",
                user.username,
                keyId=key_id_of(key_in(gone)),
                name=gone.name,
            )
            await self._audit.record(connection, entry)

    async def trusted(self, by: Principal) -> TrustedKeys:
        """Whose signatures count in a call of this caller: its own keys and passkeys; an API key
        has those of its owner."""
        if by.kind not in ("user", "api_key"):
            return TrustedKeys([])
        rows = await self._store.of_account(by.subject)
        keys = [TrustedKey(key_in(row)) for row in rows]
        return TrustedKeys([*keys, *await self._in_passkeys(by.subject)])

    async def _in_passkeys(self, user_id: str) -> Sequence[TrustedKey]:
        try:
            place = self._party().place
        except (PublicUrlMissing, Unsupported):
            return []
        rows = await self._passkeys.of_account(user_id)
        keys = [public_key_of(row.credential) for row in rows]
        return [TrustedKey(key, place) for key in keys if key is not None]


def key_in(row: CommandKeyRow) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(row.public_key)


def _key_of(line: str) -> Ed25519PublicKey:
    try:
        key = key_of_line(line)
    except BadSshFormat as error:
        raise invalid("publicKey", str(error)) from None
    if not isinstance(key, Ed25519PublicKey):
        raise invalid("publicKey", "not an Ed25519 key (ssh-ed25519)")
    return key
