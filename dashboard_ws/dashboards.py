"""All dashboards and event streams of this replica, one fan-out an organisation, and the passing of
time."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextvars import Context
from typing import Any, Final

import structlog

from dashboard_ws.core.wire import Frames
from dashboard_ws.endpoint import MOST_SOCKETS, Dashboard
from dashboard_ws.event_stream import MOST_STREAMS, EventStream, StreamRequest
from dashboard_ws.fanout import FanOut
from dashboard_ws.ports import Authorised, Clock, EventSource, Groups, Queries, Tokens
from dashboard_ws.replay import READS_AT_ONCE
from dashboard_ws.surroundings import Surroundings
from dashboard_ws.watcher import Watcher, count_of
from protocol.closing import CloseCode
from protocol.dashboard import Position
from protocol.ids import OrgId, ReplicaId
from protocol.stream import EventBatch

SWEEP_SECONDS: Final = 0.5
RESOLVE_SECONDS: Final = 30.0
"""How long a group's change may stay unseen when the hint that tells of it was lost."""

QUERY_SECONDS: Final = 2.0
"""How old it may become whom a query means, and whether an API key is still good."""

RESTART_SECONDS: Final = 1.0
PLACED_AT_ONCE: Final = 10
"""Groups whose members are read in one go: the loop turns between them."""


def batched(groups: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(groups), size):
        yield groups[start : start + size]


_log: Final = structlog.get_logger(__name__)


