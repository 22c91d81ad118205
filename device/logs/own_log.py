"""The agent's own log: JSON lines on stderr and in a bounded file, which `pull_logs` reads, so that
what led to a restart can be read after it. While the file cannot be written the newest lines are in
memory alone.

Events have fields; nothing secret is ever a field. The level can change while the agent runs.
"""

import sys
from collections import deque
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any, Final, TextIO

import structlog
from msgspec import Struct

from device.logs.log_file import LogFile
from protocol.codec import rfc3339
from protocol.commands import LEVELS, Level

RING_LINES: Final = 2_000
_NAMES: Final[dict[str, Level]] = {
    "debug": "DEBUG",
    "info": "INFO",
    "warning": "WARN",
    "error": "ERROR",
    "exception": "ERROR",
    "critical": "ERROR",
}


class LogEntry(Struct, frozen=True):
    """One line of any log. `ts` is None where the source has none."""

    line: str
    level: Level
    ts: datetime | None = None


def at_least(level: Level, wanted: Level | None) -> bool:
    return wanted is None or LEVELS.index(level) >= LEVELS.index(wanted)


class OwnLog:
    def __init__(self, level: Level = "INFO", stream: TextIO = sys.stderr) -> None:
        self.level: Level = level
        self._stream = stream
        self._ring: deque[LogEntry] = deque(maxlen=RING_LINES)
        self.file: LogFile | None = None

    def configure(self) -> None:
        """Make structlog of this process write here."""
        structlog.configure(
            processors=[
                structlog.contextvars.merge_contextvars,
                self._filter_and_stamp,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
                self._keep,
            ],
            logger_factory=structlog.PrintLoggerFactory(self._stream),
            cache_logger_on_first_use=True,
        )

    def keep_in(self, file: LogFile) -> None:
        """From now on. It must be this process's alone."""
        self.file = file

    def last(self, lines: int, level: Level | None) -> list[LogEntry]:
        """The newest of this process."""
        matching = [entry for entry in self._ring if at_least(entry.level, level)]
        return matching[-lines:]

    def _filter_and_stamp(
        self, _logger: object, method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        level = _NAMES.get(method, "INFO")
        if not at_least(level, self.level):
            raise structlog.DropEvent
        return {"ts": rfc3339(datetime.now(UTC)), "level": level, **event}

    def _keep(self, _logger: object, method: str, rendered: object) -> str:
        line = str(rendered)
        self._ring.append(LogEntry(line, _NAMES.get(method, "INFO"), datetime.now(UTC)))
        if self.file is not None:
            self.file.write(line)
        return line
