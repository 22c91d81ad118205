"""One organisation's events, from the tail of its stream to the dashboards of this replica.

Each event is looked up once and encoded once. What an audience gets in a tick is joined once and
written once to each of its members (see `outlet`). Whoever is not a member (a dashboard that is
being replayed to) gets nothing from here.

While the stream is away the events of this replica's own devices are shown by `show` (see
`core/interim.py`); the first that the tail hands out afterwards ends that.
"""

import asyncio
import secrets
from collections.abc import Sequence
from functools import partial
from typing import Final, assert_never

import structlog

from dashboard_ws.core.filters import Selection, seen_by
from dashboard_ws.core.index import Audience, Index
from dashboard_ws.core.interim import Interim
from dashboard_ws.core.outbox import Outgoing
from dashboard_ws.core.recovery import StreamGap, gap_before_entries, gap_of
from dashboard_ws.core.wire import Wire
from dashboard_ws.outlet import CHUNK, Outlet
from protocol.dashboard import Position
from protocol.ids import OrgId, ReplicaId
from protocol.stream import (
    RESTRICTED,
    At,
    Entries,
    EventBatch,
    Lost,
    StreamEntry,
    StreamEvent,
    TailItem,
)

_NOTHING: Final = Outgoing("", 0, "", "", b"")

_log: Final = structlog.get_logger(__name__)


