"""Another user of the box: in the group it hears and hands in, without it nothing."""

import asyncio
import json
import os
import stat
import subprocess
from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from tests.integration.device.agents import Bench, eventually
from tests.integration.device.local_program import NOBODY, open_directory, why_no_second_user
from tests.integration.device.scripted_hub import scripted_hub

pytestmark = pytest.mark.skipif(why_no_second_user() is not None, reason=str(why_no_second_user()))

GROUP = "nogroup"
"""That of nobody."""
STRANGER = 12345
"""The id of a user and of a group that are nowhere else."""


@pytest_asyncio.fixture
async def box() -> AsyncGenerator[Bench]:
    """A bench that other users reach, and an agent with a narrow umask."""
    with open_directory() as directory:
        async with scripted_hub() as hub:
            bench = Bench(directory, hub)
            bench.socket = bench.directory / "run" / "agent.sock"
            bench.prefix = ("sh", "-c", 'umask 077; exec "$@"', "sh")
            bench.settings = (
                f'socket_group = "{GROUP}"\n[records]\ndrop_dir = "{bench.directory}/drop"\n'
            )
            yield bench


async def shell(command: str, *, user: int, group: int) -> subprocess.CompletedProcess[str]:
    """What a program of this user gets."""

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/sh", "-c", command],
            user=user,
            group=group,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
        )

    return await asyncio.to_thread(run)


async def test_the_group_reads_the_configuration_and_nobody_else(box: Bench) -> None:
    read = f"cat {box.directory}/run/config.json"
    async with box.agent():
        await box.hub.frame("status")
        await box.hub.run("push_config", "c1", patch={"scanner": {"baud": 9600}})
        member = await shell(read, user=NOBODY, group=NOBODY)
        stranger = await shell(read, user=STRANGER, group=STRANGER)
        inside = await shell(f"cat {box.state}/config.json", user=NOBODY, group=NOBODY)

    assert json.loads(member.stdout) == {"scanner": {"baud": 9600}}
    assert "Permission denied" in stranger.stderr
    assert "Permission denied" in inside.stderr


async def test_the_group_drops_records_and_nobody_else(box: Bench) -> None:
    record = '{"id":"r1","kind":"batch","data":{}}'
    drop = f"cd {box.directory}/drop && echo '{record}' > .r && mv .r r.jsonl"
    async with box.agent():
        await box.hub.frame("status")
        await eventually((box.directory / "drop").exists)
        stranger = await shell(drop, user=STRANGER, group=STRANGER)
        member = await shell(drop, user=NOBODY, group=NOBODY)
        await eventually(lambda: not (box.directory / "drop" / "r.jsonl").exists())

    assert (member.returncode, member.stderr) == (0, "")
    assert stranger.returncode != 0
    assert stat.S_IMODE((box.directory / "drop").stat().st_mode) == 0o2770
    assert list((box.state / "rejected").glob("*")) == []
