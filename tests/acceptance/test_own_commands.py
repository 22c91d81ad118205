"""Commands of a device's own, from its file to a result: a real hub, a real agent."""

import signal
import sys
from pathlib import Path

from tests.acceptance.chaos.cluster import Cluster, running_cluster
from tests.acceptance.edge import factory
from tests.acceptance.hub.clients import Json, Rest, until
from tests.acceptance.hub.test_own_commands import command, describe, hello
from tests.cloud import stand_in_cloud

PROGRAM = """\
import json, os, sys, time
print("percent 50", flush=True)
if sys.argv[1:] == ["--axis", "y"]:
    open("{folder}/began", "w").close()
    time.sleep(60)
print(json.dumps(sys.argv[1:]))
"""
DECLARED = """\
[commands.calibrate]
title = "Calibrate the axis"
argv = ["{python}", "{folder}/calibrate.py", "--axis", "{{axis}}"]
timeout_seconds = 30
danger = "no"

[commands.calibrate.schema]
type = "object"
required = ["axis"]
additionalProperties = false
properties = {{ axis = {{ type = "string", maxLength = 8 }} }}
"""


def declared(folder: Path) -> str:
    (folder / "calibrate.py").write_text(PROGRAM.format(folder=folder))
    return DECLARED.format(python=sys.executable, folder=folder)


async def calibrated(rest: Rest, axis: object) -> Json:
    answer = await rest.dispatch("edge-1", {**command(), "args": {"axis": axis}})
    assert answer.status_code == 200, answer.text
    data: Json = answer.json()["data"]
    return data


async def test_what_a_device_declares_is_offered_checked_and_run(tmp_path: Path) -> None:
    async with (
        stand_in_cloud() as cloud,
        factory(tmp_path, cloud, own_command_danger="medium") as plant,
    ):
        agent = await plant.agent("edge-1", declared(tmp_path))
        async with plant.rest() as rest:
            refused = await rest.dispatch(
                "edge-1", {**command(), "args": {"axis": "too long for it"}}
            )
            assert refused.status_code == 400
            assert refused.json()["errors"][0]["field"] == "command.args.axis"

            types = await rest.data("/command-types", deviceId="edge-1")
            assert len(types) == 12
            assert types[-1] == {
                "type": "custom.calibrate",
                "title": "Calibrate the axis",
                "danger": "medium",
                "redeliver": False,
                "timeoutMs": 30_000,
                "schema": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["axis"],
                    "properties": {"axis": {"type": "string", "maxLength": 8}},
                },
            }

            done = await calibrated(rest, "; id")
            assert done["status"] == "SUCCESS"
            assert done["data"]["stdout"] == 'percent 50\n["--axis", "; id"]\n'
            record = await rest.record("edge-1", done["commandId"])
            assert record["type"] == "custom.calibrate"

            unknown = await rest.dispatch("edge-1", command(name="paint"))
            data = unknown.json()["data"]
            assert (data["status"], data["error"]["code"]) == ("REJECTED", "unsupported")

            command_id = await rest.accept("edge-1", command("y"))

            async def runs() -> bool:
                return (tmp_path / "began").exists()

            await until(runs)

            async def half() -> bool:
                found = await rest.record("edge-1", command_id)
                return found["status"] == "RUNNING" and found["progress"]["percent"] == 50

            await until(half)
            await agent.end(signal.SIGKILL)
            await agent.start()
            found = await rest.until_status("edge-1", command_id, "UNKNOWN", seconds=20)
            assert found["error"]["code"] == "unknown"


async def test_a_device_of_another_replica_is_judged_by_its_description(tmp_path: Path) -> None:
    async with running_cluster(tmp_path, replicas=2) as two:
        await _over_the_other(two)


async def _over_the_other(two: Cluster) -> None:
    async with (
        two.fleet(0).new_line() as device,
        Rest.open(two.urls[1], two.admin_token) as rest,
    ):
        await hello(device, "h")
        await describe(device, "h")
        assert (await rest.dispatch(device.device_id, command("z"))).status_code == 400
        command_id = await rest.accept(device.device_id, command())
        await device.find("custom", id=command_id)
        await device.succeed(command_id)
        await rest.until_status(device.device_id, command_id, "SUCCESS")
        async with two.fleet(1).new_line() as other:
            await hello(other, "h")
            assert [f for f in await other.settled() if f["type"] == "describe"] == []
