from typing import NamedTuple

from hub.accounts.organisation import OrganisationService
from hub.accounts.passwords import Passwords
from hub.accounts.rest import AccountEndpoints
from hub.accounts.service import AccountService
from hub.accounts.sessions import SessionService
from hub.accounts.settings_rest import SettingsEndpoints
from hub.accounts.store import AccountStore
from hub.accounts.users import UserService
from hub.audit.service import AuditService
from hub.base.clocks import DatabaseClock
from hub.base.database import Database
from hub.base.foundation import Capability, Foundation
from hub.base.settings import Settings
from hub.rights.memory import RightsMemory
from hub.rights.store import RightsStore
from hub.web.site import Site


class People(NamedTuple):
    store: AccountStore
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
    sessions = SessionService(store, audit, settings, accounts, passwords)
    organisation = OrganisationService(store, audit, settings)
    users = UserService(store, audit, accounts, sessions, passwords, rights)
    return People(store, passwords, rights, accounts, sessions, organisation, users)


def build(
    base: Foundation, audit: AuditService, site: Site
) -> tuple[People, AccountEndpoints, Capability]:
    people = services(base.database, audit, base.settings, base.clock)
    endpoints = AccountEndpoints(people.accounts, people.sessions, people.users, site)
    return (
        people,
        endpoints,
        Capability(
            endpoints=(endpoints, SettingsEndpoints(people.organisation)),
            prepare=(people.accounts.prepare,),
            loops=(people.accounts.watch,),
            clean_up=lambda _: people.accounts.clean_up(),
        ),
    )
