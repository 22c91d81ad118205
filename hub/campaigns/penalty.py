"""Which devices are held back from firmware for a while, because they themselves seem broken. Pure.

Two failures of a device with two different artifacts within seven days hold it back for a day, or
until somebody clears it. What says nothing of the device does not count: an artifact that is not
right, and one that failed on several devices (`sql/queries/campaigns.sql` leaves both out)."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from protocol.ids import DeviceId

WITHIN: Final = timedelta(days=7)
LASTS: Final = timedelta(days=1)
SPREAD: Final = 3
"""An artifact that failed on so many devices is what is broken."""
RELEASE_FAULTS: Final = (
    "barred",
    "below_floor",
    "downgrade",
    "no_trusted_key",
    "signature_missing",
    "signature_mismatch",
    "sha256_mismatch",
    "size_mismatch",
    "version_mismatch",
    "bad_artifact",
    "other_product",
    "replaced",
)


class Failure(Struct, frozen=True):
    """A deployment that a device failed; `digest` names the artifact."""

    device_id: DeviceId
    digest: str
    at: datetime


class Penalty(Struct, frozen=True):
    device_id: DeviceId
    until: datetime


def penalties(failures: Iterable[Failure], now: datetime) -> dict[DeviceId, datetime]:
    """Until when each device is held back; only those that are at `now`."""
    of: dict[DeviceId, list[Failure]] = {}
    for failure in failures:
        of.setdefault(failure.device_id, []).append(failure)
    ends = {device_id: _until(theirs) for device_id, theirs in of.items()}
    return {device_id: end for device_id, end in ends.items() if end is not None and end > now}


def _until(failures: list[Failure]) -> datetime | None:
    ends = [
        later.at + LASTS
        for later in failures
        for earlier in failures
        if earlier.digest != later.digest and timedelta() <= later.at - earlier.at <= WITHIN
    ]
    return max(ends, default=None)
