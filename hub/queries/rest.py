"""`/devices/query/explain`."""

from typing import Any

from msgspec import Struct

from hub.queries.explaining import shown
from hub.queries.service import QueryService
from hub.web.inputs import Body
from hub.web.route import Call


class ExplainBody(Body, frozen=True):
    query: str


class Explanation(Struct, frozen=True):
    tree: dict[str, Any]
    """`and`, `or` and `not` have `parts`; a comparison has `field`, `operator` and `values`."""
    trusted: bool
    """No device gets in by what it says, measures or is called."""
    volatile: bool
    """Devices come and go without anybody having changed them."""


class QueryEndpoints:
    def __init__(self, service: QueryService) -> None:
        self._service = service

    async def explain(self, call: Call[None, ExplainBody]) -> Explanation:
        found = await self._service.explain(call.principal.org, call.body.query)
        return Explanation(shown(found.tree), found.trusted, found.volatile)
