"""Sending a dashboard what it missed, from its `since` to where the fan-out stands.

While it lasts the dashboard is in no audience. The replay reads on until it stands where the
fan-out stands; at that moment, without a pause in between, the dashboard joins. So nothing has to
queue behind the replay, nothing comes twice and nothing is left out.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol

import structlog
from msgspec import Struct

from dashboard_ws.core.filters import Groups, Matcher, Sight, seen_by
from dashboard_ws.core.outbox import Outgoing
from dashboard_ws.core.recovery import (
    StreamGap,
    gap_before_entries,
    gap_before_live,
    gap_of,
    is_level,
)
from dashboard_ws.core.wire import Wire
from dashboard_ws.fanout import FanOut
from dashboard_ws.outlet import CHUNK, Outlet
from dashboard_ws.ports import EventSource
from protocol.dashboard import Position
from protocol.stream import StreamEntry

READ_COUNT: Final = 10
"""Entries a read."""
READS_AT_ONCE: Final = 4
"""Of all replays together: a hundred dashboards that come back must not crowd out the tail."""
CATCH_UP_SECONDS: Final = 2.0
RETRY_SECONDS: Final = 0.5

_log: Final = structlog.get_logger(__name__)


NOWHERE: Final = Position(epoch="", offset=0)
"""Said while no stream could be read yet."""


class Answer(Protocol):
    def __call__(self, live: Position, *, recovered: bool) -> None:
        """Say `subscribed`: live events follow from `live` on."""
        ...


class Wanted(Struct, frozen=True, kw_only=True):
    """Who wants what of the past. `fresh` are the new subscriptions, from `since` on; `old` those
    that were live up to `base`, where the dashboard left its audience for this replay."""

    fresh: Matcher
    since: Position
    old: Matcher | None
    base: Position | None

    def start(self) -> Position:
        """Where to read from: the earlier of the two."""
        if self.old is None or self.base is None:
            return self.since
        return min(self.since, self.base, key=lambda position: position.offset)

    def gap(self, live: Position) -> StreamGap | None:
        """The gap when one of the two is no place in the stream."""
        if self.old is not None and self.base is not None and self.base.epoch != live.epoch:
            return gap_before_live(self.base, live)
        return gap_before_live(self.since, live)

    def outgoing(
        self,
        entry: StreamEntry,
        wire: Wire,
        sight: Sight,
        groups_of: Mapping[str, Groups],
    ) -> list[Outgoing]:
        """Of what was missed, what the reader may see by the rights that it has now."""
        base = 0 if self.base is None else self.base.offset
        wanted = (
            (
                offset,
                event,
                seen_by(event, cleared=sight.is_cleared(event.device_id, groups_of)),
            )
            for offset, event in enumerate(entry.events, entry.first)
            if (
                (offset > self.since.offset and self.fresh.takes(event))
                or (self.old is not None and offset > base and self.old.takes(event))
            )
            and sight.sees_device(event.device_id, groups_of)
        )
        return [
            Outgoing(
                entry.epoch,
                offset,
                event.type,
                event.device_id,
                wire.event(body, entry.epoch, offset),
            )
            for offset, event, body in wanted
            if body is not None
        ]


class Replay:
    """One run for one dashboard. `position` is what was sent up to now: the answer to a `ping`."""

    def __init__(
        self,
        wanted: Wanted,
        fanout: FanOut,
        outlet: Outlet,
        *,
        source: EventSource,
        reading: asyncio.Semaphore,
        renew: Callable[[], Awaitable[None]],
    ) -> None:
        """`renew` is awaited before each read: whom the selection means may be others by then."""
        self._wanted = wanted
        self._fanout = fanout
        self._outlet = outlet
        self._source = source
        self._reading = reading
        self._renew = renew
        self.position = wanted.since

    async def run(self, answer: Answer) -> None:
        """Returns when the dashboard stands where the fan-out stands; it must join before anything
        is awaited. Every way out has sent the events or said which may be missing."""
        trusted = await self._let_the_fanout_catch_up()
        live = self._fanout.position
        if live is None or not trusted:
            self._give_up(answer, live or NOWHERE)
        elif gap := self._wanted.gap(live):
            answer(live, recovered=False)
            self._outlet.say(gap.text())
        else:
            await self._from(self._wanted.start(), live, answer)

    async def _let_the_fanout_catch_up(self) -> bool:
        """Wait until it stands where the stream's head is now; False when nobody knows that."""
        try:
            head = await self._source.head(self._fanout.org)
        except Exception as error:
            _log.warning("replay_no_head", org=self._fanout.org, error=str(error))
            return False
        if head is not None:
            await self._fanout.reach(head, seconds=CATCH_UP_SECONDS)
        return True

    def _give_up(self, answer: Answer, live: Position) -> None:
        answer(live, recovered=False)
        self._outlet.say(StreamGap(live.epoch, None, live.offset, "bus").text())

    async def _from(self, position: Position, live: Position, answer: Answer) -> None:
        """Round by round, until it is level with a fan-out that moves on."""
        entries = await self._read(position)
        if entries is None:
            self._give_up(answer, self._fanout.position or live)
            return
        answer(live, recovered=self._gap(position, entries, live) is None)
        while entries is not None:
            self.position = position = await self._send(position, entries, live)
            live = self._fanout.position or live
            if live.epoch != position.epoch:
                break
            if is_level(position, live):
                return
            await self._outlet.room()
            await self._renew()
            entries = await self._read(position)
        live = self._fanout.position or live
        self._outlet.say(StreamGap(live.epoch, None, live.offset, "epoch").text())

    async def _send(
        self, position: Position, entries: list[StreamEntry], before: Position
    ) -> Position:
        """Send one round; the position after it. `before` is where the fan-out stood before the
        read."""
        if gap := self._gap(position, entries, before):
            self._outlet.say(gap.text())
            position = Position(epoch=position.epoch, offset=gap.upper or position.offset)
        for entry in entries:
            live = self._fanout.position or before
            if entry.epoch != live.epoch or entry.first > live.offset:
                break
            if gap := gap_of(entry):
                self._outlet.say(gap.text())
            await self._emit(
                self._wanted.outgoing(
                    entry, self._outlet.wire, self._outlet.sight, self._fanout.index.groups_of
                )
            )
            self.position = position = Position(epoch=entry.epoch, offset=entry.last)
        return position

    def _gap(
        self, position: Position, entries: list[StreamEntry], before: Position
    ) -> StreamGap | None:
        # What was read proves that everything in front of it is gone. Reading nothing proves that
        # only for what was in the stream before the read.
        live = self._fanout.position or before
        return gap_before_entries(position, entries, live if entries else before)

    async def _emit(self, events: list[Outgoing]) -> None:
        """In chunks, at the reader's pace, and letting the loop turn between them."""
        chunk: list[Outgoing] = []
        size = 0
        for event in events:
            chunk.append(event)
            size += len(event.frame)
            if size >= CHUNK:
                await self._write(chunk)
                chunk, size = [], 0
        if chunk:
            await self._write(chunk)

    async def _write(self, events: list[Outgoing]) -> None:
        self._outlet.deliver(b"".join([event.frame for event in events]), events)
        await asyncio.sleep(0)
        await self._outlet.room()

    async def _read(self, position: Position) -> list[StreamEntry] | None:
        """As long as the stream cannot be read, nothing goes on that could be missed. None when the
        fan-out went on elsewhere meanwhile."""
        while self._epoch() in (None, position.epoch):
            try:
                async with self._reading:
                    return await self._source.read(
                        self._fanout.org, position.epoch, after=position.offset, count=READ_COUNT
                    )
            except Exception as error:
                _log.info("replay_waits", org=self._fanout.org, error=str(error))
                await asyncio.sleep(RETRY_SECONDS)
        return None

    def _epoch(self) -> str | None:
        at = self._fanout.position
        return None if at is None else at.epoch
