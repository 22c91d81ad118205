"""Dispatch from inside a process made of the hub's sockets and sessions alone (T5)."""

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from tests.bench.devices import connect_devices
from tests.bench.processes import free_port
from tests.bench.subject import Pace, Rows, Span, Subject

IN_FLIGHT = (1, 100)
_MODULE = "tests.bench.serving.dispatch"


class Inside(Subject):
    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        super().__init__([process.pid], [], port)
        self._process = process
        self.place()

    async def run(self, in_flight: int, seconds: float) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{in_flight} {seconds}\n".encode())
        return msgspec.json.decode(await self.said())

    async def said(self) -> bytes:
        assert self._process.stdout is not None
        return await self._process.stdout.readline()


@asynccontextmanager
async def _running() -> AsyncGenerator[Inside]:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", _MODULE, str(port),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        inside = Inside(process, port)
        await inside.said()  # ready
        yield inside
    finally:
        process.terminate()
        await process.wait()


async def dispatch(_: Subject, pace: Pace) -> Rows:
    """The socket path alone: no REST, no Postgres, no Redis; one at a time and 100 in flight."""
    found: Rows = {}
    async with _running() as inside:
        devices = await connect_devices(inside.port, {str(n): "" for n in range(max(IN_FLIGHT))})
        for in_flight in IN_FLIGHT:
            await inside.run(in_flight, pace.seconds / 4)  # warm
            span = Span(inside)
            told = await inside.run(in_flight, pace.seconds)
            measured = span.measured(told["count"])
            found[f"dispatch-{in_flight}"] = msgspec.structs.replace(
                measured, p50=told["p50"], p99=told["p99"]
            )
        for device in devices:
            device.tap.close()
    return found
