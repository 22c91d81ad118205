"""What was measured as Markdown tables, and into `docs/performance.md`.

In the page a table stands between `<!-- measured: NAME -->` and `<!-- end -->`; the rest is written
by hand. (`scripts/docs.py` makes what follows from the code; these need a machine and time.)
"""

import platform
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from tests.bench.figures import Measured, capacity, generator_at_limit, over, ratio
from tests.bench.machine import CORES
from tests.bench.peers.table import PEERS
from tests.bench.rounds import HUB, Found
from tests.bench.targets import TARGETS, Verdict

PAGE: Final = Path(__file__).parents[2] / "docs" / "performance.md"
PART: Final = re.compile(r"(<!-- measured: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
AT_LIMIT: Final = " **at its limit**"
_MET: Final = {True: "met", False: "**missed**", None: "–"}
COMPARED: Final = {
    "fan-out-50x20": "Telemetry deliveries, 50 publishers × 20 subscribers",
    "fan-out-1x200": "Telemetry deliveries, 1 publisher × 200 subscribers",
    "command-100": "Command round trips, 100 in flight",
    "command-1": "Command round trips, one at a time",
    "connect-storm": "Connections opened",
    "idle": "Idle connections (memory of the server's process; CPU for each over the idle time)",
}


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def targets(found: Found) -> str:
    return table(
        ("target", "wanted", "measured", ""),
        (
            (target.name, target.wanted, *_verdicts(target.judge(found)))
            for target in TARGETS
        ),
    )  # fmt: skip


def _verdicts(verdicts: list[Verdict]) -> tuple[str, str]:
    texts = "; ".join(dict.fromkeys(verdict.text for verdict in verdicts))
    states = [verdict.met for verdict in verdicts if verdict.met is not None]
    met = all(states) if states else None
    partly = met and len(states) < len(verdicts)
    return texts, _MET[met] + (" as far as measured" if partly else "")


def rows(found: Found) -> str:
    """Everything of ours."""
    return table(
        ("row", *_HEAD, "note"),
        ((name, *_cells(m), m[-1].note) for name, m in found.rows.get(HUB, {}).items()),
    )


def peers(found: Found) -> str:
    """Side by side, a table for each row that peers have too."""
    omits = {peer.name: peer.omits for peer in PEERS}
    parts: list[str] = []
    for row, title in COMPARED.items():
        ours = found.of(HUB, row)
        theirs = {name: kept[row] for name, kept in found.rows.items() if row in kept}
        if len(theirs) > bool(ours):
            theirs |= {f"{HUB}: {name}": found.of(HUB, name) for name in _also(row, found)}
            ranked = sorted(theirs.items(), key=lambda item: _rank(item[1]))
            parts += [f"### {title}", _compared(ours, ranked, omits)]
    if any(name in omits for name in found.rows):
        left = ((name, omits[name]) for name in found.rows if name in omits)
        parts += ["### What each leaves out", table(("peer", "without"), left)]
    return "\n\n".join(parts) or "No peer was measured."


def _also(row: str, found: Found) -> list[str]:
    """Of ours, what does no more than the peers do."""
    alone = row.replace("command-", "dispatch-")
    return [alone] if alone != row and found.of(HUB, alone) else []


def _rank(rounds: list[Measured]) -> float:
    """The best first."""
    memory = over(rounds, lambda m: m.kib)
    return memory.median if memory else -capacity(rounds)


def _compared(
    ours: list[Measured], ranked: list[tuple[str, list[Measured]]], omits: dict[str, str]
) -> str:
    return table(
        ("", *_HEAD, "ours is better, times"),
        (
            (name if name in omits else f"**{name}**", *_cells(theirs), _times(ours, theirs))
            for name, theirs in ranked
        ),
    )


def _times(ours: list[Measured], theirs: list[Measured]) -> str:
    """By memory where that is what was measured, by capacity else."""
    if not ours or ours is theirs:
        return ""
    little, much = (over(rounds, lambda m: m.kib) for rounds in (ours, theirs))
    if little and much:
        return f"{much.median / little.median:,.2f}"
    return f"{ratio(ours, theirs):,.2f}"


def missing(found: Found) -> str:
    if not found.missing:
        return "Nothing is missing."
    return table(("missing", "why"), found.missing.items())


def machine(found: Found, rounds: int) -> str:
    loads = [m.load for kept in found.rows.values() for ms in kept.values() for m in ms]
    load = f"load average {min(loads):.1f} to {max(loads):.1f}" if loads else "nothing measured"
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {rounds} rounds, {_processor()}, "
        f"Linux {platform.release()}, Python {platform.python_version()}; {CORES}; "
        f"{load} (2 is what the bench itself makes)."
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


_HEAD: Final = (
    "rate/s (low to high)", "capacity a core/s", "CPU µs: server", "with stores", "p50 ms",
    "p99 ms", "KiB each", "server busy", "generator busy",
)  # fmt: skip


def _cells(rounds: list[Measured]) -> list[str]:
    rate = over(rounds, lambda m: m.rate)
    assert rate is not None
    generator = _figure(rounds, lambda m: m.generator, ".2f")
    return [
        f"{rate.median:,.0f} ({rate.low:,.0f} to {rate.high:,.0f})",
        f"{capacity(rounds):,.0f}",
        _figure(rounds, lambda m: m.server_us, ",.2f"),
        _figure(rounds, lambda m: m.all_us, ",.2f"),
        _figure(rounds, lambda m: m.p50, ",.2f"),
        _figure(rounds, lambda m: m.p99, ",.2f"),
        _figure(rounds, lambda m: m.kib, ",.1f"),
        _figure(rounds, lambda m: m.server, ".2f"),
        generator + (AT_LIMIT if generator_at_limit(rounds) else ""),
    ]


def _figure(rounds: list[Measured], figure: Callable[[Measured], float | None], form: str) -> str:
    measured = over(rounds, figure)
    return "" if measured is None else format(measured.median, form)


def parts(found: Found, rounds: int) -> dict[str, str]:
    return {
        "machine": machine(found, rounds),
        "targets": targets(found),
        "peers": peers(found),
        "rows": rows(found),
        "missing": missing(found),
    }


def as_json(found: Found, rounds: int) -> bytes:
    """Every round, and what the tables say of them."""
    summary = {
        contestant: {
            row: {"capacity": capacity(measured), "rates": [m.rate for m in measured]}
            for row, measured in kept.items()
        }
        for contestant, kept in found.rows.items()
    }
    verdicts = {target.name: target.judge(found) for target in TARGETS}
    whole = {
        "machine": machine(found, rounds),
        "targets": verdicts,
        "summary": summary,
        "rounds": found,
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=2)


def renewed(page: str, made: dict[str, str]) -> str:
    """`page` with every measured part written anew. Raises `KeyError` for an unknown name."""
    return PART.sub(lambda at: f"{at[1]}\n{made[at[2]]}\n\n{at[3]}", page)
