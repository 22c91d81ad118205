"""A program of the device, on the agent's socket."""

import asyncio
import json
import os
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from device.records.intake import MOST_LINE_BYTES
from tests.integration.device.scripted_hub import DEADLINE

Line = dict[str, Any]
NOBODY = 65534
"""The user and the group of nobody."""


class LocalProgram:
    """`states`: those that it was sent, in order."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.states: list[Line] = []

    async def line(self) -> Line:
        """The next that it is sent."""
        async with asyncio.timeout(DEADLINE):
            found: Line = json.loads(await self._reader.readline())
        if found.get("type") == "state":
            self.states.append(found)
        return found

    async def ask(self, line: Line) -> Line:
        """The answer to `line`."""
        self._writer.write(json.dumps(line).encode() + b"\n")
        while "ok" not in (answer := await self.line()):
            pass
        return answer

    async def state(self, condition: Callable[[Line], bool]) -> Line:
        """The first state, of those that came and those that come, of which this holds."""
        for found in self.states:
            if condition(found):
                return found
        while not condition(found := await self.line()):
            pass
        return found


@asynccontextmanager
async def local_program(socket: Path) -> AsyncGenerator[LocalProgram]:
    reader, writer = await asyncio.open_unix_connection(socket, limit=16 * MOST_LINE_BYTES)
    try:
        yield LocalProgram(reader, writer)
    finally:
        writer.close()


@contextmanager
def open_directory() -> Generator[Path]:
    """In which every user finds what is there."""
    with TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o711)
        yield directory


def why_no_second_user() -> str | None:
    """Why a test cannot be a second user here; None when it can."""
    return None if os.geteuid() == 0 else "only root can become a second user"
