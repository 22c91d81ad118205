"""One local program on a real socket, which reads, does not read, or goes away."""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from msgspec import structs

from device.local.local_state import LocalState, Watch
from device.local.peer import Peer
from tests.unit.device.local.states import STATE


class Pair:
    """`peer` is the agent's end; `program` the other one."""

    def __init__(self, peer: Peer, writer: asyncio.StreamWriter, program: socket.socket) -> None:
        self.peer = peer
        self.writer = writer
        self.program = program
        self.faults: list[dict[str, Any]] = []
        """What the loop was left with."""

    async def read_until(self, version: int) -> list[int]:
        """The versions of the states that come, up to this one."""
        loop = asyncio.get_running_loop()
        read = b""
        async with asyncio.timeout(5):
            while not read.endswith(b"\n") or _versions(read)[-1] != version:
                read += await loop.sock_recv(self.program, 65536)
        return _versions(read)


def _versions(read: bytes) -> list[int]:
    return [json.loads(line)["configVersion"] for line in read.splitlines()]


def state(version: int, size: int = 10) -> LocalState:
    return structs.replace(STATE, config={"text": "x" * size}, config_version=version)


@pytest_asyncio.fixture
async def pair(tmp_path: Path) -> AsyncGenerator[Pair]:
    arrived: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()
    server = await asyncio.start_unix_server(lambda _, w: arrived.put_nowait(w), tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as program:
        program.connect(str(tmp_path / "s"))
        program.setblocking(False)
        writer = await arrived.get()
        found = Pair(Peer(writer), writer, program)
        asyncio.get_running_loop().set_exception_handler(lambda _, c: found.faults.append(c))
        found.peer.watch(Watch(), state(1))
        yield found
        found.peer.close()
        writer.transport.abort()
    server.close()
    assert found.faults == []


async def test_a_program_that_reads_is_sent_each_state(pair: Pair) -> None:
    for version in range(1, 30):
        pair.peer.tell(state(version))
        assert await pair.read_until(version) == [version]


@pytest.mark.parametrize("size", [10, 100_000])
async def test_a_program_that_has_not_read_is_sent_the_newest(pair: Pair, size: int) -> None:
    for version in range(2, 100):
        pair.peer.tell(state(version, size))
    found = await pair.read_until(99)
    assert len(found) <= 3


async def test_nothing_is_owed_to_a_program_that_went_away(pair: Pair) -> None:
    pair.peer.tell(state(2, 100_000))
    pair.peer.tell(state(3))
    pair.program.close()
    for version in range(4, 10):
        pair.peer.tell(state(version))
        await asyncio.sleep(0)


async def test_nothing_is_owed_over_a_connection_that_is_closed(pair: Pair) -> None:
    pair.peer.tell(state(2, 100_000))
    pair.peer.tell(state(3))
    pair.writer.transport.abort()
    for version in range(4, 10):
        pair.peer.tell(state(version))
        await asyncio.sleep(0)
