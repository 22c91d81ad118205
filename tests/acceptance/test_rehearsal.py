"""A fleet that everything befalls by script, with a real hub: no event is lost, no command runs
twice, and afterwards all is well."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest_asyncio

from tests.acceptance.hub.clients import Rest, until
from tests.acceptance.hub.conftest import log_in
from tests.acceptance.hub.process import HubProcess

DEVICES = 8
SCRIPT = """
[[fault]]
kind = "drop"
at = 0.5

[[fault]]
kind = "flap"
at = 1
seconds = 3
devices = "1"

[[fault]]
kind = "clone"
at = 1
seconds = 4
devices = "2"

[[fault]]
kind = "freeze"
at = 1
seconds = 4
devices = "3"

[[fault]]
kind = "late"
at = 0
seconds = 6
delay = 0.5
devices = "4"

[[fault]]
kind = "duplicate"
at = 0
seconds = 6
devices = "5"

[[fault]]
kind = "clock"
at = 0
seconds = 6
by = -3600
devices = "6"

[[fault]]
kind = "portal"
at = 1
seconds = 3
devices = "7"

[[fault]]
kind = "slow"
at = 1
seconds = 4
delay = 0.2
devices = "8"
"""


@pytest_asyncio.fixture
async def hub(tmp_path: Path) -> AsyncGenerator[HubProcess]:
    hub = HubProcess(tmp_path)
    await asyncio.to_thread(hub.start)
    yield hub
    await asyncio.to_thread(hub.stop)


async def test_a_rehearsal_loses_nothing(hub: HubProcess) -> None:
    script = hub.folder / "faults.toml"
    script.write_text(SCRIPT)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "longline", "fleet", "--hub", hub.url, "--devices", str(DEVICES),
        "--rate", "40", "--script", script,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "LONGLINE_ENROLLMENT_KEY": str(hub.ready["enrollmentKey"])},
    )  # fmt: skip
    try:
        await commands_through(hub, process)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    counts = json.loads(out)
    created = counts["eventsAcknowledged"] + counts["eventsHeld"] + counts["eventsDropped"]
    assert counts["eventsCreated"] == created > 0
    assert counts["eventsHeld"] == 0
    assert counts["faults"] == DEVICES + 4 + 7
    assert counts["connected"] == DEVICES


async def commands_through(hub: HubProcess, process: asyncio.subprocess.Process) -> None:
    """While it lasts, each device is sent a command, and each succeeds in the end."""
    token = await asyncio.to_thread(log_in, hub.url, "admin", hub.ready["adminPassword"])
    async with Rest.open(hub.url, token) as rest:
        names = [f"sim-{number:05}" for number in range(1, DEVICES + 1)]
        await until(lambda: all_connected(rest, names))
        # Queued: that moment may be one in which a fault holds the device away.
        ids = [await rest.accept(name, delivery="queue") for name in names]
        await said(process, "end of slow")
        for name, command_id in zip(names, ids, strict=True):
            await rest.until_status(name, command_id, "SUCCESS", seconds=30)
        await until(lambda: all_connected(rest, names), seconds=60)


async def all_connected(rest: Rest, names: list[str]) -> bool:
    found = [await rest.get(f"/devices/{name}") for name in names]
    return all(each.status_code == 200 and each.json()["data"]["connected"] for each in found)


async def said(process: asyncio.subprocess.Process, what: str) -> None:
    """Wait until it has said that on standard error."""
    assert process.stderr is not None
    async with asyncio.timeout(30):
        while what not in (await process.stderr.readline()).decode():
            pass
