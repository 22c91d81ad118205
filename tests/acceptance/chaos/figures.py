"""What a run found and measured: the lines at its end."""

import contextlib
import math
from collections import Counter
from pathlib import Path

import msgspec

from tests.acceptance.chaos.checker import Violation
from tests.acceptance.chaos.faults import WORLD
from tests.acceptance.chaos.history import (
    Answered,
    AnyFact,
    Asked,
    Disowned,
    Ended,
    Fault,
    History,
    Lost,
    Probed,
    Stranded,
    Used,
    of,
)  # fmt: skip
from tests.acceptance.chaos.lines import acknowledged
from tests.acceptance.chaos.seen import excused
from tests.acceptance.chaos.steps import STEPS


def summary(history: History, violations: list[Violation]) -> str:
    facts = history.facts
    ends = Counter(row.status for row in history.ledger.rows)
    calls = Counter(str(fact.http) for fact in of(facts, Answered))
    worst, where = worst_recovery(facts)
    missed, owed = excused(history)
    parts = [
        f"commands {len(history.ledger.rows)} ({_counts(ends)})",
        f"calls {sum(calls.values())} ({_counts(calls)}), lost {len(of(facts, Lost))}",
        f"durable events {len(acknowledged(facts))}, not seen {missed} of {owed}",
        f"ended {len(of(facts, Ended))}, shown {len(of(facts, Used))} times",
        f"commands without owner {len(of(facts, Disowned))}",
        f"events left in a kernel {len(of(facts, Stranded))}",
        f"faults {sum(fault.began for fault in of(facts, Fault))}",
        f"killed at {len({fault.name for fault in of(facts, Fault)} & STEPS.keys())} steps",
        f"accepted in {_milliseconds(latencies(facts))}",
        f"probes {_milliseconds(probes(facts))}",
        f"worst recovery {worst:.1f} s ({where})",
        f"violations {len(violations)}",
    ]
    return "; ".join(parts)


def complaints(folder: Path) -> Counter[str]:
    """What the replicas logged as errors."""
    found: Counter[str] = Counter()
    for log in folder.glob("replica-*/hub.log"):
        for line in log.read_text("utf-8", "replace").splitlines():
            if '"level": "error"' in line or "Traceback" in line:
                with contextlib.suppress(msgspec.DecodeError):
                    found[str(msgspec.json.decode(line).get("event"))] += 1
    return found


def report(history: History, violations: list[Violation], folder: Path) -> None:
    for name, seconds in recoveries(history.facts):
        print(f"  {seconds:6.1f} s until a command was answered after: {name}")
    for event, count in complaints(folder).most_common():
        print(f"  {count} times logged as an error: {event}")
    for rule, count in Counter(violation.rule for violation in violations).items():
        texts = [violation.text for violation in violations if violation.rule == rule]
        print(f"VIOLATED {rule}, {count} times:", *texts[:8], sep="\n    ")


def latencies(facts: list[AnyFact]) -> list[float]:
    """Of calls that do not wait for the end, and were accepted."""
    asked = {fact.call: fact for fact in of(facts, Asked) if fact.kind in {"now", "queue"}}
    return sorted(
        answer.at - asked[answer.call].at
        for answer in of(facts, Answered)
        if answer.http == 202 and answer.call in asked
    )


def probes(facts: list[AnyFact]) -> list[float]:
    return sorted(probe.at - probe.began for probe in of(facts, Probed) if probe.ok)


def recoveries(facts: list[AnyFact]) -> list[tuple[str, float]]:
    """(fault, seconds from its end until a probe that began after it was answered) of the world's
    faults; not while another one lasts, nor where the next one came first."""
    good = [probe for probe in of(facts, Probed) if probe.ok]
    faults = [fault for fault in of(facts, Fault) if fault.name in WORLD]
    found: list[tuple[str, float]] = []
    lasting = 0
    for place, fault in enumerate(faults):
        lasting += 1 if fault.began else -1
        if lasting:
            continue
        next_one = faults[place + 1].at if place + 1 < len(faults) else math.inf
        answered = min((p.at for p in good if p.began > fault.at), default=math.inf)
        if answered < next_one or next_one == math.inf:
            found.append((fault.name, answered - fault.at))
    return found


def worst_recovery(facts: list[AnyFact]) -> tuple[float, str]:
    return max(((seconds, name) for name, seconds in recoveries(facts)), default=(0.0, "none"))


def _milliseconds(values: list[float]) -> str:
    if not values:
        return "never"
    at = [values[min(len(values) - 1, len(values) * share // 100)] for share in (50, 99)]
    return f"p50 {at[0] * 1000:.0f} ms, p99 {at[1] * 1000:.0f} ms, max {values[-1] * 1000:.0f} ms"


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counter.items()))
