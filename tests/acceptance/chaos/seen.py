"""The checker's rules about dashboards (G9); their theory heads `checker`."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Final

from tests.acceptance.chaos.commands import ENDED
from tests.acceptance.chaos.history import Gap, History, OnSocket, Saw, Subscribed
from tests.acceptance.chaos.lines import acknowledged

Mark = tuple[str, str, int]
Place = tuple[str, int]
BEFORE_ANY: Final = -1


def unbroken(history: History) -> Iterator[str]:
    """On each socket offsets rise by one; before a gap or another epoch a gap says so."""
    at: dict[tuple[str, int], Place] = {}
    excused: dict[tuple[str, int], Gap] = {}
    for fact in history.facts:
        if not isinstance(fact, OnSocket):
            continue
        socket = (fact.dashboard, fact.socket)
        match fact:
            case Subscribed(recovered=True, since=(epoch, offset)):
                at[socket] = (epoch, offset)
            case Subscribed(epoch=str(epoch), offset=int(offset)):
                at.setdefault(socket, (epoch, offset))
            case Gap(epoch=epoch, upper=upper):
                excused[socket] = fact
                if epoch is not None and upper is not None:
                    at[socket] = (epoch, _moved(at.get(socket), epoch, upper))
            case Saw():
                if problem := _break(at.get(socket), excused.pop(socket, None), fact):
                    yield f"{fact.dashboard} (socket {fact.socket}) {problem}"
                at[socket] = (fact.epoch, fact.offset)
            case _:
                pass


def _moved(at: Place | None, epoch: str, upper: int) -> int:
    return max(at[1], upper) if at is not None and at[0] == epoch else upper


def _break(at: Place | None, gap: Gap | None, saw: Saw) -> str | None:
    if at is None:
        return None if gap else f"saw ({saw.epoch}, {saw.offset}) before it was subscribed"
    if saw.epoch != at[0]:
        told = gap is not None and gap.epoch == saw.epoch
        return None if told else f"went from epoch {at[0]} to {saw.epoch} without a gap"
    if saw.offset <= at[1]:
        return f"saw offset {saw.offset} after {at[1]} in epoch {saw.epoch}"
    unknown = gap is not None and gap.epoch == saw.epoch and gap.upper is None
    if saw.offset > at[1] + 1 and not unknown:
        return f"saw offset {saw.offset} after {at[1]} in epoch {saw.epoch}, and no gap"
    return None


class Watch:
    """All that one dashboard was told."""

    def __init__(self) -> None:
        self.since: float | None = None
        self.seen: defaultdict[Mark, list[Place]] = defaultdict(list)
        self.furthest: dict[str, int] = {}
        self.gaps: list[Gap] = []

    def covers(self, place: Place | None, sent: float) -> bool:
        """Whether a gap excuses that it did not see an event."""
        told_after = [gap for gap in self.gaps if gap.at >= sent]
        if place is None or place[0] not in self.furthest:
            return bool(told_after)
        epoch, offset = place
        return any(_over(gap, epoch, offset) for gap in self.gaps) or (
            offset > self.furthest[epoch] and any(gap.epoch != epoch for gap in told_after)
        )


def _over(gap: Gap, epoch: str, offset: int) -> bool:
    lower, upper = gap.lower, gap.upper
    return (
        gap.epoch == epoch
        and (lower is None or lower < offset)
        and (upper is None or offset <= upper)
    )


def watches(history: History) -> dict[str, Watch]:
    found: defaultdict[str, Watch] = defaultdict(Watch)
    for fact in history.facts:
        if not isinstance(fact, OnSocket):
            continue
        watch = found[fact.dashboard]
        match fact:
            case Subscribed():
                watch.since = fact.at if watch.since is None else watch.since
                if fact.epoch is not None:
                    watch.furthest.setdefault(fact.epoch, BEFORE_ANY)
            case Gap():
                watch.gaps.append(fact)
            case Saw():
                watch.furthest[fact.epoch] = max(
                    fact.offset, watch.furthest.get(fact.epoch, BEFORE_ANY)
                )
                if fact.mark is not None:
                    watch.seen[fact.mark].append((fact.epoch, fact.offset))
    return dict(found)


def events_seen_once(history: History) -> Iterator[str]:
    """Every acknowledged event, by every dashboard, once in a stay; or a gap was told."""
    all_watches = watches(history)
    places = {mark: at for watch in all_watches.values() for mark, at in watch.seen.items()}
    owed = acknowledged(history.facts)
    for name, watch in all_watches.items():
        for mark, sent in owed.items():
            missing = mark not in watch.seen and watch.since is not None and sent > watch.since
            if missing and not any(watch.covers(at, sent) for at in places.get(mark, [None])):
                yield f"{name} never saw event {mark} ({places.get(mark)}), and was told no gap"
    for (name, mark, _), times in Counter(
        (saw.dashboard, saw.mark, stay) for saw, stay in stays(history) if saw.mark is not None
    ).items():
        if times > 1:
            yield f"{name} saw event {mark} {times} times: {all_watches[name].seen[mark]}"


def stays(history: History) -> Iterator[tuple[Saw, int]]:
    """What dashboards saw, with the number of the stay. A stay ends when a dashboard is told
    another epoch: if it is sent back to the former one, it begins where the gap says, which may be
    before what it has seen on another replica."""
    at: dict[str, tuple[str, int]] = {}
    for fact in history.facts:
        if not isinstance(fact, Gap | Saw) or fact.epoch is None:
            continue
        epoch, stay = at.get(fact.dashboard, (fact.epoch, 0))
        at[fact.dashboard] = (fact.epoch, stay + (epoch != fact.epoch))
        if isinstance(fact, Saw):
            yield fact, at[fact.dashboard][1]


def excused(history: History) -> tuple[int, int]:
    """(missed behind a gap or not, owed) acknowledged events, summed over the dashboards. Gaps are
    lawful, but a hub that tells one for everything keeps no promise."""
    owed = acknowledged(history.facts)
    missed = total = 0
    for watch in watches(history).values():
        due = [
            mark for mark, sent in owed.items() if watch.since is not None and sent > watch.since
        ]
        missed += sum(mark not in watch.seen for mark in due)
        total += len(due)
    return missed, total


def results_agree(history: History) -> Iterator[str]:
    """An end that a dashboard was told is the end, and it is told once in a stay."""
    rows = {row.command: row.status for row in history.ledger.rows}
    told: set[tuple[str, int, str]] = set()
    for fact, stay in stays(history):
        if fact.type != "command_result" or fact.command is None:
            continue
        if fact.status in ENDED and rows.get(fact.command) != fact.status:
            yield f"{fact.dashboard} saw {fact.command} {fact.status}: {rows.get(fact.command)}"
        key = (fact.dashboard, stay, fact.command)
        if key in told:
            yield f"{fact.dashboard} saw the end of {fact.command} twice"
        told.add(key)
