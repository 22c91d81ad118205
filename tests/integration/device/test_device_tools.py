"""`longline device status`, `longline device watch` and `longline emit` on a device with a real
agent."""

import asyncio
import json
from typing import Any

from tests.integration.device.agents import Bench
from tests.integration.device.local_program import local_program
from tests.integration.device.scripted_hub import DEADLINE
from tests.integration.device.test_fleet import ended, longline


async def printed(process: asyncio.subprocess.Process) -> dict[str, Any]:
    """The next line of its standard output."""
    assert process.stdout is not None
    async with asyncio.timeout(DEADLINE):
        found: dict[str, Any] = json.loads(await process.stdout.readline())
    return found


async def test_status_shows_what_the_agent_answers_to_info(bench: Bench) -> None:
    socket = str(bench.socket)
    async with bench.agent():
        await bench.hub.frame("status")
        async with local_program(bench.socket) as program:
            info = await program.ask({"type": "info"})
        code, out, err = await ended(await longline("device", "status", "--socket", socket))
        shown = json.loads(out)
    assert (code, err) == (0, "")
    assert shown == info
    assert (await ended(await longline("device", "status", "--socket", socket)))[0] == 1


async def test_watch_prints_each_state_across_a_restart_of_the_agent(bench: Bench) -> None:
    watch = await longline("device", "watch", "--socket", str(bench.socket), "production")
    try:
        async with bench.agent() as agent:
            assert (await printed(watch))["production"]["enabled"] is True
            await bench.hub.frame("status")
            await bench.hub.run("disable_device", "c1", reason="jam")
            assert (await printed(watch))["production"] == {"enabled": False, "reason": "jam"}
            await agent.stop()
        async with bench.agent():
            assert (await printed(watch))["production"] == {"enabled": False, "reason": "jam"}
    finally:
        watch.kill()
    _, _, err = await ended(watch)
    assert "no agent at" in err


async def test_watch_once_prints_the_present_state_and_ends(bench: Bench) -> None:
    socket = str(bench.socket)
    async with bench.agent():
        await bench.hub.frame("status")
        code, out, err = await ended(
            await longline("device", "watch", "--once", "--socket", socket)
        )
        refused = await ended(await longline("device", "watch", "weather", "--socket", socket))
    gone = await ended(await longline("device", "watch", "--once", "--socket", socket))
    assert (code, err) == (0, "")
    assert json.loads(out)["config"] == {}
    assert (refused[0], refused[1]) == (1, "")
    assert "invalid" in refused[2]
    assert gone[0] == 1


async def test_a_watch_ends_when_nobody_reads_it(bench: Bench) -> None:
    async with bench.agent():
        await bench.hub.frame("status")
        pipe = await asyncio.create_subprocess_shell(
            f"python -m longline device watch --socket {bench.socket} | head -1",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(DEADLINE):
            assert pipe.stdout is not None
            await pipe.stdout.readline()
            await bench.hub.run("disable_device", "c1", reason="jam")
            out, err = await pipe.communicate()
    assert (out, err) == (b"", b"")


async def test_emit_reports_readiness_and_does_not_watch(bench: Bench) -> None:
    bench.settings = '[[agents]]\nname = "scanner"\n'
    socket = str(bench.socket)
    report = '{"type":"report","agent":"scanner","status":"READY"}'
    async with bench.agent():
        await bench.hub.frame("status")
        assert await ended(await longline("emit", "--socket", socket, report)) == (0, "", "")
        watch = await ended(await longline("emit", "--socket", socket, '{"type":"watch"}'))
    assert watch[0] == 2
    assert "longline device watch" in watch[2]
