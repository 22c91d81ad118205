"""Records of production on their way out: which way each goes, and when the next attempt is. Pure.

There are two ways, the hub (`VIA_LOCAL_SERVER`) and the cloud (`DIRECT_CLOUD`). A record that was
never tried goes the present one. A record that was tried stays on its way until its fate is known,
whatever the mode is by then: its first attempt may have arrived though the answer was lost, and the
other way would bring it there a second time. That makes switching safe at any moment.

What is handed in for a company leaves in that order, whatever its kind: a fixation never goes
before its batch. On the way to the cloud each company is therefore a lane of its own; to the hub
all records are one lane. A record whose company has an older one on the other way waits for that.
A lane that failed rests, and the others go on.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Final, Generic, Literal, TypeVar

from msgspec import Struct

from cloud.api import wait_after
from protocol.edge import MOST_RECORDS, Refusal, SyncAnswer
from protocol.frames import ConnectionMode

L = TypeVar("L", bound=Hashable)

Way = Literal["hub", "cloud"]

MOST_SYNC_BYTES: Final = 900_000
"""Of one call of `POST /sync`: below what any hub takes."""


class RecordBounds(Struct, frozen=True, kw_only=True):
    """Of what waits. Past them a record is refused: whoever made it still has it."""

    records: int = 200_000
    bytes: int = 256 * 1024 * 1024

    def admit(self, *, records: int, size: int) -> bool:
        """`records` and `size` with the one that asks."""
        return records <= self.records and size <= self.bytes


def way_of(mode: ConnectionMode) -> Way:
    """Of records that were never tried."""
    return "cloud" if mode == "DIRECT_CLOUD" else "hub"


def fitting(sizes: Sequence[int]) -> int:
    """How many of the first records go into one call of `POST /sync`; at least one."""
    total = 0
    for number, size in enumerate(sizes[:MOST_RECORDS]):
        total += size + 1
        if total > MOST_SYNC_BYTES:
            return max(1, number)
    return min(len(sizes), MOST_RECORDS)


class Fates(Struct, frozen=True):
    """What the hub's answer says of what it was sent; what it does not name still waits."""

    done: list[str]
    refused: list[tuple[str, str]]
    """(id, why)."""
    held: dict[str, str] = {}
    """Id to why: of a company that is not the device's, as the hub has it. People can change that,
    so the record waits, and nothing of it is lost."""


def fates(sent: Sequence[str], answer: SyncAnswer) -> Fates:
    mine = set(sent)
    refusals = [refusal for refusal in answer.refused if refusal.id in mine]
    return Fates(
        done=[ident for ident in answer.accepted if ident in mine],
        refused=[(each.id, _why(each)) for each in refusals if each.code != "forbidden"],
        held={each.id: _why(each) for each in refusals if each.code == "forbidden"},
    )


def _why(refusal: Refusal) -> str:
    return f"{refusal.code}: {refusal.message}"


class LaneBackoff(Generic[L]):
    """When each lane may be tried again. `draw` gives a float evenly from [0, 1)."""

    def __init__(self, draw: Callable[[], float]) -> None:
        self._draw = draw
        self._failures: dict[L, int] = {}
        self._until: dict[L, float] = {}

    def first(self, lanes: Sequence[L], now: float) -> L | None:
        """The first lane that need not rest."""
        return next((lane for lane in lanes if self._until.get(lane, now) <= now), None)

    def wait(self, lanes: Sequence[L], now: float) -> float | None:
        """Seconds until one of `lanes` may be tried; None when there are none."""
        return min((max(0.0, self._until.get(lane, now) - now) for lane in lanes), default=None)

    def failed(self, lane: L, now: float, *, wish: float) -> float:
        """The lane rests; for how long."""
        failures = self._failures[lane] = self._failures.get(lane, 0) + 1
        wait = wait_after(failures, wish=wish, draw=self._draw())
        self._until[lane] = now + wait
        return wait

    def went_well(self, lane: L) -> None:
        self._failures.pop(lane, None)
        self._until.pop(lane, None)

    def hurry(self) -> None:
        """Somebody wants it now, or the other side is back: nobody rests."""
        self._until.clear()
