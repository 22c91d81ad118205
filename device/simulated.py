"""A device for the simulator: the agent's cores and its connection, with memory in place of disk.

It keeps what a real one keeps: each command id runs at most once, results are repeated until they
are acknowledged, events keep their names and are held until `event_ack`. What commands do is made
up: they succeed after `command_seconds`, and after `update_firmware` the device comes back with the
new version. What it measures is made up too.
"""

import asyncio
import math
import secrets
import time
import zlib
from collections import OrderedDict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, assert_never

import httpx
import msgspec
from msgspec import Struct

from cloud.outward import WayOut
from device.commands.book import (
    Book,
    BookEffect,
    Finished,
    Forgotten,
    Mark,
    Received,
    Run,
    Send,
    Started,
    Stop,
    WriteJournal,
    refusal,
)
from device.commands.recovery import JournalRow
from device.events.outbox import EventKey, Outbox, OutboxBounds
from device.line.connection import Connection, Tokens
from device.line.hub_clock import HubClock
from device.line.line import Line
from device.line.session import Session
from device.update.own_version import agent_version
from device.workloads.pretended import PretendedWorkloads
from protocol import commands
from protocol.codec import encode
from protocol.commands import COMMANDS, Command, with_values
from protocol.frames import DESIRED, Desired, Hello
from protocol.ids import CommandId
from protocol.replies import Ack, Progress, Result
from protocol.secret_values import Values
from protocol.telemetry import LogLine, Scan, Status
from protocol.workloads import WORKLOAD_STATUS, WORKLOADS, WorkloadStatus

JOURNAL_ROWS: Final = 1_000
BOUNDS: Final = OutboxBounds(events=5_000, bytes=1024 * 1024)
RESTART_SECONDS: Final = 2.0
"""From the result of an update to the restart."""
_BATCH: Final = 64


def measured(device_id: str, now: float) -> dict[str, float]:
    """Slow waves that differ from device to device; `now` in seconds."""
    phase = zlib.crc32(device_id.encode()) % 6283 / 1000
    slow, fast = math.sin(now / 190 + phase), math.sin(now / 23 + phase * 5)
    return {
        "cpu.percent": round(38 + 22 * slow + 9 * fast, 1),
        "temperature.celsius": round(52 + 6 * slow + fast, 1),
    }


class FleetCounts(Struct, rename="camel"):
    """Of the whole fleet. `created` = `acknowledged` + `held` + `dropped`, or something is lost."""

    connected: int = 0
    lines_opened: int = 0
    reconnects: int = 0
    turned_away: int = 0
    events_created: int = 0
    events_sent: int = 0
    """Every transmission: an event that is sent again counts again."""
    events_acknowledged: int = 0
    events_held: int = 0
    events_dropped: int = 0
    commands_run: int = 0
    commands_repeated: int = 0
    """Delivered again after they had run: answered from memory."""
    faults: int = 0
    """That a script brought about, one for each device."""


class Disturbance(Struct):
    """What is wrong with one device: how late its replies go up, how often each frame does, and how
    far its clock is off, in seconds."""

    late: float = 0.0
    copies: int = 1
    skew: float = 0.0


