"""Close codes of both sockets: one table that also says whether, and when, to come back.

The hub closes by it; the agent's reconnect core and the documentation read the same table.
Sources: RFC 6455 section 7.4 for the codes below 4000, our wire protocol for those above.
"""

from enum import IntEnum
from typing import Final

from msgspec import Struct


class CloseCode(IntEnum):
    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    INVALID_DATA = 1007
    POLICY = 1008
    TOO_BIG = 1009
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    TRY_LATER = 1013
    BAD_FRAMES = 4400
    NOT_AUTHENTICATED = 4401
    FORBIDDEN = 4403
    NO_PROGRESS = 4408
    SUPERSEDED = 4409
    FLOODING = 4429


class Closing(Struct, frozen=True):
    """One row: what the code means and what a client does next."""

    reason: str
    """The reason phrase that goes into the close frame, at most 123 bytes of UTF-8."""
    come_back: bool = True
    wait_seconds: float = 0.0
    """Wait at least this long before the next attempt."""
    new_token: bool = False
    """Get a new token first."""


CLOSINGS: Final[dict[CloseCode, Closing]] = {
    CloseCode.NORMAL: Closing("closed"),
    CloseCode.GOING_AWAY: Closing("draining"),
    CloseCode.PROTOCOL_ERROR: Closing("protocol error"),
    CloseCode.INVALID_DATA: Closing("invalid UTF-8"),
    CloseCode.POLICY: Closing("policy", come_back=False),
    CloseCode.TOO_BIG: Closing("message too big"),
    CloseCode.INTERNAL_ERROR: Closing("internal error"),
    CloseCode.SERVICE_RESTART: Closing("draining"),
    CloseCode.TRY_LATER: Closing("overloaded, try later", wait_seconds=5.0),
    CloseCode.BAD_FRAMES: Closing("kept sending invalid frames", wait_seconds=30.0),
    CloseCode.NOT_AUTHENTICATED: Closing("not authenticated", new_token=True),
    CloseCode.FORBIDDEN: Closing("forbidden", come_back=False),
    CloseCode.NO_PROGRESS: Closing("no progress"),
    CloseCode.SUPERSEDED: Closing("superseded by a newer line", wait_seconds=30.0),
    CloseCode.FLOODING: Closing("flooding", wait_seconds=30.0),
}


def closing(code: int) -> Closing:
    """The row of `code`; a code that is not ours means: come back, after the usual jitter."""
    try:
        return CLOSINGS[CloseCode(code)]
    except ValueError:
        return Closing("unknown")
