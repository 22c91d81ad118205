"""Configuration through a real hub to a real agent, with what happens in between (4.5, node 6):
what the box should have is there again, and wrong settings go away."""

import json
import shutil
import signal
import socket
from pathlib import Path

from tests.acceptance.edge import Agent, Factory, factory
from tests.acceptance.hub.clients import Json, Rest, until
from tests.cloud import stand_in_cloud

CONFIG = "/devices/edge-1/config"
CONVERGED_SECONDS = 10.0
"""After `hello` (node 9)."""
CUTTING = (
    "[firmware]\nhealthy_seconds = 0.5\n"
    '[config]\npushable = ["hub", "tls", "proxy"]\nconfirm_seconds = 4\n'
)


async def push(rest: Rest, patch: Json, **fields: object) -> Json:
    return await run(rest, "edge-1", {"type": "push_config", "patch": patch, **fields})


async def run(rest: Rest, device_id: str, command: Json) -> Json:
    answer = await rest.dispatch(device_id, command)
    assert answer.json()["data"]["status"] == "SUCCESS", answer.text
    found: Json = answer.json()["data"]
    return found


async def config_is(rest: Rest, device_id: str, **wanted: object) -> None:
    async def so() -> bool:
        found = await rest.data(f"/devices/{device_id}/config")
        return all(found[name] == value for name, value in wanted.items())

    await until(so, seconds=CONVERGED_SECONDS)


async def line_is_back(rest: Rest, device_id: str, generation: int) -> None:
    async def so() -> bool:
        found = await rest.data(f"/devices/{device_id}")
        return found["connected"] and found["generation"] > generation

    await until(so, seconds=20)


async def test_an_emptied_box_is_as_before_without_a_hand(tmp_path: Path) -> None:
    async with stand_in_cloud() as cloud, factory(tmp_path, cloud) as made, made.rest() as rest:
        # Otherwise an emptied box enrols a minute after its last line.
        await rest.client.patch("/settings", json={"reenroll": "always"})
        agent = await made.agent("box-1", made.direct())
        await run(rest, "box-1", {"type": "push_config", "patch": {"scanner": {"baud": 9600}}})
        await run(rest, "box-1", {"type": "disable_device", "reason": "cleaning"})
        await rest.client.put("/devices/box-1/connection-mode", json={"mode": "DIRECT_CLOUD"})
        before = await rest.data("/devices/box-1")
        await agent.end()
        shutil.rmtree(agent.folder / "state")
        await agent.start()
        await line_is_back(rest, "box-1", before["generation"])
        await config_is(rest, "box-1", status="in_sync", reported={"scanner": {"baud": 9600}})

        async def as_before() -> bool:
            found = await rest.data("/devices/box-1")
            return found["taken"] == found["wanted"] and found["status"] == "DISABLED"

        await until(as_before, seconds=CONVERGED_SECONDS)
        wanted = (await rest.data("/devices/box-1"))["wanted"]
        assert wanted == {
            "production": {"enabled": False, "reason": "cleaning"}, "mode": "DIRECT_CLOUD",
        }  # fmt: skip


async def pushed(made: Factory, rest: Rest, agent: Agent, patch: Json) -> Json:
    """Push what cuts the box off; how the command ended once the box was back."""
    before = await rest.data(f"/devices/{agent.device_id}")
    command = {"type": "push_config", "patch": patch}
    command_id = await rest.accept(agent.device_id, command)

    async def ended() -> bool:
        found = await rest.data(f"/devices/{agent.device_id}/commands/{command_id}")
        return found["status"] == "FAILED"

    await until(ended, seconds=40)
    await line_is_back(rest, agent.device_id, before["generation"])
    found: Json = await rest.data(f"/devices/{agent.device_id}/commands/{command_id}")
    return found


async def test_a_box_that_was_pushed_out_of_reach_comes_back_by_itself(tmp_path: Path) -> None:
    async with stand_in_cloud() as cloud, factory(tmp_path, cloud) as made, made.rest() as rest:
        agent = await made.agent("box-2", CUTTING)
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            nowhere = f"http://127.0.0.1:{unused.getsockname()[1]}"
            for patch in ({"hub": nowhere}, {"proxy": nowhere}):
                found = await pushed(made, rest, agent, patch)
                assert found["error"]["code"] == "rolled_back", found
                await config_is(rest, "box-2", desired={}, reported={})
        assert (await run(rest, "box-2", {"type": "force_sync"}))["status"] == "SUCCESS"


async def test_a_good_push_stays_while_the_hub_stands_still(tmp_path: Path) -> None:
    async with stand_in_cloud() as cloud, factory(tmp_path, cloud) as made, made.rest() as rest:
        agent = await made.agent("box-3", "[config]\nconfirm_seconds = 1\n")
        command = {"type": "push_config", "patch": {"a": 1}}
        await rest.accept("box-3", command)
        made.hub.send_signal(signal.SIGSTOP)
        try:
            await until(lambda: is_in(agent, '"a":1'), seconds=10)
        finally:
            made.hub.send_signal(signal.SIGCONT)
        await config_is(rest, "box-3", status="in_sync", reported={"a": 1})


async def is_in(agent: Agent, text: str) -> bool:
    return agent.config.exists() and text in agent.config.read_text()


async def test_a_push_is_shown_and_lasts_through_a_crash(tmp_path: Path) -> None:
    async with stand_in_cloud() as cloud, factory(tmp_path, cloud) as plant:
        agent = await plant.agent("edge-1")
        async with plant.rest() as rest:
            first = await push(rest, {"port": 1, "logs": {"level": "DEBUG"}})
            assert first["data"]["applied"] == ["logs.level"]
            assert first["data"]["restartRequired"] == ["port"]
            found = await rest.data(CONFIG)
            assert (found["status"], found["reported"]) == ("in_sync", found["desired"])
            assert found["reportedHash"] == found["desiredHash"] == first["data"]["hash"]
            await agent.end(signal.SIGKILL)
            agent.config.unlink()
            await agent.start()
            await until(lambda: is_in(agent, '"port":1'), seconds=20)
            await config_is(rest, "edge-1", status="in_sync", reported=found["desired"])
            kept = json.loads(agent.config.read_bytes())
            assert kept["handed"] == {"version": "1", "hash": first["data"]["hash"]}


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
