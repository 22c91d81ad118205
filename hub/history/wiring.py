"""Reads what happened in the whole fleet."""

from hub.accounts.service import AccountService
from hub.base.foundation import Capability, Foundation
from hub.base.retention import ShownOf
from hub.history.rest import HistoryEndpoints
from hub.history.service import HistoryService
from hub.history.store import HistoryStore
from hub.queries.service import QueryService


def build(
    base: Foundation, accounts: AccountService, queries: QueryService, *, shown_of: ShownOf
) -> Capability:
    """`shown_of`: for how long an organisation is shown what there is."""
    store = HistoryStore(base.database)
    service = HistoryService(store, accounts, queries, base.clock, shown_of)
    return Capability(endpoints=(HistoryEndpoints(service),))
