"""Reads the query language, for whoever takes a query."""

from hub.base.foundation import Capability, Foundation
from hub.queries.rest import QueryEndpoints
from hub.queries.service import QueryService
from hub.queries.store import QueryStore


def build(base: Foundation) -> tuple[QueryService, Capability]:
    service = QueryService(QueryStore(base.database))
    return service, Capability(endpoints=(QueryEndpoints(service),))
