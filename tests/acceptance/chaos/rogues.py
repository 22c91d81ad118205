"""Devices and dashboards that behave badly, each for a few seconds.

A rogue that takes the identity of a device of the fleet keeps its own journal, as another machine
would, and follows the protocol otherwise: what it does is recorded and checked like the rest.
"""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.acceptance.chaos.dashboard import Dashboard
from tests.acceptance.chaos.device import Device
from tests.acceptance.chaos.faults import Planned
from tests.acceptance.chaos.history import Record
from tests.acceptance.hub.clients import bearer
from tests.tasks import in_background

RUBBISH: Final = (
    "{", "[]", '{"type":"no such thing"}', '{"type":"subscribe"}', '{"type":"subscribe","id":7}',
    '{"type":"unsubscribe","id":"x","more":NaN}', "\u0000", '{"type":"ping","ping":1}',
)  # fmt: skip
FLOOD: Final = 3_000


class Rogues:
    """`tokens` are of devices that the fleet does not have: for those who have no good line."""

    def __init__(
        self, url: str, devices: list[Device], dashboards: list[Dashboard],
        tokens: list[str], user: str, record: Record,
    ) -> None:  # fmt: skip
        self._url = url
        self._ws = url.replace("http", "ws", 1)
        self._devices = devices
        self._dashboards = dashboards
        self._tokens = tokens
        self._user = user
        self._record = record
        self._acts: dict[str, Callable[[Planned], Awaitable[None]]] = {
            "device killed": self._kill,
            "journal deleted": self._delete_journal,
            "clone": self._clone,
            "two lines": self._two_lines,
            "come and go": self._come_and_go,
            "half-open": self._half_open,
            "flood": self._flood,
            "handshake never finished": self._no_handshake,
            "dashboard never reads": self._never_read,
            "dashboard in a loop": self._loop,
            "rubbish": self._rubbish,
            "dashboard leaves": self._leave,
        }

    async def misbehave(self, fault: Planned) -> None:
        with contextlib.suppress(OSError, TimeoutError, InvalidHandshake, ConnectionClosed):
            await self._acts[fault.name](fault)

    def _victim(self, fault: Planned) -> Device:
        return self._devices[fault.pick % len(self._devices)]

    async def _kill(self, fault: Planned) -> None:
        self._victim(fault).crash()

    async def _delete_journal(self, fault: Planned) -> None:
        self._victim(fault).crash(journal_lost=True)

    async def _clone(self, fault: Planned) -> None:
        """Comes, works a moment, is gone; three times."""
        for turn in range(3):
            await self._impostor(fault, fault.seconds / 4, turn)

    async def _two_lines(self, fault: Planned) -> None:
        await self._impostor(fault, fault.seconds, 0)

    async def _impostor(self, fault: Planned, seconds: float, turn: int) -> None:
        victim = self._victim(fault)
        clone = Device(
            self._url, victim.device_id, victim.token, self._record, rate=2, seed=fault.pick + turn
        )
        async with in_background(clone.run()):
            await asyncio.sleep(seconds)

    async def _come_and_go(self, fault: Planned) -> None:
        for _ in range(int(fault.seconds)):
            async with self._line(fault) as connection:
                await connection.send('{"type":"status","status":"ONLINE","metrics":{"n":1}}')
            await asyncio.sleep(1)

    async def _half_open(self, fault: Planned) -> None:
        """Neither reads nor leaves: the hub's pings get no answer."""
        async with self._line(fault) as connection:
            connection.transport.pause_reading()
            await asyncio.sleep(fault.seconds * 5)
            connection.transport.abort()

    async def _flood(self, fault: Planned) -> None:
        async with self._line(fault) as connection:
            for n in range(FLOOD):
                await connection.send(f'{{"type":"log_line","line":"flood {n}","level":"DEBUG"}}')

    async def _no_handshake(self, fault: Planned) -> None:
        port = int(self._url.rpartition(":")[2])
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /ws/device HTTP/1.1\r\nHost: x\r\n")
        await asyncio.sleep(fault.seconds * 3)
        writer.transport.abort()

    async def _never_read(self, fault: Planned) -> None:
        async with self._dashboard() as connection:
            await connection.send('{"type":"subscribe","id":"all"}')
            connection.transport.pause_reading()
            await asyncio.sleep(fault.seconds * 3)
            connection.transport.abort()

    async def _loop(self, fault: Planned) -> None:
        """Comes back with the same old place again and again."""
        place = self._dashboards[0].place
        since = {"epoch": place[0], "offset": max(0, place[1] - 200)} if place else None
        wish: dict[str, Any] = {"type": "subscribe", "id": "all"}
        text = msgspec.json.encode(wish | ({"since": since} if since else {})).decode()
        for _ in range(10):
            async with self._dashboard() as connection:
                await connection.send(text)
                await connection.recv()

    async def _rubbish(self, fault: Planned) -> None:
        chance = random.Random(fault.pick)  # noqa: S311
        async with self._dashboard() as connection:
            for _ in range(30):
                await connection.send(chance.choice(RUBBISH))

    async def _leave(self, fault: Planned) -> None:
        await self._dashboards[fault.pick % len(self._dashboards)].leave()

    def _line(self, fault: Planned) -> connect:
        token = self._tokens[fault.pick % len(self._tokens)]
        return self._connect("/ws/device", token)

    def _dashboard(self) -> connect:
        return self._connect("/ws/dashboard", self._user)

    def _connect(self, path: str, token: str) -> connect:
        return connect(
            self._ws + path, additional_headers=bearer(token), compression=None, proxy=None,
            open_timeout=8, close_timeout=1, ping_interval=None,
        )  # fmt: skip
