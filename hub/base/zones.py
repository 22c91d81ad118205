"""Time zones that people name."""

from typing import Annotated

from msgspec import Meta, UnsetType

from hub.base.cron import NotAZone, zone_of
from hub.base.errors import invalid

Zone = Annotated[str, Meta(max_length=64)]
"""A name of the IANA database, such as `Europe/Berlin`."""


def require_zone(name: str, field: str) -> None:
    """Raises `Invalid`."""
    try:
        zone_of(name)
    except NotAZone as fault:
        raise invalid(field, str(fault)) from None


def require_own_zone(name: str | UnsetType | None, field: str = "timezone") -> None:
    """One of its own, if it is said, and not taken away. Raises `Invalid`."""
    if isinstance(name, str):
        require_zone(name, field)
