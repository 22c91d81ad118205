"""A stream in memory, for tests that need its accidents on demand."""

import asyncio
from collections.abc import Callable
from typing import NoReturn

from dashboard_ws.fanout import FanOut
from protocol.dashboard import GapReason, Position
from protocol.ids import OrgId
from protocol.stream import At, Entries, StreamEntry, StreamEvent, TailItem


class FakeStream:
    """Tails get an entry when the test says so: `deliver` for all, or `FanOut.receive` for one."""

    def __init__(self) -> None:
        self.epoch = "e1"
        self.entries: list[StreamEntry] = []
        self.last = 0
        self.reachable = True
        self.receivers: list[Callable[[TailItem], None]] = []

    def position(self) -> Position:
        return Position(epoch=self.epoch, offset=self.last)

    def append(self, *events: StreamEvent, gap: GapReason | None = None) -> StreamEntry:
        first, self.last = self.last + 1, self.last + max(1, len(events))
        entry = StreamEntry(
            epoch=self.epoch, first=first, last=self.last, at_ms=0, events=list(events), gap=gap
        )
        self.entries.append(entry)
        return entry

    def deliver(self, *entries: StreamEntry) -> None:
        for receive in self.receivers:
            receive(Entries(list(entries)))

    def begin_epoch(self) -> At:
        """Everything is lost. Gives what tails say of it."""
        self.epoch = f"e{int(self.epoch[1:]) + 1}"
        self.entries.clear()
        self.last = 0
        return At(self.position())

    async def head(self, org: OrgId) -> Position | None:
        del org
        await self._answer()
        return self.position()

    async def read(self, org: OrgId, epoch: str, *, after: int, count: int) -> list[StreamEntry]:
        del org
        await self._answer()
        if epoch != self.epoch:
            return []
        return [entry for entry in self.entries if entry.last > after][:count]

    async def tail(self, org: OrgId, receive: Callable[[TailItem], None]) -> NoReturn:
        del org
        receive(At(self.position()))
        self.receivers.append(receive)
        try:
            await asyncio.Event().wait()
        finally:
            self.receivers.remove(receive)
        raise AssertionError("nobody sets that event")

    async def _answer(self) -> None:
        await asyncio.sleep(0)
        if not self.reachable:
            raise ConnectionError("away")


def make_event(
    code: str = "c", *, device: str = "edge-1", kind: str = "scan", level: str = ""
) -> StreamEvent:
    body = b'{"type":"%b","deviceId":"%b","code":"%b"}'
    return StreamEvent(device, kind, level, body % (kind.encode(), device.encode(), code.encode()))


def standing(fanout: FanOut, stream: FakeStream) -> FanOut:
    fanout.receive(At(stream.position()))
    return fanout
