"""Streams of server-sent events, over the dashboards' fan-out."""

from dashboard_ws.dashboards import Dashboards
from hub.accounts.service import AccountService
from hub.base.foundation import Capability, Foundation
from hub.event_streams.rest import EventStreamEndpoints
from hub.queries.service import QueryService


def build(
    base: Foundation, accounts: AccountService, queries: QueryService, dashboards: Dashboards
) -> Capability:
    endpoints = EventStreamEndpoints(dashboards, accounts, queries, base.is_draining)
    return Capability(endpoints=(endpoints,))
