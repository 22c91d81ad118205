"""Dashboards on two replicas that share one Valkey: live, recovery, loss, slow readers."""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec import structs

from dashboard_ws.dashboards import Dashboards
from hub.base.bus import Bus, BusUnavailable
from protocol.closing import CloseCode
from protocol.ids import ReplicaId
from protocol.stream import EventBatch, StreamEvent
from tests.integration.dashboard_ws.valkey import Valkey, running_valkey, until
from tests.unit.dashboard_ws.fakes import (
    ORG,
    FakeConnection,
    FakeGroups,
    FakeQueries,
    FakeTokens,
    Message,
    frame,
    make_authorised,
)


class Clock:
    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> datetime:
        return datetime.now(UTC)


class Replica:
    def __init__(self, valkey: Valkey, name: str, *, window_events: int = 50_000) -> None:
        self.name = ReplicaId(name)
        self.bus = Bus(valkey.url, clock=time.monotonic, window_events=window_events, deadline=0.5)
        self.groups = FakeGroups()
        self.dashboards = Dashboards(
            source=self.bus,
            tokens=FakeTokens(),
            groups=self.groups,
            queries=FakeQueries(),
            clock=Clock(),
            frame=frame,
            replica_id=self.name,
        )
        self._batch = 0

    async def emit(self, *bodies: str, device: str = "edge-1", kind: str = "scan") -> None:
        """Append one event for each of `bodies`, as one batch."""
        self._batch += 1
        events = [
            StreamEvent(
                device, kind, "", b'{"type":"%b","deviceId":"%b","code":"%b"}'
                % (kind.encode(), device.encode(), body.encode()),
            )
            for body in bodies
        ]  # fmt: skip
        batch = EventBatch(replica_id=self.name, number=self._batch, events=events)
        await self.bus.append(ORG, batch)

    async def emit_again(self, body: str) -> None:
        """Once the breaker lets it through."""
        async with asyncio.timeout(20):
            while True:
                try:
                    return await self.emit(body)
                except BusUnavailable:
                    await asyncio.sleep(0.05)


class Operator:
    """A dashboard and the socket it has."""

    def __init__(self, replica: Replica) -> None:
        self.connection = FakeConnection()
        far = structs.replace(make_authorised(), expires_at=datetime.now(UTC) + timedelta(hours=1))
        dashboard = replica.dashboards.handler(far)
        assert dashboard is not None
        self.dashboard = dashboard
        self.dashboard.opened(self.connection)

    def ask(self, **fields: Any) -> None:
        self.dashboard.text(msgspec.json.encode(fields))

    async def subscribe(self, id_: str = "s1", **fields: Any) -> Message:
        self.ask(type="subscribe", id=id_, **fields)
        await until(lambda: any(m.get("id") == id_ for m in self.heard()))
        return next(message for message in self.heard() if message.get("id") == id_)

    def heard(self, *kinds: str) -> list[Message]:
        return [m for m in self.connection.messages() if not kinds or m["type"] in kinds]

    def codes(self) -> list[str]:
        return [message["code"] for message in self.heard("scan")]

    def place(self) -> Message:
        """What it would give as `since`."""
        last = self.heard("scan")[-1]
        return {"epoch": last["epoch"], "offset": last["offset"]}


@asynccontextmanager
async def running(replica: Replica) -> AsyncGenerator[Replica]:
    task = asyncio.create_task(replica.dashboards.run())
    await asyncio.sleep(0)
    yield replica
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await replica.bus.close()


@pytest.fixture
def valkey() -> Iterator[Valkey]:
    with running_valkey() as server:
        yield server


@pytest.fixture
async def one(valkey: Valkey) -> AsyncGenerator[Replica]:
    async with running(Replica(valkey, "r-1")) as replica:
        yield replica


@pytest.fixture
async def two(valkey: Valkey) -> AsyncGenerator[Replica]:
    async with running(Replica(valkey, "r-2")) as replica:
        yield replica


