"""The documents of the small sections of desired state: whether a device produces, where it sends
its records, and which versions of its software are pinned. Pure; the hub and the agent make the
same document of the same state."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from protocol.commands import (
    Filename,
    ReleasePath,
    Sha256,
    SignatureBase64,
    Size,
    SoftwareType,
    UpdateFirmware,
)
from protocol.frames import ConnectionMode

CONFIG: Final = "config"
PRODUCTION: Final = "production"
MODE: Final = "mode"

SOFTWARE: Final = "software"

SmallKind = Literal["production", "mode", "software"]
SMALL: Final[tuple[SmallKind, ...]] = (PRODUCTION, MODE, SOFTWARE)
MOST_PINS: Final = 32
MOST_ALLOWED: Final = 8
"""As many as a device bars."""


class ProductionSection(Struct, frozen=True):
    enabled: bool
    reason: str | None = None
    """Why it is disabled."""


class ModeSection(Struct, frozen=True):
    mode: ConnectionMode


PinnedVersion = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$(?!\n)")]
Pins = Annotated[dict[SoftwareType, PinnedVersion], Meta(max_length=MOST_PINS)]
Allowed = Annotated[list[Sha256], Meta(max_length=MOST_ALLOWED)]


class SoftwareSection(Struct, frozen=True):
    """`pins`: the version of each type that the device shall have. `allow`: barred artifacts that
    it may take again."""

    pins: Pins = {}
    allow: Allowed = []


class PinnedArtifact(Struct, frozen=True, kw_only=True, rename="camel"):
    """Where the hub has a pinned version, and what its artifact must be. It is no part of the
    document."""

    release_id: Annotated[str, Meta(min_length=1, max_length=128)]
    url: ReleasePath
    sha256: Sha256
    size: Size
    filename: Filename
    signature_base64: SignatureBase64 | UnsetType = UNSET

    def update(self, software: str, version: str) -> UpdateFirmware:
        """The update that brings it. A pin goes down as well as up: how far, the device decides."""
        return UpdateFirmware(
            release_id=self.release_id,
            version=version,
            url=self.url,
            sha256=self.sha256,
            size=self.size,
            signature_base64=self.signature_base64,
            allow_downgrade=True,
            installer=software,
            filename=self.filename,
        )


def production_document(*, enabled: bool, reason: str | None = None) -> dict[str, Any]:
    return {"enabled": enabled, "reason": None if enabled else reason or None}


def mode_document(mode: ConnectionMode) -> dict[str, Any]:
    return {"mode": mode}


def software_document(pins: Mapping[str, str], allow: Iterable[str]) -> dict[str, Any]:
    return {"pins": dict(sorted(pins.items())), "allow": sorted(set(allow))}


INITIAL: Final[dict[SmallKind, dict[str, Any]]] = {
    PRODUCTION: production_document(enabled=True),
    MODE: mode_document("VIA_LOCAL_SERVER"),
    SOFTWARE: software_document({}, ()),
}
"""What every device begins with."""


def command_like(kind: str, document: Mapping[str, Any]) -> str | None:
    """The type of the command that would do the same as the section; None where there is none."""
    match kind:
        case "config":
            return "push_config"
        case "production":
            return "enable_device" if document.get("enabled") is True else "disable_device"
        case "software":
            return "update_firmware"
        case _:
            return None
