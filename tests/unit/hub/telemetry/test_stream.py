"""The writer of the stream over a stream that fails when it is told to."""

import asyncio
from collections import defaultdict
from collections.abc import Callable

import pytest

from hub.telemetry import stream as module
from hub.telemetry.stream import StreamWriter
from protocol.dashboard import GapReason
from protocol.ids import DEFAULT_ORG, OrgId, ReplicaId
from protocol.stream import Appended, EventBatch, StreamEvent
from tests.tasks import in_background


class Stream:
    def __init__(self) -> None:
        self.away = False
        self.appended: list[int] = []
        self.events: list[str] = []
        self.gaps = 0
        self.shown: defaultdict[int, int] = defaultdict(int)
        self.tried = asyncio.Event()

    async def append(self, org: OrgId, batch: EventBatch) -> Appended:
        await asyncio.sleep(0)
        self.tried.set()
        if self.away:
            raise ConnectionError
        self.appended.append(batch.number)
        self.events += [event.type for event in batch.events]
        return Appended(epoch="e", first_offset=1, last_offset=1)

    async def append_gap(self, org: OrgId, reason: GapReason, *, source: str) -> Appended:
        self.tried.set()
        if self.away:
            raise ConnectionError
        self.events.append("gap")
        return Appended(epoch="e", first_offset=1, last_offset=1)

    def show(self, org: OrgId, batch: EventBatch) -> None:
        self.shown[batch.number] += 1


def make_writer(stream: Stream) -> StreamWriter:
    return StreamWriter(stream, ReplicaId("r"), show=stream.show, unavailable=ConnectionError)


def put(writer: StreamWriter, *names: str) -> None:
    for name in names:
        writer.put(DEFAULT_ORG, StreamEvent("d", name, "", b"{}"))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the writer notifies nobody
            await asyncio.sleep(0.005)


async def test_while_the_stream_is_away_everything_is_shown_once_and_appended_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.01)
    stream = Stream()
    writer = make_writer(stream)
    async with in_background(writer.run()):
        put(writer, "a")
        await until(writer.idle)
        assert dict(stream.shown) == {}
        stream.away = True
        for name in "bcd":
            stream.tried.clear()
            put(writer, name)
            await stream.tried.wait()
        await until(lambda: len(stream.shown) == 3)
        stream.away = False
        put(writer, "e")
        await until(writer.idle)
    assert stream.events == list("abcde")
    assert stream.appended == sorted(stream.appended)
    assert set(stream.shown.values()) == {1}
    assert stream.appended[0] not in stream.shown
    assert stream.appended[-1] not in stream.shown


async def test_g9_what_may_be_missing_is_a_gap_even_when_nothing_is_put(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.01)
    stream = Stream()
    writer = make_writer(stream)
    async with in_background(writer.run()):
        stream.away = True
        writer.missed(DEFAULT_ORG)
        await stream.tried.wait()
        assert not writer.idle()
        stream.away = False
        await until(writer.idle)
        put(writer, "a")
        await until(writer.idle)
    assert stream.events == ["gap", "a"]


async def test_g15_of_what_waits_the_oldest_are_shed_and_a_gap_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(module, "BOUND", 10)
    stream = Stream()
    writer = make_writer(stream)
    stream.away = True
    async with in_background(writer.run()):
        put(writer, "doubt")
        await stream.tried.wait()
        for number in range(30):
            stream.tried.clear()
            put(writer, str(number))
            await stream.tried.wait()
        stream.away = False
        await until(lambda: stream.events[-1:] == ["29"])
    assert stream.events[0] == "gap"
    assert stream.events[1] == "doubt"
    assert 1 <= len(stream.events) - 2 <= 10
    assert stream.events[2:] == [str(n) for n in range(32 - len(stream.events), 30)]


async def test_g15_a_slow_stream_is_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BOUND", 10)
    stream = Stream()
    writer = make_writer(stream)
    put(writer, *map(str, range(25)))
    async with in_background(writer.run()):
        await until(lambda: "24" in stream.events)
    assert stream.events == ["gap", *map(str, range(15, 25))]