async def test_events_of_both_replicas_reach_dashboards_of_both(one: Replica, two: Replica) -> None:
    operators = [Operator(one), Operator(two)]
    for operator in operators:
        assert (await operator.subscribe())["recovered"] is False
    await one.emit("a", "b")
    await two.emit("c")
    for operator in operators:
        await until(lambda operator=operator: operator.codes() == ["a", "b", "c"])
        assert [message["offset"] for message in operator.heard("scan")] == [1, 2, 3]
    assert operators[0].connection.messages()[1:] == operators[1].connection.messages()[1:]


async def test_a_dashboard_goes_on_at_the_other_replica(one: Replica, two: Replica) -> None:
    first = Operator(one)
    await first.subscribe()
    await one.emit("a", "b", "c")
    await until(lambda: first.codes() == ["a", "b", "c"])
    first.dashboard.closed(1006)
    await one.emit("d", "e")
    second = Operator(two)
    since = {**first.place(), "offset": 2}
    answer = await second.subscribe(since=since)
    await two.emit("f")
    await until(lambda: second.codes() == ["c", "d", "e", "f"])
    assert answer["recovered"] is True
    assert not second.heard("gap")


async def test_many_events_are_replayed_once_and_in_order_while_others_come(
    one: Replica, two: Replica
) -> None:
    head = await one.bus.open(ORG)
    for tick in range(100):
        await one.emit(*(f"{tick}-{n}" for n in range(100)))
    operator = Operator(two)
    operator.ask(
        type="subscribe", id="s1", types=["scan"], since={"epoch": head.epoch, "offset": 0}
    )
    for tick in range(100, 200):
        await one.emit(*(f"{tick}-{n}" for n in range(10)))
    await until(lambda: len(operator.codes()) == 11_000)
    assert [message["offset"] for message in operator.heard("scan")] == list(range(1, 11_001))
    assert operator.heard()[0]["recovered"] is True


async def test_what_was_live_before_a_recovery_misses_nothing(one: Replica) -> None:
    head = await one.bus.open(ORG)
    await one.emit("past", device="a")
    operator = Operator(one)
    await operator.subscribe("b", deviceIds=["b"])
    operator.ask(
        type="subscribe", id="a", deviceIds=["a"], since={"epoch": head.epoch, "offset": 0}
    )
    await one.emit("live", device="b")
    await one.emit("also", device="a")
    await until(lambda: operator.codes() == ["past", "live", "also"])


async def test_an_emptied_server_is_a_gap_for_all(valkey: Valkey, one: Replica) -> None:
    operator = Operator(one)
    await operator.subscribe()
    await one.emit("a")
    await until(lambda: operator.codes() == ["a"])
    since = operator.place()
    valkey.kill()
    valkey.start()
    await until(lambda: len(operator.heard("gap")) == 1)
    await one.emit_again("b")
    await until(lambda: operator.codes() == ["a", "b"])
    (gap,) = operator.heard("gap")
    assert gap == {
        "type": "gap", "epoch": operator.place()["epoch"], "from": None, "to": 0, "reason": "epoch",
    }  # fmt: skip
    late = Operator(one)
    assert (await late.subscribe(since=since))["recovered"] is False
    assert late.heard()[1]["reason"] == "epoch"


async def test_while_the_stream_is_away_a_recovery_ends_in_a_gap(
    valkey: Valkey, one: Replica
) -> None:
    operator = Operator(one)
    await operator.subscribe()
    await one.emit("a")
    await until(lambda: operator.codes() == ["a"])
    valkey.kill()
    late = Operator(one)
    answer = await late.subscribe(since=operator.place())
    assert answer["recovered"] is False
    assert late.heard("gap")[0]["reason"] == "bus"
    valkey.start()
    await until(lambda: late.heard("gap")[-1]["reason"] == "epoch")


async def test_a_first_subscription_without_a_stream_is_answered_and_gets_a_gap(
    valkey: Valkey, one: Replica
) -> None:
    valkey.kill()
    operator = Operator(one)
    answer = await operator.subscribe()
    assert (answer["epoch"], answer["offset"]) == ("", 0)
    valkey.start()
    await until(lambda: [gap["reason"] for gap in operator.heard("gap")] == ["bus"])


async def test_a_since_beyond_the_head_is_a_gap(one: Replica) -> None:
    head = await one.bus.open(ORG)
    await one.emit("a")
    operator = Operator(one)
    answer = await operator.subscribe(since={"epoch": head.epoch, "offset": 99})
    assert answer["recovered"] is False
    assert operator.heard("gap")[0]["from"] is None


