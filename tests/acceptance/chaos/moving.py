"""Devices whose replica stands still while they move to another.

What they sent waits in its kernel. The old lines are on the victim, and events go up them when it
stands still; then newer lines are opened on another replica. When the victim goes on, it reads old
frames before anything else: none of them may count any more.
"""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.acceptance.chaos.cluster import Replica
from tests.acceptance.chaos.history import Opened, Record, Stranded
from tests.acceptance.chaos.line import Line
from tests.acceptance.hub.clients import bearer
from tests.tasks import in_background

Json = dict[str, Any]
EVENTS: Final = 5
OPEN_SECONDS: Final = 8.0
"""Until all are on their lines, as far as they can be."""
CLOSE_SECONDS: Final = 10.0
"""Until the old line is closed, after its replica goes on."""


async def move(
    tokens: dict[str, str], victim: Replica, other: Replica, record: Record, *, seconds: float
) -> None:
    """`victim` stands still for so long; `tokens` are of devices that nobody else is."""
    frozen, thawed, there = asyncio.Event(), asyncio.Event(), asyncio.Semaphore(0)
    moves = [
        _move(i, token, victim, other, record, frozen, thawed, there) for i, token in tokens.items()
    ]
    tasks = [asyncio.create_task(each) for each in moves]
    with contextlib.suppress(TimeoutError):  # some cannot, while other things are broken
        async with asyncio.timeout(OPEN_SECONDS):
            for _ in tasks:
                await there.acquire()
    victim.freeze()
    frozen.set()
    await asyncio.sleep(seconds)
    thawed.set()
    await asyncio.sleep(0)  # who has moved says so before it goes on
    victim.thaw()
    await asyncio.gather(*tasks)


async def _move(
    device: str, token: str, victim: Replica, other: Replica, record: Record,
    frozen: asyncio.Event, thawed: asyncio.Event, there: asyncio.Semaphore,
) -> None:  # fmt: skip
    """`there` is released once: when the device is on its line."""
    with contextlib.suppress(OSError, TimeoutError, InvalidHandshake, ConnectionClosed):
        async with _line(device, token, victim, record) as old:
            there.release()
            await frozen.wait()
            waiting = await _send(old)
            async with _line(device, token, other, record) as new:
                waiting += await _send(old)
                moved = not thawed.is_set()
                await _send(new)
                await thawed.wait()
                if moved:
                    _record(waiting, device, old, record)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(CLOSE_SECONDS):
                        await old.connection.wait_closed()


async def _send(line: Line) -> list[tuple[str, int]]:
    boot = uuid.uuid4().hex[:8]
    events = [(boot, seq) for seq in range(1, EVENTS + 1)]
    await line.flush(events)
    return events


def _record(events: list[tuple[str, int]], device: str, line: Line, record: Record) -> None:
    for boot, seq in events:
        record(Stranded(device=device, generation=line.generation, boot=boot, seq=seq))


@asynccontextmanager
async def _line(device: str, token: str, replica: Replica, record: Record) -> AsyncGenerator[Line]:
    async with connect(
        f"{replica.url.replace('http', 'ws', 1)}/ws/device", compression=None, proxy=None,
        additional_headers=bearer(token), open_timeout=8, close_timeout=1, ping_interval=None,
    ) as connection:  # fmt: skip
        welcome = msgspec.json.decode(await connection.recv(), type=Json)
        line = Line(device, welcome["generation"], connection, record)
        record(Opened(device=device, generation=line.generation, replica=welcome["replicaId"]))
        try:
            async with in_background(_listen(line)):
                yield line
        finally:
            await connection.close()
            line.closed()


async def _listen(line: Line) -> None:
    with contextlib.suppress(ConnectionClosed):
        while True:
            frame = msgspec.json.decode(await line.connection.recv(), type=Json)
            if frame["type"] == "event_ack":
                line.acked(frame["bootId"], frame["seq"])
