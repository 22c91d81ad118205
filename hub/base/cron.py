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


class _Simulation(CronSim):
    """It looks at each minute around a change of the clock. cronsim jumps to the target minute, and
    from hour to hour, as if each hour had sixty minutes and began on the hour."""

    def advance_minute(self) -> bool:
        if self.dt.minute in self.minutes:
            return False
        self.dt = self.dt.replace(second=0)
        hour = self.dt.hour
        while self.dt.minute not in self.minutes and self.dt.hour == hour:
            self._go(min((minute - self.dt.minute) % 60 for minute in self.minutes))
        return True

    def advance_hour(self) -> bool:
        if self.dt.hour in self.hours:
            return False
        self.dt = self.dt.replace(second=0)
        day = self.dt.day
        while self.dt.hour not in self.hours and self.dt.day == day:
            self._go(60 - self.dt.minute)
        return True

    def _go(self, minutes: int) -> None:
        """So many minutes on, or one where the clock changes within them."""
        began = self.dt
        self.tick(seconds=60 * minutes)
        if self.dt.utcoffset() != began.utcoffset():
            self.dt = began
            self.tick(seconds=60)


def times(cron: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """Those strictly after a moment, in UTC, each once."""
    last = after
    for each in _Simulation(cron, after.astimezone(zone)):
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
