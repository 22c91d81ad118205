"""Signing in with the password of a directory (LDAP)."""

import structlog
from msgspec import structs

from hub.accounts.counted_attempts import CountedAttempts
from hub.accounts.issuing import SignIn
from hub.accounts.ldap import Directory, LdapClient, Person
from hub.accounts.password_check import BAD_LOGIN
from hub.accounts.provider_service import NO_PROVIDER
from hub.accounts.provider_store import (
    LDAP,
    GrantRow,
    ProviderRow,
    ProviderStore,
    Statement,
)
from hub.accounts.providers import LdapSettings, ProviderAway, SignInFailed, settings_from
from hub.accounts.vouched_accounts import VouchedAccounts
from hub.base.errors import Forbidden, NotFound, Unauthenticated, Unavailable
from hub.base.principal import Principal
from protocol.ids import DEFAULT_ORG, OrgId

log = structlog.get_logger(__name__)


class DirectorySignIn:
    def __init__(
        self,
        store: ProviderStore,
        counted: CountedAttempts,
        vouched: VouchedAccounts,
        client: LdapClient,
    ) -> None:
        self._store = store
        self._counted = counted
        self._vouched = vouched
        self._client = client

    async def login(
        self,
        provider_id: str,
        username: str,
        password: str,
        who: Principal,
        *,
        org: OrgId | None,
        by_cookie: bool,
    ) -> SignIn:
        """Raises `NotFound` for a provider that is none, `Unauthenticated`, `TooManyRequests`,
        `SecondFactorMissing`; `Unavailable` when the directory does not answer."""
        provider = await self._store.get(provider_id)
        if provider is None or provider.kind != "ldap":
            raise NotFound(NO_PROVIDER)
        if provider.org is not None and org not in (None, provider.org):
            raise NotFound(NO_PROVIDER)
        wanted = provider.org or org
        if wanted is not None and not await self._store.is_living(wanted):
            raise NotFound("no such organisation")
        who = structs.replace(who, org=wanted or DEFAULT_ORG, actor=username)
        key = f"{provider_id} {username}"
        async with self._counted.one(key, who, "auth.login", username) as attempt:
            person = await self._person(provider, username, password)
            said = _statement(provider, person)
            claims = {"preferred_username": username, "name": person.name}
            try:
                grant = await self._vouched.sign_in(
                    wanted, said, claims, who,
                    create=_settings(provider).create, by_cookie=by_cookie,
                )  # fmt: skip
            except SignInFailed:
                raise Unauthenticated(BAD_LOGIN) from None
            finally:
                await self._counted.forget(attempt)
        return grant

    async def _person(self, provider: ProviderRow, username: str, password: str) -> Person:
        """Raises `Unauthenticated`, `Unavailable`."""
        try:
            person = await self._client.sign_in(_directory(provider), username, password)
        except ProviderAway as away:
            log.warning("provider_away", provider=provider.provider_id, why=str(away))
            raise Unavailable(f"{provider.name} cannot be used at the moment") from None
        if person is None:
            raise Unauthenticated(BAD_LOGIN)
        return person

    async def prove(self, by: Principal, said: Statement, password: str) -> None:
        """The person of a session shows the password again. Raises `Forbidden`, `Unavailable`,
        `TooManyRequests`."""
        provider = await self._store.get(said.provider_id)
        if provider is None:
            raise Forbidden("the directory of this session is gone")
        key = f"{said.provider_id} {said.subject}"
        try:
            async with self._counted.one(key, by, "auth.reauthenticate", by.actor) as attempt:
                await self._require(provider, said, password)
                await self._counted.forget(attempt)
        except Unauthenticated:
            raise Forbidden("the current password is wrong") from None

    async def _require(self, provider: ProviderRow, said: Statement, password: str) -> None:
        """Raises `Unauthenticated`, `Unavailable`."""
        try:
            good = await self._client.shows(_directory(provider), said.subject, password)
        except ProviderAway as away:
            log.warning("provider_away", provider=provider.provider_id, why=str(away))
            raise Unavailable(f"{provider.name} cannot be used at the moment") from None
        if not good:
            raise Unauthenticated(BAD_LOGIN)

    async def check(self, provider: ProviderRow, due: GrantRow) -> None:
        """Whether the person of a session may still sign in. A directory that does not answer ends
        nothing."""
        try:
            person = await self._client.still(_directory(provider), due.said.subject)
        except ProviderAway as away:
            log.warning("provider_away", provider=provider.provider_id, why=str(away))
            return
        now = None if person is None else structs.replace(due.said, groups=person.groups)
        await self._vouched.settle(due.grant_id, due.said, now)


def _settings(provider: ProviderRow) -> LdapSettings:
    return settings_from(provider.settings, LdapSettings)


def _directory(provider: ProviderRow) -> Directory:
    return Directory(_settings(provider), provider.secret or "")


def _statement(provider: ProviderRow, person: Person) -> Statement:
    return Statement(
        provider_id=provider.provider_id,
        issuer=LDAP,
        subject=person.id,
        groups=person.groups,
        hours=_settings(provider).session_hours,
    )
