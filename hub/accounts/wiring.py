from functools import partial
from typing import Final, NamedTuple

import httpx

from hub.accounts.api_key_store import ApiKeyStore
from hub.accounts.api_keys import ApiKeyService
from hub.accounts.api_keys_rest import ApiKeyEndpoints
from hub.accounts.command_key_rest import CommandKeyEndpoints
from hub.accounts.command_key_store import CommandKeyStore
from hub.accounts.command_keys import CommandKeys
from hub.accounts.counted_attempts import CountedAttempts
from hub.accounts.device_flow import DeviceFlow
from hub.accounts.directory_sign_in import DirectorySignIn
from hub.accounts.factor_rest import FactorEndpoints
from hub.accounts.factor_store import FactorStore
from hub.accounts.installation_store import InstallationStore
from hub.accounts.issuing import SessionIssuer
from hub.accounts.ldap import LdapClient
from hub.accounts.oidc import SECONDS, OidcClient
from hub.accounts.oidc_statements import OidcStatements
from hub.accounts.organisation import OrganisationService
from hub.accounts.own_account import OwnAccount
from hub.accounts.own_factors import OwnFactors
from hub.accounts.own_rest import OwnAccountEndpoints
from hub.accounts.passkey_rest import PasskeyEndpoints
from hub.accounts.passkey_sign_in import PasskeySignIn
from hub.accounts.passkey_store import PasskeyStore
from hub.accounts.passkeys import Passkeys
from hub.accounts.password_check import PasswordCheck
from hub.accounts.passwords import Passwords
from hub.accounts.provider_checks import ProviderChecks
from hub.accounts.provider_rest import ProviderEndpoints
from hub.accounts.provider_service import ProviderService
from hub.accounts.provider_sign_in import OidcSignIn
from hub.accounts.provider_store import ProviderStore
from hub.accounts.recent_sign_in import RecentSignIn
from hub.accounts.recovery import AccountRecovery
from hub.accounts.rest import AccountEndpoints
from hub.accounts.second_factor import SecondFactors
from hub.accounts.service import AccountService
from hub.accounts.session_store import SessionStore
from hub.accounts.sessions import SessionService
from hub.accounts.settings_rest import SettingsEndpoints
from hub.accounts.sign_in_policy import SignInPolicy
from hub.accounts.signing_in import SignInService
from hub.accounts.standing_store import StandingStore
from hub.accounts.store import AccountStore
from hub.accounts.users import UserService
from hub.accounts.users_rest import UserEndpoints
from hub.accounts.vouched_accounts import VouchedAccounts
from hub.accounts.webauthn import party_of
from hub.audit.service import AuditService
from hub.base.clocks import DatabaseClock
from hub.base.database import Database
from hub.base.destinations import Destinations
from hub.base.foundation import Capability, Foundation, Timer
from hub.base.outward import NamedPlaces, way_out_of
from hub.base.settings import Settings
from hub.base.vault import Vault
from hub.rights.memory import RightsMemory
from hub.rights.store import RightsStore
from hub.web.site import Site

NOTE_KEYS_SECONDS: Final = 60.0


class Stores(NamedTuple):
    accounts: AccountStore
    sessions: SessionStore
    api_keys: ApiKeyStore
    installation: InstallationStore
    standings: StandingStore
    factors: FactorStore
    providers: ProviderStore
    passkeys: PasskeyStore
    command_keys: CommandKeyStore


class People(NamedTuple):
    stores: Stores
    passwords: Passwords
    counted: CountedAttempts
    rights: RightsMemory
    accounts: AccountService
    issuer: SessionIssuer
    recent: RecentSignIn
    signing_in: SignInService
    passkey_sign_in: PasskeySignIn
    passkeys: Passkeys
    command_keys: CommandKeys
    sessions: SessionService
    factors: OwnFactors
    own: OwnAccount
    api_keys: ApiKeyService
    organisation: OrganisationService
    users: UserService
    recovery: AccountRecovery


