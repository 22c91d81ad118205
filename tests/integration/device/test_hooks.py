"""Hooks: programs of the device that are run after a change."""

import json
import time
from pathlib import Path

from tests.integration.device.agents import Bench, eventually
from tests.integration.device.local_program import Line

PATCH = {"scanner": {"baud": 9600}}


def hook(bench: Bench, name: str, on: str, then: str = "", timeout: float = 10) -> str:
    """A hook that appends what it is given to a file, and the settings that name it."""
    script = bench.directory / f"{name}.py"
    script.write_text(
        f"import sys, time\nopen({str(heard(bench, name))!r}, 'a').write(sys.stdin.read())\n{then}"
    )
    argv = json.dumps(["python3", str(script)])
    return f"[[hooks]]\non = {on}\nargv = {argv}\ntimeout_seconds = {timeout}\n"


def heard(bench: Bench, name: str) -> Path:
    return bench.directory / f"{name}.heard"


def states(bench: Bench, name: str) -> list[Line]:
    file = heard(bench, name)
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


async def test_a_hook_is_given_the_state_after_a_change_that_it_names(bench: Bench) -> None:
    bench.settings = hook(bench, "config", '["config"]') + hook(bench, "pause", '["production"]')
    async with bench.agent():
        await bench.hub.frame("status")
        await bench.hub.run("push_config", "c1", patch=PATCH)
        await eventually(lambda: len(states(bench, "config")) == 1)
        assert states(bench, "pause") == []
        await bench.hub.run("disable_device", "c2", reason="jam")

    (paused,) = states(bench, "pause")
    assert paused["production"] == {"enabled": False, "reason": "jam"}
    assert (paused["type"], paused["config"], paused["configVersion"]) == ("state", PATCH, 1)
    assert [state["configTrial"] for state in states(bench, "config")] == [False]


async def test_a_pause_is_heard_before_its_result_goes_up(bench: Bench) -> None:
    bench.settings = hook(bench, "pause", '["production"]', "time.sleep(0.3); print('x')")
    async with bench.agent():
        await bench.hub.frame("status")
        await bench.hub.run("disable_device", "c1", reason="jam")
        assert len(states(bench, "pause")) == 1


async def test_a_hook_that_fails_is_an_alert_and_not_a_failure_of_the_change(bench: Bench) -> None:
    fails = "print('no such motor', file=sys.stderr); sys.exit(3)"
    bench.settings = hook(bench, "pause", '["production"]', fails)
    async with bench.agent():
        await bench.hub.frame("status")
        result = await bench.hub.run("disable_device", "c1", reason="jam")
        alert = await bench.hub.frame("alert")

    assert result["success"] is True
    assert (alert["code"], alert["severity"]) == ("hook_failed", "WARN")
    assert "exit code 3" in alert["message"]
    assert "no such motor" in alert["message"]


async def test_a_hook_that_is_not_there_is_an_alert(bench: Bench) -> None:
    bench.settings = '[[hooks]]\non = ["production"]\nargv = ["/no/such/program"]\n'
    async with bench.agent():
        await bench.hub.frame("status")
        result = await bench.hub.run("disable_device", "c1", reason="jam")
        alert = await bench.hub.frame("alert")

    assert result["success"] is True
    assert "/no/such/program" in alert["message"]


async def test_a_hook_that_hangs_is_ended_and_holds_no_result_for_long(bench: Bench) -> None:
    bench.settings = hook(bench, "pause", '["production"]', "time.sleep(600)", timeout=7)
    async with bench.agent():
        await bench.hub.frame("status")
        began = time.monotonic()
        result = await bench.hub.run("disable_device", "c1", reason="jam")
        took = time.monotonic() - began
        alert = await bench.hub.frame("alert")

    assert result["success"] is True
    assert took < 7, "less than the hook"
    assert "longer than 7 s" in alert["message"]


async def test_of_changes_while_a_hook_runs_only_the_newest_waits(bench: Bench) -> None:
    gate = bench.directory / "gate"
    waits = f"import os\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.02)"
    bench.settings = hook(bench, "config", '["config"]', waits)
    async with bench.agent():
        await bench.hub.frame("status")
        for number in range(1, 4):
            await bench.hub.run("push_config", f"c{number}", patch={"n": number})
        assert len(states(bench, "config")) == 1
        gate.touch()
        await eventually(lambda: len(states(bench, "config")) == 2)
        # A change of another section, after which nothing of the former can wait.
        await bench.hub.run("disable_device", "c4", reason="jam")

    first, last = states(bench, "config")
    assert (first["config"], last["config"]) == ({"n": 1}, {"n": 3})


async def test_a_hook_need_not_read_what_it_is_given(bench: Bench) -> None:
    bench.settings = '[[hooks]]\non = ["config"]\nargv = ["true"]\n'
    async with bench.agent():
        await bench.hub.frame("status")
        large = {"text": "x" * 100_000}
        assert (await bench.hub.run("push_config", "c1", patch=large))["success"] is True
        await bench.hub.run("disable_device", "c2", reason="jam")

    assert bench.hub.of("alert") == []
