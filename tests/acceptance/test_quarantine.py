"""Quarantine with a real hub and a real agent: what the device has to say waits on the device."""

import sys
from pathlib import Path

from tests.acceptance.edge import factory
from tests.acceptance.hub.clients import Json, Rest, until
from tests.cloud import stand_in_cloud

EVENTS = 1_000
SHELL = """\
[shell.templates.wait]
argv = ["{python}", "-c", "import os, time\\nwhile not os.path.exists('{go}'): time.sleep(0.02)"]
"""


async def events_of(rest: Rest) -> list[str]:
    """The names of the events that are stored."""
    names: list[str] = []
    cursor: Json = {}
    while True:
        page = (await rest.get("/devices/edge-1/events", limit=500, type="event", **cursor)).json()
        names += [row["event"]["name"] for row in page["data"]]
        if page["page"]["next"] is None:
            return names
        cursor = {"cursor": page["page"]["next"]}


async def test_events_records_and_a_running_command_wait_on_the_device(tmp_path: Path) -> None:
    go = tmp_path / "go"
    async with stand_in_cloud() as cloud, factory(tmp_path, cloud, request_rate="0") as plant:
        agent = await plant.agent("edge-1", SHELL.format(python=sys.executable, go=go))
        async with plant.rest() as rest:
            running = await rest.accept("edge-1", {"type": "exec_shell", "template": "wait"})
            await rest.until_status("edge-1", running, "RUNNING")

            answer = await rest.post("/devices/edge-1/quarantine", {"reason": "odd"})
            assert answer.status_code == 200, answer.text

            async def is_told() -> bool:
                return "in quarantine" in agent.log()

            await until(is_told)
            go.touch()
            said = [{"type": "event", "name": f"e{n}"} for n in range(EVENTS)]
            assert await agent.emit(*said) == [{"ok": True}] * EVENTS
            (kept,) = await agent.emit({"id": "r1", "kind": "batch", "data": {}})
            assert kept == {"ok": True}
            refused = await rest.dispatch("edge-1", "force_sync", delivery="queue")
            assert refused.json()["code"] == "quarantined"
            device = await rest.data("/devices/edge-1")
            assert device["connected"] is True
            assert await events_of(rest) == []
            assert (await rest.record("edge-1", running))["status"] == "RUNNING"

            answer = await rest.post("/devices/edge-1/release")
            assert answer.status_code == 200, answer.text

            async def all_came() -> bool:
                return len(await events_of(rest)) >= EVENTS

            await until(all_came, seconds=20)
            assert sorted(await events_of(rest)) == sorted(f"e{n}" for n in range(EVENTS))
            record = await rest.until_status("edge-1", running, "SUCCESS")
            assert record["lateResult"] is None

            await cloud.until(1, seconds=30)
            assert cloud.ids() == ["r1"]
            commands = await rest.data("/devices/edge-1/commands")
            assert [each["commandId"] for each in commands] == [running]
