"""Programs in containers whose engine fails, which no real engine does when it is told to."""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest

from device.sessions.container_exec import serve_container_logs, serve_exec
from device.sessions.processes import VARIABLE
from device.sessions.session_journal import SessionJournal
from device.sessions.stream import Stream
from protocol.sessions import ExecParams, LogsParams, Status, status_in

SESSION = "of-a-broken-engine"
PARAMS = ExecParams(workload="shop/web", command=["sleep"])


class Person:
    """A stream that says one thing, and stays."""

    def __init__(self) -> None:
        self.shown: list[bytes] = []

    async def say(self, message: bytes) -> None:
        self.shown.append(message)

    async def send(self, channel: int, data: bytes) -> None:
        await self.say(bytes((channel,)) + data)

    async def messages(self) -> AsyncIterator[bytes]:
        yield b"\x00in"
        await asyncio.Event().wait()

    async def gone(self) -> None:
        await asyncio.Event().wait()

    @property
    def last(self) -> Status | None:
        return status_in(self.shown[-1]) if self.shown else None


class BrokenEngine:
    """A container, its program and what that is attached by: `fails` says where it breaks."""

    def __init__(self, fails: str) -> None:
        self._fails = fails
        self.reading = asyncio.Event()

    def _may_break(self, where: str) -> None:
        if where == self._fails:
            raise aiohttp.ClientOSError("the engine is gone")

    async def exec(self, **_: Any) -> "BrokenEngine":
        self._may_break("exec")
        return self

    def start(self, *, detach: bool) -> "BrokenEngine":
        assert not detach
        return self

    async def __aenter__(self) -> "BrokenEngine":
        self._may_break("attach")
        return self

    async def __aexit__(self, *_: object) -> None: ...

    async def read_out(self) -> None:
        self.reading.set()
        self._may_break("read")
        if self._fails == "nothing":
            await asyncio.Event().wait()
        await asyncio.sleep(0)

    async def write_in(self, _: bytes) -> None:
        raise RuntimeError("Cannot write to closed transport")

    async def inspect(self) -> dict[str, Any]:
        self._may_break("inspect")
        return {"ExitCode": 3, "Running": False, "Pid": 2**22}

    async def log(self, **_: Any) -> AsyncIterator[str]:
        yield "one\n"
        self._may_break("log")


@pytest.fixture
async def program() -> AsyncGenerator[asyncio.subprocess.Process]:
    """What the engine has started for the session."""
    started = await asyncio.create_subprocess_exec(
        "sleep", "600", env={**os.environ, VARIABLE: SESSION}
    )
    yield started
    if started.returncode is None:
        started.kill()
        await started.wait()


def serving(person: Person, engine: BrokenEngine, journal: SessionJournal) -> asyncio.Task[None]:
    return asyncio.ensure_future(
        serve_exec(cast("Stream", person), None, engine, PARAMS, SESSION, journal)
    )


@pytest.mark.parametrize("where", ["attach", "read", "inspect"])
async def test_nothing_is_left_of_a_program_whose_engine_fails(
    tmp_path: Path, program: asyncio.subprocess.Process, where: str
) -> None:
    person, journal = Person(), tmp_path / "journal"
    await serving(person, BrokenEngine(where), SessionJournal(journal))
    assert person.last is not None
    assert person.last.message == "container engine: the engine is gone"
    assert await program.wait() != 0
    assert journal.read_bytes() == b"[]"


async def test_nothing_is_left_of_a_session_that_is_cancelled(
    tmp_path: Path, program: asyncio.subprocess.Process
) -> None:
    engine, journal = BrokenEngine("nothing"), tmp_path / "journal"
    session = serving(Person(), engine, SessionJournal(journal))
    await engine.reading.wait()
    session.cancel()
    await asyncio.wait([session])
    assert session.cancelled()
    assert await program.wait() != 0
    assert journal.read_bytes() == b"[]"


async def test_input_that_a_program_takes_no_more_hides_no_exit_code(tmp_path: Path) -> None:
    person = Person()
    await serving(person, BrokenEngine("never"), SessionJournal(tmp_path / "journal"))
    assert person.last is not None
    assert person.last.exit_code == 3


async def test_an_engine_without_such_a_program(tmp_path: Path) -> None:
    person, journal = Person(), tmp_path / "journal"
    await serving(person, BrokenEngine("exec"), SessionJournal(journal))
    assert person.last is not None
    assert person.last.reason == "Io"
    assert journal.read_bytes() == b"[]"


async def test_a_log_that_breaks_while_it_is_followed() -> None:
    person = Person()
    await serve_container_logs(
        cast("Stream", person), BrokenEngine("log"), LogsParams(workload="shop/web", follow=True)
    )
    assert person.shown[0] == b"\x01one\n"
    assert person.last is not None
    assert person.last.message == "container engine: the engine is gone"
