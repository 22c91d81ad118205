"""What breaks when: a schedule made from a seed, and nothing else.

Two streams run beside each other. *World* faults hurt replicas, servers and wires; they come one
after another with a pause between, each kind once before any comes again, in an order of the seed;
in a whole run some come in twos that hurt different parts. *Peer* faults are devices and dashboards
that behave badly; they come all the time.

A short run takes a hand of world faults, and holds them for less long.
"""

import random
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from tests.acceptance.chaos.steps import STEPS

WORLD: Final[dict[str, tuple[float, float]]] = {
    "replica killed": (5, 3),
    "replica killed at a step": (20, 8),
    "replica frozen": (27, 12),
    "replica drained": (1, 1),
    "all replicas killed": (2, 1),
    "redis killed": (0, 0),
    "redis down": (20, 5),
    "redis frozen": (30, 6),
    "redis subscribers killed": (12, 5),
    "redis out of memory": (10, 4),
    "postgres restarted": (0, 0),
    "postgres backends terminated": (10, 4),
    "postgres frozen": (60, 8),
    "postgres connections exhausted": (15, 5),
    "database wire frozen": (12, 4),
    "database wire cut": (1, 1),
    "redis wire slow": (10, 4),
    "redis wire frozen": (12, 4),
    "redis wire cut": (1, 1),
    "clients' wire slow": (8, 3),
    "clients' wire frozen": (12, 4),
    "clients' wire cut": (1, 1),
    "clients' wire half-closed": (1, 1),
    "replica frozen, its devices move": (15, 11),
    "replica's clock stepped": (20, 5),
    "postgres's clock stepped": (20, 5),
    "postgres's disk full": (12, 5),
}
"""Seconds it is held: in a whole run, in a short one. A step is waited for so long at most."""
CLOCKS: Final = frozenset({"replica's clock stepped", "postgres's clock stepped"})
"""Faults that need libfaketime."""
DISK: Final = frozenset({"postgres's disk full"})
"""Faults that need a tmpfs."""
CLOCK_STEPS: Final = ("+10s", "-10s", "+10m", "-10m", "+1d", "-1d")
"""Where a clock is stepped to; then it is stepped back."""

PEERS: Final = (
    "device killed", "device killed", "journal deleted", "clone", "two lines", "come and go",
    "half-open", "flood", "handshake never finished", "dashboard never reads",
    "dashboard in a loop", "rubbish", "dashboard leaves",
)  # fmt: skip
PEER_SECONDS: Final = 1.5
STEP_SECONDS: Final = 40.0
HAND: Final = 15
PAIRS: Final = 0.3


class Planned(Struct, frozen=True):
    """`pick` chooses the victim, whoever is there at that moment."""

    name: str
    seconds: float
    pick: int


def world(
    seed: int, *, short: bool, without: frozenset[str] = frozenset()
) -> Iterator[tuple[Planned, ...]]:
    """What begins together. Without an end when it is not short. Leaving faults out changes
    nothing of the others."""
    chance = random.Random(seed)  # noqa: S311 - to be repeated
    while True:
        deck = list(WORLD)
        chance.shuffle(deck)
        waiting = [
            Planned(name, WORLD[name][short], chance.randrange(1 << 30))
            for name in (deck[:HAND] if short else deck)
        ]
        waiting = [fault for fault in waiting if fault.name not in without]
        while waiting:
            first = waiting.pop(0)
            pair = not short and waiting and _part(first) != _part(waiting[0])
            yield (first, waiting.pop(0)) if pair and chance.random() < PAIRS else (first,)
        if short:
            return


def steps(replicas: int) -> Iterator[tuple[Planned, ...]]:
    """Each step once, at the replicas in turn: everybody is where nobody was killed just now."""
    for number in range(len(STEPS)):
        pick = number * replicas + number % replicas
        yield (Planned("replica killed at a step", STEP_SECONDS, pick),)


def _part(fault: Planned) -> str:
    """What it hurts: a server and the wire to it are one."""
    word = fault.name.split()[0]
    word = word.removesuffix("'s")
    return {"all": "replica", "database": "postgres"}.get(word, word)


def peers(seed: int) -> Iterator[tuple[float, Planned]]:
    """(pause before it, what) without an end."""
    chance = random.Random(seed + 1)  # noqa: S311
    while True:
        pause = chance.expovariate(1 / PEER_SECONDS)
        seconds = chance.uniform(2, 6)
        yield pause, Planned(chance.choice(PEERS), seconds, chance.randrange(1 << 30))