class SimulatedDevice:
    def __init__(
        self,
        device_id: str,
        *,
        hub: str,
        way_out: WayOut,
        tokens: Tokens,
        counts: FleetCounts,
        command_seconds: float,
        workloads_by: httpx.AsyncClient | None = None,
    ) -> None:
        """`workloads_by` reaches the hub for the applications that it pretends to run; without it
        it takes none."""
        self._id = device_id
        self._counts = counts
        self.disturbance: Final = Disturbance()
        self._command_seconds = command_seconds
        self._boot_id = secrets.token_hex(8)
        self._journal_id = secrets.token_hex(8)
        self._journal: OrderedDict[CommandId, JournalRow] = OrderedDict()
        self._timers: dict[CommandId, asyncio.TimerHandle] = {}
        self._outbox = Outbox(boot_id=self._boot_id, bounds=BOUNDS)
        self._frames: dict[EventKey, bytes] = {}
        self._version = agent_version()
        self._line: Line | None = None
        self._session: Session | None = None
        self._has_been_open = False
        hub_clock = HubClock()
        self._book = Book(hub_clock.is_past)
        self._connection = Connection(
            hub=hub,
            way_out=way_out,
            agent="longline-fleet",
            tokens=tokens,
            book=self._book,
            hub_clock=hub_clock,
            hello=self._hello,
            uplink=self,
            events=self,
            effects=self,
            opened=self._opened,
            handed_over=self._handed_over,
        )
        self._workloads = self._make_workloads(workloads_by, tokens) if workloads_by else None

    def _make_workloads(self, http: httpx.AsyncClient, tokens: Tokens) -> PretendedWorkloads:
        return PretendedWorkloads(
            http=http,
            tokens=tokens,
            keep=self._keep,
            send=self._send,
            accepted=lambda: (
                self._session is not None and WORKLOAD_STATUS in self._session.hub_accepts
            ),
        )

    async def run(self) -> None:
        """For ever. Raises what `device.line.connection.Connection.run` raises."""
        pretends = asyncio.create_task(self._workloads.run()) if self._workloads else None
        try:
            await self._connection.run()
        finally:
            if pretends is not None:
                pretends.cancel()

    def _hello(self) -> Hello:
        return Hello(
            boot_id=self._boot_id,
            agent_version=self._version,
            journal_id=self._journal_id,
            commands=list(COMMANDS),
            unfinished=self._book.unfinished(),
            accepts=[DESIRED] if self._workloads else None,
            sections={WORKLOADS: self._workloads.state()} if self._workloads else None,
        )

    def _opened(self) -> None:
        self.report_status()
        if self._workloads is not None:
            self._workloads.line_opened()

    def _handed_over(self, frame: Desired) -> None:
        if self._workloads is not None:
            self._workloads.handed_over(frame)

    # What happens on the device.

    @property
    def held(self) -> int:
        """Events that the hub has not acknowledged."""
        return self._outbox.depth

    def report_status(self) -> None:
        metrics = {**measured(self._id, time.time()), "outbox.depth": self._outbox.depth}
        self._send(Status(status="ONLINE", metrics=metrics, ts=self._wrong_time()))

    def _wrong_time(self) -> datetime | None:
        """None while the clock is right: then the hub dates what comes."""
        skew = self.disturbance.skew
        return datetime.now(UTC) + timedelta(seconds=skew) if skew else None

    def cut(self) -> None:
        """The connection ends without a word."""
        if self._line is not None:
            self._line.abort()

    def scan(self) -> None:
        """Something was produced: one durable event."""
        code = f"{self._id}-{self._counts.events_created}"
        self._keep(Scan(code=code, valid=True, ts=self._wrong_time()))

    def _keep(self, event: Scan | WorkloadStatus) -> None:
        """Until the hub has it."""
        added = self._outbox.add(size=len(encode(event)) + 96, alert=False)
        boot_id, seq = added.key
        self._frames[added.key] = encode(msgspec.structs.replace(event, boot_id=boot_id, seq=seq))
        self._counts.events_created += 1
        self._counts.events_dropped += self._forget(added.dropped)
        self._pump()

    def _forget(self, keys: list[EventKey]) -> int:
        for key in keys:
            del self._frames[key]
        return len(keys)

    def _send(self, frame: Struct) -> None:
        late = self.disturbance.late
        if late and isinstance(frame, Ack | Progress | Result):
            asyncio.get_running_loop().call_later(late, self._send_now, frame)
        else:
            self._send_now(frame)

    def _send_now(self, frame: Struct) -> None:
        for _ in range(self.disturbance.copies):
            if self._session is not None:
                self._session.send(frame)

    def _pump(self) -> None:
        while self._session is not None and (keys := self._outbox.take(_BATCH)):
            for key in keys * self.disturbance.copies:
                self._session.send_encoded(self._frames[key])
                self._counts.events_sent += 1

    # What the connection needs.

    def attach(self, line: Line, session: Session) -> None:
        self._line = line
        self._session = session
        self._counts.connected += 1
        self._counts.lines_opened += 1
        self._counts.reconnects += self._has_been_open
        self._has_been_open = True

    def detach(self) -> None:
        self._counts.connected -= self._session is not None
        self._line = self._session = None

    def rewind(self) -> None:
        self._outbox.rewind()
        self._pump()

    async def acknowledge(self, boot_id: str, seq: int) -> None:
        self._counts.events_acknowledged += self._forget(self._outbox.acknowledge(boot_id, seq))
        self._pump()

    async def refuse(self, key: EventKey) -> None:
        if self._outbox.discard(key):
            self._counts.events_acknowledged += self._forget([key])

    async def put(self, effects: Iterable[BookEffect]) -> None:
        self._carry_out(effects)

    # Commands.

    def _carry_out(self, effects: Iterable[BookEffect]) -> None:
        for effect in effects:
            match effect:
                case WriteJournal(mark=mark):
                    stored = self._write(mark)
                    self._carry_out(self._book.recorded(mark, time.monotonic(), stored))
                case Send(frame=frame):
                    self._send(frame)
                case Run(id=command_id, command=command, secrets=secrets):
                    self._start(command_id, command, secrets)
                case Stop(id=command_id):
                    self._stop(command_id)
                case _:
                    assert_never(effect)

    def _write(self, mark: Mark) -> JournalRow | None:
        match mark:
            case Received():
                return self._received(mark)
            case Started():
                self._journal[mark.id] = JournalRow(id=mark.id, os_boot_id=self._boot_id)
            case Finished() | Forgotten():
                self._journal[mark.id] = JournalRow(id=mark.id, result=mark.result)
            case _:
                assert_never(mark)
        return None

    def _received(self, mark: Received) -> JournalRow | None:
        found = self._journal.get(mark.id)
        if found is not None:
            self._counts.commands_repeated += 1
            return found
        self._journal[mark.id] = JournalRow(id=mark.id)
        if len(self._journal) > JOURNAL_ROWS:
            self._journal.popitem(last=False)
        return None

    def _start(self, command_id: CommandId, command: Command, secrets: Values) -> None:
        self._counts.commands_run += 1
        result = self._result(command_id, with_values(command, secrets))
        if not self._command_seconds:
            self._carry_out(self._book.finished(result))
            return
        self._carry_out(self._book.progress(Progress(command_id=command_id, percent=0)))
        self._timers[command_id] = asyncio.get_running_loop().call_later(
            self._command_seconds, self._end, result
        )

    def _restart(self, version: str) -> None:
        self._version = version
        self.cut()

    def _end(self, result: Result) -> None:
        del self._timers[result.command_id]
        self._carry_out(self._book.finished(result))

    def _stop(self, command_id: CommandId) -> None:
        timer = self._timers.pop(command_id, None)
        if timer is not None:
            timer.cancel()
            cancelled = refusal(command_id, "cancelled", "cancelled", "cancelled while it ran")
            self._carry_out(self._book.finished(cancelled))

    def _result(self, command_id: CommandId, command: Command) -> Result:
        data: dict[str, Any] | None = None
        match command:
            case commands.ForceSync():
                data = {"inProgress": self._outbox.depth}
            case commands.ClearQueue():
                data = {"deleted": 0}
            case commands.PullLogs():
                self._send(LogLine(line="simulated", level="INFO", command_id=command_id))
                data = {"lines": 1}
            case commands.PushConfig():
                data = {"version": 1, "applied": [], "restartRequired": []}
            case commands.ExecShell():
                data = {"exitCode": 0, "stdout": "simulated\n", "stderr": "", "truncated": False}
            case commands.UpdateFirmware():
                data = {"stagedPath": "/dev/null", "version": command.version}
                later = self._command_seconds + RESTART_SECONDS
                asyncio.get_running_loop().call_later(later, self._restart, command.version)
            case _:
                pass
        return Result(command_id=command_id, success=True, output="simulated", data=data)
