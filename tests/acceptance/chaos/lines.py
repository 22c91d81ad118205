"""The checker's rules about lines and what comes up them: order, fence, events, registry."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Final

from tests.acceptance.chaos.history import (
    Acked,
    AnyFact,
    Closed,
    History,
    Opened,
    Received,
    Registry,
    Row,
    Sent,
    Stranded,
    of,
)  # fmt: skip

REGISTRY_SECONDS: Final = 15.0
SILENT_SECONDS: Final = 30.0
SLACK: Final = 3.0


def in_order(history: History) -> Iterator[str]:
    """G5: on each line the numbers of the commands rise."""
    rows = {row.command: row for row in history.ledger.rows}
    last: dict[tuple[str, int], Row] = {}
    for fact in of(history.facts, Received):
        line, row = (fact.device, fact.generation), rows.get(fact.command)
        if row is None:
            continue  # told of by `unsent_means_not_ran`
        before = last.get(line)
        if before is not None and before.seq >= row.seq:
            yield f"{line} received {row.command} ({row.seq}) after {before.command} ({before.seq})"
        last[line] = row


def fence(history: History) -> Iterator[str]:
    """G6: no result, and no durable event, of an older line counts."""
    opened: defaultdict[str, list[Opened]] = defaultdict(list)
    for fact in of(history.facts, Opened):
        opened[fact.device].append(fact)

    def stale(device: str, generation: int, at: float) -> bool:
        return any(line.generation > generation and line.at < at for line in opened[device])

    for row in history.ledger.rows:
        if row.said is not None and row.status in {"SUCCESS", "FAILED", "CANCELLED"}:
            generation, at = row.said
            if stale(row.device, generation, at):
                yield f"{row.command}: a result of the old line {row.device} {generation} counts"
    yield from _stale_events(history, stale)
    stored = set(history.ledger.stored)
    for fact in of(history.facts, Stranded):
        if (fact.device, fact.boot, fact.seq) in stored:
            line = f"{fact.device} {fact.generation}"
            yield f"event {fact.boot} {fact.seq} waited while {line} became an old line, and counts"


def _stale_events(history: History, stale: Callable[[str, int, float], bool]) -> Iterator[str]:
    sent: defaultdict[tuple[str, str, int], list[Sent]] = defaultdict(list)
    for fact in of(history.facts, Sent):
        sent[fact.device, fact.boot, fact.seq].append(fact)
    for mark in history.ledger.stored:
        tries = sent[mark]
        if tries and all(stale(one.device, one.generation, one.at) for one in tries):
            yield f"event {mark} was only sent on old lines, and is stored"


def stored_once(history: History) -> Iterator[str]:
    """G4 for events: what was acknowledged is stored, once; nothing else was made up."""
    stored = Counter(history.ledger.stored)
    sent = {(fact.device, fact.boot, fact.seq) for fact in of(history.facts, Sent)}
    for mark, times in stored.items():
        if times > 1:
            yield f"event {mark} is stored {times} times"
        if mark not in sent:
            yield f"event {mark} is stored and was never sent"
    for mark in acknowledged(history.facts):
        if mark not in stored:
            yield f"event {mark} was acknowledged and is not stored"


def acknowledged(facts: list[AnyFact]) -> dict[tuple[str, str, int], float]:
    """Each durable event that was acknowledged, and when it was first sent."""
    up_to: dict[tuple[str, str], int] = {}
    for fact in of(facts, Acked):
        key = (fact.device, fact.boot)
        up_to[key] = max(fact.seq, up_to.get(key, 0))
    first: dict[tuple[str, str, int], float] = {}
    for fact in of(facts, Sent):
        if fact.seq <= up_to.get((fact.device, fact.boot), 0):
            first.setdefault((fact.device, fact.boot, fact.seq), fact.at)
    return first


def registry_is_true(history: History) -> Iterator[str]:
    """G7: who has stood for 15 s is listed with its generation; who is gone is not."""
    lives = _lives(history.facts)
    for sample in of(history.facts, Registry):
        for device, (opened, closed) in lives.items():
            listed = sample.lines.get(device)
            if closed is None:
                if sample.at - opened.at > REGISTRY_SECONDS + SLACK:
                    true = (opened.generation, opened.replica)
                    if listed != true:
                        yield f"{sample.asked} lists {device} as {listed}, it stands at {true}"
            elif listed is not None:
                allowed = SILENT_SECONDS if closed.silent else REGISTRY_SECONDS
                if closed.at < sample.at - allowed - SLACK:
                    yield f"{sample.asked} lists {device} as {listed}, it is gone"


def _lives(facts: list[AnyFact]) -> dict[str, tuple[Opened, Closed | None]]:
    """The newest line of each device."""
    newest: dict[str, Opened] = {}
    for fact in of(facts, Opened):
        if fact.generation >= getattr(newest.get(fact.device), "generation", 0):
            newest[fact.device] = fact
    closed = {(fact.device, fact.generation): fact for fact in of(facts, Closed)}
    return {
        device: (opened, closed.get((device, opened.generation)))
        for device, opened in newest.items()
    }
