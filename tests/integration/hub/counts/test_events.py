"""What events cost: tasks, writes, COPYs, calls of Redis."""

import asyncio
import time
from typing import Any

import pytest
from redis.asyncio.connection import AbstractConnection
from uvicorn.config import Config
from uvicorn.server import ServerState

from dashboard_ws.core.filters import Predicate, Selection, Sight
from dashboard_ws.fanout import FanOut
from dashboard_ws.outlet import Outlet
from hub.base.bus import Bus
from hub.base.database import Database
from hub.base.errors import Unavailable
from hub.base.kept import Kept
from hub.lines.pace import Rates
from hub.lines.session import LineSession
from hub.socket.connection import connection_class
from hub.socket.handler import Socket
from hub.socket.handshake import Upgrade
from hub.socket.pings import PingWheel
from hub.telemetry.store import TelemetryStore
from hub.telemetry.stream import StreamWriter
from hub.telemetry.upkeep import TelemetryUpkeep
from hub.telemetry.writer import TelemetryWriter
from protocol.ids import DEFAULT_ORG, DeviceId, ReplicaId
from protocol.stream import Entries, StreamEvent
from protocol.telemetry import Telemetry
from tests.conformance import wire
from tests.factories import FakeContext, make_line
from tests.integration.dashboard_ws.valkey import running_valkey
from tests.integration.hub.counts.counting import Sent, Transport, tasks_made
from tests.integration.hub.hubs import NoStream, add_devices, show_nobody
from tests.tasks import in_background
from tests.unit.dashboard_ws.fakes import ORG, WIRE, FakeConnection
from tests.unit.dashboard_ws.stream import FakeStream, make_event, standing

EVENTS = 1_000
REPLICA = ReplicaId("r")
EVENT = b'{"type":"scan","code":"0104600000000000215","valid":true,"data":{"line":"filler-7"}}'
STATUS = b'{"type":"status","status":"ONLINE","metrics":{"temperature":21.5}}'
DURABLE = b'{"type":"event","name":"filled","bootId":"BOOT","seq":SEQ}'
ALL: Selection = frozenset({Predicate()})
SCANS: Selection = frozenset({Predicate(types=frozenset({"scan"}))})


def make_service(database: Database, stream: Any) -> tuple[TelemetryWriter, StreamWriter]:
    writer = StreamWriter(stream, REPLICA, show=show_nobody, unavailable=Unavailable)
    store = TelemetryStore(database)
    return TelemetryWriter(store, TelemetryUpkeep(store), writer), writer


class Around(FakeContext):
    """Events go where a replica's go."""

    def __init__(self, service: TelemetryWriter) -> None:
        super().__init__(Rates(frames=0, bytes=0))
        self._service = service

    def telemetry(self, line: LineSession, message: Telemetry) -> Kept:
        return self._service.put(line, message)


class Device:
    """A socket's handler that has its line already."""

    def __init__(self, service: TelemetryWriter) -> None:
        self._around = Around(service)

    def opened(self, connection: Socket) -> None:
        connection.max_message = 64 * 1024
        self._session = make_line(
            context=self._around, send=connection.send, close=connection.close
        )

    def text(self, message: bytes) -> None:
        self._session.text(message)

    def binary(self, message: bytes) -> None: ...
    def drained(self) -> None: ...
    def closed(self, code: int) -> None: ...

    def admit(self, upgrade: Upgrade) -> "Device":
        return self


async def test_a_message_makes_no_task_and_writes_nothing(database: Database) -> None:
    """From the bytes of a socket to the batches of the store and of the stream."""
    service, writer = make_service(database, NoStream())
    kind = connection_class(Device(service), PingWheel())
    connection, transport = kind(Config(_no_http), ServerState(), {}), Transport()
    connection.connection_made(transport)
    connection.data_received(wire.request())
    transport.writes.clear()

    with tasks_made() as made:
        for _ in range(EVENTS):
            connection.data_received(wire.text(EVENT))
        connection.data_received(wire.text(EVENT) * EVENTS)

    assert (service.waiting(), writer.waiting()) == (2 * EVENTS, 2 * EVENTS)
    assert made == []
    assert transport.writes == []
    connection.connection_lost(None)


async def _no_http(scope: Any, receive: Any, send: Any) -> None: ...


