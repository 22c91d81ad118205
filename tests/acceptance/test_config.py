"""Configuration through a real hub to a real agent, with what happens in between (4.5)."""

import json
import signal
from pathlib import Path

from tests.acceptance.edge import Agent, Factory, factory
from tests.acceptance.hub.clients import Json, Rest, until
from tests.cloud import stand_in_cloud

CONFIG = "/devices/edge-1/config"


async def push(rest: Rest, patch: Json, **fields: object) -> Json:
    answer = await rest.dispatch("edge-1", {"type": "push_config", "patch": patch, **fields})
    assert answer.status_code == 200, answer.text
    data: Json = answer.json()["data"]
    return data


async def push_and_cut(plant: Factory, agent: Agent, rest: Rest, **fields: object) -> None:
    """A patch that is applied while the hub goes away: stopped as soon as the file changes."""
    before = agent.config.read_bytes()
    command = {"type": "push_config", "patch": {"port": 9}, **fields}
    await rest.accept("edge-1", command, timeoutMs=60_000)

    async def applied() -> bool:
        return agent.config.read_bytes() != before

    await until(applied)
    plant.hub.send_signal(signal.SIGSTOP)


async def until_status(rest: Rest, status: str, *, seconds: float = 30) -> Json:
    found: Json = {}

    async def reached() -> bool:
        nonlocal found
        found = await rest.data(CONFIG)
        return found["status"] == status

    await until(reached, seconds=seconds)
    return found


async def test_a_configuration_that_cuts_the_device_off_is_undone(tmp_path: Path) -> None:
    async with stand_in_cloud() as cloud, factory(tmp_path, cloud) as plant:
        agent = await plant.agent("edge-1")
        async with plant.rest() as rest:
            first = await push(rest, {"port": 1, "logs": {"level": "DEBUG"}})
            assert first["data"]["applied"] == ["logs.level"]
            assert first["data"]["restartRequired"] == ["port"]
            found = await rest.data(CONFIG)
            assert (found["status"], found["reported"]) == ("in_sync", found["desired"])
            assert found["reportedHash"] == found["desiredHash"] == first["data"]["hash"]

            await push_and_cut(plant, agent, rest, confirmSeconds=2)

            async def back() -> bool:
                return json.loads(agent.config.read_bytes())["document"]["port"] == 1

            await until(back)
            plant.hub.send_signal(signal.SIGCONT)
            found = await until_status(rest, "rolled_back")
            assert found["reportedVersion"] == 1
            assert found["reported"]["port"] == 1
            assert (found["desired"]["port"], found["desiredVersion"]) == (1, 1)
            history = await rest.data(f"{CONFIG}/history")
            assert [row["outcome"] for row in history] == ["rolled_back", "applied"]

            async def newest_has_ended() -> bool:
                newest = await rest.data("/devices/edge-1/commands", limit=1)
                return newest[0]["finishedAt"] is not None

            # And kill -9 between the two.
            await push_and_cut(plant, agent, rest, confirmSeconds=60)
            await agent.end(signal.SIGKILL)
            plant.hub.send_signal(signal.SIGCONT)
            assert json.loads(agent.config.read_bytes())["document"]["port"] == 9
            await agent.start()
            found = await until_status(rest, "rolled_back")
            assert json.loads(agent.config.read_bytes())["document"]["port"] == 1
            await until(newest_has_ended)  # its result, unknown, comes after hello
            assert (await rest.data(CONFIG))["status"] == "rolled_back"

            good = await push(rest, {"port": 2})
            assert good["success"] is True
            assert (await rest.data(CONFIG))["status"] == "in_sync"

            # Drift: the device has lost its configuration.
            await agent.end()
            agent.config.unlink()
            await agent.start()
            found = await until_status(rest, "pending")
            assert "not the desired one" in found["error"]
            assert (found["reportedVersion"], found["desiredVersion"]) == (0, 4)
            assert (found["reported"], found["desired"]["port"]) == ({}, 2)


async def test_what_may_be_desired_is_ruled_by_a_schema(tmp_path: Path) -> None:
    async with stand_in_cloud() as cloud, factory(tmp_path, cloud) as plant:
        await plant.agent("edge-1")
        async with plant.rest() as rest:
            assert (await rest.get("/config-schema")).status_code == 404
            schema = {"properties": {"port": {"type": "integer"}}, "required": ["port"]}
            path = "/config-schema"
            bad = await rest.client.put(path, json={"schema": {"type": "no type"}})
            assert bad.status_code == 400
            good = await rest.client.put(path, json={"schema": schema})
            assert good.status_code == 200
            assert (await rest.data(path))["schema"] == schema

            config = {"type": "push_config", "patch": {"port": "x"}}
            refused = await rest.dispatch("edge-1", config)
            assert refused.status_code == 400
            assert refused.json()["errors"][0]["field"] == "config.port"
            bulk = await rest.post(
                "/commands/bulk", {"deviceIds": ["edge-1", "nobody"], "command": config}
            )
            codes = {name: entry["error"]["code"] for name, entry in bulk.json()["data"].items()}
            assert codes == {"edge-1": "invalid", "nobody": "not_found"}
            assert (await rest.data(CONFIG))["desiredVersion"] == 0
            assert (await push(rest, {"port": 1}))["success"] is True
            removal = {"type": "push_config", "patch": {"port": None}}
            assert (await rest.dispatch("edge-1", removal)).status_code == 400
            assert (await rest.client.delete(path)).status_code == 200
            assert (await push(rest, {"port": None}))["success"] is True
            assert (await rest.data(CONFIG))["desired"] == {}
