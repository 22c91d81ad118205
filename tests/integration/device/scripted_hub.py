"""A hub that does what a test says: token endpoint, artifacts, device socket, everything written
down. Real HTTP and real WebSockets on one port, from `websockets`."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from protocol.canonical import hash_of
from protocol.codec import rfc3339

DEADLINE = 15.0
KEY = "let-me-in"
DESIRED = "/api/v1/device/desired/"

Frame = dict[str, Any]


class ScriptedHub:
    """`frames` is everything that devices sent, in order; the newest line gets what is sent."""

    def __init__(self) -> None:
        self.url = ""
        self.frames: list[Frame] = []
        self.lines: list[ServerConnection] = []
        self.tokens: list[dict[str, str]] = []
        """The credential of each request for a token, by header name."""
        self.token_seconds = 3600.0
        self.clock_ahead = timedelta()
        """Of this machine's, the device's."""
        self.valid_tokens: set[str] = set()
        self.acknowledge_results = True
        self.acknowledge_events = True
        self.artifacts: dict[str, bytes] = {}
        self.ranges: list[str | None] = []
        self.asked: list[str] = []
        """The path of each request."""
        self.pages: list[tuple[str, int, bytes]] = []
        """(path, status, page) that a portal in between answers, each once and in order."""
        self.redirects: dict[str, str] = {}
        self.refuses = False
        """Whether it answers nobody, as one that is overloaded."""
        self.desired: dict[str, Frame] = {}
        """By kind: what a device is answered that asks for this section."""
        self._changed = asyncio.Condition()
        self._tell = asyncio.Event()

    # HTTP.

    def answer(self, connection: ServerConnection, request: Request) -> Response | None:
        path = request.path.partition("?")[0]
        self.asked.append(path)
        self._tell.set()
        if self.refuses:
            return connection.respond(503, "try later\n")
        if path in self.redirects:
            headers = Headers({"Location": self.redirects[path], "Content-Length": "0"})
            return Response(302, "Found", headers, b"")
        if self.pages and self.pages[0][0] == path:
            return _page(*self.pages.pop(0)[1:])
        if path.endswith("/token"):
            return self._token(connection, request)
        if path in self.artifacts:
            return self._artifact(request, self.artifacts[path])
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if bearer not in self.valid_tokens:
            return connection.respond(401, "no such token\n")
        if path.startswith(DESIRED):
            return self._section(connection, request, path.removeprefix(DESIRED))
        return None

    def _section(self, connection: ServerConnection, request: Request, kind: str) -> Response:
        if kind not in self.desired:
            return connection.respond(404, "no such section\n")
        etag = f'"{self.desired[kind]["version"]}"'
        if request.headers.get("If-None-Match") == etag:
            return Response(304, "Not Modified", Headers({"ETag": etag}), b"")
        body = json.dumps({"success": True, "data": self.desired[kind]}).encode()
        headers = Headers({"ETag": etag, "Content-Length": str(len(body))})
        return Response(200, "OK", headers, body)

    async def hand_over(self, kind: str, version: str, document: Frame, **more: Frame) -> None:
        """As a hub does when a section differs from what `hello` said."""
        found = {"version": version, "hash": hash_of(document)}
        self.desired[kind] = {**found, "document": document, **more}
        await self.send({"type": "desired", "kind": kind, **found})

    def _token(self, connection: ServerConnection, request: Request) -> Response:
        key = request.headers.get("X-Enrollment-Key")
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if key != KEY and bearer not in self.valid_tokens:
            return connection.respond(401, "bad enrolment key\n")
        self.tokens.append({"key": key} if key else {"bearer": bearer})
        token = f"token-{len(self.tokens)}"
        self.valid_tokens.add(token)
        expires = rfc3339(datetime.now(UTC) + timedelta(seconds=self.token_seconds))
        device_id = request.path.split("/")[4]
        data = {"deviceId": device_id, "token": token, "expiresAt": expires}
        return connection.respond(200, json.dumps({"success": True, "data": data}))

    def _artifact(self, request: Request, content: bytes) -> Response:
        asked = request.headers.get("Range")
        self.ranges.append(asked)
        begin = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        headers = Headers({"Content-Length": str(len(content) - begin)})
        return Response(206 if asked else 200, "OK", headers, content[begin:])

    # The device socket.

    async def line(self, connection: ServerConnection) -> None:
        self.lines.append(connection)
        await self._send(
            connection,
            {
                "type": "welcome",
                "deviceId": "edge-1",
                "sessionId": f"s-{len(self.lines)}",
                "generation": len(self.lines),
                "replicaId": "r-1",
                "heartbeatSeconds": 10,
                "serverTime": rfc3339(datetime.now(UTC) + self.clock_ahead),
                "accepts": ["desired_status", "workload_status"],
            },
        )
        try:
            async for raw in connection:
                await self._take(connection, json.loads(raw))
        except ConnectionClosed:
            pass

    async def _take(self, connection: ServerConnection, frame: Frame) -> None:
        if frame["type"] == "result" and self.acknowledge_results:
            await self._send(connection, {"type": "result_ack", "commandId": frame["commandId"]})
        if frame.get("seq") is not None and self.acknowledge_events:
            await self.acknowledge_event(frame, connection)
        async with self._changed:
            self.frames.append(frame)
            self._changed.notify_all()

    async def acknowledge_event(
        self, frame: Frame, connection: ServerConnection | None = None
    ) -> None:
        ack = {"type": "event_ack", "bootId": frame["bootId"], "seq": frame["seq"]}
        await self._send(connection or self.lines[-1], ack)

    async def _send(self, connection: ServerConnection, frame: Frame) -> None:
        await connection.send(json.dumps(frame))

    async def send(self, frame: Frame) -> None:
        """To the newest line."""
        await self._send(self.lines[-1], frame)

    # What tests wait for.

    async def until(self, condition: Callable[[], bool], *, within: float = DEADLINE) -> None:
        """Wait until `condition` holds; it is looked at after each frame."""
        async with asyncio.timeout(within), self._changed:
            await self._changed.wait_for(condition)

    async def was_asked(self, path: str, *, times: int) -> None:
        """Wait until so many requests for `path` have come."""
        async with asyncio.timeout(2 * DEADLINE):
            while self.asked.count(path) < times:
                self._tell.clear()
                await self._tell.wait()

    async def frame(self, kind: str, after: int = 0, /, **fields: object) -> Frame:
        """The first frame from number `after` on of this type and with these fields."""

        def found() -> Frame | None:
            return next((f for f in self.frames[after:] if _matches(f, kind, fields)), None)

        try:
            await self.until(lambda: found() is not None)
        except TimeoutError:
            raise AssertionError(f"no {kind} {fields} in {self.frames[after:]}") from None
        return found() or {}

    async def run(self, kind: str, command_id: str, **params: object) -> Frame:
        """Send a command and wait for its result."""
        begin = len(self.frames)
        await self.command(kind, command_id, **params)
        return await self.frame("result", begin, commandId=command_id)

    async def command(self, kind: str, command_id: str, **params: object) -> None:
        deadline = rfc3339(datetime.now(UTC) + timedelta(seconds=60))
        await self.send({"type": kind, "id": command_id, "deadline": deadline, **params})

    async def try_command(self, kind: str, command_id: str, **params: object) -> bool:
        """Send a command; False when there is no line that takes it."""
        try:
            await self.command(kind, command_id, **params)
        except (ConnectionClosed, IndexError):
            return False
        return True

    def cut(self) -> None:
        """Every line, without a goodbye."""
        for line in self.lines:
            line.transport.abort()

    def of(self, kind: str) -> list[Frame]:
        return [frame for frame in self.frames if frame["type"] == kind]


def _matches(frame: Frame, kind: str, fields: dict[str, object]) -> bool:
    return frame["type"] == kind and all(frame.get(name) == v for name, v in fields.items())


def _page(status: int, page: bytes) -> Response:
    kind = "text/html" if page.startswith(b"<") else "text/plain"
    length = {"Content-Type": kind, "Content-Length": str(len(page))}
    return Response(status, "Answer", Headers(length), page)


@asynccontextmanager
async def scripted_hub(port: int = 0) -> AsyncGenerator[ScriptedHub]:
    hub = ScriptedHub()
    async with serve(
        hub.line, "127.0.0.1", port, process_request=hub.answer, compression=None
    ) as server:
        hub.url = f"http://127.0.0.1:{port_of(server)}"
        yield hub


def port_of(server: Server) -> int:
    return next(iter(server.sockets)).getsockname()[1]
