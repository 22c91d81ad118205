"""What is desired of a configuration, over a real hub and the line of a device (4.5)."""

from typing import Any

import httpx
import pytest

from protocol.canonical import hash_of
from protocol.merge_patch import merge
from tests.acceptance.hub.clients import Device, Fleet, Json, Rest, until


class Config:
    """The configuration of one device on a line that reports no hash."""

    def __init__(self, rest: Rest, device: Device) -> None:
        self._rest = rest
        self._device = device
        self.path = f"/devices/{device.device_id}/config"

    async def get(self) -> Json:
        found: Json = await self._rest.data(self.path)
        return found

    async def desired(self) -> tuple[Json, int]:
        found = await self.get()
        return found["desired"], found["desiredVersion"]

    async def accept(self, patch: Json, **fields: Any) -> str:
        command = {"type": "push_config", "patch": patch, **fields}
        command_id = await self._rest.accept(self._device.device_id, command)
        await self._device.command("push_config", id=command_id)
        return command_id

    async def push(self, patch: Json, **fields: Any) -> None:
        await self._device.succeed(await self.accept(patch, **fields))

    async def fail(self, command_id: str, **fields: Any) -> None:
        await self._device.send("result", commandId=command_id, success=False, **fields)
        await self._device.find("result_ack", commandId=command_id)

    async def try_push(self, patch: Json, **fields: Any) -> httpx.Response:
        command = {"type": "push_config", "patch": patch, **fields}
        return await self._rest.dispatch(self._device.device_id, command)


async def test_a_push_that_expects_another_version_is_not_accepted(
    fleet: Fleet, rest: Rest
) -> None:
    async with fleet.new_line() as device:
        config = Config(rest, device)
        await config.push({"rate": 1})
        refused = await config.try_push({"rate": 999}, expectVersion=7)
        assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
        bulk = await rest.post(
            "/commands/bulk",
            {
                "deviceIds": [device.device_id],
                "command": {"type": "push_config", "patch": {"rate": 9}, "expectVersion": 0},
            },
        )
        assert bulk.json()["data"][device.device_id]["error"]["code"] == "conflict"
        assert await config.desired() == ({"rate": 1}, 1)
        assert len(await rest.data(f"/devices/{device.device_id}/commands")) == 1
        await config.push({"name": "x"}, expectVersion=1)
        found = await config.get()
        assert (found["desired"], found["desiredVersion"]) == ({"name": "x", "rate": 1}, 2)
        assert (found["status"], found["reported"]) == ("in_sync", found["desired"])


ENDS: list[Json] = [
    {"error": {"code": "invalid_config", "message": "no"}},
    {"error": {"code": "rolled_back", "message": "no hub"}},
    {"outcome": "rejected"},
    {"outcome": "cancelled"},
]


@pytest.mark.parametrize("end", ENDS)
async def test_a_push_without_effect_leaves_what_is_desired(
    fleet: Fleet, rest: Rest, end: Json
) -> None:
    async with fleet.new_line() as device:
        config = Config(rest, device)
        await config.push({"rate": 1})
        await config.fail(await config.accept({"rate": 999}), **end)
        assert await config.desired() == ({"rate": 1}, 1)
        found = await config.get()
        assert found["status"] in ("failed", "rolled_back")
        await config.push({"name": "x"})
        found = await config.get()
        assert found["desired"] == found["reported"] == {"name": "x", "rate": 1}
        assert found["status"] == "in_sync"
        assert found["desiredVersion"] > 1


async def test_what_waits_is_taken_out_when_it_is_cancelled(fleet: Fleet, rest: Rest) -> None:
    device_id = await fleet.enroll()
    command = {"type": "push_config", "patch": {"rate": 1}}
    first = await rest.accept(device_id, command, delivery="queue")
    second = await rest.accept(
        device_id, {"type": "push_config", "patch": {"name": "x"}}, delivery="queue"
    )
    for command_id, desired in ((first, {"rate": 1, "name": "x"}), (second, {})):
        path = f"/devices/{device_id}/commands/{command_id}"
        assert (await rest.client.delete(path)).status_code == 202
        # The newer one builds on the first, until it goes itself.
        assert (await rest.data(f"/devices/{device_id}/config"))["desired"] == desired
    assert (await rest.data(f"/devices/{device_id}/config"))["desiredVersion"] == 0


async def test_what_may_still_come_to_effect_stays_desired(fleet: Fleet, rest: Rest) -> None:
    async with fleet.new_line() as device:
        config = Config(rest, device)
        await config.fail(await config.accept({"rate": 1}), outcome="unknown")
        assert await config.desired() == ({"rate": 1}, 1)


async def test_an_earlier_version_is_desired_again(fleet: Fleet, rest: Rest) -> None:
    async with fleet.new_line() as device:
        config = Config(rest, device)
        await config.push({"a": {"b": 1, "c": [1]}, "d": True})
        await config.push({"a": {"b": None, "x": 2}, "d": None})
        for version, desired in ((1, {"a": {"b": 1, "c": [1]}, "d": True}), (0, {})):
            answer = await rest.post(f"{config.path}/revert", {"version": version})
            assert answer.status_code == 200, answer.text
            data = answer.json()["data"]
            assert (data["desired"], data["status"]) == (desired, "pending")
            frame = await device.command("push_config")
            await device.succeed(frame["id"])
            assert (await config.get())["status"] == "in_sync"
        assert (await config.get())["desiredVersion"] == 4
        for body, status in (
            ({"version": 99}, 404), ({"version": -1}, 400), ({}, 400), ({"version": "1"}, 400),
        ):  # fmt: skip
            assert (await rest.post(f"{config.path}/revert", body)).status_code == status
        audit = await rest.data("/audit-log", target=device.device_id)
        assert [row["action"] for row in audit].count("command.push_config") == 4


async def test_a_revert_waits_for_a_device_that_is_away_and_is_for_managers(
    fleet: Fleet, rest: Rest, tokens: dict[str, str]
) -> None:
    device_id = await fleet.enroll()
    path = f"/devices/{device_id}/config/revert"
    for role, status in (("VIEWER", 403), ("OPERATOR", 403), ("MANAGER", 200)):
        headers = {"Authorization": f"Bearer {tokens[role]}"}
        answer = await rest.client.post(path, json={"version": 0}, headers=headers)
        assert answer.status_code == status
    async with fleet.line(device_id) as device:
        await device.hello()
        await device.command("push_config")


async def test_a_replaced_box_reports_what_it_has(fleet: Fleet, rest: Rest) -> None:
    document = {"scanner": {"baud": 9600}}
    async with fleet.new_line() as device:
        config = Config(rest, device)
        command_id = await config.accept(document)
        data = {"version": 1, "hash": hash_of(document)}
        await device.succeed(command_id, data=data)
        assert (await config.get())["reported"] == document
    async with fleet.line(device.device_id) as box:
        await box.hello(bootId="b2", journalId="another", configVersion=0, configHash=hash_of({}))
        await box.send("ping")
        await box.find("pong")

        async def told() -> bool:
            return (await config.get())["status"] == "pending"

        await until(told)
        found = await config.get()
        assert (found["reported"], found["reportedVersion"]) == ({}, 0)
        assert found["reportedHash"] == hash_of({})
        assert found["desired"] == document
        # The version that is desired already, once more: it mends what the box has lost.
        await rest.post(f"{config.path}/revert", {"version": 1})
        frame = await box.find("push_config")
        assert merge({}, frame["patch"]) == document
        await box.succeed(frame["id"], data={"version": 1, "hash": hash_of(document)})
        found = await config.get()
        assert (found["status"], found["reported"]) == ("in_sync", document)
