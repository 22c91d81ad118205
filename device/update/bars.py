"""Artifacts that this device takes no more, from whoever offers them. Pure.

A bar has no end of its own: no clock of a device is good enough to end one by, and a version that
crashed in the field does so again. Somebody lifts it (`longline device unbar`).
"""

from collections.abc import Collection, Sequence
from typing import Final

from msgspec import Struct

from device.update.artifact import UpdateRefused

MOST_BARS: Final = 8


class Bar(Struct, frozen=True, kw_only=True):
    sha256: str
    version: str
    reason: str


def with_bar(bars: Sequence[Bar], bar: Bar) -> list[Bar]:
    """Oldest first; the oldest makes room."""
    others = [each for each in bars if each.sha256 != bar.sha256]
    return [*others, bar][-MOST_BARS:]


def without_bars(bars: Sequence[Bar], pardoned: Collection[str]) -> list[Bar]:
    """`pardoned`: SHA-256 of artifacts."""
    return [bar for bar in bars if bar.sha256 not in pardoned]


def check_bar(bars: Sequence[Bar], sha256: str) -> None:
    """Raises `UpdateRefused`."""
    bar = next((each for each in bars if each.sha256 == sha256), None)
    if bar is not None:
        raise UpdateRefused("barred", f"version {bar.version} is barred: {bar.reason}")
