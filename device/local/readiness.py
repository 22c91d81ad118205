"""Whether the programs that this device is made of are ready, by what they report. Pure.

    unknown ─READY→ ready ⇄ not ready
       └─ NOT_READY, or three intervals after the start without a word ─→ not ready

Silence for three intervals is not ready. What was never heard of is not judged before: it is in no
list. Beside what reports there is what the agent itself finds ready or not: tokens and endpoints of
the broker. Of a client of the broker both count; its silence only once it has reported, unless it
is one of `[[agents]]`. `now` is monotonic seconds; `wall` is only shown.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final

from msgspec import Struct, structs

from device.base.text import cut
from device.broker.standing import Standing
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


class _Reported(Struct, frozen=True):
    """What a program said last, or its silence."""

    ready: bool
    detail: str | None = None
    version: str | None = None


class Readiness:
    def __init__(
        self,
        agents: Collection[LocalAgent],
        *,
        now: float,
        judged: Mapping[str, bool] | None = None,
    ) -> None:
        """`judged`: what the agent finds ready or not, and whether that is required."""
        required = {agent.name: agent.required for agent in agents}
        required |= {
            name: needed for name, needed in (judged or {}).items() if name not in required
        }
        self._agents = {
            name: AgentInfo(name=name, required=needed) for name, needed in required.items()
        }
        self._heard = {agent.name: now for agent in agents}
        self._reported: dict[str, _Reported] = {}
        self._standings: Mapping[str, Standing] = {}

    def report(self, line: ReportLine, *, now: float, wall: datetime) -> None:
        """`line.agent` is one of the agents."""
        self._heard[line.agent] = now
        detail = line.detail and cut(line.detail, MOST_DETAIL)
        ready = line.status == "READY"
        self._reported[line.agent] = _Reported(ready, detail, line.version)
        self._settle(line.agent, wall)

    def judge(self, standings: Mapping[str, Standing], *, wall: datetime) -> None:
        """What the agent itself finds, of all that it judges."""
        self._standings = standings
        for name in standings:
            self._settle(name, wall)

    def look(self, *, now: float, wall: datetime) -> None:
        """Whose last word is too old is not ready."""
        for name, heard in self._heard.items():
            if now - heard >= MOST_SILENT_SECONDS:
                before = self._reported.get(name)
                version = before.version if before else None
                self._reported[name] = _Reported(ready=False, detail=SILENT, version=version)
                self._settle(name, wall)

    def _settle(self, name: str, wall: datetime) -> None:
        """Ready is what is so by all that is known of it; the detail is of what is not."""
        agent = self._agents[name]
        reported, standing = self._reported.get(name), self._standings.get(name)
        known = [each for each in (reported, standing) if each is not None]
        words = [each for each in known if each.ready is not None]
        ready = all(each.ready for each in words) if words else None
        doubts = [each for each in words if not each.ready] or known
        detail = next((each.detail for each in doubts if each.detail is not None), None)
        since = agent.since if agent.ready is ready else wall
        version = reported.version if reported else None
        self._agents[name] = structs.replace(
            agent, ready=ready, since=since, detail=detail, version=version
        )

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
