"""One organisation's events, from the tail of its stream to the dashboards of this replica.

Each event is looked up once and encoded once. What an audience gets in a tick is joined once and
written once to each of its members (see `outlet`). Whoever is not a member (a dashboard that is
being replayed to) gets nothing from here.
"""

import asyncio
from collections.abc import Callable
from typing import Final, assert_never

import structlog

from dashboard_ws.core.filters import Selection
from dashboard_ws.core.index import Audience, Index
from dashboard_ws.core.outbox import Outgoing
from dashboard_ws.core.recovery import Hole, hole_before_entries, hole_of
from dashboard_ws.outlet import CHUNK, Outlet
from protocol.codec import at_offset
from protocol.dashboard import Position
from protocol.ids import OrgId
from protocol.stream import At, Entries, Lost, StreamEntry, TailItem

_log: Final = structlog.get_logger(__name__)


class FanOut:
    """`position` is None until the tail stands somewhere; what is at or before it was delivered."""

    def __init__(self, org: OrgId, frame: Callable[[bytes], bytes]) -> None:
        self.org: Final = org
        self.index: Final = Index[Outlet]()
        self.position: Position | None = None
        self._frame = frame
        self._moved = asyncio.Event()
        self._touched: list[Audience[Outlet]] = []
        self._built = 0

    def receive(self, item: TailItem) -> None:
        """What the tail hands out. Does not block and does not raise."""
        match item:
            case Entries(entries):
                for entry in entries:
                    self._enter(entry)
                self._flush()
            case At(position):
                self._stand_at(position)
            case Lost():
                _log.warning("fanout.lost", org=self.org)
            case _:
                assert_never(item)
        # Whoever waits has this event; the next waits for another.
        self._moved.set()
        self._moved = asyncio.Event()

    async def reach(self, position: Position, *, seconds: float) -> None:
        """Wait until everything up to `position` was delivered, but not longer than `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                while not self._has_reached(position):
                    await self._moved.wait()
        except TimeoutError:
            _log.info("fanout.behind", org=self.org, wanted=position, position=self.position)

    async def stand(self, *, seconds: float) -> None:
        """Wait until there is a position, but not longer than `seconds`."""
        await self.reach(Position(epoch="", offset=0), seconds=seconds)

    def _has_reached(self, position: Position) -> bool:
        at = self.position
        return at is not None and (at.epoch, at.offset) >= (position.epoch, position.offset)

    def attach(self, outlet: Outlet, selection: Selection) -> None:
        """From the present position on `outlet` gets what `selection` wants."""
        if selection:
            self.index.join(selection, outlet)

    def detach(self, outlet: Outlet, selection: Selection) -> None:
        if selection:
            self.index.leave(selection, outlet)

    def _stand_at(self, position: Position) -> None:
        if self.position is None:
            # Who subscribed before there was anything to see was promised nothing yet.
            self._say_hole(Hole(position.epoch, None, position.offset, "bus"))
        elif self.position.epoch != position.epoch:
            self._say_hole(Hole(position.epoch, None, position.offset, "epoch"))
        else:
            return
        self.position = position

    def _enter(self, entry: StreamEntry) -> None:
        """Sort an entry's events into the audiences' lists."""
        if self.position is not None and (
            hole := hole_before_entries(
                self.position, [entry], Position(epoch=entry.epoch, offset=entry.last)
            )
        ):
            self._say_hole(hole)
        if hole := hole_of(entry):
            self._say_hole(hole)
        self._sort(entry)
        self.position = Position(epoch=entry.epoch, offset=entry.last)

    def _sort(self, entry: StreamEntry) -> None:
        match, frame, epoch = self.index.match, self._frame, entry.epoch
        for offset, event in enumerate(entry.events, entry.first):
            audiences = match(event.device_id, event.type, event.level)
            if not audiences:
                continue
            built = frame(at_offset(event.body, epoch, offset))
            outgoing = Outgoing(epoch, offset, event.type, event.device_id, built)
            for audience in audiences:
                if not audience.events:
                    self._touched.append(audience)
                audience.events.append(outgoing)
            self._built += len(built)
            if self._built >= CHUNK:
                self._flush()

    def _flush(self) -> None:
        """Hand each audience's list to its members, joined once."""
        for audience in self._touched:
            events, audience.events = audience.events, []
            joined = b"".join([event.frame for event in events])
            for outlet in tuple(audience.members):
                outlet.deliver(joined, events)
        self._touched.clear()
        self._built = 0

    def _say_hole(self, hole: Hole) -> None:
        self._flush()
        text = hole.text()
        for audience in tuple(self.index.audiences()):
            for outlet in tuple(audience.members):
                outlet.say(text)
