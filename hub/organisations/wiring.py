from hub.accounts.rest import AccountEndpoints
from hub.accounts.wiring import People
from hub.audit.service import AuditService
from hub.base.foundation import Capability, Foundation
from hub.organisations.rest import OrganisationEndpoints
from hub.organisations.service import Organisations
from hub.organisations.store import OrganisationStore
from hub.web.site import Site


def build(
    base: Foundation,
    audit: AuditService,
    people: People,
    signing_in: AccountEndpoints,
    site: Site,
) -> Capability:
    service = Organisations(
        OrganisationStore(base.database),
        people.stores.accounts,
        people.accounts,
        people.stores.installation,
        people.issuer,
        people.recent,
        people.passwords,
        people.rights,
        audit,
        url=site.url,
    )
    return Capability(
        endpoints=(OrganisationEndpoints(service, people.accounts, signing_in),),
        clean_up=lambda _: service.clean_up(),
    )
