"""Takes the lines of local programs, and hands each to what knows its meaning."""

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final, assert_never

import msgspec
from msgspec import Struct

from device.local.event_intake import EventIntake
from device.local.local_lines import (
    TAKEN,
    TYPES,
    InfoLine,
    MetricsLine,
    Refused,
    ReportAnswer,
    ReportLine,
    Speakers,
    WatchLine,
    read_line,
)
from device.local.local_state import LocalState, Watch
from device.local.named_metrics import NamedMetrics
from device.local.peer import Peer
from device.local.readiness import Readiness
from device.records.intake import IntakeAnswer, RecordIntake
from protocol.codec import decode
from protocol.errors import InvalidMessage


class LineHead(Struct, frozen=True):
    kind: Any = None
    type: Any = None

    @property
    def is_record(self) -> bool:
        """Whether it is meant as one; what is wrong with it is said later."""
        return self.kind is not None and self.type is None


_head: Final = msgspec.json.Decoder(LineHead)


def head_of(line: bytes) -> LineHead:
    try:
        return decode(_head, line)
    except InvalidMessage:
        return LineHead()


class Desk:
    def __init__(
        self,
        *,
        events: EventIntake,
        records: RecordIntake,
        full: Callable[[], Awaitable[None]],
        speakers: Speakers,
        readiness: Readiness,
        metrics: NamedMetrics,
        reported: Callable[[str, str], None],
        info: Callable[[int], Struct],
        state: LocalState,
    ) -> None:
        """`full` is called when a record was refused for want of room, `reported` with the version
        that a program says it is; `info` answers it for so many watchers; `state` is the present
        one."""
        self._events = events
        self._records = records
        self._full = full
        self._speakers = speakers
        self._readiness = readiness
        self._metrics = metrics
        self._reported = reported
        self._info = info
        self._state = state
        self._peers: set[Peer] = set()

    def joined(self, peer: Peer) -> None:
        self._peers.add(peer)

    def left(self, peer: Peer) -> None:
        self._peers.discard(peer)

    def tell(self, state: LocalState) -> None:
        """To each watcher that has read what it was sent before; to the others when they have."""
        self._state = state
        for peer in self._peers:
            peer.tell(state)

    async def take(self, line: bytes, peer: Peer) -> None:
        head = head_of(line)
        if head.is_record:
            peer.answer(await self._take_record(line))
        elif isinstance(head.type, str) and head.type in TYPES:
            self._take_own(line, peer)
        else:
            peer.answer(await self._events.take(line))

    async def _take_record(self, line: bytes) -> IntakeAnswer:
        (answer,) = await self._records.take([line], now=datetime.now(UTC))
        if answer.code == "queue_full":
            await self._full()
        return answer

    def _take_own(self, raw: bytes, peer: Peer) -> None:
        try:
            line = read_line(raw)
            match line:
                case WatchLine():
                    peer.answer(TAKEN)
                    peer.watch(Watch(line.sections), self._state)
                case ReportLine():
                    peer.answer(self._report(line, peer))
                case MetricsLine():
                    peer.answer(self._measured(line, peer))
                case InfoLine():
                    peer.answer(self._info(sum(each.watches for each in self._peers)))
                case _:
                    assert_never(line)
        except Refused as error:
            peer.answer(error.answer)

    def _report(self, line: ReportLine, peer: Peer) -> ReportAnswer:
        self._speakers.check(line.agent, peer.uid)
        self._readiness.report(line, now=time.monotonic(), wall=datetime.now(UTC))
        if line.version is not None:
            self._reported(line.agent, line.version)
        return ReportAnswer()

    def _measured(self, line: MetricsLine, peer: Peer) -> IntakeAnswer:
        if line.agent is not None:
            self._speakers.check(line.agent, peer.uid)
        metrics = self._speakers.named(line)
        self._metrics.take(metrics, now=time.monotonic())
        return TAKEN
