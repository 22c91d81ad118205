"""Why a session ends, and with which close code each side hears of it. One table. Pure."""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from protocol.closing import CloseCode


class EndReason(StrEnum):
    """In the row, in the audit, and in the close frames."""

    CLOSED = "closed"
    """A side closed its socket, or lost it."""
    FINISHED = "finished"
    """The device said its last status."""
    EXPIRED = "expired"
    IDLE = "idle"
    DELETED = "deleted"
    SIGNED_OUT = "signed_out"
    """The sign-in session or key of the person has ended."""
    FORBIDDEN = "forbidden"
    """The person has lost the right to it."""
    DEVICE_BLOCKED = "device_blocked"
    """The device was disabled, deleted or put into quarantine, or its credential has ended."""
    SUPERSEDED = "superseded"
    """Another start of the agent has the line."""
    SIDE_MISSING = "side_missing"
    NO_PONG = "no_pong"
    DRAINING = "draining"
    RELAY_LOST = "relay_lost"
    RELAY_GAP = "relay_gap"
    REPLICA_LOST = "replica_lost"
    RECORDING_FAILED = "recording_failed"
    RECORDING_FULL = "recording_full"
    AGENT_RESTARTED = "agent_restarted"
    REFUSED_BY_DEVICE = "refused_by_device"
    DEVICE_MISSING = "device_missing"
    UNSUPPORTED = "unsupported"


class Codes(Struct, frozen=True):
    person: CloseCode
    device: CloseCode
    after_data: bool = False
    """What was sent before it arrives first."""


def _both(code: CloseCode, *, after_data: bool = False) -> Codes:
    return Codes(code, code, after_data)


_NORMAL: Final = _both(CloseCode.NORMAL)
_BROKEN: Final = _both(CloseCode.INTERNAL_ERROR)
_FORBIDDEN: Final = _both(CloseCode.FORBIDDEN)
_MISSING: Final = _both(CloseCode.NO_PROGRESS)

CODES: Final[dict[EndReason, Codes]] = {
    EndReason.CLOSED: _both(CloseCode.NORMAL, after_data=True),
    EndReason.FINISHED: _both(CloseCode.NORMAL, after_data=True),
    EndReason.EXPIRED: _NORMAL,
    EndReason.IDLE: _NORMAL,
    EndReason.DELETED: _NORMAL,
    EndReason.SIGNED_OUT: Codes(CloseCode.NOT_AUTHENTICATED, CloseCode.FORBIDDEN),
    EndReason.FORBIDDEN: _FORBIDDEN,
    EndReason.DEVICE_BLOCKED: _FORBIDDEN,
    EndReason.SUPERSEDED: _FORBIDDEN,
    EndReason.SIDE_MISSING: _MISSING,
    EndReason.NO_PONG: _MISSING,
    EndReason.DRAINING: _both(CloseCode.SERVICE_RESTART),
    EndReason.RELAY_LOST: _BROKEN,
    EndReason.RELAY_GAP: _BROKEN,
    EndReason.REPLICA_LOST: _BROKEN,
    EndReason.RECORDING_FAILED: _BROKEN,
    EndReason.RECORDING_FULL: _BROKEN,
    EndReason.AGENT_RESTARTED: _both(CloseCode.INTERNAL_ERROR, after_data=True),
    EndReason.REFUSED_BY_DEVICE: _BROKEN,
    EndReason.DEVICE_MISSING: _BROKEN,
    EndReason.UNSUPPORTED: _BROKEN,
}

OF_CONNECTION: Final = frozenset(
    {
        EndReason.CLOSED,
        EndReason.FINISHED,
        EndReason.AGENT_RESTARTED,
        EndReason.NO_PONG,
        EndReason.RELAY_GAP,
        EndReason.SIDE_MISSING,
    }
)
"""They end one connection of a forward; each other reason ends all of it."""


def reason_of(status_reason: str | None) -> EndReason:
    """What the device's last status makes of the session."""
    return EndReason.AGENT_RESTARTED if status_reason == "AgentRestarted" else EndReason.FINISHED


def reason_of_close(code: int) -> EndReason:
    """What a socket that ended with `code` makes of the session of the other one."""
    return EndReason.NO_PONG if code == CloseCode.NO_PROGRESS else EndReason.CLOSED