def services(
    database: Database,
    vault: Vault,
    audit: AuditService,
    settings: Settings,
    clock: DatabaseClock,
    site: Site | None = None,
) -> People:
    """Without a replica round them, for the command line, where nobody shows a passkey."""
    stores = Stores(
        AccountStore(database), SessionStore(database), ApiKeyStore(database),
        InstallationStore(database, vault), StandingStore(database), FactorStore(database, vault),
        ProviderStore(database, vault), PasskeyStore(database), CommandKeyStore(database),
    )  # fmt: skip
    passwords, rights = Passwords(), RightsMemory(RightsStore(database), clock)
    accounts = AccountService(
        stores.installation, stores.api_keys, stores.sessions, stores.standings, audit, settings,
        rights, clock=clock,
    )  # fmt: skip
    counted = CountedAttempts(stores.sessions, audit)
    check = PasswordCheck(stores.accounts, counted, passwords, audit)
    factors = SecondFactors(stores.factors, audit, clock)
    issuer = SessionIssuer(
        stores.sessions, stores.accounts, accounts, stores.providers, audit, settings
    )
    shown_at = site or Site()
    party = partial(party_of, shown_at.url, shown_at.origins)
    policy = SignInPolicy(stores.installation, stores.passkeys, factors)
    passkey_sign_in = PasskeySignIn(
        stores.passkeys, stores.accounts, stores.sessions, policy, stores.providers, issuer,
        counted, audit, party,
    )  # fmt: skip
    recent = RecentSignIn(
        stores.accounts, stores.sessions, accounts, check, counted, factors, stores.providers,
        passkey_sign_in, audit,
    )  # fmt: skip
    own_factors = OwnFactors(stores.accounts, stores.sessions, accounts, recent, factors)
    signing_in = SignInService(
        stores.accounts, stores.sessions, accounts, issuer, check, counted, policy, factors,
        stores.factors, stores.providers,
    )  # fmt: skip
    passkey_sign_in.tell(signing_in.tell_login)
    return People(
        stores=stores,
        passwords=passwords,
        counted=counted,
        rights=rights,
        accounts=accounts,
        issuer=issuer,
        recent=recent,
        signing_in=signing_in,
        passkey_sign_in=passkey_sign_in,
        passkeys=Passkeys(stores.passkeys, accounts, own_factors, audit, party),
        command_keys=CommandKeys(
            stores.command_keys, stores.passkeys, own_factors, audit, party
        ),
        sessions=SessionService(stores.sessions, stores.accounts, accounts, issuer, audit),
        factors=own_factors,
        own=OwnAccount(
            stores.accounts, stores.sessions, stores.api_keys, accounts, recent, check, passwords,
            audit,
        ),
        api_keys=ApiKeyService(stores.api_keys, stores.accounts, accounts, rights, audit),
        organisation=OrganisationService(
            stores.installation, stores.accounts, stores.sessions, stores.providers, accounts,
            audit, settings,
        ),
        users=UserService(
            stores.accounts, stores.installation, stores.sessions, stores.api_keys, audit, accounts,
            recent, passwords, rights,
        ),
        recovery=AccountRecovery(
            stores.accounts, stores.sessions, stores.api_keys, accounts, passwords, factors,
            stores.passkeys, audit,
        ),
    )  # fmt: skip


def build(
    base: Foundation, audit: AuditService, site: Site
) -> tuple[People, AccountEndpoints, Capability]:
    people = services(base.database, base.vault, audit, base.settings, base.clock, site)
    endpoints = AccountEndpoints(
        people.accounts, people.signing_in, people.sessions, site,
        refresh_seconds=people.issuer.refresh_seconds,
    )  # fmt: skip
    flow = DeviceFlow(
        people.stores.factors, people.stores.accounts, people.issuer, audit, url=site.url
    )
    return (
        people,
        endpoints,
        Capability(
            endpoints=(
                endpoints,
                OwnAccountEndpoints(people.own, people.recent),
                UserEndpoints(people.users),
                ApiKeyEndpoints(people.api_keys),
                FactorEndpoints(people.factors, people.signing_in, flow, endpoints),
                PasskeyEndpoints(
                    people.passkeys, people.passkey_sign_in, people.accounts, endpoints
                ),
                CommandKeyEndpoints(people.command_keys),
                _providers(base, audit, people, endpoints, site),
                SettingsEndpoints(people.organisation),
            ),
            prepare=(people.accounts.prepare,),
            loops=(people.accounts.watch,),
            timers=(Timer(NOTE_KEYS_SECONDS, people.accounts.note_keys),),
            clean_up=lambda _: _clean_up(people),
        ),
    )


def _providers(
    base: Foundation, audit: AuditService, people: People, endpoints: AccountEndpoints, site: Site
) -> ProviderEndpoints:
    stores = people.stores
    allowed = Destinations(base.settings.webhook_allow)
    transport = NamedPlaces(way_out_of(base.settings), allowed)
    client = OidcClient(
        httpx.AsyncClient(transport=transport, timeout=SECONDS, trust_env=False), allowed
    )
    statements = OidcStatements(client, people.accounts.clock)
    vouched = VouchedAccounts(
        stores.providers, stores.accounts, people.accounts, stores.sessions, people.issuer,
        people.signing_in, audit,
    )  # fmt: skip
    directories = DirectorySignIn(stores.providers, people.counted, vouched, LdapClient(allowed))
    oidc = OidcSignIn(
        stores.providers, stores.accounts, stores.sessions, people.recent, audit, client,
        statements, vouched, url=site.url,
    )  # fmt: skip
    checks = ProviderChecks(stores.providers, client, statements, vouched, directories)
    people.sessions.check_with(checks.check)
    people.recent.prove_with(directories.prove)
    endpoints.sign_in_by(directories)
    service = ProviderService(
        stores.providers, stores.accounts, people.accounts, stores.sessions, stores.installation,
        audit, allowed, url=site.url,
    )  # fmt: skip
    return ProviderEndpoints(
        service, oidc, checks, people.accounts, people.sessions, endpoints, site
    )


async def _clean_up(people: People) -> None:
    await people.accounts.clean_up()
    await people.stores.factors.clean_up()
    await people.stores.providers.clean_up()
    await people.stores.passkeys.clean_up()
