"""A device with an execution journal, as protocol.md asks of one.

It runs a command id once (received → started → done), repeats a result until it is acknowledged,
keeps durable events until they are acknowledged, and after a crash reports what it had started as
`unknown`. A crash ends a life: the journal and the events survive it, everything else is lost.

Results carry the generation of the line they were sent on and the time: the ledger then tells which
frame it believed.
"""

import asyncio
import contextlib
import random
import time
import uuid
from typing import Any, Final

import msgspec
from msgspec import Struct, field
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.acceptance.chaos.history import Noted, Opened, Ran, Record
from tests.acceptance.chaos.line import Line
from tests.acceptance.hub.clients import bearer

Json = dict[str, Any]
LONG_PAUSE: Final = 30.0
CAP: Final = 6.0  # protocol.md says 30; a run has no time for that
BROKEN: Final = "broken"
"""The code of a command that fails, as some do."""
WAITING: Final = 200
COMMANDS: Final = ("force_sync", "clear_queue", "restart_service", "exec_shell")


class Journal(Struct):
    """What is on the device's disk."""

    id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    started: set[str] = field(default_factory=set[str])
    done: dict[str, Json] = field(default_factory=dict[str, Json])
    events: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    """Durable events that are not acknowledged: (boot, seq)."""
    finished: set[str] = field(default_factory=set[str])
    """Results that were acknowledged: never run again."""


