"""Devices, dashboards and callers of the hub, as cheap as they can be."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, TypeVar

import msgspec

from tests.bench.load import Goal, Publisher, Sink
from tests.bench.wire import Tap, client_frame, connect, connect_websocket, server_frames
from tests.conformance.wire import PING, PONG, TEXT

KEEP_ALIVE_SECONDS: Final = 4.0
_ASK: Final = client_frame(b'{"type":"ping"}')
_ALIVE: Final = client_frame(b"", PONG)

T = TypeVar("T")
Item = TypeVar("Item")


class Device:
    """Answers pings, and commands with `ack` and `result` at once."""

    def __init__(self, tap: Tap) -> None:
        self.tap = tap
        self.publisher = Publisher(tap.write, client_frame)
        self._rest = b""
        self._asked: asyncio.Future[None] | None = None
        self._welcomed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        tap.pour(self._receive)

    async def welcomed(self) -> None:
        await self._welcomed

    async def settle(self) -> None:
        """Wait until the hub has read everything sent so far."""
        self._asked = asyncio.get_running_loop().create_future()
        self.tap.write(_ASK)
        await self._asked

    def _receive(self, chunk: bytes) -> None:
        frames, self._rest = server_frames(self._rest + chunk)
        for opcode, text in frames:
            if opcode == PING:
                self.tap.write(client_frame(text, PONG))
            elif opcode == TEXT:
                self._text(text)

    def _text(self, text: bytes) -> None:
        match text[9:13]:  # {"type":"….
            case b"pong":
                if self._asked is not None and not self._asked.done():
                    self._asked.set_result(None)
            case b"welc":
                self._welcomed.set_result(None)
            case b"forc":
                command_id = msgspec.json.decode(text)["id"].encode()
                ack = b'{"type":"ack","commandId":"%b"}' % command_id
                result = b'{"type":"result","commandId":"%b","success":true}' % command_id
                self.tap.write(client_frame(ack) + client_frame(result))
            case _:
                pass


async def connect_device(port: int, shown: str | ssl.SSLContext) -> Device:
    """With a token, or with a certificate by TLS."""
    if isinstance(shown, str):
        device = Device(await connect_websocket(port, "/ws/device", token=shown))
    else:
        device = Device(await connect_websocket(port, "/ws/device", tls=shown))
    await device.welcomed()
    return device


async def in_turns(
    work: Callable[[Item], Awaitable[T]], items: Sequence[Item], *, at_once: int
) -> list[T]:
    slots = asyncio.Semaphore(at_once)

    async def one(item: Item) -> T:
        async with slots:
            return await work(item)

    return list(await asyncio.gather(*(one(item) for item in items)))


async def connect_devices(
    port: int, shown: Mapping[str, str | ssl.SSLContext], *, at_once: int = 100
) -> list[Device]:
    async def one(credential: str | ssl.SSLContext) -> Device:
        return await connect_device(port, credential)

    return await in_turns(one, list(shown.values()), at_once=at_once)


class Dashboard:
    """Subscribed; counts the scans that come."""

    def __init__(self, tap: Tap, sink: Sink) -> None:
        self.tap = tap
        self.sink = sink
        tap.pour(sink.receive)


async def connect_dashboard(
    port: int, token: str, goal: Goal, *, probe: bool = False, device_ids: Sequence[str] = ()
) -> Dashboard:
    tap = await connect_websocket(port, "/ws/dashboard", token=token)
    wish: dict[str, object] = {"type": "subscribe", "id": "all", "types": ["scan"]}
    if device_ids:
        wish["deviceIds"] = device_ids
    tap.write(client_frame(msgspec.json.encode(wish)))
    await tap.until(b'{"type":"subscribed"')
    return Dashboard(tap, Sink(goal, probe=probe))


async def keep_alive(taps: Sequence[Tap]) -> None:
    """For sockets that only read: the hub hears from them. For ever."""
    while True:
        await asyncio.sleep(KEEP_ALIVE_SECONDS)
        for tap in taps:
            if not tap.closed:
                tap.write(_ALIVE)


class Caller:
    """One keep-alive HTTP connection."""

    def __init__(self, tap: Tap, token: str) -> None:
        self._tap = tap
        self._token = token.encode()

    @classmethod
    async def open(cls, port: int, token: str) -> "Caller":
        return cls(await connect(port), token)

    async def dispatch(self, device_id: str) -> None:
        """Raises `RuntimeError` when it is not a success."""
        body = b'{"command":{"type":"force_sync"}}'
        status, answer = await self.post(f"/api/v1/devices/{device_id}/commands", body)
        if status != 200 or b'"SUCCESS"' not in answer:
            raise RuntimeError(f"{status} {answer[:200]!r}")

    async def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        self._tap.write(
            b"POST %b HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %b\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (path.encode(), self._token, len(body), body)
        )
        head = (await self._tap.until(b"\r\n\r\n")).lower()
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        return int(head[9:12]), await self._tap.exactly(length)

    def close(self) -> None:
        self._tap.close()
