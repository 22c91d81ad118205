"""`GET /audit-log`."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from msgspec import Meta

from hub.audit.entries import AuditOutcome
from hub.audit.service import AuditFilter, AuditRow, AuditService
from hub.base.paging import Items
from hub.base.retention import ShownOf, days, not_before
from hub.web.inputs import ListQuery, Moment
from hub.web.route import Call


class AuditQuery(ListQuery, frozen=True, kw_only=True):
    actor: str | None = None
    action: str | None = None
    target: str | None = None
    outcome: AuditOutcome | None = None
    q: Annotated[str, Meta(max_length=256)] | None = None
    """Words; each is part of the actor, the action or the target."""
    since: Moment | None = None
    until: Moment | None = None


class AuditEndpoints:
    """`clock` is the database's, in seconds since 1970."""

    def __init__(
        self, service: AuditService, clock: Callable[[], float], shown_of: ShownOf
    ) -> None:
        self._service = service
        self._clock = clock
        self._shown_of = shown_of

    async def list(self, call: Call[AuditQuery, None]) -> Items[AuditRow]:
        shown = days((await self._shown_of(call.principal.org)).audit_days)
        now = datetime.fromtimestamp(self._clock(), UTC)
        wanted = AuditFilter(
            actor=call.query.actor,
            action=call.query.action,
            target=call.query.target,
            outcome=call.query.outcome,
            words=(call.query.q or "").split(),
            since=not_before(call.query.since, shown, now),
            until=call.query.until,
        )
        return await self._service.list(
            call.principal.org, wanted, cursor=call.query.cursor, limit=call.query.limit
        )
