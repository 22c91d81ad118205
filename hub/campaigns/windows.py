"""When a campaign may send. Pure."""

import heapq
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from hub.base.cron import NotACron, NotAZone, Span, check, spans, zone_of

OF_DEVICE: Final = "device"


class Window(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """It begins as `cron` comes in `timezone`, which may be that of each device, and is `minutes`
    long as time passes. `at_end`: what was sent runs on, or is cancelled and waits for the next."""

    cron: Annotated[str, Meta(max_length=256)]
    minutes: Annotated[int, Meta(ge=1, le=1430)]
    timezone: Annotated[str, Meta(max_length=64)] = "UTC"
    at_end: Literal["finish", "cancel"] = "finish"


def fault_of(windows: Sequence[Window]) -> str | None:
    """Why they make no sense; None = they do."""
    for window in windows:
        try:
            check(window.cron)
            if window.timezone != OF_DEVICE:
                zone_of(window.timezone)
        except (NotACron, NotAZone) as fault:
            return str(fault)
    return None


def follow_devices(windows: Sequence[Window]) -> bool:
    """Whether it matters where a device is."""
    return any(window.timezone == OF_DEVICE for window in windows)


def is_open(windows: Sequence[Window], now: datetime, zone: str) -> bool:
    """For devices of this zone; without windows always."""
    instant = now + timedelta(microseconds=1)
    return not windows or any(next(_spans(each, zone, now, instant), None) for each in windows)


def cancels(windows: Sequence[Window]) -> bool:
    """Whether what is under way at the end of one is cancelled."""
    return any(window.at_end == "cancel" for window in windows)


def was_open_for(
    windows: Sequence[Window], since: datetime, now: datetime, *, zone: str, seconds: float
) -> bool:
    """Whether one of them was open for devices of this zone for so long since then."""
    if not windows:
        return (now - since).total_seconds() >= seconds
    total, covered = 0.0, since
    for begins, ends in heapq.merge(*(_spans(each, zone, since, now) for each in windows)):
        total += max(0.0, (ends - max(begins, covered)).total_seconds())
        covered = max(covered, ends)
        if total >= seconds:
            return True
    return False


def _spans(window: Window, zone: str, since: datetime, until: datetime) -> Iterator[Span]:
    name = zone if window.timezone == OF_DEVICE else window.timezone
    return spans(window.cron, zone_of(name), window.minutes, since, until)
