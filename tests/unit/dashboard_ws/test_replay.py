"""G9 against a stream that trims, moves on, and loses itself between any two reads."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard_ws.core.filters import Area, Matcher, Predicate, Selection, Sight
from dashboard_ws.fanout import FanOut
from dashboard_ws.outlet import Outlet
from dashboard_ws.replay import Replay, Wanted
from protocol.dashboard import Position
from protocol.ids import OrgId
from protocol.stream import RESTRICTED, Entries, EventBatch, StreamEntry, StreamEvent
from tests.unit.dashboard_ws.fakes import ORG, REPLICA, WIRE, FakeConnection
from tests.unit.dashboard_ws.stream import FakeStream, make_event, standing

ALL: Selection = frozenset({Predicate()})


class Scene:
    """One dashboard that comes back while the world goes on."""

    def __init__(self, stream: FakeStream) -> None:
        self.stream = stream
        self.fanout = standing(FanOut(ORG, REPLICA), stream)
        self.connection = FakeConnection()
        self.outlet = Outlet(self.connection, WIRE, lambda: None, 0.0)
        self.outlet.sight = Sight()
        self.answers: list[tuple[Position, bool]] = []

    def answer(self, live: Position, *, recovered: bool) -> None:
        self.answers.append((live, recovered))

    async def renew(self) -> None:
        """Nothing that it wants has other devices by then."""

    async def come_back(
        self, since: Position, *, old: Selection = frozenset(), base: Position | None = None
    ) -> None:
        wanted = Wanted(
            fresh=Matcher(ALL, {}), since=since, old=Matcher(old, {}) if old else None, base=base
        )
        replay = Replay(
            wanted,
            self.fanout,
            self.outlet,
            source=self.stream,
            reading=asyncio.Semaphore(1),
            renew=self.renew,
        )
        await replay.run(self.answer)
        self.fanout.attach(self.outlet, ALL)

    def story(self) -> list[Any]:
        """Offsets, and `(reason, from, to)` of gaps."""
        return [
            m["offset"] if "offset" in m else (m["reason"], m["from"], m["to"])
            for m in self.connection.messages()
        ]


def make_stream(events: int) -> FakeStream:
    stream = FakeStream()
    for _ in range(events):
        stream.append(make_event())
    return stream


def at(offset: int, epoch: str = "e1") -> Position:
    return Position(epoch=epoch, offset=offset)


async def test_everything_after_since_comes_once() -> None:
    scene = Scene(make_stream(50))
    await scene.come_back(at(7))
    assert scene.answers == [(at(50), True)]
    assert scene.story() == list(range(8, 51))


async def test_nothing_was_missed() -> None:
    scene = Scene(make_stream(5))
    await scene.come_back(at(5))
    assert scene.answers == [(at(5), True)]
    assert scene.story() == []


async def test_since_may_lie_inside_an_entry() -> None:
    stream = FakeStream()
    stream.append(make_event(), make_event(), make_event())
    scene = Scene(stream)
    await scene.come_back(at(2))
    assert scene.story() == [3]


async def test_the_fanout_may_be_behind_since() -> None:
    scene = Scene(make_stream(3))
    entry = scene.stream.append(make_event())
    task = asyncio.create_task(scene.come_back(at(4)))
    await asyncio.sleep(0.01)
    assert scene.answers == []
    scene.fanout.receive(Entries([entry]))
    await task
    assert scene.answers == [(at(4), True)]
    assert scene.story() == []


async def test_an_epoch_that_ends_meanwhile_is_a_gap() -> None:
    stream = make_stream(3)
    scene = Scene(stream)
    scene.connection.reads = False
    task = asyncio.create_task(scene.come_back(at(0)))
    for _ in range(5):
        await asyncio.sleep(0)
    scene.fanout.receive(stream.begin_epoch())
    await task
    scene.connection.read()
    assert scene.story()[-1] == ("epoch", None, 0)


async def test_an_epoch_that_ended_before_is_a_gap_for_those_who_were_live() -> None:
    stream = make_stream(3)
    base = stream.position()
    stream.begin_epoch()
    scene = Scene(stream)
    await scene.come_back(at(0, "e2"), old=ALL, base=base)
    assert scene.story() == [("epoch", None, 0)]


async def test_a_stream_that_cannot_be_read_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard_ws.replay.RETRY_SECONDS", 0.001)
    stream = make_stream(3)
    scene = Scene(stream)
    read = stream.read
    failures = iter([True, True])

    async def failing(*arguments: Any, **more: Any) -> Any:
        if next(failures, False):
            raise ConnectionError("away")
        return await read(*arguments, **more)

    monkeypatch.setattr(stream, "read", failing)
    await scene.come_back(at(0))
    assert scene.story() == [1, 2, 3]


async def test_without_a_head_nothing_is_promised() -> None:
    stream = make_stream(3)
    scene = Scene(stream)
    stream.reachable = False
    await scene.come_back(at(1))
    assert scene.answers == [(at(3), False)]
    assert scene.story() == [("bus", None, 3)]


async def test_a_fanout_that_does_not_catch_up_is_not_waited_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dashboard_ws.replay.CATCH_UP_SECONDS", 0.01)
    scene = Scene(make_stream(3))
    scene.stream.append(make_event())
    await scene.come_back(at(4))
    assert scene.story() == [("epoch", None, 3)]


@settings(max_examples=150)
@given(
    before=st.lists(st.integers(1, 4), min_size=1, max_size=12),
    since=st.integers(0, 40),
    happenings=st.lists(
        st.sampled_from(["append", "deliver", "trim", "gap", "pause"]), max_size=40
    ),
)
def test_every_event_comes_once_in_order_or_lies_in_a_gap(
    before: list[int], since: int, happenings: list[str]
) -> None:
    asyncio.run(_compare(before, since, happenings))


async def _compare(before: list[int], since: int, happenings: list[str]) -> None:
    stream = FakeStream()
    for count in before:
        stream.append(*(make_event() for _ in range(count)))
    scene = Scene(stream)
    since = min(since, stream.last)
    undelivered: list[StreamEntry] = []
    task = asyncio.create_task(scene.come_back(at(since)))
    for happening in happenings:
        match happening:
            case "append":
                undelivered.append(stream.append(make_event(), make_event()))
            case "gap":
                undelivered.append(stream.append(gap="bus"))
            case "deliver" if undelivered:
                scene.fanout.receive(Entries([undelivered.pop(0)]))
            case "trim" if len(stream.entries) > 2:
                del stream.entries[:2]
            case _:
                await asyncio.sleep(0)
    for entry in undelivered:
        scene.fanout.receive(Entries([entry]))
    await task
    _check_nothing_is_missing(scene, since)


def _check_nothing_is_missing(scene: Scene, since: int) -> None:
    covered: list[int] = []
    for message in scene.connection.messages():
        if "offset" in message:
            covered.append(message["offset"])
        else:
            covered += range(message["from"] + 1, message["to"] + 1)
    assert covered == list(range(since + 1, scene.stream.last + 1))


async def test_a_replay_ends_in_a_gap_when_the_fanout_goes_on_without_the_stream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dashboard_ws.replay.RETRY_SECONDS", 0.001)
    scene = Scene(make_stream(3))
    head = scene.stream.head

    async def then_away(org: OrgId) -> Position | None:
        found = await head(org)
        scene.stream.reachable = False
        return found

    monkeypatch.setattr(scene.stream, "head", then_away)
    task = asyncio.create_task(scene.come_back(at(0)))
    await asyncio.sleep(0.01)
    assert scene.answers == []
    scene.fanout.show(EventBatch(replica_id=REPLICA, number=1, events=[make_event()]))
    await task
    ((live, recovered),) = scene.answers
    assert (live.epoch[0], live.offset, recovered) == ("~", 1, False)
    assert scene.story() == [("bus", None, 1)]


@pytest.mark.parametrize("cleared", [True, False])
async def test_secret_output_is_hidden_from_who_may_not_see_it_live_and_in_a_replay(
    *, cleared: bool
) -> None:
    stream = make_stream(1)
    scene = Scene(stream)
    scene.outlet.sight = Sight(cleared=None if cleared else Area())
    body = b'{"type":"command_result","deviceId":"d1","output":"s3cret"}'
    secret = StreamEvent("d1", "command_result", RESTRICTED, body)
    scene.fanout.receive(Entries([stream.append(secret)]))
    await scene.come_back(at(1))
    scene.fanout.receive(Entries([stream.append(secret)]))
    outputs = [m["output"] for m in scene.connection.messages() if m["offset"] > 1]
    assert outputs == ["s3cret" if cleared else "hidden"] * 2
