from typing import Final, NamedTuple

from hub.accounts.device_flow import DeviceFlow
from hub.accounts.factor_rest import FactorEndpoints
from hub.accounts.factor_store import FactorStore
from hub.accounts.organisation import OrganisationService
from hub.accounts.passwords import Passwords
from hub.accounts.rest import AccountEndpoints
from hub.accounts.second_factor import SecondFactors
from hub.accounts.service import AccountService
from hub.accounts.sessions import SessionService
from hub.accounts.settings_rest import SettingsEndpoints
from hub.accounts.store import AccountStore
from hub.accounts.users import UserService
from hub.audit.service import AuditService
from hub.base.clocks import DatabaseClock
from hub.base.database import Database
from hub.base.foundation import Capability, Foundation, Timer
from hub.base.settings import Settings
from hub.rights.memory import RightsMemory
from hub.rights.store import RightsStore
from hub.web.site import Site

NOTE_KEYS_SECONDS: Final = 60.0


class People(NamedTuple):
    store: AccountStore
    factor_store: FactorStore
    factors: SecondFactors
    passwords: Passwords
    rights: RightsMemory
    accounts: AccountService
    sessions: SessionService
    organisation: OrganisationService
    users: UserService


def services(
    database: Database, audit: AuditService, settings: Settings, clock: DatabaseClock
) -> People:
    """Without a replica round them, for the command line."""
    store, passwords, rights = (
        AccountStore(database),
        Passwords(),
        RightsMemory(RightsStore(database)),
    )
    accounts = AccountService(store, audit, settings, rights, clock=clock)
    factor_store = FactorStore(database)
    factors = SecondFactors(factor_store, audit, clock)
    sessions = SessionService(store, audit, settings, accounts, passwords, factors, factor_store)
    organisation = OrganisationService(store, audit, settings)
    users = UserService(store, audit, accounts, sessions, passwords, rights)
    return People(
        store, factor_store, factors, passwords, rights, accounts, sessions, organisation, users
    )


def build(
    base: Foundation, audit: AuditService, site: Site
) -> tuple[People, AccountEndpoints, Capability]:
    people = services(base.database, audit, base.settings, base.clock)
    endpoints = AccountEndpoints(people.accounts, people.sessions, people.users, site)
    flow = DeviceFlow(people.factor_store, people.store, people.sessions, audit, url=site.url)
    factors = FactorEndpoints(people.sessions, flow, endpoints)
    return (
        people,
        endpoints,
        Capability(
            endpoints=(endpoints, factors, SettingsEndpoints(people.organisation)),
            prepare=(people.accounts.prepare,),
            loops=(people.accounts.watch,),
            timers=(Timer(NOTE_KEYS_SECONDS, people.accounts.note_keys),),
            clean_up=lambda _: _clean_up(people),
        ),
    )


async def _clean_up(people: People) -> None:
    await people.accounts.clean_up()
    await people.factor_store.clean_up()
