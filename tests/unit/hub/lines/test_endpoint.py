"""What a device's socket does with its line while too many rows wait (promise G21)."""

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Coroutine
from types import SimpleNamespace
from typing import Any, cast

import pytest
import pytest_asyncio

from hub.base.kept import Kept
from hub.base.principal import Principal
from hub.lines.device_gate import DeviceGate
from hub.lines.endpoint import DeviceSocket
from hub.lines.store import Opening, Registration
from hub.socket.handler import Socket
from hub.telemetry.pressure import FULL_ABOVE, Pressure
from protocol.ids import OrgId
from protocol.telemetry import Event
from tests.factories import FakeContext, Wire, make_line

DEVICE = Principal(org=OrgId("default"), kind="device", subject="d1", actor="d1")


class Connection(Wire):
    max_message = 0
    peer_code = None

    def __init__(self) -> None:
        super().__init__()
        self.reads = True

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True


class Lines:
    """Everybody is registered."""

    def __init__(self) -> None:
        self.stall = SimpleNamespace(takes_until=math.inf)
        self.is_stalled = False
        self.replica_id = make_line().replica_id

    async def register(self, opening: Opening) -> Registration:
        return Registration(make_line().generation, None, 0, None, quarantined=False)

    def stalls(self) -> int:
        return 0

    def stalled(self) -> bool:
        return self.is_stalled

    def opened(self, _: object) -> bool:
        return True

    def closed(self, *_: object) -> None:
        pass


class Gate(FakeContext):
    def __init__(self) -> None:
        super().__init__()
        self.lines = Lines()
        self.pressure = Pressure()
        self.begun: list[Coroutine[Any, Any, None]] = []

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self.begun.append(work)

    def has_ended(self, _: Principal) -> bool:
        return False


class House:
    """A line on its socket."""

    def __init__(self) -> None:
        self.gate = Gate()
        self.connection = Connection()
        self.socket = DeviceSocket(cast("DeviceGate", self.gate), DEVICE)

    async def open(self) -> None:
        self.socket.opened(cast("Socket", self.connection))
        await self.gate.begun.pop()
        assert self.connection.reads

    def says(self, *names: str) -> None:
        for name in names:
            self.socket.text(b'{"type":"event","name":"%s"}' % name.encode())

    def taken(self) -> list[str]:
        return [event.name for event in self.gate.events if isinstance(event, Event)]

    def fill(self) -> None:
        self.gate.pressure.rows(FULL_ABOVE)

    def next(self) -> Callable[[], None]:
        self.gate.pressure.rows(0)
        go_on = self.gate.pressure.next()
        assert go_on is not None
        return go_on


@pytest_asyncio.fixture
async def house() -> AsyncGenerator[House]:
    house = House()
    await house.open()
    yield house


async def test_a_line_waits_in_the_middle_of_what_was_read(house: House) -> None:
    house.says("a")
    house.fill()
    house.says("b", "c")
    assert (house.taken(), house.connection.reads) == (["a"], False)
    house.next()()
    assert (house.taken(), house.connection.reads) == (["a", "b", "c"], True)


async def test_what_is_left_of_a_line_waits_its_turn_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.fill()
    house.says("a", "b", "c")
    take = house.gate.telemetry

    def telemetry(*event: Any) -> Kept:
        house.fill()
        return take(*event)

    monkeypatch.setattr(house.gate, "telemetry", telemetry)
    house.next()()
    assert (house.taken(), house.connection.reads) == (["a"], False)
    house.says("d")
    for names in (["a", "b"], ["a", "b", "c"], ["a", "b", "c", "d"]):
        house.next()()
        assert house.taken() == names


async def test_what_was_read_counts_when_the_line_ends(house: House) -> None:
    house.fill()
    house.says("a", "b")
    house.socket.closed(1012)
    assert house.taken() == ["a", "b"]
    house.next()()
    assert house.taken() == ["a", "b"]


async def test_what_may_be_of_a_superseded_line_does_not(house: House) -> None:
    house.fill()
    house.says("a")
    house.gate.lines.is_stalled = True
    house.socket.closed(4409)
    house.next()()
    assert house.taken() == []


async def test_a_flooding_device_is_not_read_before_its_turn(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.lines.endpoint.SLOW_SECONDS", 0)
    house.gate.outcome = Kept.SLOWED
    house.says("a")
    house.fill()
    house.says("b")
    await asyncio.sleep(0)  # a turn of the loop: the timer of no seconds is due
    await asyncio.sleep(0)
    assert not house.connection.reads


async def test_a_device_that_is_slowed_stays_so_when_its_turn_comes(house: House) -> None:
    house.fill()
    house.says("a", "b")
    house.gate.outcome = Kept.SLOWED
    house.next()()
    assert (house.taken(), house.connection.reads) == (["a", "b"], False)