class Dashboards:
    """`run()` belongs in the root's task group and must run before the first socket opens.
    `frame` wraps a text in a WebSocket frame."""

    def __init__(
        self,
        *,
        source: EventSource,
        tokens: Tokens,
        groups: Groups,
        queries: Queries,
        clock: Clock,
        frame: Callable[[bytes], bytes],
        replica_id: ReplicaId,
    ) -> None:
        self._clock = clock
        self._replica_id = replica_id
        self._groups = groups
        self._source = source
        self._open: set[Watcher] = set()
        self._fanouts: dict[OrgId, FanOut] = {}
        self._tails: dict[OrgId, asyncio.Task[None]] = {}
        self._stale: dict[OrgId, set[str] | None] = {}
        """Groups whose members may be others; None for all."""
        self._settling: dict[OrgId, asyncio.Lock] = {}
        self._resolved_at = self._asked_at = clock.monotonic()
        self._tasks: asyncio.TaskGroup | None = None
        self._around = Surroundings(
            source=source,
            tokens=tokens,
            groups=groups,
            queries=queries,
            clock=clock,
            wire=Frames(frame),
            reading=asyncio.Semaphore(READS_AT_ONCE),
            spawn=self._spawn,
            fanout_of=self._fanout_of,
            place=self._place_in_turn,
            settle=self._settle,
        )

    def sockets(self) -> int:
        return sum(isinstance(each, Dashboard) for each in self._open)

    def streams(self) -> int:
        return sum(isinstance(each, EventStream) for each in self._open)

    def watched(self) -> list[OrgId]:
        """The organisations whose stream somebody watches here."""
        return list(self._fanouts)

    def shown(self, org: OrgId) -> Position | None:
        """Up to where dashboards here were shown the stream; None when nobody watches."""
        fanout = self._fanouts.get(org)
        return None if fanout is None else fanout.position

    def handler(self, authorised: Authorised | None) -> Dashboard | None:
        """The handler of a new socket; None when its user has as many as a user may have."""
        if authorised is not None and self._has_enough(Dashboard, MOST_SOCKETS, authorised):
            return None
        return Dashboard(self._around, authorised, self._open)

    def stream(self, authorised: Authorised, request: StreamRequest) -> EventStream | None:
        """The same of a stream of server-sent events."""
        if self._has_enough(EventStream, MOST_STREAMS, authorised):
            return None
        return EventStream(self._around, authorised, self._open, request)

    def _has_enough(self, kind: type[Watcher], most: int, authorised: Authorised) -> bool:
        return count_of(self._open, kind, authorised) >= most

    def disconnect(self, matches: Callable[[Authorised], bool], code: CloseCode) -> int:
        """Close the sockets of sessions that ended (4401), of users that were disabled (4403), or
        of everybody (a drain). Returns how many."""
        leaving = [
            each for each in self._open if each.authorised is not None and matches(each.authorised)
        ]
        for watcher in leaving:
            watcher.close(code)
        return len(leaving)

    def rights_changed(self, matches: Callable[[Authorised], bool]) -> None:
        """What these users may see is another now: their sockets go by it, or end."""
        for watcher in tuple(self._open):
            if watcher.authorised is not None and matches(watcher.authorised):
                self._spawn(self._look_again(watcher, watcher.authorised))

    async def _look_again(self, watcher: Watcher, authorised: Authorised) -> None:
        try:
            sight = await watcher.sight(authorised)
            if sight is not None:
                fanout = self._fanout_of(authorised.org)
                await self._place_in_turn(fanout, sight.groups())
        except Exception as error:
            _log.warning("dashboard_rights_unknown", org=authorised.org, error=str(error))
            watcher.close(CloseCode.TRY_LATER)
            return
        if sight is None:
            watcher.close(CloseCode.FORBIDDEN)
        else:
            watcher.see(sight)

    async def _place_in_turn(self, fanout: FanOut, groups: frozenset[str]) -> None:
        """The same; what is read later is known later, too."""
        async with self._turn_of(fanout.org):
            await self._place(fanout, groups)

    def _turn_of(self, org: OrgId) -> asyncio.Lock:
        return self._settling.setdefault(org, asyncio.Lock())

    async def _place(self, fanout: FanOut, groups: frozenset[str]) -> None:
        """Find out who is in these groups, some at a time."""
        for some in batched(sorted(groups), PLACED_AT_ONCE):
            members = await self._groups.members_of_each(fanout.org, frozenset(some))
            if fanout.index.place(members):
                for watcher in tuple(self._open):
                    if watcher.authorised and watcher.authorised.org == fanout.org:
                        watcher.withdraw()

    def groups_changed(self, org: OrgId, group_id: str | None = None) -> None:
        """A group of `org` has other members, some group for None; filters and sights follow within
        `SWEEP_SECONDS`."""
        known = self._stale.setdefault(org, set())
        if group_id is None or known is None:
            self._stale[org] = None
        else:
            known.add(group_id)

    def show(self, org: OrgId, batch: EventBatch) -> None:
        """The stream does not take these events of our own devices now: they are shown here."""
        fanout = self._fanouts.get(org)
        if fanout is not None:
            fanout.show(batch)

    async def run(self) -> None:
        """Runs until it is cancelled."""
        async with asyncio.TaskGroup() as self._tasks:
            while True:
                await asyncio.sleep(SWEEP_SECONDS)
                self._sweep(self._clock.monotonic())

    def _sweep(self, now: float) -> None:
        for watcher in tuple(self._open):
            watcher.look(now)
        if now - self._asked_at >= QUERY_SECONDS:
            self._asked_at = now
            self._ask_again()
        if now - self._resolved_at >= RESOLVE_SECONDS:
            self._resolved_at = now
            self._stale.update(dict.fromkeys(self._fanouts))
        for org in self._stale:
            self._spawn(self._settle(org))
        self._stop_idle_tails()

    def _ask_again(self) -> None:
        """What nobody tells of: whom queries mean, and what API keys may see."""
        self.rights_changed(lambda who: who.key_id is not None)
        for fanout in self._fanouts.values():
            for named in fanout.index.named_in_use():
                if isinstance(named, str):
                    self._spawn(self._resolve_query(fanout, named))

    async def _resolve_query(self, fanout: FanOut, query: str) -> None:
        try:
            devices = await self._around.queries.devices(fanout.org, query)
        except Exception as error:
            _log.warning("dashboards_query_unknown", org=fanout.org, error=str(error))
            return
        if query in fanout.index.named_in_use():
            fanout.index.resolve(query, devices)

    async def _settle(self, org: OrgId) -> None:
        """Returns when what was known to have changed has been read, by whoever began it."""
        async with self._turn_of(org):
            if org in self._stale:
                await self._resolve_again(org, self._stale.pop(org))

    async def _resolve_again(self, org: OrgId, changed: set[str] | None) -> None:
        """Of `changed` groups; of all for None."""
        fanout = self._fanouts.get(org)
        if fanout is None:
            return
        for groups in fanout.index.named_in_use():
            if isinstance(groups, str):
                continue
            if changed is not None and groups.isdisjoint(changed):
                continue
            try:
                devices = await self._groups.members(org, groups)
            except Exception as error:
                _log.warning("dashboards_groups_unknown", org=org, error=str(error))
                return
            fanout.index.resolve(groups, devices)
        named = self._named_by_sights(org)
        if changed is None:
            fanout.index.forget_groups(named)
        else:
            named = (named | fanout.index.placed) & changed
        try:
            await self._place(fanout, named)
        except Exception as error:
            _log.warning("dashboards_groups_unknown", org=org, error=str(error))

    def _named_by_sights(self, org: OrgId) -> frozenset[str]:
        """The groups that count for readers of an organisation, also for those that are replayed
        to, which are in no audience."""
        readers = (watcher.authorised for watcher in self._open)
        sights = {who.sight for who in readers if who is not None and who.org == org}
        return frozenset[str]().union(*(sight.groups() for sight in sights))

    def _fanout_of(self, org: OrgId) -> FanOut:
        fanout = self._fanouts.get(org)
        if fanout is None:
            fanout = self._fanouts[org] = FanOut(org, self._replica_id)
            self._tails[org] = self._spawn(self._follow(fanout))
        return fanout

    async def _follow(self, fanout: FanOut) -> None:
        while True:
            try:
                await self._source.tail(fanout.org, fanout.receive)
            except Exception as error:
                # A bug of ours. Dashboards get a gap; devices must not notice at all.
                _log.exception("dashboards_tail_failed", org=fanout.org, exc_info=error)
                await asyncio.sleep(RESTART_SECONDS)

    def _stop_idle_tails(self) -> None:
        in_use = {watcher.authorised.org for watcher in self._open if watcher.authorised}
        for org in self._fanouts.keys() - in_use:
            del self._fanouts[org]
            self._settling.pop(org, None)
            self._tails.pop(org).cancel()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        if self._tasks is None:
            raise AssertionError("run() must run first")
        # In a context of its own: whoever began it may see less than it needs.
        return self._tasks.create_task(work, context=Context())
