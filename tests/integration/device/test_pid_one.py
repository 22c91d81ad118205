"""The agent as pid 1, as in a container: what its programs leave behind is collected."""

import os
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from tests.integration.device.agents import Bench, eventually

UNSHARE = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")


def cannot() -> str:
    """Why there can be no process namespace here; empty when there can."""
    try:
        done = subprocess.run([*UNSHARE, "true"], capture_output=True, text=True, check=False)
    except OSError as error:
        return str(error)
    return done.stderr if done.returncode else ""


needs_namespace = pytest.mark.skipif(bool(cannot()), reason=f"no process namespace: {cannot()}")


def leaves_behind(script: Path) -> str:
    script.write_text("#!/bin/sh\n( setsid sleep 0.5 & ) ; ( sleep 0.2 & ) ; exit 0\n")
    script.chmod(0o755)
    return f'[shell.templates.leave]\nargv = ["{script}"]\n'


@needs_namespace
@pytest.mark.parametrize("launched", [False, True])
async def test_no_zombies_and_signals_reach_the_agent(bench: Bench, launched: bool) -> None:
    bench.settings = leaves_behind(bench.directory / "leave")
    bench.prefix = UNSHARE
    subcommand = ("launch", "--versions", str(bench.directory / "versions"), "--")
    async with bench.agent(subcommand=subcommand if launched else ("device",)) as unshare:
        await bench.hub.frame("status")
        (init,) = psutil.Process(unshare.pid).children()
        (agent,) = init.children()
        for number in range(10):
            assert (await bench.hub.run("exec_shell", f"c{number}", template="leave"))["success"]
        await eventually(lambda: init.children(recursive=True) == [agent])
        init.send_signal(signal.SIGTERM)
        assert await unshare.ended() == 0
    assert "Traceback" not in bench.log()


@needs_namespace
async def test_pid_one_ends_as_the_agent_did(bench: Bench) -> None:
    bench.prefix = UNSHARE
    async with bench.agent("--supervised") as unshare:
        await bench.hub.frame("status")
        await bench.hub.command("restart_service", "c1")
        assert await unshare.ended() == 75
    begin = len(bench.hub.frames)
    async with bench.agent() as unshare:
        await bench.hub.frame("hello", begin)
        (init,) = psutil.Process(unshare.pid).children()
        (agent,) = init.children()
        os.kill(agent.pid, signal.SIGKILL)
        assert await unshare.ended() == 137
