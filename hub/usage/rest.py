"""`GET /usage`."""

from datetime import date
from typing import Annotated

from msgspec import Meta

from hub.base.errors import invalid
from hub.usage.service import UsageDay, UsageService
from hub.web.inputs import Query
from hub.web.route import Call

Day = Annotated[str, Meta(max_length=64, description="A day, or a moment in it; by UTC.")]


class UsageQuery(Query, frozen=True):
    since: Day | None = None
    until: Day | None = None


class UsageEndpoints:
    def __init__(self, service: UsageService) -> None:
        self._service = service

    async def days(self, call: Call[UsageQuery, None]) -> list[UsageDay]:
        since, until = _day(call.query.since, "since"), _day(call.query.until, "until")
        return await self._service.days(call.principal.org, since, until)


def _day(text: str | None, field: str) -> date | None:
    """Raises `Invalid`."""
    try:
        return None if text is None else date.fromisoformat(text[:10])
    except ValueError:
        raise invalid(field, "must begin with a day, as 2026-01-31") from None
