"""Whether the programs that this device is made of are ready, by what they report. Pure.

    unknown ─READY→ ready ⇄ not ready
       └─ NOT_READY, or three intervals after the start without a word ─→ not ready

Silence for three intervals is not ready. What was never heard of is not judged before: it is in no
list. `now` is monotonic seconds; `wall` is only shown.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from msgspec import Struct, structs

from device.base.text import cut
from device.local.local_lines import MOST_SILENT_SECONDS, ReportLine
from device.settings import LocalAgent
from protocol.codec import encode
from protocol.telemetry import MOST_AGENTS_BYTES, AgentReadiness

MOST_DETAIL: Final = 1024
"""Bytes of one detail."""
SILENT: Final = f"no report for {MOST_SILENT_SECONDS:g} s"


class AgentInfo(Struct, frozen=True, kw_only=True):
    """One of `[[agents]]` as `info` shows it; `ready` is None as long as nobody knows."""

    name: str
    required: bool
    ready: bool | None = None
    since: datetime | None = None
    detail: str | None = None
    version: str | None = None


class Readiness:
    def __init__(self, agents: Iterable[LocalAgent], *, now: float) -> None:
        self._agents = {
            agent.name: AgentInfo(name=agent.name, required=agent.required) for agent in agents
        }
        self._heard = dict.fromkeys(self._agents, now)

    def report(self, line: ReportLine, *, now: float, wall: datetime) -> None:
        """`line.agent` is one of the agents."""
        self._heard[line.agent] = now
        detail = line.detail and cut(line.detail, MOST_DETAIL)
        said = structs.replace(self._agents[line.agent], detail=detail, version=line.version)
        self._agents[line.agent] = _with(said, ready=line.status == "READY", wall=wall)

    def look(self, *, now: float, wall: datetime) -> None:
        """Whose last word is too old is not ready."""
        for name, heard in self._heard.items():
            if now - heard >= MOST_SILENT_SECONDS:
                silent = structs.replace(self._agents[name], detail=SILENT)
                self._agents[name] = _with(silent, ready=False, wall=wall)

    @property
    def is_degraded(self) -> bool:
        return any(agent.required and agent.ready is False for agent in self._agents.values())

    @property
    def agents(self) -> list[AgentInfo]:
        return list(self._agents.values())

    @property
    def said(self) -> list[AgentReadiness] | None:
        """For the hub: whatever is known; None on a device without such programs."""
        if not self._agents:
            return None
        return fitting([said for agent in self.agents if (said := _said(agent)) is not None])


def _with(agent: AgentInfo, *, ready: bool, wall: datetime) -> AgentInfo:
    since = agent.since if agent.ready is ready else wall
    return structs.replace(agent, ready=ready, since=since)


def _said(agent: AgentInfo) -> AgentReadiness | None:
    if agent.ready is None or agent.since is None:
        return None
    return AgentReadiness(
        name=agent.name, ready=agent.ready, since=agent.since, detail=agent.detail
    )


def fitting(agents: list[AgentReadiness]) -> list[AgentReadiness]:
    """As they fit into one frame: if need be with shorter details."""
    if len(encode(agents)) <= MOST_AGENTS_BYTES:
        return agents
    bare = [structs.replace(agent, detail=agent.detail and "") for agent in agents]
    room = (MOST_AGENTS_BYTES - len(encode(bare))) // len(agents)
    return [
        structs.replace(agent, detail=agent.detail and cut(agent.detail, room)) for agent in agents
    ]
