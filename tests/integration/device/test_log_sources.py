"""Logs from a container engine and from journald, each played by a stand-in with its real format.

The engine answers on a unix socket in Docker's API with a multiplexed stream; `journalctl` is a
program on the PATH that prints its JSON.
"""

import io
import json
import os
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from device.base.errors import CommandFailed
from device.logs.own_log import LogEntry, OwnLog
from device.logs.sources import LogSources
from device.settings import Settings, load

STAMP = "2030-01-01T12:00:00.123456789Z"


def settings(toml: Path, text: str = "") -> Settings:
    toml.write_text(f'hub = "https://hub"\nid = "edge-1"\n{text}')
    return load(toml, {}, {})


def multiplexed(*lines: tuple[int, str]) -> bytes:
    return b"".join(
        struct.pack(">BxxxL", stream, len(raw)) + raw
        for stream, line in lines
        if (raw := f"{STAMP} {line}\n".encode())
    )


@asynccontextmanager
async def engine(socket: Path) -> AsyncGenerator[list[str]]:
    """A container engine with one container, `web`; yields the `tail`s it was asked for."""
    tails: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        path = request.path
        if path.endswith("/version"):
            return web.json_response({"ApiVersion": "1.47", "Version": "27"})
        if "/containers/web/json" in path or "/containers/0123/json" in path:
            return web.json_response({"Id": "0123", "Config": {"Tty": False}})
        if path.endswith("/containers/0123/logs"):
            tails.append(request.query["tail"])
            body = multiplexed((1, "started"), (2, "ERROR it broke"))
            return web.Response(body=body, content_type="application/vnd.docker.multiplexed-stream")
        return web.json_response({"message": "No such container"}, status=404)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, str(socket)).start()
    try:
        yield tails
    finally:
        await runner.cleanup()


async def test_the_last_lines_of_a_container(tmp_path: Path) -> None:
    socket = tmp_path / "engine.sock"
    text = f'[containers]\nsocket = "{socket}"\n[logs]\ncontainers = ["web", "none"]\n'
    logs = LogSources(settings(tmp_path / "f", text), OwnLog())
    with pytest.raises(CommandFailed) as failed:
        await logs.pull("container:web", 5, None)
    assert failed.value.code == "engine_unavailable"
    async with engine(socket) as tails:
        name, entries = await logs.pull("container:web", 5, None)
        assert name == "container:web"
        assert [(entry.line, entry.level) for entry in entries] == [
            ("started", "INFO"),
            ("ERROR it broke", "ERROR"),
        ]
        assert entries[0].ts == datetime(2030, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
        assert len((await logs.pull("container:web", 5, "ERROR"))[1]) == 1
        assert tails == ["5", "5"]
        with pytest.raises(CommandFailed) as failed:
            await logs.pull("container:none", 5, None)
        assert failed.value.code == "source_not_found"


@pytest.mark.parametrize(
    "source",
    [
        "container:web/../../../info?a=",
        "container:other",
        "container:",
        "container",
        "agent:x",
        "journald:--file=/x",
        "journald:",
        "file:/etc/passwd",
        "file:",
        "",
    ],
)
async def test_a_source_that_is_not_listed_is_not_asked(tmp_path: Path, source: str) -> None:
    socket = tmp_path / "engine.sock"
    text = f'[containers]\nsocket = "{socket}"\n[logs]\ndefault = "x"\ncontainers = ["web"]\n'
    logs = LogSources(settings(tmp_path / "f", text), OwnLog())
    async with engine(socket) as tails:
        with pytest.raises(CommandFailed) as failed:
            await logs.pull(source, 5, None)
    assert (failed.value.code, tails) == ("bad_source", [])


@pytest.fixture
def journalctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Prints what is in the file that is returned, and fails when it is not there."""
    entries = tmp_path / "entries"
    program = tmp_path / "bin" / "journalctl"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\nexec cat {entries}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return entries


def write(path: Path, content: str) -> None:
    path.write_text(content)


async def test_journald_is_the_first_choice_where_it_has_entries(
    tmp_path: Path, journalctl: Path
) -> None:
    written = io.StringIO()
    for message, priority in (("up", "6"), ("down", "2"), ([104, 195, 164], "4")):
        entry = {"MESSAGE": message, "PRIORITY": priority, "__REALTIME_TIMESTAMP": "1000000"}
        written.write(json.dumps(entry) + "\n")
    write(journalctl, written.getvalue() + "rubbish\n")
    name, entries = await LogSources(settings(tmp_path / "f"), OwnLog()).pull(None, 7, "WARN")
    epoch = datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert name == "journald"
    assert entries == [
        LogEntry("up", "INFO", epoch),
        LogEntry("down", "ERROR", epoch),
        LogEntry("h\N{LATIN SMALL LETTER A WITH DIAERESIS}", "WARN", epoch),
    ]
    asked = (tmp_path / "asked").read_text()
    assert "--lines=7" in asked
    assert "--priority=4" in asked


async def test_without_journald_it_is_a_file_and_without_one_the_agents_own_log(
    tmp_path: Path, journalctl: Path
) -> None:
    del journalctl  # it is on the PATH, and has nothing to print
    log = tmp_path / "app.log"
    logs = LogSources(settings(tmp_path / "f", f'[logs]\nfiles = ["{log}"]\n'), OwnLog())
    assert (await logs.pull(None, 1, None))[0] == "agent"
    log.write_text("one\n")
    assert await logs.pull(None, 1, None) == (f"file:{log}", [LogEntry("one", "INFO")])
    with pytest.raises(CommandFailed) as failed:
        await logs.pull("journald", 1, None)
    assert failed.value.code == "source_failed"
