"""How long things are kept. Each replica reads it anew whenever it cleans up. Pure.

It is the installation's: organisations share tables. What one of them wants shorter is hidden when
it reads.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from msgspec import Meta, Struct, structs

from protocol.ids import OrgId

MOST_DAYS: Final = 3_650

Hours = Annotated[int, Meta(ge=1, le=24 * 366)]
Days = Annotated[int, Meta(ge=1, le=MOST_DAYS)]
AuditDays = Annotated[int, Meta(ge=30, le=MOST_DAYS)]
"""No setting empties the audit."""


class Retention(Struct, frozen=True, kw_only=True, rename="camel"):
    """The retention in effect, with defaults filled in."""

    raw_hours: Hours = 48
    """Raw status and other events."""
    log_days: Days = 30
    metric_days: Days = 30
    """Metric roll-ups."""
    command_days: Days = 90
    """Ended commands, and devices of ended campaigns."""
    audit_days: AuditDays = 400
    edge_days: Days = 90
    """Records of production, and dead letters."""
    cloud_days: Days = 7
    """What the cloud has, in the queue to it."""


class ShownFor(Struct, frozen=True, kw_only=True):
    """For how long an organisation is shown what there is; None for as long as it is there."""

    raw_hours: int | None = None
    log_days: int | None = None
    metric_days: int | None = None
    command_days: int | None = None
    audit_days: int | None = None
    edge_days: int | None = None
    cloud_days: int | None = None
    """Nobody is shown what the cloud has, however long it is kept."""


ShownOf = Callable[[OrgId], Awaitable[ShownFor]]
ShownSince = Callable[[OrgId], Awaitable[datetime | None]]
"""What ended before is not shown; None: all that there is."""
EVERYTHING: Final = ShownFor()


async def everything(_: OrgId) -> ShownFor:
    return EVERYTHING


def shortened(kept: Retention, shown: ShownFor) -> Retention:
    """What is in effect for an organisation."""
    shorter = {
        name: min(value, getattr(kept, name))
        for name, value in structs.asdict(shown).items()
        if value is not None
    }
    return structs.replace(kept, **shorter)


async def everything_since(_: OrgId) -> None:
    return None


def shown_since(shown_of: ShownOf, clock: Callable[[], float], field: str) -> ShownSince:
    """By one of the fields that are days. `clock` gives seconds since 1970."""

    async def since(org: OrgId) -> datetime | None:
        shown: int | None = getattr(await shown_of(org), field)
        return not_before(None, days(shown), datetime.fromtimestamp(clock(), UTC))

    return since


def too_long(kept: Retention, wanted: Mapping[str, int]) -> str | None:
    """The first of the fields of which an organisation wants more than there is."""
    return next((name for name, value in wanted.items() if value > getattr(kept, name)), None)


def not_before(since: datetime | None, shown: timedelta | None, now: datetime) -> datetime | None:
    """The beginning of what is read; None for that of what there is."""
    if shown is None:
        return since
    horizon = now - shown
    return horizon if since is None else max(since, horizon)


def days(count: int | None) -> timedelta | None:
    return None if count is None else timedelta(days=count)


def hours(count: int | None) -> timedelta | None:
    return None if count is None else timedelta(hours=count)
