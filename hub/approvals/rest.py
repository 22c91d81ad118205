"""`/approvals`."""

from typing import Annotated

from msgspec import Meta

from hub.approvals.deciding import ApprovalStatus, Verdict
from hub.approvals.records import MOST_TARGETS_LISTED, Approval, ApprovalItem, item_of
from hub.approvals.service import ApprovalService
from hub.base.paging import Items
from hub.base.principal import Principal
from hub.web.inputs import Body, ListQuery
from hub.web.route import Call


class ApprovalQuery(ListQuery, frozen=True, kw_only=True):
    status: list[ApprovalStatus] | None = None
    """Any of these."""


class DecisionBody(Body, frozen=True):
    comment: Annotated[str, Meta(max_length=2_000)] | None = None


class ApprovalEndpoints:
    def __init__(self, service: ApprovalService) -> None:
        self._service = service

    async def list(self, call: Call[ApprovalQuery, None]) -> Items[ApprovalItem]:
        page = await self._service.list(
            call.principal.org,
            call.query.status,
            cursor=call.query.cursor,
            limit=call.query.limit,
        )
        items = [
            await self._item(call.principal, row, targets=MOST_TARGETS_LISTED) for row in page.items
        ]
        return Items(items, page.next)

    async def get(self, call: Call[None, None]) -> ApprovalItem:
        found = await self._service.get(call.principal.org, call.path("id"))
        return await self._item(call.principal, found)

    async def approve(self, call: Call[None, DecisionBody]) -> ApprovalItem:
        return await self._decide(call, Verdict.APPROVE)

    async def reject(self, call: Call[None, DecisionBody]) -> ApprovalItem:
        return await self._decide(call, Verdict.REJECT)

    async def withdraw(self, call: Call[None, None]) -> ApprovalItem:
        taken_back = await self._service.withdraw(call.principal, call.path("id"))
        return await self._item(call.principal, taken_back)

    async def _decide(self, call: Call[None, DecisionBody], verdict: Verdict) -> ApprovalItem:
        decided = await self._service.decide(
            call.principal, call.path("id"), verdict, call.body.comment
        )
        return await self._item(call.principal, decided)

    async def _item(
        self, by: Principal, approval: Approval, *, targets: int | None = None
    ) -> ApprovalItem:
        command = await self._service.command_for(by, approval)
        return item_of(approval, command, by, targets=targets)