class Device:
    """`rate` is durable events a second."""

    def __init__(
        self, url: str, device_id: str, token: str, record: Record, *, rate: float, seed: int
    ) -> None:
        self.device_id = device_id
        self.token = token
        self.url = url
        self.rate = rate
        self.journal = Journal()
        self.line: Line | None = None
        self.boot = ""
        self.stopping = False
        """No more new events: what there is has to be acknowledged."""
        self._record = record
        self._random = random.Random(seed)  # noqa: S311
        self._life: asyncio.Task[None] | None = None
        self._pause = 0.0
        self._seq = 0

    async def run(self) -> None:
        """Live for ever; a crash is followed by another life."""
        while True:
            self._life = asyncio.create_task(self._live())
            try:
                await asyncio.wait([self._life])
            finally:
                self._life.cancel()
            if not self._life.cancelled():
                self._life.result()
            await asyncio.sleep(self._random.uniform(0.2, 2))

    def crash(self, *, journal_lost: bool = False) -> None:
        """As kill -9."""
        if self._life is not None:
            self._life.cancel()
        if journal_lost:
            self.journal = Journal(events=self.journal.events)

    async def _live(self) -> None:
        self.boot = uuid.uuid4().hex[:8]
        self._seq = 0
        for command_id in self.journal.started - set(self.journal.done):
            self.journal.done[command_id] = {"success": False, "outcome": "unknown"}
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._make_events())
            attempt = 0
            while True:
                began = time.monotonic()
                await self._one_line(tasks)
                attempt = 0 if time.monotonic() - began > 10 else attempt + 1
                backoff = self._random.uniform(0, min(CAP, 2.0**attempt / 2))
                await asyncio.sleep(max(self._pause, backoff))
                self._pause = 0.0

    async def _one_line(self, tasks: asyncio.TaskGroup) -> None:
        with contextlib.suppress(OSError, TimeoutError, InvalidHandshake, ConnectionClosed):
            async with connect(
                f"{self.url.replace('http', 'ws', 1)}/ws/device", compression=None, proxy=None,
                additional_headers=bearer(self.token), open_timeout=8, close_timeout=1,
                ping_interval=10, ping_timeout=10,
            ) as connection:  # fmt: skip
                try:
                    await self._serve(connection, tasks)
                except asyncio.CancelledError:
                    connection.transport.abort()
                    raise

    async def _serve(self, connection: ClientConnection, tasks: asyncio.TaskGroup) -> None:
        welcome = msgspec.json.decode(await connection.recv(), type=Json)
        if welcome["type"] != "welcome":
            self._record(Noted(rule="welcome first", text=f"{self.device_id}: {welcome}"))
            return
        generation = welcome["generation"]
        line = self.line = Line(self.device_id, generation, connection, self._record)
        self._record(
            Opened(device=self.device_id, generation=generation, replica=welcome["replicaId"])
        )
        try:
            await self._begin(line)
            async for message in connection:
                await self._receive(line, msgspec.json.decode(message, type=Json), tasks)
        finally:
            self.line = None
            line.closed()
            code = connection.close_code
            self._pause = max(self._pause, {4409: LONG_PAUSE, 4429: LONG_PAUSE}.get(code or 0, 0))

    async def _begin(self, line: Line) -> None:
        """Who we are, then the results and the events that nobody acknowledged."""
        unfinished = sorted(self.journal.started)
        await line.send(
            "hello", bootId=self.boot, journalId=self.journal.id, commands=COMMANDS,
            unfinished=unfinished[:100],
        )  # fmt: skip
        for command_id in tuple(self.journal.done):
            await self._result(line, command_id)
        await line.flush(self.journal.events)

    async def _receive(self, line: Line, frame: Json, tasks: asyncio.TaskGroup) -> None:
        match frame["type"]:
            case "result_ack":
                self.journal.done.pop(frame["commandId"], None)
                self.journal.started.discard(frame["commandId"])
                self.journal.finished.add(frame["commandId"])
            case "event_ack":
                self._acknowledged(line, frame["bootId"], frame["seq"])
            case "error" if frame["code"] == "quarantined":
                line.told_of_quarantine()
            case "reconnect":
                self._pause = frame["afterMs"] / 1000
            case "cancel":
                await self._cancel(frame["commandId"])
            case kind if kind in COMMANDS:
                line.received(frame["id"])
                if frame["id"] in self.journal.done:
                    await self._result(line, frame["id"])
                elif frame["id"] not in self.journal.started | self.journal.finished:
                    self.journal.started.add(frame["id"])
                    tasks.create_task(self._execute(frame["id"], kind))
            case _:
                pass

    async def _cancel(self, command_id: str) -> None:
        if command_id in self.journal.started and self._random.random() < 0.7:
            await self._finish(command_id, {"success": False, "outcome": "cancelled"})

    async def _execute(self, command_id: str, kind: str) -> None:
        self._record(
            Ran(device=self.device_id, journal=self.journal.id, command=command_id, type=kind)
        )
        await self._say("ack", commandId=command_id)
        if self._random.random() < 0.3:
            await self._say("progress", commandId=command_id, percent=50)
            await asyncio.sleep(self._random.expovariate(2))
        await asyncio.sleep(self._random.expovariate(20))
        error = {"code": BROKEN, "message": "as devices are"}
        failed: Json = {"success": False, "error": error}
        await self._finish(command_id, failed if self._random.random() < 0.1 else {"success": True})

    async def _finish(self, command_id: str, result: Json) -> None:
        """The first result of a command is its result."""
        if command_id in self.journal.started and command_id not in self.journal.done:
            self.journal.done[command_id] = result
            if self.line is not None:
                await self._result(self.line, command_id)

    async def _result(self, line: Line, command_id: str) -> None:
        result = self.journal.done[command_id]
        data = {"generation": line.generation, "at": time.monotonic()}
        with contextlib.suppress(ConnectionClosed):
            await line.send("result", commandId=command_id, data=data, **result)

    async def _say(self, kind: str, **fields: object) -> None:
        if self.line is not None:
            with contextlib.suppress(ConnectionClosed):
                await self.line.send(kind, **fields)

    async def _make_events(self) -> None:
        while True:
            await asyncio.sleep(self._random.expovariate(self.rate))
            if self.stopping or len(self.journal.events) >= WAITING:
                continue
            self._seq += 1
            self.journal.events.append((self.boot, self._seq))
            if self.line is not None:
                with contextlib.suppress(ConnectionClosed):
                    await self.line.flush(self.journal.events)
            if self._random.random() < 0.2:
                await self._say("status", status="ONLINE", metrics={"load": 0.5})
                await self._say("log_line", line="all is well", level="INFO")

    def _acknowledged(self, line: Line, boot: str, seq: int) -> None:
        line.acked(boot, seq)
        self.journal.events = [(b, s) for b, s in self.journal.events if b != boot or s > seq]
