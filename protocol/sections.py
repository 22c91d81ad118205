"""The documents of the small sections of desired state: whether a device produces, and where it
sends its records. Pure; the hub and the agent make the same document of the same state."""

from typing import Any, Final, Literal

from msgspec import Struct

from protocol.frames import ConnectionMode

CONFIG: Final = "config"
PRODUCTION: Final = "production"
MODE: Final = "mode"

SmallKind = Literal["production", "mode"]
SMALL: Final[tuple[SmallKind, ...]] = (PRODUCTION, MODE)


class ProductionSection(Struct, frozen=True):
    enabled: bool
    reason: str | None = None
    """Why it is disabled."""


class ModeSection(Struct, frozen=True):
    mode: ConnectionMode


def production_document(*, enabled: bool, reason: str | None = None) -> dict[str, Any]:
    return {"enabled": enabled, "reason": None if enabled else reason or None}


def mode_document(mode: ConnectionMode) -> dict[str, Any]:
    return {"mode": mode}


INITIAL: Final[dict[SmallKind, dict[str, Any]]] = {
    PRODUCTION: production_document(enabled=True),
    MODE: mode_document("VIA_LOCAL_SERVER"),
}
"""What every device begins with."""