class FanOut:
    """`position` is None until the tail stands somewhere; what is at or before it was delivered."""

    def __init__(self, org: OrgId, replica_id: ReplicaId) -> None:
        self.org: Final = org
        self.index: Final = Index[Outlet]()
        self.position: Position | None = None
        self._interim = Interim(replica_id, partial(secrets.token_hex, 4))
        self._stream_position: Position | None = None
        """Where the tail stood when the interim epoch began."""
        self._skipped: StreamGap | None = None
        """Offsets whose events were shown in the interim: a gap to whoever counts."""
        self._moved = asyncio.Event()
        self._touched: list[Audience[Outlet]] = []
        self._built = 0

    def receive(self, item: TailItem) -> None:
        """What the tail hands out. Does not block and does not raise."""
        match item:
            case Entries(entries):
                self._leave_interim(entries[0].epoch)
                for entry in entries:
                    self._enter(entry)
                self._say_skipped()
                self._flush()
            case At(position):
                self._leave_interim(position.epoch)
                self._stand_at(position)
            case Lost():
                _log.warning("fanout_lost", org=self.org)
            case _:
                assert_never(item)
        self._wake()

    def show(self, batch: EventBatch) -> None:
        """Events of this replica that the stream does not take now."""
        begins = not self._interim.active
        entry = self._interim.show(batch)
        if entry is None:
            return
        if begins:
            _log.warning("fanout_interim", org=self.org, epoch=entry.epoch)
            self._stream_position = self.position
            self._say_gap(StreamGap(entry.epoch, None, 0, "bus"))
        self._sort(entry)
        self._flush()
        self.position = Position(epoch=entry.epoch, offset=entry.last)
        self._wake()

    def _leave_interim(self, epoch: str) -> None:
        """The stream is back, in `epoch`. Where that is a new one, standing in it says so."""
        if not self._interim.active:
            return
        self._interim.end()
        self.position = at = self._stream_position
        if at is not None and at.epoch == epoch:
            self._say_gap(StreamGap(at.epoch, None, at.offset, "epoch"))

    def _wake(self) -> None:
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
            _log.info("fanout_behind", org=self.org, wanted=position, position=self.position)

    async def stand(self, *, seconds: float) -> None:
        """Wait until there is a position, but not longer than `seconds`."""
        await self.reach(Position(epoch="", offset=0), seconds=seconds)

    def _has_reached(self, position: Position) -> bool:
        at = self.position
        return at is not None and (at.epoch, at.offset) >= (position.epoch, position.offset)

    def attach(self, outlet: Outlet, selection: Selection) -> None:
        """From the present position on `outlet` gets what `selection` wants."""
        if selection:
            self.index.join(selection, outlet, outlet.sight, outlet.wire)

    def detach(self, outlet: Outlet, selection: Selection) -> None:
        if selection:
            self.index.leave(selection, outlet, outlet.sight, outlet.wire)

    def _stand_at(self, position: Position) -> None:
        if self.position is None:
            # Who subscribed before there was anything to see was promised nothing yet.
            self._say_gap(StreamGap(position.epoch, None, position.offset, "bus"))
        elif self.position.epoch != position.epoch:
            self._say_gap(StreamGap(position.epoch, None, position.offset, "epoch"))
        else:
            return
        self.position = position

    def _enter(self, entry: StreamEntry) -> None:
        """Sort an entry's events into the audiences' lists."""
        if self._interim.was_shown(entry):
            self._skip(entry)
            return
        self._say_skipped()
        if self.position is not None and (
            gap := gap_before_entries(
                self.position, [entry], Position(epoch=entry.epoch, offset=entry.last)
            )
        ):
            self._say_gap(gap)
        if gap := gap_of(entry):
            self._say_gap(gap)
        self._sort(entry)
        self.position = Position(epoch=entry.epoch, offset=entry.last)

    def _skip(self, entry: StreamEntry) -> None:
        before, at = self._skipped, self.position
        lower = entry.first - 1
        if at is not None and at.epoch == entry.epoch:
            lower = min(lower, at.offset)  # what was trimmed before it is missing as well
        if before is not None and before.upper == lower:
            lower = before.lower or 0
        else:
            self._say_skipped()
        self._skipped = StreamGap(entry.epoch, lower, entry.last, "bus")
        self.position = Position(epoch=entry.epoch, offset=entry.last)

    def _say_skipped(self) -> None:
        gap, self._skipped = self._skipped, None
        if gap is not None:
            self._say_gap(gap)

    def _sort(self, entry: StreamEntry) -> None:
        match, epoch = self.index.match, entry.epoch
        for offset, event in enumerate(entry.events, entry.first):
            audiences = match(event.device_id, event.type, event.level)
            if not audiences:
                continue
            if event.level == RESTRICTED:
                self._sort_secret(entry.epoch, offset, event, audiences)
                continue
            wire = None
            outgoing = _NOTHING
            for audience in audiences:
                if audience.wire is not wire:  # those of one kind stand together
                    wire = audience.wire
                    built = wire.event(event.body, epoch, offset)
                    outgoing = Outgoing(epoch, offset, event.type, event.device_id, built)
                    self._built += len(built)
                if not audience.events:
                    self._touched.append(audience)
                audience.events.append(outgoing)
            if self._built >= CHUNK:
                self._flush()

    def _sort_secret(
        self, epoch: str, offset: int, event: StreamEvent, audiences: Sequence[Audience[Outlet]]
    ) -> None:
        """An event in two forms for each kind, each made only when somebody gets it."""
        forms: dict[tuple[bool, Wire], Outgoing] = {}
        groups_of = self.index.groups_of
        for audience in audiences:
            cleared = audience.sight.is_cleared(event.device_id, groups_of)
            outgoing = forms.get((cleared, audience.wire))
            if outgoing is None:
                body = seen_by(event, cleared=cleared)
                if body is None:
                    continue
                built = audience.wire.event(body, epoch, offset)
                outgoing = Outgoing(epoch, offset, event.type, event.device_id, built)
                forms[cleared, audience.wire] = outgoing
                self._built += len(built)
            if not audience.events:
                self._touched.append(audience)
            audience.events.append(outgoing)

    def _flush(self) -> None:
        """Hand each audience's list to its members, joined once."""
        for audience in self._touched:
            events, audience.events = audience.events, []
            joined = b"".join([event.frame for event in events])
            for outlet in tuple(audience.members):
                outlet.deliver(joined, events)
        self._touched.clear()
        self._built = 0

    def _say_gap(self, gap: StreamGap) -> None:
        self._flush()
        text = gap.text()
        for audience in tuple(self.index.audiences()):
            for outlet in tuple(audience.members):
                outlet.say(text)
