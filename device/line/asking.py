"""One request to the hub beside the line: what comes back, and how long what it gives counts."""

import asyncio
from contextlib import suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx

from cloud.bounded import post
from device.base.errors import HubUnreachable
from device.line.hub_clock import HubClock
from protocol.answers import WEB_PAGE, is_web_page

ASK_SECONDS: Final = 30.0
"""For one request, everything included."""


async def asked(http: httpx.AsyncClient, url: str, **request: Any) -> httpx.Response:
    """The hub's answer, whatever it says. Raises `HubUnreachable`, also for a web page: that was
    given by whatever stands in between (G19)."""
    try:
        async with asyncio.timeout(ASK_SECONDS):
            answer = await post(http, url, **request)
    except (httpx.HTTPError, TimeoutError) as error:
        raise HubUnreachable(str(error) or type(error).__name__) from None
    if is_web_page(answer.headers.get("content-type"), answer.content):
        raise HubUnreachable(f"{answer.status_code}: {WEB_PAGE}")
    return answer


def life_of(expires: datetime, answer: httpx.Response, hub_clock: HubClock, now: float) -> float:
    """Seconds that a credential counts, by the hub's clock alone. 0 when nobody has said what it
    shows: then it is used to its end, and replaced. `now` is monotonic."""
    said = _moment(answer.headers.get("date"))
    if said is not None:
        hub_clock.suppose(said, now)
    hub_now = said if said is not None else hub_clock.time(now)
    return 0.0 if hub_now is None else max(0.0, expires.timestamp() - hub_now)


def retry_after(headers: httpx.Headers) -> float:
    """Seconds of `Retry-After`, 0 without one (only the form in seconds is sent by hubs)."""
    value = headers.get("retry-after", "")
    return min(float(value), 3600.0) if value.isdecimal() else 0.0


def _moment(date: str | None) -> float | None:
    with suppress(ValueError):
        return parsedate_to_datetime(date).timestamp() if date else None
    return None
