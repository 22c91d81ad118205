"""The passkeys of one's own account: added, listed, removed."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from hub.accounts.own_factors import OwnFactors
from hub.accounts.passkey_store import Asker, PasskeyRow, PasskeyStore
from hub.accounts.service import AccountService
from hub.accounts.sessions import session_of
from hub.accounts.webauthn import BadPasskey, MadePasskey, RelyingParty, challenge_of_made
from hub.audit.entries import audit_entry
from hub.audit.service import AuditService
from hub.base.errors import Conflict, NotFound, TooMany, invalid
from hub.base.principal import Principal
from hub.base.visible import require_visible
from protocol.ids import uuid7

MOST_PASSKEYS: Final = 20
"""Of one account."""


class Passkeys:
    """`party` says who asks; it raises `PublicUrlMissing` or `Unsupported` where nobody can."""

    def __init__(
        self,
        store: PasskeyStore,
        accounts: AccountService,
        own: OwnFactors,
        audit: AuditService,
        party: Callable[[], RelyingParty],
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._own = own
        self._audit = audit
        self._party = party

    async def list(self, by: Principal) -> Sequence[PasskeyRow]:
        session_of(by)
        return await self._store.of_account(by.subject)

    async def options(self, by: Principal) -> dict[str, Any]:
        """What a browser makes a passkey by. Raises `Reauthenticate`, `TooMany`."""
        party = self._party()
        async with self._own.changing(by) as (connection, user):
            known = await self._store.of_account(by.subject, connection)
        _require_room(len(known))
        challenge = await self._store.new_challenge("register", _asker(by))
        return party.creation_options(
            challenge,
            user_id=user.user_id,
            username=user.username,
            shown=user.display_name,
            known=[each.credential_id for each in known],
        )

    async def add(
        self, by: Principal, answer: Mapping[str, Any], name: str, transports: Sequence[str]
    ) -> PasskeyRow:
        """Raises `Invalid` for an answer that is none to a challenge of this session, `Conflict`
        for a passkey that is there, `Reauthenticate`, `TooMany`."""
        party = self._party()
        require_visible(name, "name")
        try:
            made = await self._made(party, by, answer)
        except BadPasskey as error:
            raise invalid("response", str(error)) from None
        row = PasskeyRow(
            passkey_id=uuid7(),
            user_id=by.subject,
            credential_id=made.credential_id,
            credential=made.credential,
            name=name,
            created_at=datetime.now(UTC),
            used_at=None,
        )
        async with self._own.changing(by) as (connection, user):
            _require_room(await self._store.count(connection, by.subject))
            added = await self._store.add(
                connection, row, transports=transports, sign_count=made.sign_count
            )
            if added is None:
                raise Conflict("this passkey is there already")
            await self._own.has_shown(connection, by, "passkey")
            entry = audit_entry(
                by, "auth.passkey_add", user.username, passkeyId=added.passkey_id, name=name
            )
            await self._audit.record(connection, entry)
        await self._accounts.refresh()
        return added

    async def _made(
        self, party: RelyingParty, by: Principal, answer: Mapping[str, Any]
    ) -> MadePasskey:
        """By an answer whose challenge is used up, whatever comes of it. Raises `BadPasskey`."""
        challenge = challenge_of_made(answer)
        if not await self._store.use_challenge(challenge, "register", _asker(by)):
            raise BadPasskey("the challenge is unknown, used or has run out: ask for another")
        return party.made(answer, challenge)

    async def remove(self, by: Principal, passkey_id: str) -> None:
        """Raises `NotFound`, `Reauthenticate`."""
        async with self._own.changing(by) as (connection, user):
            name = await self._store.delete(connection, passkey_id, by.subject)
            if name is None:
                raise NotFound("you have no such passkey")
            entry = audit_entry(
                by, "auth.passkey_remove", user.username, passkeyId=passkey_id, name=name
            )
            await self._audit.record(connection, entry)


def _asker(by: Principal) -> Asker:
    return Asker(by.subject, session_of(by))


def _require_room(count: int) -> None:
    if count >= MOST_PASSKEYS:
        raise TooMany(f"an account may have {MOST_PASSKEYS} passkeys: remove one")
