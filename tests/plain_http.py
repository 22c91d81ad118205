"""Just enough of HTTP/1.1 for servers that answer what a test says."""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

Json = dict[str, Any]


class Request(NamedTuple):
    path: str
    headers: dict[str, str]
    body: bytes
    method: str = "POST"


class Reply(NamedTuple):
    status: int
    body: Json | bytes | None = None
    headers: dict[str, str] | None = None


class PlainServer:
    """`answer` is asked for each request; None closes the connection without a word."""

    def __init__(self, answer: Callable[[Request], Awaitable[Reply | None]]) -> None:
        self.port = 0
        self._answer = answer
        self.tls: ssl.SSLContext | None = None
        """To be set before it is started."""
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        scheme = "https" if self.tls else "http"
        return f"{scheme}://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """On the port that it had before, if it had one."""
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port, limit=2**22, reuse_address=True, ssl=self.tls
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Nothing listens any more, and every connection is cut."""
        if self._server is not None:
            self._server.close()
        await asyncio.sleep(0)  # Who was let in last stands among the writers then.
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


async def _read(reader: asyncio.StreamReader) -> Request | None:
    head = await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b""
    if not head:
        return None
    first, *lines = head.decode().split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    method, path, _ = first.split(" ")
    return Request(path, headers, body, method)


def _encoded(reply: Reply) -> bytes:
    body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body or {}).encode()
    headers = {"Content-Length": str(len(body)), **(reply.headers or {})}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {reply.status} Answer\r\n{lines}\r\n".encode() + body
