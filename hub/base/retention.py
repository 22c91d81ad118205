"""How long things are kept. Each replica reads it anew whenever it cleans up."""

from typing import Annotated, Final

from msgspec import Meta, Struct

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
    """Ended commands, and ended deployments."""
    audit_days: AuditDays = 400
    edge_days: Days = 90
    """Records of production, and dead letters."""
    cloud_days: Days = 7
    """What the cloud has, in the queue to it."""
