"""`/alerts`."""

from typing import Annotated

from msgspec import Meta, Struct

from hub.alerts.records import MOST_BULK, AlertItem, item_of
from hub.alerts.service import AlertDeed, AlertService, RefusedAlert
from hub.alerts.store import AlertFilter
from hub.base.errors import invalid
from hub.base.paging import Items
from hub.web.inputs import Body, ListQuery, Moment, Text
from hub.web.route import Call
from protocol.dashboard import AlertStatus
from protocol.telemetry import Severity

Comment = Annotated[str, Meta(min_length=1, max_length=1024)]


class AlertsQuery(ListQuery, frozen=True, kw_only=True):
    status: AlertStatus | None = None
    severity: list[Severity] | None = None
    """Any of these."""
    rule: Text | None = None
    """The name of one."""
    code: Text | None = None
    device_id: Text | None = None
    query: Annotated[str, Meta(min_length=1)] | None = None
    """Of which devices."""
    acknowledged: bool | None = None
    since: Moment | None = None
    """When it fired first."""
    until: Moment | None = None


class AlertDeedBody(Body, frozen=True):
    comment: Comment | None = None


class AlertBulkBody(Body, frozen=True, kw_only=True):
    ids: Annotated[list[Text], Meta(min_length=1, max_length=MOST_BULK)] | None = None
    """These, or those that are not resolved of the devices that `query` means."""
    query: Annotated[str, Meta(min_length=1)] | None = None
    do: AlertDeed
    comment: Comment | None = None


class AlertBulk(Struct, frozen=True):
    changed: int
    refused: list[RefusedAlert]
    """Not there any more, or resolved."""


class AlertEndpoints:
    def __init__(self, service: AlertService) -> None:
        self._service = service

    async def list(self, call: Call[AlertsQuery, None]) -> Items[AlertItem]:
        query = call.query
        wanted = AlertFilter(
            status=query.status,
            severity=query.severity,
            rule=query.rule,
            code=query.code,
            device_id=query.device_id,
            acknowledged=query.acknowledged,
            since=query.since,
            until=query.until,
        )
        page = await self._service.list(
            call.principal, wanted, query.query, cursor=query.cursor, limit=query.limit
        )
        return Items([item_of(row) for row in page.items], page.next)

    async def get(self, call: Call[None, None]) -> AlertItem:
        return item_of(await self._service.get(call.principal, call.path("id")))

    async def acknowledge(self, call: Call[None, AlertDeedBody]) -> AlertItem:
        return await self._settle(call, "acknowledge")

    async def resolve(self, call: Call[None, AlertDeedBody]) -> AlertItem:
        return await self._settle(call, "resolve")

    async def _settle(self, call: Call[None, AlertDeedBody], deed: AlertDeed) -> AlertItem:
        alert_id, comment = call.path("id"), call.body.comment
        return item_of(await self._service.settle(call.principal, alert_id, deed, comment))

    async def bulk(self, call: Call[None, AlertBulkBody]) -> AlertBulk:
        body, by = call.body, call.principal
        if (body.ids is None) == (body.query is None):
            raise invalid("ids", "name the alerts by ids or by a query")
        ids = body.ids or await self._service.of_query(by, body.query or "")
        done = await self._service.settle_all(by, ids, body.do, body.comment)
        return AlertBulk(done.changed, done.refused)
