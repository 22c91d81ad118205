"""What a run measured, out of its history: the line at its end."""

from collections import Counter

from tests.acceptance.chaos.checker import Violation, acknowledged
from tests.acceptance.chaos.history import (
    Answered,
    AnyFact,
    Asked,
    Fault,
    History,
    Lost,
    Probed,
    of,
)  # fmt: skip


def summary(history: History, violations: list[Violation]) -> str:
    facts = history.facts
    ends = Counter(row.status for row in history.ledger.rows)
    calls = Counter(str(fact.http) for fact in of(facts, Answered))
    worst, where = worst_recovery(facts)
    parts = [
        f"commands {len(history.ledger.rows)} ({_counts(ends)})",
        f"calls {sum(calls.values())} ({_counts(calls)}), lost {len(of(facts, Lost))}",
        f"durable events {len(acknowledged(facts))}",
        f"faults {sum(fault.began for fault in of(facts, Fault))}",
        f"accepted in {_milliseconds(latencies(facts))}",
        f"probes {_milliseconds(probes(facts))}",
        f"worst recovery {worst:.1f} s ({where})",
        f"violations {len(violations)}",
    ]
    return "; ".join(parts)


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
    """(fault, seconds from its end until a probe that began after it was answered)."""
    good = [probe for probe in of(facts, Probed) if probe.ok]
    found: list[tuple[str, float]] = []
    for fault in of(facts, Fault):
        if not fault.began:
            after = [probe.at for probe in good if probe.began > fault.at]
            found.append((fault.name, min(after, default=float("inf")) - fault.at))
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
