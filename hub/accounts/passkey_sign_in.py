"""Signing in by a passkey, and showing by one again who somebody is."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import structlog
from msgspec import structs

from hub.accounts.counted_attempts import CountedAttempts
from hub.accounts.issuing import SessionIssuer, SignIn
from hub.accounts.passkey_store import Asker, PasskeyPurpose, PasskeyRow, PasskeyStore
from hub.accounts.provider_store import ProviderStore
from hub.accounts.session_store import SessionStore
from hub.accounts.sessions import session_of
from hub.accounts.sign_in_policy import SignInPolicy, refusal_of
from hub.accounts.store import AccountStore
from hub.accounts.tokens import hash_of
from hub.accounts.webauthn import BadPasskey, RelyingParty, Signed, signed_of
from hub.audit.entries import audit_entry
from hub.audit.service import AuditService
from hub.base.database import Connection
from hub.base.errors import Forbidden, HubError, Unauthenticated, invalid
from hub.base.principal import Principal
from protocol.ids import OrgId

log = structlog.get_logger(__name__)

BAD_PASSKEY: Final = "the passkey is unknown here, or its answer is wrong or too late"


class PasskeySignIn:
    """`party` says who asks; it raises `PublicUrlMissing` or `Unsupported` where nobody can."""

    def __init__(
        self,
        store: PasskeyStore,
        people: AccountStore,
        sessions: SessionStore,
        policy: SignInPolicy,
        providers: ProviderStore,
        issuer: SessionIssuer,
        counted: CountedAttempts,
        audit: AuditService,
        party: Callable[[], RelyingParty],
    ) -> None:
        self._store = store
        self._people = people
        self._sessions = sessions
        self._policy = policy
        self._providers = providers
        self._issuer = issuer
        self._counted = counted
        self._audit = audit
        self._party = party
        self._signed_in: Callable[[], None] = lambda: None

    def tell(self, signed_in: Callable[[], None]) -> None:
        """Have `signed_in` called whenever somebody has signed in."""
        self._signed_in = signed_in

    async def options(self, by: Principal | None) -> dict[str, Any]:
        """What a browser asks a passkey with: to sign in, or where a session asks, to show there
        again who somebody is."""
        party = self._party()
        if by is None:
            return party.request_options(await self._store.new_challenge("sign_in", Asker()))
        known = await self._store.of_account(by.subject)
        challenge = await self._store.new_challenge("reauthenticate", _asker(by))
        return party.request_options(challenge, [each.credential_id for each in known])

    async def login(
        self, answer: Mapping[str, Any], who: Principal, *, org: OrgId | None
    ) -> SignIn:
        """A session in `org`, or where the account signed in last; a passkey counts as two
        factors. Raises `Invalid`, `Unauthenticated`, `TooManyRequests`, `UseProvider`."""
        party, said = self._party(), _said(answer)
        found = await self._store.by_credential(said.credential_id)
        target = "" if found is None else found.user_id
        who = structs.replace(who, actor=target or who.actor)
        async with self._counted.one(_name(said), who, "auth.passkey", target) as attempt:
            count = await self._count(party, answer, said, found, "sign_in", Asker())
            async with self._counting(who, found, count) as connection:
                place = await self._providers.place(connection, target, org)
                if place is None:
                    raise Unauthenticated(BAD_PASSKEY)
                await self._sessions.forget_attempt(connection, attempt)
                grant = await self._begin(connection, place, target, who)
        if isinstance(grant, HubError):  # the passkey has counted
            raise grant
        self._signed_in()
        return grant

    async def _begin(
        self, connection: Connection, place: OrgId, user_id: str, who: Principal
    ) -> SignIn | HubError:
        locked = await self._people.lock_user(connection, place, user_id)
        if locked is None or locked[0].disabled:
            raise Unauthenticated(BAD_PASSKEY)
        user = locked[0]
        missing = await self._policy.lacking(connection, user, "passkey", by_provider=False)
        if missing is not None:
            return refusal_of(missing)
        return await self._issuer.begin_for(connection, user, who, shown="passkey")

    async def prove(self, by: Principal, answer: Mapping[str, Any]) -> None:
        """The user of a session shows a passkey of theirs, at a challenge that the session asked
        for. Raises `Forbidden`, `Invalid`, `TooManyRequests`."""
        party, said = self._party(), _said(answer)
        found = await self._store.by_credential(said.credential_id)
        if found is not None and found.user_id != by.subject:
            found = None
        try:
            async with self._counted.one(_name(said), by, "auth.passkey", by.subject) as attempt:
                count = await self._count(party, answer, said, found, "reauthenticate", _asker(by))
                async with self._counting(by, found, count) as connection:
                    await self._sessions.forget_attempt(connection, attempt)
        except Unauthenticated:
            raise Forbidden(BAD_PASSKEY) from None

    async def _count(
        self,
        party: RelyingParty,
        answer: Mapping[str, Any],
        said: Signed,
        found: PasskeyRow | None,
        purpose: PasskeyPurpose,
        by: Asker,
    ) -> int:
        """What the passkey has counted, whose challenge is used up. Raises `Unauthenticated`."""
        good = await self._store.use_challenge(said.challenge, purpose, by)
        handle = None if found is None else found.user_id.encode()
        try:
            count = party.signed(answer, said.challenge, found and found.credential)
        except BadPasskey as error:
            log.info("passkey_rejected", why=str(error))
            raise Unauthenticated(BAD_PASSKEY) from None
        if not good or found is None or said.user_handle not in (None, b"", handle):
            raise Unauthenticated(BAD_PASSKEY)
        return count

    @asynccontextmanager
    async def _counting(
        self, who: Principal, found: PasskeyRow | None, count: int
    ) -> AsyncGenerator[Connection]:
        """The transaction at whose end the passkey has counted so far. Raises `Unauthenticated`
        where that is not more than before: there is a copy of it."""
        if found is None:
            raise Unauthenticated(BAD_PASSKEY)
        try:
            async with self._store.database.transaction() as connection:
                yield connection
                await self._use(connection, found.passkey_id, count)
        except _Copied:
            entry = audit_entry(
                who, "auth.passkey_copied", found.user_id, outcome="refused",
                reason="the counter of the passkey has not risen", passkeyId=found.passkey_id,
            )  # fmt: skip
            await self._audit.note(entry)
            raise

    async def _use(self, connection: Connection, passkey_id: str, count: int) -> None:
        if not await self._store.use(connection, passkey_id, count):
            raise _Copied(BAD_PASSKEY)


class _Copied(Unauthenticated):
    """Two authenticators hold one passkey, or it was removed meanwhile."""


def _said(answer: Mapping[str, Any]) -> Signed:
    """Raises `Invalid`."""
    try:
        return signed_of(answer)
    except BadPasskey as error:
        raise invalid("response", str(error)) from None


def _name(said: Signed) -> str:
    """What attempts are counted by. Nobody guesses the id of another's passkey, so nobody keeps
    another out by failing with it."""
    return f"passkey {hash_of(said.credential_id).hex()}"


def _asker(by: Principal) -> Asker:
    return Asker(by.subject, session_of(by))
