"""Devices, dashboards and callers that cost little: picows and hand-written HTTP."""

import asyncio
import contextlib
import time
from typing import TypeVar, cast

import msgspec
import picows

_TEXT = picows.WSMsgType.TEXT
_FRAME = (
    b'{"type":"scan","code":"0104600000000000215abcdefgh","valid":true,'
    b'"ts":"2026-01-01T12:00:00.123Z","data":{"line":"filler-7","shift":2,"camera":"c-3",'
    b'"confidence":0.9971,"retries":0,"batch":"B-2026-001"}}'
)
"""190 bytes, as in the design's figures."""


class Peer(picows.WSListener):
    """A socket that answers pings and wakes whoever waits."""

    transport: picows.WSTransport

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        self.transport = transport

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        if frame.msg_type == picows.WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())
        elif frame.msg_type == _TEXT:
            self.message(frame.get_payload_as_bytes())

    def message(self, text: bytes) -> None: ...


P = TypeVar("P", bound=Peer)


class Device(Peer):
    """Answers commands with `ack` and `result` at once; `pong` sets `ponged`."""

    def __init__(self) -> None:
        self.ponged = asyncio.Event()
        self.welcomed = asyncio.Event()

    def message(self, text: bytes) -> None:
        kind = text[9:13]  # {"type":"….
        if kind == b"pong":
            self.ponged.set()
        elif kind == b"welc":
            self.welcomed.set()
        elif kind == b"forc":
            command_id = msgspec.json.decode(text)["id"].encode()
            self.transport.send(_TEXT, b'{"type":"ack","commandId":"%b"}' % command_id)
            self.transport.send(
                _TEXT, b'{"type":"result","commandId":"%b","success":true}' % command_id
            )

    def scan(self, count: int = 1) -> None:
        for _ in range(count):
            self.transport.send(_TEXT, _FRAME)

    async def settle(self) -> None:
        """Wait until the hub has read everything sent so far."""
        self.ponged.clear()
        self.transport.send(_TEXT, b'{"type":"ping"}')
        await self.ponged.wait()


class Dashboard(Peer):
    """Counts scans and gaps; `reached` waits for a number of scans."""

    def __init__(self) -> None:
        self.scans = 0
        self.gaps = 0
        self._wanted = 0
        self._reached = asyncio.Event()

    def message(self, text: bytes) -> None:
        if text.startswith(b'{"type":"scan"'):
            self.scans += 1
            if self.scans >= self._wanted:
                self._reached.set()
        elif text.startswith(b'{"type":"gap"'):
            self.gaps += 1

    async def reached(self, scans: int) -> None:
        self._wanted = scans
        self._reached.clear()
        if self.scans < scans:
            await self._reached.wait()


async def _connect(kind: type[P], address: str, headers: dict[str, str]) -> P:
    _, peer = await picows.ws_connect(kind, address, extra_headers=headers)  # pyright: ignore[reportUnknownMemberType]
    return cast("P", peer)


async def connect_device(url: str, token: str) -> Device:
    address = url.replace("http", "ws", 1) + "/ws/device"
    headers = {"Authorization": f"Bearer {token}"}
    device = await _connect(Device, address, headers)
    await device.welcomed.wait()
    return device


async def connect_devices(url: str, tokens: dict[str, str], *, at_once: int) -> list[Device]:
    slots = asyncio.Semaphore(at_once)

    async def one(token: str) -> Device:
        async with slots:
            return await connect_device(url, token)

    return await asyncio.gather(*(one(token) for token in tokens.values()))


async def connect_dashboard(url: str, token: str) -> Dashboard:
    address = url.replace("http", "ws", 1) + "/ws/dashboard"
    headers = {"Authorization": f"Bearer {token}"}
    dashboard = await _connect(Dashboard, address, headers)
    dashboard.transport.send(_TEXT, b'{"type":"subscribe","id":"all","types":["scan"]}')
    return dashboard


def disconnect(peers: "list[Device] | list[Dashboard]") -> None:
    for peer in peers:
        with contextlib.suppress(ConnectionError):
            peer.transport.disconnect()


class Caller:
    """One keep-alive HTTP connection that dispatches and waits for the answer."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._token = token.encode()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def dispatch(self, device_id: str) -> float:
        """Seconds until the result; raises when it is not a success."""
        began = time.perf_counter()
        body = b'{"command":{"type":"force_sync"}}'
        status, answer = await self._post(f"/api/v1/devices/{device_id}/commands", body)
        if status != b"200" or b'"SUCCESS"' not in answer:
            raise RuntimeError(f"{status!r} {answer[:200]!r}")
        return time.perf_counter() - began

    async def _post(self, path: str, body: bytes) -> tuple[bytes, bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(
            b"POST %b HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer %b\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (path.encode(), self._token, len(body), body)
        )
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        return head[9:12], await reader.readexactly(length)

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
