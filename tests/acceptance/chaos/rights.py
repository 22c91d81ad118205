"""The checker's rules about rights that were taken away (G18, G20, G23)."""

from collections.abc import Iterator
from typing import Final

from tests.acceptance.chaos.history import Disowned, Ended, Fault, History, Ran, Received, Used, of

SPREAD_SECONDS: Final = 5.0
BLIND_SECONDS: Final = 60.0
"""So long a replica that cannot read the database believes what it read last."""
AWAY: Final = frozenset({
    "postgres restarted", "postgres backends terminated", "postgres frozen",
    "postgres connections exhausted", "postgres's disk full", "database wire frozen",
    "database wire cut",
})  # fmt: skip
"""Faults in which a replica cannot read."""


def ended_is_ended(history: History) -> Iterator[str]:
    """G20: nothing of it is renewed after the answer of the call that ended it, and 5 s later it
    works nowhere; nor ever again, whatever the clocks say (G18)."""
    ended: dict[str, float] = {}
    for fact in of(history.facts, Ended):
        ended.setdefault(fact.credential, fact.at)
    faults = _away(history)
    for use in of(history.facts, Used):
        late = use.began - ended.get(use.credential, use.began)
        if use.http != 200 or late <= 0:
            continue
        if use.renewed:
            yield f"{use.credential} was renewed by {use.replica} {late:.1f} s after its end"
        elif late > SPREAD_SECONDS + _blind(faults, ended[use.credential], use.began):
            yield f"{use.credential} worked at {use.replica} {late:.1f} s after its end"


def _away(history: History) -> list[tuple[float, float]]:
    """When replicas could not read."""
    began: dict[str, float] = {}
    found: list[tuple[float, float]] = []
    for fact in of(history.facts, Fault):
        if fact.name in AWAY and fact.began:
            began[fact.name] = fact.at
        elif fact.name in AWAY:
            found.append((began.pop(fact.name), fact.at))
    return found


def _blind(faults: list[tuple[float, float]], since: float, until: float) -> float:
    met = any(began < until and over > since for began, over in faults)
    return BLIND_SECONDS if met else 0.0


def owners_have_rights(history: History) -> Iterator[str]:
    """G23: a command that waited when its owner lost the right is withdrawn, and never ran."""
    rows = {row.command: row for row in history.ledger.rows}
    for fact in of(history.facts, Disowned):
        row = rows.get(fact.command)
        if row is not None and (row.status, row.error) != ("CANCELLED", "forbidden"):
            yield f"{fact.command} lost its owner, and is {row.status} {row.error}"
    lost = {fact.command for fact in of(history.facts, Disowned)}
    seen = [*of(history.facts, Received), *of(history.facts, Ran)]
    for command, device in sorted({(fact.command, fact.device) for fact in seen}):
        if command in lost:
            yield f"{command} lost its owner, and reached {device}"
