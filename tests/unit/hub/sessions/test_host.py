"""What of a session a replica ends, sees and counts."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

from msgspec import structs

from hub.sessions.ending import EndReason
from hub.sessions.flow import WINDOW
from hub.sessions.host import GRACE_LOOKS, SessionHost
from hub.sessions.records import ByteSessionRow, ConnectionRow, SessionKey
from hub.sessions.relay import RelayedEnd, RelayMessage, RelayRoute
from protocol.ids import ReplicaId
from protocol.sessions import exited
from tests.unit.hub.sessions.test_pair import End
from tests.unit.hub.sessions.test_records import DEVICE, PERSON, ROW

HERE, ELSEWHERE = ReplicaId("here"), ReplicaId("elsewhere")
EXEC = structs.replace(ROW, kind="exec", recorded=False)
FORWARD = structs.replace(ROW, kind="forward", recorded=False)


class Store:
    def __init__(self) -> None:
        self.rows: list[ConnectionRow] = []
        self.counted: list[tuple[int, int]] = []
        self.ended: list[str] = []
        self.may_count = asyncio.Event()
        self.may_count.set()

    async def here(self, _: Sequence[SessionKey]) -> list[ConnectionRow]:
        return self.rows

    async def count(self, _: SessionKey, *, down: int, up: int) -> None:
        await self.may_count.wait()
        self.counted.append((down, up))

    @property
    def database(self) -> "Store":
        return self

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[None]:
        yield

    async def end(self, *_: object) -> None:
        """It had ended."""

    async def end_connection(self, _: SessionKey, name: str) -> None:
        self.ended.append(name)


class Relay:
    def __init__(self) -> None:
        self.ends: list[RelayedEnd] = []
        self.said: list[str] = []
        self.timers: list[Callable[[], None]] = []

    def add(self, end: RelayedEnd) -> None:
        self.ends.append(end)

    def forget(self, end: RelayedEnd) -> None: ...

    def publish(self, route: RelayRoute, kind: str, *, reason: str = "", **_: object) -> None:
        if kind == "end":
            self.said.append(reason)

    def soon(self, call: Callable[[], None]) -> None:
        call()

    def later(self, _: float, call: Callable[[], None]) -> None:
        self.timers.append(call)


class Bench:
    def __init__(self) -> None:
        self.store, self.relay = Store(), Relay()
        self.tasks: list[asyncio.Task[None]] = []
        self.host = SessionHost(
            cast("Any", self.store), cast("Any", None), cast("Any", self.relay),
            replica_id=HERE, spawn=self._spawn,
        )  # fmt: skip

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self.tasks.append(asyncio.ensure_future(work))

    async def settle(self) -> None:
        await asyncio.gather(*self.tasks)

    def person(self, row: ByteSessionRow, name: str, device: ReplicaId | None) -> End:
        end = End()
        self.host.join(row, connection(row, name, device), "person", end, PERSON)
        return end

    def pair(self, row: ByteSessionRow, name: str, *, shown: bytes = b"") -> tuple[End, End]:
        """(person, device), both here; the device shows something."""
        device = End()
        person = self.person(row, name, HERE)
        pair = self.host.join(row, connection(row, name, HERE), "device", device, DEVICE)
        if shown:
            pair.received("device", b"\x01" + shown)
        return person, device


def connection(row: ByteSessionRow, name: str, device: ReplicaId | None) -> ConnectionRow:
    return ConnectionRow(
        key=row.key, name=name, person=HERE, device=device,
        ended=False, session_ended=False, reason=None,
    )  # fmt: skip


async def test_a_connection_without_a_pong_ends_no_other_of_its_forward() -> None:
    bench = Bench()
    silent, other = bench.pair(FORWARD, "c1"), bench.pair(FORWARD, "c2")
    bench.host.left(FORWARD.key, "c1", "person", 4408)
    await bench.settle()
    assert [end.finished for end in silent] == [EndReason.NO_PONG] * 2
    assert [end.finished for end in other] == [None, None]
    assert (FORWARD.key in bench.host, bench.store.ended) == (True, ["c1"])


async def test_a_connection_whose_device_does_not_come_is_told_so() -> None:
    bench = Bench()
    lonely, other = bench.person(FORWARD, "c1", None), bench.pair(FORWARD, "c2")
    bench.store.rows = [structs.replace(connection(FORWARD, "c1", None), ended=True)]
    await bench.host.look()
    await bench.settle()
    assert lonely.finished is EndReason.SIDE_MISSING
    assert [end.finished for end in other] == [None, None]


def from_elsewhere(number: int, *messages: bytes, reason: str = "") -> RelayMessage:
    return RelayMessage(
        kind="end" if reason else "data", sender=ELSEWHERE, org=EXEC.org, session_id=EXEC.id,
        which="device", number=number, messages=list(messages), reason=reason,
    )  # fmt: skip


def slow(bench: Bench) -> End:
    """A person who reads slowly; the device elsewhere has ended well meanwhile."""
    person = bench.person(EXEC, "", ELSEWHERE)
    person.waiting = WINDOW
    bench.relay.ends[0].arrived(from_elsewhere(1, b"\x01one"))
    ended = structs.replace(
        connection(EXEC, "", ELSEWHERE), ended=True, session_ended=True, reason="finished"
    )
    bench.store.rows = [ended]
    return person


async def test_who_reads_slowly_gets_all_before_the_end() -> None:
    bench = Bench()
    person = slow(bench)
    for _ in range(GRACE_LOOKS):
        await bench.host.look()
    assert person.finished is None
    bench.relay.ends[0].arrived(from_elsewhere(2, b"\x01two", exited(7)))
    assert person.got == [b"\x01one", b"\x01two", exited(7)]


async def test_what_does_not_arrive_before_the_end_is_said_to_be_missing() -> None:
    bench = Bench()
    person = slow(bench)
    for _ in range(GRACE_LOOKS + 1):
        await bench.host.look()
    assert person.finished is EndReason.RELAY_GAP


async def test_what_is_not_taken_before_the_end_is_said_to_be_missing() -> None:
    bench = Bench()
    bench.person(EXEC, "", ELSEWHERE)
    device = bench.relay.ends[0]
    while not device.backlog():
        device.send(bytes(32 * 1024))
    device.finish(EndReason.FINISHED)
    assert bench.relay.said == []
    for timer in bench.relay.timers:
        timer()
    assert bench.relay.said == ["relay_gap"]


async def test_the_bytes_of_a_forward_are_those_of_all_its_connections() -> None:
    bench, row = Bench(), FORWARD
    down, up = row.bytes_down, row.bytes_up
    for name in ("c1", "c2"):
        bench.pair(row, name, shown=bytes(1000))
        bench.host.left(row.key, name, "person", 1000)
        await bench.settle()
        assert row.key not in bench.host
        counted = bench.store.counted[-1]
        row = structs.replace(row, bytes_down=counted[0], bytes_up=counted[1])
    assert bench.store.counted[-1] == (down, up + 2000)


async def test_a_forward_is_here_until_its_bytes_are_counted() -> None:
    bench = Bench()
    bench.pair(FORWARD, "c1", shown=bytes(1000))
    bench.store.may_count.clear()
    bench.host.left(FORWARD.key, "c1", "person", 1000)
    await asyncio.sleep(0)
    assert FORWARD.key in bench.host
    second = bench.pair(FORWARD, "c2")
    bench.store.may_count.set()
    await bench.settle()
    assert FORWARD.key in bench.host
    assert second[0].finished is None