async def test_a_trimmed_since_is_a_gap_and_the_rest_is_replayed(valkey: Valkey) -> None:
    replica = Replica(valkey, "r-1", window_events=10)
    async with running(replica):
        head = await replica.bus.open(ORG)
        for number in range(20):
            await replica.emit(str(number))
        operator = Operator(replica)
        answer = await operator.subscribe(since={"epoch": head.epoch, "offset": 4})
        await until(lambda: len(operator.codes()) == 10)
        assert answer["recovered"] is False
        (gap,) = operator.heard("gap")
        assert (gap["from"], gap["to"], gap["reason"]) == (4, 10, "expired")
        assert operator.heard("scan")[0]["offset"] == 11


async def test_a_marker_of_a_dead_replica_is_a_gap_live_and_replayed(one: Replica) -> None:
    operator = Operator(one)
    answer = await operator.subscribe()
    await one.emit("a")
    await one.bus.append_gap(ORG, "bus", source="r-dead")
    await one.emit("b")
    late = Operator(one)
    await late.subscribe(since={"epoch": answer["epoch"], "offset": 0})
    for someone in (operator, late):
        await until(lambda someone=someone: someone.codes() == ["a", "b"])
        (gap,) = someone.heard("gap")
        assert (gap["from"], gap["to"], gap["reason"]) == (1, 2, "bus")


async def test_a_slow_reader_gets_the_newest_status_and_a_gap(one: Replica) -> None:
    operator, other = Operator(one), Operator(one)
    await operator.subscribe()
    await other.subscribe()
    operator.connection.reads = False
    big = "x" * 1000
    for _ in range(30):
        await one.emit(*[big] * 50)
        await one.emit("s", kind="status")
    await until(lambda: len(other.heard("scan", "status")) == 1530)
    operator.connection.reads = True
    operator.connection.read()
    operator.dashboard.drained()
    offsets = [m["offset"] if "offset" in m else m["to"] for m in operator.heard()[1:]]
    assert offsets == sorted(set(offsets))
    assert {gap["reason"] for gap in operator.heard("gap")} == {"slow"}
    assert operator.heard("status")[-1]["offset"] == 1530
    seen = {m["offset"] for m in operator.heard("scan", "status")}
    for gap in operator.heard("gap"):
        seen |= set(range(gap["from"] + 1, gap["to"] + 1))
    assert seen == set(range(1, 1531))


async def test_a_dashboard_that_never_reads_is_gone(
    one: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard_ws.outlet.NO_PROGRESS_SECONDS", 0.5)
    operator = Operator(one)
    await operator.subscribe()
    operator.connection.reads = False
    await one.emit("a")
    await until(lambda: operator.connection.ended == ("abort", CloseCode.NO_PROGRESS))
    assert one.dashboards.sockets() == 0


async def test_filters_follow_their_group(one: Replica) -> None:
    one.groups.devices["g"] = {"a"}
    operator = Operator(one)
    await operator.subscribe(groupIds=["g"])
    await one.emit("1", device="a")
    await one.emit("2", device="b")
    await until(lambda: operator.codes() == ["1"])
    one.groups.devices["g"] = {"b"}
    asked = one.groups.asked
    one.dashboards.groups_changed(ORG)
    await until(lambda: one.groups.asked > asked)
    await one.emit("3", device="a")
    await one.emit("4", device="b")
    await until(lambda: operator.codes() == ["1", "4"])


async def test_a_pong_is_a_place_to_come_back_to(one: Replica) -> None:
    operator = Operator(one)
    await operator.subscribe(types=["alert"])
    await one.emit("a", "b")

    def reached() -> bool:
        operator.ask(type="ping")
        return operator.heard("pong")[-1]["offset"] == 2

    await until(reached)


async def test_sessions_that_end_lose_their_sockets(one: Replica) -> None:
    operator = Operator(one)
    gone = one.dashboards.disconnect(
        lambda who: who.session_id == "s-1", CloseCode.NOT_AUTHENTICATED
    )
    assert gone == 1
    assert operator.connection.ended == ("close", 4401)
    assert one.dashboards.sockets() == 0
