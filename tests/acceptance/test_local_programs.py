"""Programs of a device, as another user of its box, with a real hub and a real agent."""

import asyncio
import hashlib
import json
import socket
import sys
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.acceptance.edge import Agent, Factory, factory
from tests.acceptance.hub.clients import Json, Rest, until
from tests.cloud import stand_in_cloud
from tests.integration.device.local_program import NOBODY, open_directory, why_no_second_user

STRANGER = 12345
"""The id of a user and of a group that are nowhere else."""
PATIENCE = 20.0
SETTINGS = """socket_group = "nogroup"
[[agents]]
name = "scanner"
required = true
"""

second_user = pytest.mark.skipif(why_no_second_user() is not None, reason=str(why_no_second_user()))


class SecondUser:
    """A process of another user, on the agent's socket."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def line(self, condition: Callable[[Json], bool]) -> tuple[Json, float]:
        """The next of which this holds, and when it came."""
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            while True:
                row = json.loads(await self._process.stdout.readline())
                if condition(row["line"]):
                    return row["line"], row["at"]

    async def end(self) -> str:
        """What it said on standard error."""
        async with asyncio.timeout(PATIENCE):
            _, err = await self._process.communicate()
        return err.decode().strip()

    def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()


@asynccontextmanager
async def as_user(identity: int, agent: Agent, *lines: Json) -> AsyncGenerator[SecondUser]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.acceptance.second_user",
        str(identity), str(identity), str(agent.socket), *(json.dumps(line) for line in lines),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    user = SecondUser(process)
    try:
        yield user
    finally:
        user.kill()
        await process.wait()


@pytest.fixture
def folder() -> Generator[Path]:
    with open_directory() as found:
        yield found


@asynccontextmanager
async def plant_with_agent(
    folder: Path, settings: str = SETTINGS
) -> AsyncGenerator[tuple[Factory, Agent, Rest]]:
    async with stand_in_cloud() as cloud, factory(folder, cloud) as plant:
        staging = "[firmware]\nstage_only = true\n"
        agent = await plant.agent("edge-1", settings + staging + plant.direct())
        async with plant.rest() as rest:
            yield plant, agent, rest


async def dispatched(rest: Rest, command: Json) -> float:
    """The moment at which it was a success."""
    answer = await rest.dispatch("edge-1", command)
    assert answer.status_code == 200, answer.text
    assert answer.json()["success"] is True, answer.text
    return time.monotonic()


async def stage(rest: Rest, version: str) -> float:
    """An update that waits for somebody who takes it into use."""
    content = b"an artifact"
    answer = await rest.client.post(
        "/firmware/releases",
        params={"version": version},
        content=content,
        headers={"Content-Type": "application/octet-stream"},
    )
    assert answer.status_code == 201, answer.text
    release_id = answer.json()["data"]["id"]
    command: Json = {
        "type": "update_firmware",
        "releaseId": release_id,
        "version": version,
        "url": f"/api/v1/firmware/releases/{release_id}/artifact",
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content),
    }
    return await dispatched(rest, command)


@second_user
async def test_a_second_user_hears_push_pause_mode_and_version(folder: Path) -> None:
    async with (
        plant_with_agent(folder) as (_, agent, rest),
        as_user(NOBODY, agent, {"type": "watch"}) as user,
    ):
        first, _ = await user.line(lambda line: line.get("type") == "state")

        done = await dispatched(rest, {"type": "push_config", "patch": {"baud": 9600}})
        pushed, at = await user.line(lambda line: line.get("config") == {"baud": 9600})
        assert at < done, "before its result"
        assert pushed["configTrial"] is False

        done = await dispatched(rest, {"type": "disable_device", "reason": "jam"})
        _, at = await user.line(lambda line: line["production"]["reason"] == "jam")
        assert at < done, "before its result"

        asked = time.monotonic()
        await rest.client.put("/devices/edge-1/connection-mode", json={"mode": "DIRECT_CLOUD"})
        _, at = await user.line(lambda line: line["mode"] == "DIRECT_CLOUD")
        assert at - asked < 1.0

        done = await stage(rest, "9.9.9")
        staged, at = await user.line(lambda line: line["versions"]["agent"]["staged"] == "9.9.9")
        assert at < done, "before its result"

    assert first["config"] == {}
    assert first["versions"]["agent"]["current"] == staged["versions"]["agent"]["current"]


@second_user
async def test_a_stranger_is_refused(folder: Path) -> None:
    async with (
        plant_with_agent(folder) as (_, agent, _),
        as_user(STRANGER, agent, {"type": "watch"}) as user,
    ):
        assert await user.end() == "Permission denied"


async def test_a_program_that_does_not_read_harms_nobody(folder: Path) -> None:
    async with plant_with_agent(folder) as (_, agent, rest):
        idle = [_watching(agent.socket) for _ in range(8)]
        try:
            large = {"text": "x" * 100_000}
            await dispatched(rest, {"type": "push_config", "patch": large})
            for number in range(10):
                command = {"type": "disable_device", "reason": f"jam {number}"}
                before = time.monotonic()
                assert await dispatched(rest, command) - before < 2.0
                await dispatched(rest, {"type": "enable_device"})
            (answer,) = await agent.emit({"type": "info"})
            assert (answer["watchers"], answer["connected"]) == (8, True)
            (record,) = await agent.emit({"id": "r1", "kind": "batch", "data": {}})
            assert record == {"ok": True}
            began = time.monotonic()
            assert await agent.end() == 0
            assert time.monotonic() - began < 10
        finally:
            for each in idle:
                each.close()


def _watching(place: Path) -> socket.socket:
    """A program that never reads."""
    idle = socket.socket(socket.AF_UNIX)
    idle.connect(str(place))
    idle.send(b'{"type":"watch"}\n')
    return idle


async def test_numbers_of_a_program_are_metrics_of_its_device(folder: Path) -> None:
    async with plant_with_agent(folder) as (_, agent, rest):
        lines: list[Json] = [
            {"type": "metrics", "metrics": {"temp": 41}},
            {"type": "metrics", "agent": "scanner", "metrics": {"temp": 20.5}},
            {"type": "metrics", "metrics": {"cpu.percent": 1}},
        ]
        plain, named, reserved = await agent.emit(*lines)
        assert (plain, named) == ({"ok": True}, {"ok": True})
        assert reserved["code"] == "reserved_name"

        async def shown() -> bool:
            found = [
                await rest.data("/devices/edge-1/metrics", name=name)
                for name in ("temp", "scanner.temp")
            ]
            return [[point["avg"] for point in points] for points in found] == [[41], [20.5]]

        await until(shown)
        record = await rest.data("/devices/edge-1")
        assert (record["metrics"]["temp"], record["metrics"]["scanner.temp"]) == (41, 20.5)


async def test_a_required_program_that_is_not_ready_degrades_its_device(folder: Path) -> None:
    async with plant_with_agent(folder) as (_, agent, rest):

        async def is_(status: str, *agents: tuple[str, bool, str | None]) -> bool:
            found = await rest.data("/devices/edge-1")
            said = [(each["name"], each["ready"], each["detail"]) for each in found["agents"]]
            return (found["status"], said) == (status, list(agents))

        assert await is_("ONLINE")
        report: Json = {"type": "report", "agent": "scanner", "status": "NOT_READY"}
        (answer,) = await agent.emit({**report, "detail": "no head"})
        assert answer == {"ok": True, "intervalSeconds": 10}
        await until(lambda: is_("DEGRADED", ("scanner", False, "no head")))
        await dispatched(rest, {"type": "disable_device", "reason": "jam"})
        await until(lambda: is_("DISABLED", ("scanner", False, "no head")))
        await dispatched(rest, {"type": "enable_device"})
        await agent.emit({**report, "status": "READY"})
        await until(lambda: is_("ONLINE", ("scanner", True, None)))
