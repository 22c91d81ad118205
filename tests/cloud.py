"""A stand-in for the cloud: a real HTTP server that takes records, and fails when it is told to.

It keeps what it took in order, knows each record by its id within its company and kind, and answers
a request of which it has a part already with 409, having taken nothing of it: the harshest reading
of the contract."""

import asyncio
import json
from base64 import b64decode
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import unquote

Json = dict[str, Any]
TOKEN_PATH = "/token"


class Request(NamedTuple):
    path: str
    headers: dict[str, str]
    body: bytes


class Reply(NamedTuple):
    status: int
    body: Json | bytes | None = None
    headers: dict[str, str] | None = None


class Cloud:
    """`taken`: (path, item) in order. `script`: what to answer instead, request by request; None
    closes the connection without a word, having done what was asked when `forgetful`."""

    def __init__(self) -> None:
        self.port = 0
        self.tokens = {"secret-token"}
        self.taken: list[tuple[str, Json]] = []
        self.requests: list[Request] = []
        self.script: deque[Reply | None] = deque()
        self.refuse: Callable[[Json], bool] = lambda _: False
        """An item that makes its whole request a 422."""
        self.forgetful = False
        """Take what came, and close the connection without an answer."""
        self.issued = 0
        self.token_seconds = 3600
        self._known: set[tuple[str, str]] = set()
        self._changed = asyncio.Condition()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ids(self, path: str | None = None) -> list[str]:
        return [item["id"] for at, item in self.taken if path in (None, at)]

    async def until(self, count: int, *, seconds: float = 15) -> None:
        """Wait until so many records are here."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: len(self.taken) >= count)

    # The server.

    async def start(self) -> None:
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port, limit=2**22, reuse_address=True
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Nothing listens any more, and every connection is cut."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while request := await _read(reader):
                reply = await self._answer(request)
                if reply is None:
                    break
                writer.write(_encoded(reply))
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _answer(self, request: Request) -> Reply | None:
        if request.path == TOKEN_PATH:
            return self._token(request)
        self.requests.append(request)
        if self.script:
            return self.script.popleft()
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return Reply(401, {"error": "who are you?"})
        items: list[Json] = json.loads(request.body)["items"]
        if any(self.refuse(item) for item in items):
            return Reply(422, {"error": "cannot take this"})
        names = [(request.path, item["id"]) for item in items]
        if self._known.intersection(names):
            return Reply(409, {"error": "known"})
        self._known.update(names)
        async with self._changed:
            self.taken += [(unquote(request.path), item) for item in items]
            self._changed.notify_all()
        return None if self.forgetful else Reply(200, {"ok": True})

    def _token(self, request: Request) -> Reply:
        basic = request.headers.get("authorization", "").removeprefix("Basic ")
        if b64decode(basic) != b"hub:s3cret" or b"client_credentials" not in request.body:
            return Reply(401, {"error": "invalid_client"})
        self.issued += 1
        token = f"issued-{self.issued}"
        self.tokens = {token}
        return Reply(200, {"access_token": token, "expires_in": self.token_seconds})


async def _read(reader: asyncio.StreamReader) -> Request | None:
    head = await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b""
    if not head:
        return None
    first, *lines = head.decode().split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(first.split(" ")[1], headers, body)


def _encoded(reply: Reply) -> bytes:
    body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body or {}).encode()
    headers = {"Content-Length": str(len(body)), **(reply.headers or {})}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {reply.status} Answer\r\n{lines}\r\n".encode() + body


@asynccontextmanager
async def stand_in_cloud() -> AsyncGenerator[Cloud]:
    cloud = Cloud()
    await cloud.start()
    try:
        yield cloud
    finally:
        await cloud.stop()
