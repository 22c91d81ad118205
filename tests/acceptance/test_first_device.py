"""The device of `docs/first-device.md`, against a real hub: it enrols, obeys and reports."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLE = DOCS / "examples" / "device.py"
DEADLINE = 30.0


@asynccontextmanager
async def running(*argv: str, **environ: str) -> AsyncGenerator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, *argv, env={**os.environ, **environ}, stdout=PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(DEADLINE):
            await process.communicate()


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncGenerator[dict[str, Any]]:
    """A fresh `longline up`; the content of its ready file."""
    ready = tmp_path / "ready.json"
    flags = ("--data-dir", str(tmp_path / "hub"), "--port", "0", "--ready-file", str(ready))
    async with running("-m", "longline", "up", *flags):
        await eventually(ready.exists)
        yield json.loads(ready.read_text())


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110 - another process brings it about
            await asyncio.sleep(0.05)


@asynccontextmanager
async def signed_in(hub: dict[str, Any]) -> AsyncGenerator[httpx.AsyncClient]:
    base = f"{hub['url']}/api/v1"
    async with httpx.AsyncClient(base_url=base, timeout=DEADLINE) as rest:
        body = {"username": hub["adminUser"], "password": hub["adminPassword"]}
        login = await rest.post("/auth/login", json=body)
        rest.headers["Authorization"] = f"Bearer {login.json()['data']['token']}"
        yield rest


async def heard(device: Process) -> str:
    """The next line that the device prints."""
    assert device.stdout is not None
    async with asyncio.timeout(DEADLINE):
        return (await device.stdout.readline()).decode()


async def test_it_enrols_obeys_and_reports(hub: dict[str, Any]) -> None:
    key = {"LONGLINE_ENROLLMENT_KEY": hub["enrollmentKey"]}
    async with signed_in(hub) as rest, running(str(EXAMPLE), hub["url"], "first", **key) as device:
        assert "'type': 'welcome'" in await heard(device)

        answer = await rest.post(
            "/devices/first/commands", json={"command": {"type": "force_sync"}}
        )

        assert answer.status_code == 200
        assert answer.json()["success"] is True
        assert answer.json()["data"]["status"] == "SUCCESS"
        assert answer.json()["data"]["output"] == "force_sync done"
        assert "'type': 'force_sync'" in await heard(device)
        assert "'type': 'result_ack'" in await heard(device)
        assert await reported_uptime(rest) > 0


async def reported_uptime(rest: httpx.AsyncClient) -> float:
    """The metric of the device's first status, once it is stored."""
    async with asyncio.timeout(DEADLINE):
        while True:
            device = (await rest.get("/devices/first")).json()["data"]
            if device["metrics"]:
                return device["metrics"]["uptime"]
            await asyncio.sleep(0.05)


def test_the_page_shows_the_program_that_runs() -> None:
    page = (DOCS / "first-device.md").read_text("utf-8")

    assert f"```python\n{EXAMPLE.read_text('utf-8')}```" in page


def test_it_needs_nothing_of_ours() -> None:
    assert "import longline" not in EXAMPLE.read_text("utf-8")
    assert "from protocol" not in EXAMPLE.read_text("utf-8")
