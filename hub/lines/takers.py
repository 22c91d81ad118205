"""Which capability takes which frames of a line, beside those that the line itself takes.

A capability says so in its wiring. Each frame has exactly one taker, or the replica does not start:
a frame that nobody takes would be acknowledged by nobody and missed by somebody.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, get_args

import structlog

from hub.lines.session import OWN_FRAMES, LineSession
from protocol.closing import CloseCode
from protocol.frames import DeviceFrame
from protocol.telemetry import TelemetryBase, WorkloadStatus

log = structlog.get_logger(__name__)

Taker = Callable[[LineSession, Any], None]
"""Nothing in it may block."""

HANDED_ON: Final = frozenset[type](
    kind
    for kind in get_args(DeviceFrame)
    if kind is WorkloadStatus or (kind not in OWN_FRAMES and not issubclass(kind, TelemetryBase))
)
"""Events have a way of their own: nearly every frame is one. What services use is no event."""


class Takers:
    """Raises `ValueError` when a frame has no taker, or two."""

    def __init__(self, tables: Iterable[Mapping[type, Taker]]) -> None:
        self._takers: dict[type, Taker] = {}
        for table in tables:
            twice = table.keys() & self._takers.keys()
            if twice:
                raise ValueError(f"two takers of {_names(twice)}")
            self._takers |= table
        if self._takers.keys() != HANDED_ON:
            raise ValueError(f"not one taker of {_names(self._takers.keys() ^ HANDED_ON)}")

    def take(self, line: LineSession, frame: object) -> None:
        """A taker that fails ends this line alone: what it did not take comes again on the next."""
        try:
            self._takers[type(frame)](line, frame)
        except Exception:
            log.exception("frame_not_taken", type=type(frame).__name__, device_id=line.device_id)
            line.close(CloseCode.TRY_LATER)


def _names(kinds: Iterable[type]) -> str:
    return ", ".join(sorted(kind.__name__ for kind in kinds))
