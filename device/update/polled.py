"""What a device that updates itself makes of what its source offers. Pure.

The source has one document a channel, `latest.json`: the newest release of each type. What is newer
than what is there is taken; never what is older, pinned, or has failed here before. Bars, floors
and signatures are asked when it is brought, as of any update.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from device.update.artifact import UpdateRefused
from device.update.pins import went_back
from device.update.trial import UpdateRecord
from protocol.codec import decode
from protocol.commands import (
    AGENT_TYPE,
    Filename,
    Sha256,
    SignatureBase64,
    Size,
    SoftwareType,
    UpdateFirmware,
)
from protocol.errors import InvalidMessage
from protocol.sections import PinnedVersion
from protocol.versions import is_downgrade

LATEST: Final = "latest.json"
BUILT: Final = 1_767_225_600.0
"""2026-01-01: this program is no older, so no clock before that is right."""
_PART: Final = r"[A-Za-z0-9_+()@=-][A-Za-z0-9._ +()@=-]*"
Path = Annotated[str, Meta(pattern=rf"^{_PART}(/{_PART}){{0,7}}$(?!\n)", max_length=512)]
"""Below the source; never out of it."""


class Offer(Struct, frozen=True, kw_only=True, rename="camel"):
    """A release, as the source names it."""

    version: PinnedVersion
    path: Path
    sha256: Sha256
    size: Size
    type: SoftwareType = AGENT_TYPE
    filename: Filename = "artifact"
    signature_base64: SignatureBase64 | UnsetType = UNSET

    def update(self) -> UpdateFirmware:
        return UpdateFirmware(
            release_id=self.path,
            version=self.version,
            url=self.path,
            sha256=self.sha256,
            size=self.size,
            signature_base64=self.signature_base64,
            installer=self.type,
            filename=self.filename,
        )


class Latest(Struct, frozen=True):
    """`latest.json`."""

    releases: Annotated[list[Offer], Meta(max_length=64)]


_latest: Final = msgspec.json.Decoder(Latest)


def offers_in(raw: bytes) -> list[Offer]:
    """Raises `UpdateRefused` for what is no such document."""
    try:
        return decode(_latest, raw).releases
    except InvalidMessage as error:
        raise UpdateRefused("bad_source", f"{LATEST}: {error}") from None


def to_bring(
    offers: Sequence[Offer],
    present: Mapping[str, str | None],
    *,
    pins: Collection[str],
    record: UpdateRecord | None,
    failed: Collection[str],
) -> list[Offer]:
    """What is newer, for whatever type is in `present`; the agent last, because it restarts.
    `failed` has the digests of what did not come to be here."""
    wanted = [
        offer
        for offer in offers
        if offer.type in present
        and offer.type not in pins
        and offer.sha256 not in failed
        and went_back(record, offer.sha256) is None
        and _is_newer(present[offer.type], offer.version)
    ]
    return sorted(wanted, key=lambda offer: offer.type == AGENT_TYPE)


def _is_newer(present: str | None, version: str) -> bool:
    return present is None or is_downgrade(present=version, wanted=present)


def reference_time(clock: float, *seen: float | None) -> float:
    """The time against which metadata expires, in seconds since the epoch: the latest that is
    known. A clock that is behind makes nothing valid that has expired before."""
    return max(BUILT, clock, *(moment for moment in seen if moment is not None))


class Window(Struct, frozen=True):
    """Minutes of the device's day; an end before the begin is on the next day."""

    begin: int
    end: int

    def is_open(self, minute: int) -> bool:
        if self.begin <= self.end:
            return self.begin <= minute < self.end
        return minute >= self.begin or minute < self.end


def window_of(text: str) -> Window:
    """`22:00-05:30`."""
    begin, _, end = text.partition("-")
    return Window(_minute(begin), _minute(end))


def _minute(text: str) -> int:
    hours, _, minutes = text.partition(":")
    return 60 * int(hours) + int(minutes)
