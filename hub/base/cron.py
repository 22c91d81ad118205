"""When a cron expression comes: five fields, in a time zone, with summer time as Debian's cron has
it. Pure; the only module that sees cronsim.

With hour and minute given, a time that the clock skips comes at the first minute behind the gap,
and one that it repeats comes once; with `*` in hour or minute what counts is the time that passes.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

FIELDS: Final = 5
MOST_CHARACTERS: Final = 256
_DAY_OF_MONTH, _DAY_OF_WEEK = 2, 4
_NAMED: Final = re.compile(r"[A-Za-z]{3}")
_PLAIN: Final = re.compile(r"[0-9*,/-]*\Z")
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)


Span = tuple[datetime, datetime]
"""From the first moment up to the second."""


class NotACron(ValueError):
    """A text that is no expression, or one that never comes."""


class NotAZone(ValueError):
    """No name of the IANA database."""


def check(cron: str) -> None:
    """Raises `NotACron`."""
    fields = cron.split()
    if len(fields) != FIELDS or len(cron) > MOST_CHARACTERS:
        raise NotACron("five fields: minute, hour, day of month, month, day of week")
    for at, field in enumerate(fields):
        if not _is_plain(at, field):
            raise NotACron(f"{field} is not understood")
    try:
        next(CronSim(cron, _EPOCH))
    except CronSimError as error:
        raise NotACron(str(error)) from None
    except StopIteration:
        raise NotACron("it never comes") from None


def _is_plain(at: int, field: str) -> bool:
    """Without what cronsim takes beyond: `LW`, and `5L` for a day of the week."""
    if at == _DAY_OF_MONTH:
        field = ",".join(each for each in field.split(",") if each.upper() != "L")
    if at >= _DAY_OF_WEEK - 1:
        field = _NAMED.sub("", field)
    if at == _DAY_OF_WEEK:
        field = field.replace("#", "")
    return _PLAIN.match(field) is not None


@lru_cache(maxsize=1000)
def zone_of(name: str) -> ZoneInfo:
    """Raises `NotAZone`."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise NotAZone(f"{name} is no time zone of the IANA database") from None


def times(cron: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """Those strictly after a moment, in UTC, each once."""
    last = after
    for each in CronSim(cron, after.astimezone(zone)):
        found = each.astimezone(UTC)
        if found > last:
            last = found
            yield found


def upcoming(cron: str, zone: ZoneInfo, after: datetime, count: int) -> list[datetime]:
    return list(islice(times(cron, zone, after), count))


def spans(
    cron: str, zone: ZoneInfo, minutes: int, since: datetime, until: datetime
) -> Iterator[Span]:
    """What lies between two moments of windows that begin as an expression comes, and are so many
    minutes long as time passes."""
    length = timedelta(minutes=minutes)
    for begins in times(cron, zone, since - length):
        if begins >= until:
            return
        yield max(begins, since), min(begins + length, until)
