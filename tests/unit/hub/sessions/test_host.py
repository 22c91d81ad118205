"""What of a session a replica ends, sees and counts."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, cast

from msgspec import structs

from hub.sessions.ending import EndReason
from hub.sessions.host import SessionHost
from hub.sessions.records import ByteSessionRow, ConnectionRow, SessionKey
from hub.sessions.relay import RelayedEnd
from protocol.ids import ReplicaId
from tests.unit.hub.sessions.test_pair import End
from tests.unit.hub.sessions.test_records import DEVICE, PERSON, ROW

HERE, ELSEWHERE = ReplicaId("here"), ReplicaId("elsewhere")
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

    async def end_connection(self, _: SessionKey, name: str) -> None:
        self.ended.append(name)


class Relay:
    def __init__(self) -> None:
        self.ends: list[RelayedEnd] = []

    def add(self, end: RelayedEnd) -> None:
        self.ends.append(end)

    def forget(self, end: RelayedEnd) -> None: ...

    def publish(self, *_: object, **__: object) -> None: ...

    def later(self, _: float, __: Callable[[], None]) -> None: ...


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

    def pair(self, row: ByteSessionRow, name: str) -> tuple[End, End]:
        """(person, device), both here."""
        device = End()
        person = self.person(row, name, HERE)
        self.host.join(row, connection(row, name, HERE), "device", device, DEVICE)
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