async def stored(service: TelemetryWriter, writer: StreamWriter, *frames: bytes) -> None:
    """What ten devices say a hundred times each in one turn of the loop is committed."""
    lines = [make_line(context=Around(service), device_id=DeviceId(f"d{n}")) for n in range(1, 11)]
    async with in_background(service.run(), writer.run()):
        for number in range(1, 101):
            for line in lines:
                for frame in frames:
                    line.text(frame.replace(b"SEQ", b"%d" % number))
        await service.flush()


async def add_lines(database: Database) -> None:
    await add_devices(database, 10)
    await database.execute(
        "INSERT INTO device_line (org_id, device_id, replica_id, session_id) "
        "SELECT org_id, device_id, 'r', 's' FROM device"
    )


async def test_a_batch_of_events_is_one_look_at_the_lines_and_one_copy(
    database: Database, sent: Sent
) -> None:
    await add_lines(database)
    service, writer = make_service(database, NoStream())
    await stored(service, writer, EVENT)  # asyncpg makes itself known with the types
    sent.clear()

    await stored(service, writer, EVENT)

    await sent.settle()
    assert sent.copies == ["event"], sent
    assert sent.transactions == 1, sent
    assert len(sent.statements) == 1, sent


async def test_statuses_and_marks_are_a_statement_each_for_a_batch(
    database: Database, sent: Sent
) -> None:
    """Durable events: marks are locked and moved, between them it is asked which lines are
    superseded; of each device the latest state is set."""
    await add_lines(database)
    service, writer = make_service(database, NoStream())
    await stored(service, writer, STATUS, DURABLE.replace(b"BOOT", b"first"))
    sent.clear()

    await stored(service, writer, STATUS, DURABLE.replace(b"BOOT", b"second"))

    await sent.settle()
    assert sorted(sent.copies) == ["event", "status_event"], sent
    assert sent.transactions == 1, sent
    assert len(sent.statements) <= 4, sent


async def test_a_tick_is_one_call_of_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many events came in it."""
    calls = sent_to_redis(monkeypatch)
    with running_valkey() as valkey:
        bus = Bus(valkey.url, clock=time.monotonic)
        writer = StreamWriter(bus, REPLICA, show=show_nobody, unavailable=Unavailable)
        async with in_background(writer.run()):
            await appended(writer, 1)  # connects, and brings the script
            calls.clear()
            await appended(writer, EVENTS)
        await bus.close()

    assert calls == [b"EVALSHA"]


def sent_to_redis(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The first words of the commands that leave the process."""
    calls: list[bytes] = []
    send = AbstractConnection.send_packed_command

    async def counted(self: AbstractConnection, command: Any, *rest: Any, **named: Any) -> None:
        text = command if isinstance(command, bytes) else b"".join(command)
        calls.append(text.split(b"\r\n")[2].upper())
        await send(self, command, *rest, **named)

    monkeypatch.setattr(AbstractConnection, "send_packed_command", counted)
    return calls


async def appended(writer: StreamWriter, events: int) -> None:
    """In one turn of the loop; until they are in the stream."""
    for _ in range(events):
        writer.put(DEFAULT_ORG, StreamEvent(DeviceId("d1"), "scan", "", EVENT))
    while not writer.idle():  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.002)


def test_a_tick_is_one_write_for_each_dashboard() -> None:
    """To its transport, whatever it subscribed to; who wants the same gets the same bytes."""
    stream = FakeStream()
    fanout = standing(FanOut(ORG, REPLICA), stream)
    transports = [dashboard(fanout, selection) for selection in (ALL, ALL, SCANS)]

    entries = [stream.append(make_event(), make_event(kind="print")) for _ in range(50)]
    fanout.receive(Entries(entries))

    assert [len(transport.writes) for transport in transports] == [1, 1, 1]
    assert transports[0].writes == transports[1].writes
    assert transports[0].writes[0].count(b'"offset":') == 100
    assert transports[2].writes[0].count(b'"offset":') == 50


def dashboard(fanout: FanOut, selection: Selection) -> Transport:
    """Its transport."""
    connection, transport = Written(), Transport()
    connection.transport = transport
    outlet = Outlet(connection, WIRE, _never, 0.0)
    outlet.sight = Sight()
    fanout.attach(outlet, selection)
    return transport


class Written(FakeConnection):
    transport: Transport

    def write(self, frames: bytes) -> None:
        self.transport.write(frames)


def _never() -> None:
    raise AssertionError("nobody is behind here")
