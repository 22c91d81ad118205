"""One reader of an organisation's stream: in which audience it is, and where it stands.

This is the contract of everybody who follows the stream by an outlet of their own, whatever they
say and hear: a dashboard's socket is one. A reader either stands in the fan-out or replays, and is
told of every gap on its outlet. What must not be missed at all (something that is to be delivered
elsewhere) does not read here: a stream forgets.
"""

from functools import partial
from typing import Final

from msgspec import Struct

from dashboard_ws.core.filters import Matcher, Named, Selection, Sight
from dashboard_ws.fanout import FanOut
from dashboard_ws.outlet import Outlet
from dashboard_ws.replay import NOWHERE, Answer, Replay, Wanted
from dashboard_ws.surroundings import Surroundings
from protocol.dashboard import Position
from protocol.ids import OrgId

READY_SECONDS: Final = 2.0
"""How long it waits for the first sight of the stream before it goes on without."""
RENEW_SECONDS: Final = 1.5
"""How old it may become in a replay whom a query means."""


class Missed(Struct, frozen=True):
    """All since `since`; of `old`, which it got up to `base`, what came after that."""

    since: Position
    old: Selection
    base: Position | None


class StreamReader:
    """`enter` comes first. `prepare` and `replay` wait: of them one runs at a time, and nothing is
    selected meanwhile."""

    def __init__(self, surroundings: Surroundings, outlet: Outlet) -> None:
        self._around = surroundings
        self._outlet = outlet
        self._fanout: FanOut | None = None
        self._attached: Selection = frozenset()
        self._members: dict[Named, frozenset[str]] = {}
        self._since: Position | None = None
        self._replay: Replay | None = None
        self._resolved_at = 0.0
        self._ended = False

    @property
    def position(self) -> Position:
        """What is at or before it was sent, or said to be missing."""
        at = self._replay.position if self._replay is not None else self._since
        return at or self._here().position or NOWHERE

    def enter(self, org: OrgId) -> None:
        """The stream of an organisation: always the same one."""
        self._fanout = self._around.fanout_of(org)

    def set_sight(self, sight: Sight) -> None:
        """What it may see, from now on; what waits of others is dropped."""
        if sight == self._outlet.sight:
            return
        selection = self._attached
        self._members = dict(self._here().index.members_of)  # which forgets them when it leaves
        self.leave()
        self._outlet.sight = sight
        self._outlet.withdraw(self._here().index.groups_of)
        self.select(selection)

    def withdraw(self) -> None:
        """Drop what waits of devices that it may not see any more."""
        self._outlet.withdraw(self._here().index.groups_of)

    def is_ready(self, selection: Selection) -> bool:
        """Whether it can `select` that at once."""
        here = self._here()
        placed = here.index.placed >= self._outlet.sight.groups()
        return placed and here.position is not None and not self._unresolved(selection)

    async def prepare(self, selection: Selection) -> None:
        """Find out what has to be known before it can `select` that. Raises what groups raise."""
        await self._resolve(selection)
        fanout, groups = self._here(), self._outlet.sight.groups()
        if not fanout.index.placed >= groups:
            await self._around.place(fanout, groups)
        await self._here().stand(seconds=READY_SECONDS)

    def select(self, selection: Selection) -> None:
        """From here on it gets what `selection` wants."""
        if selection == self._attached or self._ended:
            return
        fanout = self._here()
        members = self._members | fanout.index.members_of
        self.leave()
        for named in self._unresolved(selection):
            fanout.index.resolve(named, members.get(named, frozenset()))
        fanout.attach(self._outlet, selection)
        self._attached = selection
        self._members = {}

    def leave(self) -> None:
        """From here on it gets nothing."""
        if self._fanout is not None:
            self._fanout.detach(self._outlet, self._attached)
        self._attached = frozenset()

    def end(self) -> None:
        """It gets nothing any more, whatever still runs."""
        self._ended = True
        self.leave()

    def pause(self, since: Position) -> Missed:
        """It gets nothing until it is replayed to."""
        missed = Missed(since, self._attached, self._here().position)
        self.leave()
        self._since = since
        return missed

    async def replay(
        self, missed: Missed, fresh: Selection, selection: Selection, answer: Answer
    ) -> None:
        """Send what it missed of `fresh`, and of the old since it was paused; then it gets what
        `selection` wants. `answer` is called in front of the first event. What it may see of
        the past is decided by the members that groups have now."""
        await self._around.settle(self._here().org)
        await self.prepare(selection)
        wanted = Wanted(
            fresh=Matcher(fresh, self._members),
            since=missed.since,
            old=Matcher(missed.old, self._members) if missed.old else None,
            base=missed.base,
        )
        self._replay = Replay(
            wanted,
            self._here(),
            self._outlet,
            source=self._around.source,
            reading=self._around.reading,
            renew=partial(self._renew, wanted, _queries(fresh | missed.old)),
        )
        await self._replay.run(answer)
        self._replay = self._since = None
        self.select(selection)

    async def _renew(self, wanted: Wanted, queries: frozenset[str]) -> None:
        """Whom these queries mean now, for a replay that takes long."""
        now = self._around.clock.monotonic()
        if not queries or now - self._resolved_at < RENEW_SECONDS:
            return
        self._resolved_at = now
        for query in queries:
            self._members[query] = await self._find(query)
        for matcher in (wanted.fresh, wanted.old):
            if matcher is not None:
                matcher.renew(self._members)

    def _unresolved(self, selection: Selection) -> set[Named]:
        known = self._here().index.members_of
        named = {named for predicate in selection for named in predicate.named()}
        return {each for each in named if each not in known}

    async def _resolve(self, selection: Selection) -> None:
        """Find the devices of what it names and nobody here uses yet."""
        found = dict(self._here().index.members_of)
        self._resolved_at = self._around.clock.monotonic()
        for named in self._unresolved(selection):
            found[named] = await self._find(named)
        self._members = found

    async def _find(self, named: Named) -> frozenset[str]:
        org = self._here().org
        if isinstance(named, str):
            return await self._around.queries.devices(org, named)
        return await self._around.groups.members(org, named)

    def _here(self) -> FanOut:
        if self._fanout is None:
            raise AssertionError("nobody reads before it is known whose stream")
        return self._fanout


def _queries(selection: Selection) -> frozenset[str]:
    return frozenset(predicate.query for predicate in selection if predicate.query is not None)
