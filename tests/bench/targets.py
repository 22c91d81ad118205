"""The targets T1 to T9 of the design, and whether what was measured meets them.

Capacity is 1e6 / CPU µs of the server's process for one operation: what a core does when nothing
else runs on it. On a quiet machine the wall rate comes close to it.
"""

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from tests.bench.figures import capacity, flatness, over, ratio, spread
from tests.bench.peers.table import PYTHON
from tests.bench.rounds import HUB, Found


class Verdict(Struct, frozen=True):
    """`met` is None when it was not measured."""

    text: str
    met: bool | None


class Target(Struct, frozen=True):
    name: str
    wanted: str
    judge: Callable[[Found], list[Verdict]]


_NOTHING: Final = Verdict("not measured", None)


def at_least(row: str, wanted: float) -> Callable[[Found], Verdict]:
    def judge(found: Found) -> Verdict:
        rounds = found.of(HUB, row)
        if not rounds:
            return _NOTHING
        reached = capacity(rounds)
        wall = over(rounds, lambda m: m.rate)
        assert wall is not None
        return Verdict(
            f"{row}: {reached:,.0f}/s a core ({wall.median:,.0f} wall)", reached >= wanted
        )

    return judge


def quick_enough(row: str, share: str, wanted: float) -> Callable[[Found], Verdict]:
    """`share`: p50 or p99, in milliseconds."""

    def judge(found: Found) -> Verdict:
        measured = over(found.of(HUB, row), lambda m: m.p50 if share == "p50" else m.p99)
        if measured is None:
            return _NOTHING
        return Verdict(f"{row}: {share} {measured.median:,.2f} ms", measured.median <= wanted)

    return judge


def soon_enough(row: str, fleet: int, wanted: float) -> Callable[[Found], Verdict]:
    """All of a row's operations within `wanted` seconds. Of a smaller fleet it is only told."""

    def judge(found: Found) -> Verdict:
        rounds = found.of(HUB, row)
        if not rounds:
            return _NOTHING
        seconds, count = spread([m.seconds for m in rounds]).median, rounds[0].operations
        met = seconds <= wanted if count >= fleet else None
        return Verdict(f"{row}: {count:,} devices in {seconds:.2f} s", met)

    return judge


def ahead_of(row: str, peer: str, wanted: float = 1.0) -> Callable[[Found], Verdict]:
    """Ours has so many times the capacity of a peer's in the same run, if that was measured."""

    def judge(found: Found) -> Verdict:
        ours, theirs = found.of(HUB, row), found.of(peer, row)
        if not ours or not theirs:
            return Verdict(f"{peer} was not measured", None)
        times = ratio(ours, theirs)
        return Verdict(f"×{times:.2f} of {peer}", times >= wanted)

    return judge


def small_enough(row: str, wanted: float) -> Callable[[Found], Verdict]:
    def judge(found: Found) -> Verdict:
        measured = over(found.of(HUB, row), lambda m: m.kib)
        if measured is None:
            return _NOTHING
        return Verdict(f"{row}: {measured.median:.1f} KiB", measured.median <= wanted)

    return judge


def flat(prefix: str, unit: str, wanted: float) -> Callable[[Found], Verdict]:
    """The rows `prefix`N cost alike, whatever N is. With dashboards it is the cost of an event that
    grows and that of a delivery that falls: flat means no delivery gets dearer."""

    def judge(found: Found) -> Verdict:
        costs = {
            int(name.removeprefix(prefix)): 1e6 / capacity(rounds)
            for name, rounds in found.rows.get(HUB, {}).items()
            if name.startswith(prefix)
        }
        if len(costs) < 2:
            return _NOTHING
        first, last = costs[min(costs)], costs[max(costs)]
        grown = last / first if unit == "delivery" else flatness(costs)
        each = ", ".join(f"{size:,}: {cost:.2f}" for size, cost in sorted(costs.items()))
        return Verdict(f"{prefix}: ×{grown:.2f} (µs an {unit} at {each})", grown <= wanted)

    return judge


def two_replicas(kind: str, wanted: float) -> Callable[[Found], Verdict]:
    def judge(found: Found) -> Verdict:
        one, two = (found.of(HUB, f"replicas-{count}-{kind}") for count in (1, 2))
        if not one or not two:
            return _NOTHING
        times = 2 * capacity(two) / capacity(one)
        return Verdict(f"{kind}: ×{times:.2f}", times >= wanted)

    return judge


def _all(*judges: Callable[[Found], Verdict]) -> Callable[[Found], list[Verdict]]:
    return lambda found: [judge(found) for judge in judges]


TARGETS: Final = [
    Target(
        "T1 ingest",
        "≥ 40k events/s sparse, ≥ 80k/s streaming, no loss",
        _all(at_least("ingest-sparse", 40e3), at_least("ingest-streaming", 80e3)),
    ),
    Target(
        "T2 fan-out 50 × 20",
        "≥ 1.0M deliveries/s, ahead of NATS, 0.75 of redis-server; added delay p99 ≤ 20 ms",
        _all(
            at_least("fan-out-50x20", 1e6),
            quick_enough("fan-out-delay", "p99", 20),
            ahead_of("fan-out-50x20", "nats-server"),
            ahead_of("fan-out-50x20", "redis-server", 0.75),
        ),
    ),
    Target(
        "T3 durable command over REST",
        "≥ 2.5k/s at 100 in flight, ahead of Python frameworks; p50 ≤ 4 ms at 1",
        _all(
            at_least("command-100", 2500),
            quick_enough("command-1", "p50", 4),
            *(ahead_of("command-100", peer) for peer in PYTHON),
        ),
    ),
    Target(
        "T4 durable bulk",
        "5,000 devices: all results returned in ≤ 2 s",
        _all(soon_enough("bulk", 5_000, 2.0)),
    ),
    Target(
        "T5 dispatch without REST and durability",
        "≥ 25k/s, p50 ≤ 100 µs",
        _all(at_least("dispatch-100", 25e3), quick_enough("dispatch-1", "p50", 0.1)),
    ),
    Target("T6 idle device", "≤ 6 KiB resident", _all(small_enough("idle", 6))),
    Target(
        "T7 device connects", "≥ 1,500/s, token never seen", _all(at_least("connect-storm", 1500))
    ),
    Target(
        "T8 cost as it grows",
        "within 1.3×: devices 100 → 10,000, dashboards 1 → 200",
        _all(flat("devices-", "event", 1.3), flat("dashboards-", "delivery", 1.3)),
    ),
    Target(
        "T9 two replicas",
        "≥ 1.8 × the capacity of one",
        _all(
            two_replicas("ingest", 1.8), two_replicas("fan-out", 1.8), two_replicas("command", 1.8)
        ),
    ),
]
