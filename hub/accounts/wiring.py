from typing import Final, NamedTuple

import httpx

from hub.accounts.device_flow import DeviceFlow
from hub.accounts.directory_sign_in import DirectorySignIn
from hub.accounts.factor_rest import FactorEndpoints
from hub.accounts.factor_store import FactorStore
from hub.accounts.ldap import LdapClient
from hub.accounts.oidc import SECONDS, OidcClient
from hub.accounts.organisation import OrganisationService
from hub.accounts.passwords import Passwords
from hub.accounts.provider_rest import ProviderEndpoints
from hub.accounts.provider_service import ProviderService
from hub.accounts.provider_sign_in import OidcSignIn
from hub.accounts.provider_store import ProviderStore
from hub.accounts.rest import AccountEndpoints
from hub.accounts.second_factor import SecondFactors
from hub.accounts.service import AccountService
from hub.accounts.sessions import SessionService
from hub.accounts.settings_rest import SettingsEndpoints
from hub.accounts.store import AccountStore
from hub.accounts.users import UserService
from hub.accounts.vouched_accounts import VouchedAccounts
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


class People(NamedTuple):
    store: AccountStore
    factor_store: FactorStore
    providers: ProviderStore
    factors: SecondFactors
    passwords: Passwords
    rights: RightsMemory
    accounts: AccountService
    sessions: SessionService
    organisation: OrganisationService
    users: UserService


def services(
    database: Database,
    vault: Vault,
    audit: AuditService,
    settings: Settings,
    clock: DatabaseClock,
) -> People:
    """Without a replica round them, for the command line."""
    store, passwords, rights = (
        AccountStore(database, vault),
        Passwords(),
        RightsMemory(RightsStore(database), clock),
    )
    accounts = AccountService(store, audit, settings, rights, clock=clock)
    factor_store = FactorStore(database, vault)
    factors = SecondFactors(factor_store, audit, clock)
    providers = ProviderStore(database, vault)
    sessions = SessionService(
        store, audit, settings, accounts, passwords, factors, factor_store, providers
    )
    organisation = OrganisationService(store, audit, settings)
    users = UserService(store, audit, accounts, sessions, passwords, rights)
    return People(
        store,
        factor_store,
        providers,
        factors,
        passwords,
        rights,
        accounts,
        sessions,
        organisation,
        users,
    )


def build(
    base: Foundation, audit: AuditService, site: Site
) -> tuple[People, AccountEndpoints, Capability]:
    people = services(base.database, base.vault, audit, base.settings, base.clock)
    endpoints = AccountEndpoints(people.accounts, people.sessions, people.users, site)
    flow = DeviceFlow(people.factor_store, people.store, people.sessions, audit, url=site.url)
    factors = FactorEndpoints(people.sessions, flow, endpoints)
    providers = _providers(base, audit, people, endpoints, site)
    return (
        people,
        endpoints,
        Capability(
            endpoints=(
                endpoints,
                factors,
                providers,
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
    allowed = Destinations(base.settings.webhook_allow)
    transport = NamedPlaces(way_out_of(base.settings), allowed)
    client = OidcClient(
        httpx.AsyncClient(transport=transport, timeout=SECONDS, trust_env=False), allowed
    )
    vouched = VouchedAccounts(
        people.providers, people.store, people.accounts, people.sessions, audit
    )
    directories = DirectorySignIn(people.providers, people.sessions, vouched, LdapClient(allowed))
    oidc = OidcSignIn(
        people.providers, people.store, people.accounts, people.sessions, audit, client, vouched,
        directories, url=site.url,
    )  # fmt: skip
    people.sessions.check_with(oidc.check)
    people.sessions.prove_with(directories.prove)
    endpoints.sign_in_by(directories)
    service = ProviderService(
        people.providers, people.store, people.accounts, audit, allowed, url=site.url
    )
    return ProviderEndpoints(service, oidc, people.accounts, people.sessions, endpoints, site)


async def _clean_up(people: People) -> None:
    await people.accounts.clean_up()
    await people.factor_store.clean_up()
    await people.providers.clean_up()
