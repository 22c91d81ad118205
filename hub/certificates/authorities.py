"""Which authority signs, and by which the hub shows itself to devices. Pure.

A device trusts those authorities that there were when it got its certificate. So one that has taken
the place of another is not shown before each device was given it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from msgspec import Struct

HANDED_OVER: Final = timedelta(days=90)
"""The longest life of a certificate: by then each device was given the authorities of today."""


class AuthorityRow(Struct, frozen=True, kw_only=True):
    id: str
    certificate: x509.Certificate
    chain: str
    """PEM of those above it."""
    sealed_key: str
    retired_at: datetime | None
    """When another took its place: it is trusted still."""


def signing(rows: Sequence[AuthorityRow]) -> AuthorityRow | None:
    return next((row for row in rows if row.retired_at is None), None)


def vouching(rows: Sequence[AuthorityRow], now: datetime) -> AuthorityRow | None:
    """Of those that were replaced lately the one that was first; else the one that signs."""
    lately = [
        (row.retired_at, row)
        for row in rows
        if row.retired_at is not None and now - row.retired_at < HANDED_OVER
    ]
    first = min(lately, key=lambda each: each[0], default=None)
    return signing(rows) if first is None else first[1]
