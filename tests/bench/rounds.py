"""Who is measured when: in each round every contestant once, so that what else this machine does
falls on all alike. Each is started anew, warms up within its scenarios, and is ended."""

import asyncio
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, Final

from msgspec import Struct, field

from tests.bench.figures import Measured
from tests.bench.hub import running_hub
from tests.bench.peers.table import PEERS
from tests.bench.scenarios.table import ALONE, ON_THE_HUB, Scenario
from tests.bench.subject import Contestant, Pace, Rows, Subject

HUB: Final = "longline"
PAUSE_SECONDS: Final = 0.5
_NOBODY: Final[Any] = None


class Found(Struct, kw_only=True):
    """All that was measured: rows by contestant and name, one `Measured` a round. `missing`: why a
    contestant, or one of its scenarios, has none."""

    rows: dict[str, dict[str, list[Measured]]] = field(default_factory=dict[str, Any])
    missing: dict[str, str] = field(default_factory=dict[str, str])

    def add(self, contestant: str, rows: Rows) -> None:
        kept = self.rows.setdefault(contestant, {})
        for name, measured in rows.items():
            kept.setdefault(name, []).append(measured)

    def of(self, contestant: str, row: str) -> list[Measured]:
        return self.rows.get(contestant, {}).get(row, [])


class Step(Struct, frozen=True):
    contestant: Contestant
    scenario: str

    @property
    def label(self) -> str:
        return f"{self.contestant.name}: {self.scenario}"


def _ours(name: str, scenario: Scenario) -> Contestant:
    """A hub of its own for each scenario: what one leaves behind must not slow the next."""
    alone = name in ALONE
    return Contestant(
        name=HUB,
        omits="",
        start=(lambda: nullcontext(_NOBODY)) if alone else running_hub,
        scenarios={name: scenario},
    )


OURS: Final = [_ours(name, scenario) for name, scenario in {**ON_THE_HUB, **ALONE}.items()]


def names() -> dict[str, str]:
    """Every scenario, and what it does."""
    known = {**ON_THE_HUB, **ALONE}
    return {name: " ".join((known[name].__doc__ or "").split()) for name in known}


def plan(wanted: set[str], peers: set[str]) -> list[Step]:
    """One round: each scenario of ours, and beside it the peers that take part in it."""
    steps: list[Step] = []
    for contestant in OURS:
        for scenario in contestant.scenarios:
            if scenario in wanted:
                steps.append(Step(contestant, scenario))
                steps += [
                    Step(peer, scenario)
                    for peer in PEERS
                    if peer.name in peers and scenario in peer.scenarios
                ]
    return steps


async def measure(
    steps: list[Step], rounds: int, pace: Pace, *, told: Callable[[str, int], None]
) -> Found:
    """`told` hears of each step before it: what it is, and how many are behind."""
    found = Found()
    done = 0
    for number in range(1, rounds + 1):
        for step in steps:
            told(f"round {number} of {rounds}: {step.label}", done)
            if step.contestant.name not in found.missing:
                await _take(step, pace, found)
            done += 1
    told("done", done)
    return found


async def _take(step: Step, pace: Pace, found: Found) -> None:
    contestant = step.contestant
    try:
        async with contestant.start() as subject:
            found.add(contestant.name, await _run(step, subject, pace))
    except Exception as error:
        found.missing[step.label] = f"{type(error).__name__}: {error}".partition("\n")[0][:200]
    await asyncio.sleep(PAUSE_SECONDS)


async def _run(step: Step, subject: Subject, pace: Pace) -> Rows:
    return await step.contestant.scenarios[step.scenario](subject, pace)
