"""The arithmetic of measurements. Pure: numbers in, numbers out."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from msgspec import Struct

GENERATOR_LIMIT: Final = 0.8
"""A generator that is busier than this may have measured itself."""


class Cpu(Struct, frozen=True, kw_only=True):
    """CPU seconds so far: of the server's process, of it with its stores, of the generator."""

    server: float
    everything: float
    generator: float


class Measured(Struct, frozen=True, kw_only=True):
    """One round of one row. Latencies in milliseconds."""

    operations: int
    seconds: float
    cpu: Cpu
    load: float = 0.0
    """The machine's load average at the end: more than two means that others were at work."""
    p50: float | None = None
    p99: float | None = None
    kib: float | None = None
    """Resident memory of the server's process for each connection."""
    note: str = ""

    @property
    def rate(self) -> float:
        return self.operations / self.seconds

    @property
    def server_us(self) -> float:
        return self.cpu.server / self.operations * 1e6

    @property
    def all_us(self) -> float:
        return self.cpu.everything / self.operations * 1e6

    @property
    def generator(self) -> float:
        """The generator's share of a core."""
        return self.cpu.generator / self.seconds

    @property
    def server(self) -> float:
        """The server's share of a core: well below 1, it was not what limited the rate."""
        return self.cpu.server / self.seconds


class Spread(Struct, frozen=True):
    """Of several rounds."""

    median: float
    low: float
    high: float

    @property
    def share(self) -> float:
        """Half of the range, as a share of the median."""
        return (self.high - self.low) / 2 / self.median if self.median else 0.0


def difference(before: Cpu, after: Cpu) -> Cpu:
    return Cpu(
        server=after.server - before.server,
        everything=after.everything - before.everything,
        generator=after.generator - before.generator,
    )


def percentile(values: Sequence[float], share: float) -> float:
    """By linear interpolation between ranks; `share` from 0 to 1. Raises `ValueError` for none."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    rank = share * (len(ordered) - 1)
    below = int(rank)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (rank - below)


def spread(values: Sequence[float]) -> Spread:
    """Raises `ValueError` for none."""
    return Spread(percentile(values, 0.5), min(values), max(values))


def over(rounds: Sequence[Measured], figure: Callable[[Measured], float | None]) -> Spread | None:
    """The spread of one figure over the rounds that have it."""
    values = [value for measured in rounds if (value := figure(measured)) is not None]
    return spread(values) if values else None


def capacity(rounds: Sequence[Measured]) -> float:
    """Operations a second of a server that has a core to itself, by its median CPU time for one."""
    cost = spread([measured.server_us for measured in rounds]).median
    return 1e6 / cost if cost else float("inf")


def ratio(ours: Sequence[Measured], theirs: Sequence[Measured]) -> float:
    """How many times the capacity of theirs ours is."""
    return capacity(ours) / capacity(theirs)


def generator_at_limit(rounds: Sequence[Measured]) -> bool:
    return any(measured.generator >= GENERATOR_LIMIT for measured in rounds)


def flatness(costs: Mapping[int, float]) -> float:
    """Of costs by size: the dearest over the cheapest. Raises `ValueError` for none."""
    return max(costs.values()) / min(costs.values())


def slope(points: Sequence[tuple[float, float]]) -> float:
    """By least squares; 0.0 for fewer than two moments."""
    if len({x for x, _ in points}) < 2:
        return 0.0
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    above = sum((x - mean_x) * (y - mean_y) for x, y in points)
    return above / sum((x - mean_x) ** 2 for x, _ in points)
