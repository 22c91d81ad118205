"""The lines that local programs send beside events and records, and the answers. Pure.

Unknown members are ignored: the lines may grow.
"""

from collections.abc import Callable
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from device.local.local_state import SECTIONS, Section
from device.records.intake import IntakeAnswer
from device.settings import LocalAgent
from protocol.codec import decode
from protocol.errors import InvalidMessage
from protocol.telemetry import MetricName

INTERVAL_SECONDS: Final = 10
"""How often a program reports and measures: what it said last counts for three of them."""
MOST_SILENT_SECONDS: Final = 3.0 * INTERVAL_SECONDS


class WatchLine(Struct, frozen=True, tag="watch"):
    sections: frozenset[Section] = SECTIONS


class ReportLine(Struct, frozen=True, tag="report"):
    agent: str
    status: Literal["READY", "NOT_READY"]
    detail: str | None = None
    version: Annotated[str, Meta(max_length=128)] | None = None


class MetricsLine(Struct, frozen=True, tag="metrics"):
    metrics: dict[MetricName, float]
    agent: str | None = None


class InfoLine(Struct, frozen=True, tag="info"):
    pass


LocalLine = WatchLine | ReportLine | MetricsLine | InfoLine
_line: Final[msgspec.json.Decoder[LocalLine]] = msgspec.json.Decoder(LocalLine)
TYPES: Final = frozenset({"watch", "report", "metrics", "info"})


TAKEN: Final = IntakeAnswer(ok=True)


class ReportAnswer(Struct, frozen=True, rename="camel"):
    ok: Literal[True] = True
    interval_seconds: int = INTERVAL_SECONDS


class Refused(Exception):
    """A line is refused; `code` is what its sender can act on."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.answer: Final = IntakeAnswer(ok=False, code=code, message=message)


def read_line(raw: bytes) -> LocalLine:
    """Raises `Refused`."""
    try:
        return decode(_line, raw)
    except InvalidMessage as error:
        where = f"{error.field}: " if error.field else ""
        raise Refused("invalid", where + error.message) from None


class Speakers:
    """Who may speak for which of the agents of the settings."""

    def __init__(self, agents: tuple[LocalAgent, ...], uid_of: Callable[[str], int | None]) -> None:
        """`uid_of`: of a user's name; None where there is none."""
        self._agents = {agent.name: agent for agent in agents}
        self._uid_of = uid_of

    def check(self, name: str, uid: int) -> None:
        """Raises `Refused` when a program of this user may not speak for `name`."""
        agent = self._agents.get(name)
        if agent is None:
            raise Refused("unknown_agent", f"no [[agents]] of the settings is named {name[:40]}")
        if agent.user is not None and uid != self._uid_of(agent.user):
            raise Refused("forbidden", f"only the user {agent.user} speaks for {name}")

    def named(self, line: MetricsLine) -> dict[str, float]:
        """The metrics by their full names. Raises `Refused` for a name that is another agent's."""
        if line.agent is not None:
            return {f"{line.agent}.{name}": value for name, value in line.metrics.items()}
        for name in line.metrics:
            prefix, dot, _ = name.partition(".")
            if dot and prefix in self._agents:
                raise Refused("reserved_name", f"{name} is {prefix}'s: name it in `agent`")
        return line.metrics
