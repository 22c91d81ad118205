"""`/alert-rules`."""

import builtins
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from hub.base.paging import Items
from hub.rules.previewing import PreviewItem, RulePreview
from hub.rules.records import LONGEST, AlertRule, When
from hub.rules.service import GivenRule, RuleService
from hub.web.envelope import Answer
from hub.web.inputs import Body, ListQuery, Moment, Text
from hub.web.route import Call
from protocol.codec import rfc3339
from protocol.telemetry import Severity

Labels = Annotated[dict[str, Annotated[str, Meta(max_length=256)]], Meta(max_length=64)]
Names = Annotated[list[Text], Meta(max_length=50)]


class AlertRuleBody(Body, frozen=True, kw_only=True):
    name: Text
    query: Annotated[str, Meta(min_length=1)] | None = None
    """Of which devices; null: of all that its owner sees."""
    when: When
    for_seconds: Annotated[int, Meta(ge=0, le=LONGEST)] | None = None
    """How long it must be so; of `offline` 60 at least, of `absent` 5."""
    clear_after_seconds: Annotated[int, Meta(ge=0, le=LONGEST)] | None = None
    """How long it must be over; of events and logs `withinSeconds`, or 300."""
    severity: Severity = "WARN"
    notify: Names = field(default_factory=list[str])
    """Names of channels."""
    labels: Labels = field(default_factory=dict[str, str])
    inhibited_by: Names = field(default_factory=list[str])
    """Names of rules: nobody is told while one of them fires for the same device."""
    sharing: Annotated[str, Meta(min_length=7, max_length=300)] | None = None
    """Or for one with the same value of this label."""


class RuleOwnerBody(Body, frozen=True):
    user_id: Text


class PreviewBody(Body, frozen=True):
    rule: AlertRuleBody
    since: Moment


class RuleItem(Struct, frozen=True, rename="camel", kw_only=True):
    id: str
    name: str
    query: str | None
    when: When
    for_seconds: int
    clear_after_seconds: int | None
    severity: Severity
    notify: list[str]
    labels: dict[str, str]
    inhibited_by: list[str]
    sharing: str | None
    reason: Literal["owner_lacks_right"] | None
    """Why it raises nothing."""
    owner: str
    """It is about the devices that they may see."""
    version: int
    created_at: str
    created_by: str
    updated_at: str


class RuleEndpoints:
    def __init__(self, service: RuleService, preview: RulePreview) -> None:
        self._service = service
        self._preview = preview

    async def list(self, call: Call[ListQuery, None]) -> Items[RuleItem]:
        page = await self._service.list(
            call.principal, cursor=call.query.cursor, limit=call.query.limit
        )
        return Items([_item(row) for row in page.items], page.next)

    async def create(self, call: Call[None, AlertRuleBody]) -> Answer:
        made = await self._service.create(call.principal, _given(call.body))
        return Answer(_item(made), status=201, location=f"/api/v1/alert-rules/{made.rule_id}")

    async def get(self, call: Call[None, None]) -> RuleItem:
        return _item(await self._service.get(call.principal, call.path("id")))

    async def replace(self, call: Call[None, AlertRuleBody]) -> RuleItem:
        given = _given(call.body)
        return _item(await self._service.replace(call.principal, call.path("id"), given))

    async def give(self, call: Call[None, RuleOwnerBody]) -> RuleItem:
        user_id = call.body.user_id
        return _item(await self._service.give_to(call.principal, call.path("id"), user_id))

    async def delete(self, call: Call[None, None]) -> None:
        await self._service.delete(call.principal, call.path("id"))

    async def preview(self, call: Call[None, PreviewBody]) -> "builtins.list[PreviewItem]":
        given = _given(call.body.rule)
        return await self._preview.of(call.principal, given, call.body.since)


def _given(body: AlertRuleBody) -> GivenRule:
    return GivenRule(
        name=body.name,
        query=body.query,
        when=body.when,
        for_seconds=body.for_seconds,
        clear_after_seconds=body.clear_after_seconds,
        severity=body.severity,
        labels=body.labels,
        notify=body.notify,
        inhibited_by=body.inhibited_by,
        sharing=body.sharing,
    )


def _item(row: AlertRule) -> RuleItem:
    return RuleItem(
        id=row.rule_id,
        name=row.name,
        query=row.query,
        when=row.when,
        for_seconds=row.for_seconds,
        clear_after_seconds=row.clear_after_seconds,
        severity=row.severity,
        notify=row.notify,
        labels=dict(row.labels),
        inhibited_by=row.inhibited_by,
        sharing=row.sharing,
        reason=row.reason,
        owner=row.owner_name,
        version=row.version,
        created_at=rfc3339(row.created_at),
        created_by=row.created_by,
        updated_at=rfc3339(row.updated_at),
    )
