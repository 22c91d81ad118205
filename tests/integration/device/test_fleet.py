"""`longline fleet` and `longline emit` against a scripted hub and a real agent."""

import asyncio
import json
import os
import signal
import sys
from typing import Any

from protocol.canonical import hash_of
from tests.integration.device.agents import Bench
from tests.integration.device.scripted_hub import DEADLINE, KEY
from tests.integration.device.workloads import application, document


async def longline(*arguments: str, key: str = KEY) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "longline",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "LONGLINE_ENROLLMENT_KEY": key},
    )


async def ended(process: asyncio.subprocess.Process) -> tuple[int | None, str, str]:
    async with asyncio.timeout(DEADLINE):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_a_fleet_runs_commands_once_and_loses_no_event(bench: Bench) -> None:
    hub = bench.hub
    fleet = await longline("fleet", "--hub", hub.url, "--devices", "5", "--rate", "100")
    await hub.until(lambda: len(hub.of("scan")) >= 50)
    result = await hub.run("exec_shell", "c1", template="any")
    again = await hub.run("exec_shell", "c1", template="any")
    await hub.lines[0].close(1012)
    await hub.until(lambda: len(hub.of("hello")) == 6)
    fleet.send_signal(signal.SIGTERM)
    code, out, _ = await ended(fleet)
    counts = json.loads(out)
    names = {(scan["bootId"], scan["seq"]) for scan in hub.of("scan")}
    assert code == 0
    assert result == again
    assert (counts["connected"], counts["reconnects"], counts["commandsRun"]) == (5, 1, 1)
    assert counts["eventsCreated"] == counts["eventsAcknowledged"] == len(names)
    assert counts["eventsHeld"] == counts["eventsDropped"] == 0


async def test_a_simulated_device_comes_back_with_the_version_that_it_was_given(
    bench: Bench,
) -> None:
    hub = bench.hub
    fleet = await longline("fleet", "--hub", hub.url, "--devices", "1", "--status-seconds", "0.1")
    await hub.until(lambda: len(hub.of("hello")) == 1)
    release = {
        "releaseId": "r", "version": "9.9.9", "sha256": "0" * 64, "size": 1,
        "url": "/api/v1/firmware/releases/r/artifact",
    }  # fmt: skip
    result = await hub.run("update_firmware", "c1", **release)
    assert result["data"]["version"] == "9.9.9"
    await hub.until(lambda: [hello["agentVersion"] for hello in hub.of("hello")][1:] == ["9.9.9"])
    assert {"cpu.percent", "temperature.celsius"} < set(hub.of("status")[-1]["metrics"])
    fleet.send_signal(signal.SIGTERM)
    assert (await ended(fleet))[0] == 0


async def test_a_fleet_without_the_right_key_says_so_in_one_line(bench: Bench) -> None:
    fleet = await longline("fleet", "--hub", bench.hub.url, "--devices", "2", key="wrong")
    assert await ended(fleet) == (
        1,
        "",
        "longline: the hub does not accept the enrolment key (401)\n",
    )


async def test_emit_hands_events_to_the_agent(bench: Bench) -> None:
    socket = str(bench.socket)
    async with bench.agent():
        await bench.hub.frame("status")
        event = '{"type":"event","name":"door",\n"data":{"open":true}}'
        assert await ended(await longline("emit", "--socket", socket, event)) == (0, "", "")
        assert (await bench.hub.frame("event"))["data"] == {"open": True}
        code, _, err = await ended(await longline("emit", "--socket", socket, '{"type":"?"}'))
        assert (code, err.count("\n")) == (1, 1)
        code, _, err = await ended(await longline("emit", "--socket", socket, "{"))
        assert (code, err.count("\n")) == (2, 1)
    code, _, err = await ended(await longline("emit", "--socket", socket, event))
    assert (code, err.startswith("longline: no agent at")) == (1, True)


async def test_mistakes_at_the_command_line_are_one_line_and_exit_2() -> None:
    for arguments in (["device"], ["device", "--nope"], ["nope"], ["fleet", "--hub", "ftp://x"]):
        code, out, err = await ended(await longline(*arguments))
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert err.startswith("longline: ")


async def test_simulated_devices_pretend_to_run_applications(bench: Bench) -> None:
    hub = bench.hub
    bad = {"image": "busy:1", "labels": {"simulate": "unhealthy"}}
    shop = application("shop", {"web": {"image": "busy:1"}, "db": bad}, stopped=("web",))
    fleet = await longline("fleet", "--hub", hub.url, "--devices", "2", "--workloads")
    await hub.until(lambda: len(hub.of("hello")) == 2)
    hello = hub.of("hello")[0]
    assert hello["sections"] == {"workloads": {"version": "", "hash": ""}}
    found = document(shop)
    hub.desired["workloads"] = {
        "version": found["version"], "hash": hash_of(found), "document": found,
    }  # fmt: skip
    for line in list(hub.lines):
        named = {"version": found["version"], "hash": hash_of(found)}
        await line.send(json.dumps({"type": "desired", "kind": "workloads", **named}))
    await hub.until(lambda: len([f for f in hub.of("workload_status") if ends(f)]) == 2)
    fleet.send_signal(signal.SIGTERM)
    code, out, _ = await ended(fleet)
    assert (code, json.loads(out)["eventsHeld"]) == (0, 0)


def ends(frame: dict[str, Any]) -> bool:
    states = {each["service"]: each["state"] for each in frame["services"]}
    return states == {"web": "exited", "db": "unhealthy"}
