"""The accounts and sessions of people for whom a provider vouches, of whatever kind it is."""

from collections.abc import Mapping
from typing import Any

from msgspec import structs

from hub.accounts.issuing import SessionIssuer, SignIn
from hub.accounts.names import username_of
from hub.accounts.provider_store import ProviderSession, ProviderStore, Statement
from hub.accounts.providers import SignInFailed, names_of, shown_name_of, suffixed
from hub.accounts.service import AccountService
from hub.accounts.session_store import SessionStore
from hub.accounts.signing_in import SignInService
from hub.accounts.store import AccountStore, NewAccount
from hub.audit.entries import AuditEntry, audit_entry
from hub.audit.service import AuditService
from hub.base.database import Connection
from hub.base.errors import HubError, Invalid, SignInFirst, Unauthenticated
from hub.base.principal import Principal
from protocol.ids import DEFAULT_ORG, OrgId, uuid7


class VouchedAccounts:
    def __init__(
        self,
        store: ProviderStore,
        accounts: AccountStore,
        people: AccountService,
        sessions: SessionStore,
        issuer: SessionIssuer,
        signing_in: SignInService,
        audit: AuditService,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._people = people
        self._sessions = sessions
        self._issuer = issuer
        self._signing_in = signing_in
        self._audit = audit

    async def sign_in(
        self,
        org: OrgId | None,
        said: Statement,
        claims: Mapping[str, Any],
        who: Principal,
        *,
        create: bool,
        by_cookie: bool | None = None,
    ) -> SignIn:
        """A session of whom the provider names, found by (provider, issuer, subject) only; `org` is
        where to, if that is said. Raises `SignInFailed`; `SecondFactorMissing` where `by_cookie`
        says how the session will be kept, and the account has a second factor."""
        async with self._store.database.transaction() as connection:
            await self._store.lock_identity(connection, said)
            place, user_id = await self._found(connection, org, said, claims, who, create=create)
            missing = None
            if by_cookie is not None:
                missing = await self._signing_in.factor_missing(
                    connection, place, user_id, said, by_cookie=by_cookie
                )
            answer = missing or await self._begin(connection, place, user_id, who, said)
        if isinstance(answer, HubError):  # what it refers to is committed
            raise answer
        await self._people.refresh()
        self._signing_in.tell_login()
        return answer

    async def _begin(
        self,
        connection: Connection,
        place: OrgId,
        user_id: str,
        who: Principal,
        said: Statement,
    ) -> SignIn:
        try:
            return await self._issuer.begin(connection, place, user_id, who, said)
        except Unauthenticated:
            raise SignInFailed("no_account", "the person is no member any more") from None

    async def _found(
        self,
        connection: Connection,
        org: OrgId | None,
        said: Statement,
        claims: Mapping[str, Any],
        who: Principal,
        *,
        create: bool,
    ) -> tuple[OrgId, str]:
        """(organisation, account). Raises `SignInFailed`."""
        user_id = await self._store.owner(connection, said)
        if user_id is not None:
            place = await self._store.place(connection, user_id, org)
            if place is None:
                raise SignInFailed("no_account", "the person is no member, or is disabled")
            return place, user_id
        if not create:
            raise SignInFailed("no_account", "there is no account of this person")
        place = org or DEFAULT_ORG
        return place, await self._make(connection, place, said, claims, who)

    async def _make(
        self,
        connection: Connection,
        org: OrgId,
        said: Statement,
        claims: Mapping[str, Any],
        who: Principal,
    ) -> str:
        """An account of whom a provider names for the first time, a member without rights: its
        id."""
        user_id = uuid7()
        for name in suffixed(_first_name(claims)):
            account = NewAccount(
                user_id=user_id,
                username=name,
                display_name=shown_name_of(claims, name),
                password_hash=None,
            )
            try:
                await self._accounts.add_account(connection, org, account)
            except SignInFirst:
                continue
            await self._accounts.add_member(connection, org, user_id)
            await self._store.add_identity(connection, said, user_id)
            entry = audit_entry(
                structs.replace(who, org=org, subject=user_id, actor=name), "user.create", name,
                userId=user_id, provider=said.provider_id, role="NONE",
            )  # fmt: skip
            await self._audit.record(connection, entry)
            return user_id
        raise SignInFailed("no_account", "every name for a new account is taken")

    # Later

    async def settle(self, grant_id: str, was: Statement, now: Statement | None) -> None:
        """Take over what a provider says now; None ends the sessions."""
        async with self._store.database.transaction() as connection:
            sessions = await self._store.sessions(connection, was.provider_id, grant_id=grant_id)
            if now is None:
                await self._end(connection, was.provider_id, sessions, "auth.provider_ended")
            else:
                await self._store.checked(connection, grant_id, now)
                for each in sessions if now.groups != was.groups else ():
                    await self._accounts.rights_changed(connection, each.org, [each.user_id])
        await self._people.refresh()

    async def end(self, provider_id: str, *, subject: str | None, sid: str | None) -> None:
        """The sessions of a person, or of one session there, which the provider has ended."""
        async with self._store.database.transaction() as connection:
            sessions = await self._store.sessions(connection, provider_id, subject=subject, sid=sid)
            await self._end(connection, provider_id, sessions, "auth.provider_logout")
        await self._people.refresh()

    async def _end(
        self,
        connection: Connection,
        provider_id: str,
        sessions: list[ProviderSession],
        action: str,
    ) -> None:
        """Users are locked before their sessions, in one order."""
        for each in sessions:
            await self._accounts.lock_user(connection, each.org, each.user_id)
        for each in sessions:
            await self._sessions.end_session(connection, each.org, each.session_id)
            entry = AuditEntry(
                org=each.org, actor="hub", action=action, target=each.user_id,
                detail={"provider": provider_id, "sessionId": each.session_id},
            )  # fmt: skip
            await self._audit.record(connection, entry)


def _first_name(claims: Mapping[str, Any]) -> str:
    """What a new account is called, when the name is free."""
    for name in names_of(claims):
        try:
            return username_of(name)
        except Invalid:
            continue
    return f"user-{uuid7()[-8:]}"
