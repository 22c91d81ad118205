"""A TCP proxy that misbehaves when it is told to.

Each connection that is accepted gets one to `choose()` (None: closed at once), and two pumps that
copy bytes. The faults are properties of the proxy, and apply to what is open and to what comes:

- `delay`: so many seconds for each chunk, in each direction;
- `freeze` / `thaw`: nothing moves and nothing is closed: both ends see a half-open peer;
- `strand`: so for ever, but only for what is open now;
- `cut(after=n)`: every connection is reset after n more bytes towards the target: a frame is
  truncated; 0 cuts at once;
- `lost`: of what holds the first bytes, a connection is reset when the answer to the second comes
  back: it was done, and nobody knows;
- `half_close`: no more bytes towards the target, an EOF instead; the way back stays open.
"""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from tests.tasks import in_background

Address = tuple[str, int] | Path
CHUNK: Final = 65_536


class Pipe:
    """One connection through the proxy."""

    def __init__(self, inner: StreamWriter, outer: StreamWriter, moving: asyncio.Event) -> None:
        self.inner, self.outer = inner, outer
        self.moving = moving
        self.left: int | None = None
        """Bytes until it is cut; None is no limit."""
        self.marked = self.loses = False
        """Whether the first bytes of `lost` have passed; whether the next answer is lost."""

    def abort(self) -> None:
        for writer in (self.inner, self.outer):
            writer.transport.abort()


class Proxy:
    def __init__(self, choose: Callable[[], Address | None]) -> None:
        self.delay = 0.0
        self.lost: tuple[bytes, bytes] | None = None
        self.port = 0
        self._choose = choose
        self._open: set[Pipe] = set()
        self._moving = asyncio.Event()
        self._moving.set()

    def freeze(self) -> None:
        self._moving.clear()

    def thaw(self) -> None:
        self._moving.set()

    def strand(self) -> None:
        for pipe in self._open:
            pipe.moving = asyncio.Event()

    def cut(self, *, after: int = 0) -> None:
        for pipe in tuple(self._open):
            pipe.left = after
            if after == 0:
                pipe.abort()

    def half_close(self) -> None:
        for pipe in tuple(self._open):
            with suppress(OSError, RuntimeError):
                pipe.inner.write_eof()

    async def serve(self) -> None:
        server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, backlog=1024)
        self.port = int(server.sockets[0].getsockname()[1])
        try:
            await asyncio.Event().wait()
        finally:
            server.close()
            self.cut()

    async def _accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        target = self._choose()
        try:
            if target is None:
                raise ConnectionRefusedError
            inner_reader, inner_writer = await _connect(target)
        except OSError:
            writer.transport.abort()
            return
        pipe = Pipe(inner_writer, writer, self._moving)
        self._open.add(pipe)
        try:
            await asyncio.gather(
                self._pump(reader, inner_writer, pipe, counted=True),
                self._pump(inner_reader, writer, pipe, counted=False),
            )
        except (OSError, RuntimeError):  # the latter: a write after a half-close
            pass
        finally:
            self._open.discard(pipe)
            pipe.abort()

    async def _pump(
        self, reader: StreamReader, writer: StreamWriter, pipe: Pipe, *, counted: bool
    ) -> None:
        while chunk := await reader.read(CHUNK):
            if self.delay:
                await asyncio.sleep(self.delay)
            await pipe.moving.wait()
            if counted and self.lost is not None:
                pipe.marked |= self.lost[0] in chunk
                pipe.loses |= pipe.marked and self.lost[1] in chunk
            elif pipe.loses:
                raise ConnectionResetError
            if counted and pipe.left is not None:
                chunk = chunk[: pipe.left]
                pipe.left -= len(chunk)
            writer.write(chunk)
            await writer.drain()
            if pipe.left == 0:
                raise ConnectionResetError
        await pipe.moving.wait()
        if writer.can_write_eof() and not writer.transport.is_closing():
            with suppress(OSError, RuntimeError):
                writer.write_eof()


async def _connect(target: Address) -> tuple[StreamReader, StreamWriter]:
    if isinstance(target, Path):
        return await asyncio.open_unix_connection(target)
    return await asyncio.open_connection(*target)


@asynccontextmanager
async def proxied(target: Address) -> AsyncGenerator[Proxy]:
    """A proxy in front of one address."""
    proxy = Proxy(lambda: target)
    async with serving(proxy):
        yield proxy


@asynccontextmanager
async def serving(*proxies: Proxy) -> AsyncGenerator[None]:
    """While the block runs they listen."""
    async with in_background(*(proxy.serve() for proxy in proxies)):
        async with asyncio.timeout(5):
            while not all(proxy.port for proxy in proxies):  # noqa: ASYNC110 - once, at the start
                await asyncio.sleep(0.005)
        yield
