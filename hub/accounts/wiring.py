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
from hub.base.foundation import Capability, Foundation
from hub.web.site import Site


class Accounts(NamedTuple):
    accounts: AccountService
    sessions: SessionService
    organisation: OrganisationService
    users: UserService


def build(base: Foundation, audit: AuditService, site: Site) -> tuple[Accounts, Capability]:
    store, passwords, settings = AccountStore(base.database), Passwords(), base.settings
    accounts = AccountService(store, audit, settings, clock=base.clock)
    sessions = SessionService(store, audit, settings, accounts, passwords)
    organisation = OrganisationService(store, audit, settings)
    users = UserService(store, audit, accounts, sessions, passwords)
    return Accounts(accounts, sessions, organisation, users), Capability(
        endpoints=(
            AccountEndpoints(accounts, sessions, users, site),
            SettingsEndpoints(organisation),
        ),
        prepare=(accounts.prepare,),
        loops=(accounts.watch,),
        clean_up=lambda _: accounts.clean_up(),
    )
