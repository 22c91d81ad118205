"""When a schedule is due. Pure; moments are those of the database's clock.

A schedule remembers up to when it was looked at. What is due lies behind that, and not ahead of
now; each look takes all of it. What is late by more than a minute was missed. So a schedule that
was changed begins with the next due time, and one whose hub was away finds what it missed.

In the zone `device` an expression comes once in each zone that devices are in: a due time is then
for the devices of those zones where it comes.
"""

import hashlib
import heapq
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise, takewhile
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from hub.base.cron import check, times, zone_of
from protocol.ids import DeviceId

DEVICE: Final = "device"
"""The zone that stands for each device's own."""
LATE: Final = timedelta(seconds=60)
MOST_MISSED: Final = 100
"""Missed due times with a row each; one row stands for the others."""
MOST_COUNTED: Final = 10_000
"""Due times that one look counts, over all zones: a week of minutes. Of more, the newest."""
_RECENT: Final = timedelta(days=1)
_MOMENT: Final = timedelta(seconds=1)
_COMPARED: Final = 50
SHOWN: Final = 5
HORIZON: Final = timedelta(days=50 * 365)
"""How far ahead times of an expression are shown; the rarest comes each 40 years."""
FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 9000
"""Times further ahead do not exist for `datetime`."""


class Timing(Struct, frozen=True, kw_only=True):
    """One of `cron` and `at`. Nothing is due from `ends_at` on."""

    cron: str | None = None
    at: datetime | None = None
    timezone: str = "UTC"
    ends_at: datetime | None = None


class Come(Struct, frozen=True):
    """What has come up to a moment: what was missed, and what is to be done."""

    missed: Sequence[datetime]
    on_time: Sequence[datetime]


def require(timing: Timing) -> None:
    """Raises `NotACron`, `NotAZone`."""
    if timing.cron is not None:
        check(timing.cron)
    if timing.timezone != DEVICE:
        zone_of(timing.timezone)


def zones_for(timing: Timing, of_devices: Collection[str]) -> list[ZoneInfo]:
    """Those in which it comes."""
    if timing.timezone != DEVICE:
        return [zone_of(timing.timezone)]
    return [zone_of(name) for name in sorted(of_devices)] or [zone_of("UTC")]


def dues(timing: Timing, zones: Iterable[ZoneInfo], after: datetime) -> Iterator[datetime]:
    """Due times strictly after a moment, each once, in UTC."""
    if timing.cron is None:
        found = iter(() if timing.at is None or timing.at <= after else (timing.at,))
    else:
        found = heapq.merge(*(times(timing.cron, zone, after) for zone in zones))
    last = after
    for each in found:
        if timing.ends_at is not None and each >= timing.ends_at:
            return
        if each > last:
            last = each
            yield each.astimezone(UTC)


def come(timing: Timing, zones: Sequence[ZoneInfo], since: datetime, now: datetime) -> Come:
    """What has come since the last look."""
    found: list[datetime] = []
    most = max(MOST_COUNTED // max(len(zones), 1), 1)
    for due in takewhile(now.__ge__, dues(timing, zones, since)):
        found.append(due)
        if len(found) == most:
            newest = dues(timing, zones, max(due, now - _RECENT))
            found.extend(takewhile(now.__ge__, newest))
            break
    missed = sum(now - due > LATE for due in found)
    return Come(found[:missed], found[missed:])


def upcoming(
    timing: Timing, zones: Sequence[ZoneInfo], after: datetime, count: int = SHOWN
) -> list[datetime]:
    """Fewer, where they come so seldom that the others are beyond the horizon."""
    found = dues(timing, zones, after)
    if timing.cron is not None:
        found = takewhile((after + HORIZON).__ge__, found)
    return list(islice(found, count))


def comes_at(cron: str, zone: ZoneInfo, due: datetime) -> bool:
    """Whether an expression comes at that moment in this zone."""
    return next(times(cron, zone, due - _MOMENT), None) == due


def interval(timing: Timing, zones: Sequence[ZoneInfo], after: datetime) -> timedelta | None:
    """The shortest time between two of the next; None where there are no two."""
    found = upcoming(timing, zones, after, _COMPARED)
    return min((later - earlier for earlier, later in pairwise(found)), default=None)


def offset_of(schedule_id: str, device_id: DeviceId, jitter_seconds: int) -> float:
    """How many seconds after a due time a device has its turn: always as many."""
    digest = hashlib.sha256(f"{schedule_id}/{device_id}".encode()).digest()
    return jitter_seconds * int.from_bytes(digest[:8]) / 2**64
