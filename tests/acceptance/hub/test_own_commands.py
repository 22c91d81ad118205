"""Devices' own commands as the hub sees them, with devices that say what a test wants."""

import asyncio
from typing import Any

import pytest

from tests.acceptance.hub.clients import Device, Fleet, Json, Rest, new_id, now, until
from tests.acceptance.hub.process import HubProcess

SCHEMA: Json = {
    "type": "object",
    "required": ["axis"],
    "additionalProperties": False,
    "properties": {"axis": {"enum": ["x", "y"]}, "speed": {"type": "integer"}},
}


def calibrate(**fields: Any) -> Json:
    return {
        "name": "calibrate", "title": "Calibrate the axis", "danger": "medium", "redeliver": False,
        "timeoutMs": 7000, "schema": SCHEMA, **fields,
    }  # fmt: skip


def command(axis: str = "x", name: str = "calibrate", **fields: Any) -> Json:
    return {"type": "custom", "name": name, "args": {"axis": axis}, **fields}


async def hello(device: Device, digest: str, *names: str, **fields: Any) -> None:
    said: Json = {
        "commands": ["force_sync", "custom"], "accepts": ["describe"], "journalId": "j",
        "custom": {"hash": digest, "names": list(names or ("calibrate",))},
    }  # fmt: skip
    await device.hello(**{**said, **fields})


async def describe(device: Device, digest: str, *commands: Json) -> None:
    """Answer the hub's question."""
    await device.find("describe", what="custom")
    await device.send("custom_commands", hash=digest, commands=list(commands or (calibrate(),)))


async def until_known(rest: Rest, device_id: str, kind: str = "custom.calibrate") -> Json:
    """The type as all that match have it, once the hub knows."""
    found: list[Json] = []

    async def known() -> bool:
        types = await rest.data("/command-types", deviceId=device_id)
        found[:] = [each for each in types if each["type"] == kind]
        return bool(found)

    await until(known)
    return found[0]


async def test_a_description_is_asked_for_once_a_hash(fleet: Fleet, rest: Rest) -> None:
    digest = new_id("hash")
    async with fleet.new_line() as first:
        await hello(first, digest)
        await describe(first, digest)
        await until_known(rest, first.device_id)
        async with fleet.new_line() as second, fleet.line(first.device_id) as again:
            for device in (second, again):
                await hello(device, digest)
                await until_known(rest, device.device_id)
                assert [f for f in await device.settled() if f["type"] == "describe"] == []


async def test_one_is_sent_as_custom_and_recorded_by_its_name(fleet: Fleet, rest: Rest) -> None:
    digest = new_id("hash")
    async with fleet.new_line() as device:
        await hello(device, digest)
        await describe(device, digest)
        call = asyncio.create_task(rest.dispatch(device.device_id, command()))
        frame = await device.find("custom", name="calibrate", args={"axis": "x"})
        record = await rest.record(device.device_id, frame["id"])
        await device.send("ack", commandId=frame["id"])
        await device.send("progress", commandId=frame["id"], percent=50)
        data = {"exitCode": 0, "value": {"offset": 1}}
        await device.succeed(frame["id"], data=data)
        answer = await call
        assert (answer.status_code, answer.json()["data"]["data"]) == (200, data)
        assert record["type"] == "custom.calibrate"
        assert record["params"] == {"name": "calibrate", "args": {"axis": "x"}}
        path = f"/devices/{device.device_id}/commands"
        (row,) = await rest.data(path, type="custom.calibrate")
        assert (row["commandId"], row["status"]) == (frame["id"], "SUCCESS")
        assert await rest.data(path, type="custom.paint") == []
        assert (await rest.get(path, type="calibrate")).status_code == 400
        action = "command.custom.calibrate"
        (entry,) = await rest.data("/audit-log", target=device.device_id, action=action)
        assert entry["detail"]["params"] == {"name": "calibrate", "args": {"axis": "hidden"}}


async def test_wrong_arguments_are_400_and_name_the_path(fleet: Fleet, rest: Rest) -> None:
    digest = new_id("hash")
    async with fleet.new_line() as device:
        await hello(device, digest)
        await describe(device, digest)
        for args, path in (
            ({"axis": "z"}, "command.args.axis"),
            ({}, "command.args"),
            ({"axis": "x", "speed": "fast"}, "command.args.speed"),
            ({"axis": "x", "more": 1}, "command.args"),
        ):
            answer = await rest.dispatch(device.device_id, {**command(), "args": args})
            assert answer.status_code == 400, answer.text
            problem = answer.json()
            assert problem["code"] == "invalid"
            assert problem["errors"][0]["field"] == path
            assert path in problem["detail"]
        assert await device.settled() == []
        assert await rest.data(f"/devices/{device.device_id}/commands") == []


async def test_what_the_device_does_not_have_is_rejected(fleet: Fleet, rest: Rest) -> None:
    digest = new_id("hash")
    async with fleet.new_line() as device, fleet.new_line() as older:
        await hello(device, digest)
        await describe(device, digest)
        await older.hello(commands=["force_sync"])
        for device_id, name in ((device.device_id, "paint"), (older.device_id, "calibrate")):
            answer = await rest.dispatch(device_id, command(name=name))
            data = answer.json()["data"]
            assert (data["status"], data["error"]["code"]) == ("REJECTED", "unsupported")
        answer = await rest.dispatch(device.device_id, command(name="Calibrate"))
        assert answer.status_code == 400


async def test_a_device_that_says_nothing_has_the_eleven(fleet: Fleet, rest: Rest) -> None:
    async with fleet.new_line() as device:
        await device.send("status", status="ONLINE")
        await device.settled()
        began = now()
        answer = await rest.dispatch(device.device_id, command())
        assert now() - began < 4, "nothing is awaited of a device that has begun without hello"
        data = answer.json()["data"]
        assert (data["status"], data["error"]["code"]) == ("REJECTED", "unsupported")
        types = await rest.data("/command-types", deviceId=device.device_id)
        assert len(types) == 11


@pytest.mark.parametrize("role", ["VIEWER", "OPERATOR", "MANAGER"])
async def test_of_the_roles_only_an_administrator_may(
    fleet: Fleet, hub: HubProcess, tokens: dict[str, str], rest: Rest, role: str
) -> None:
    digest = new_id("hash")
    async with fleet.new_line() as device, Rest.open(hub.url, tokens[role]) as other:
        await hello(device, digest)
        await describe(device, digest)
        assert (await other.dispatch(device.device_id, command())).status_code == 403
        command_id = await rest.accept(device.device_id, command())
        await device.find("custom")
        await device.succeed(command_id, output="secret", data={"exitCode": 0, "value": "secret"})
        record = await other.record(device.device_id, command_id)
        assert (record["params"], record["output"]) == ("hidden", "hidden")
        assert "secret" not in str(record)


async def test_dispatch_waits_for_the_description(fleet: Fleet, rest: Rest) -> None:
    digest = new_id("hash")
    async with fleet.new_line() as device:
        await hello(device, digest)
        await device.find("describe")
        call = asyncio.create_task(rest.dispatch(device.device_id, command("z")))
        await asyncio.sleep(0.3)
        assert not call.done()
        await device.send("custom_commands", hash=digest, commands=[calibrate()])
        assert (await call).status_code == 400


async def test_but_not_for_ever(fleet: Fleet, rest: Rest) -> None:
    digest = new_id("hash")
    async with fleet.new_line() as device, fleet.new_line() as good:
        await hello(device, digest)
        await hello(good, digest + "2")
        await describe(good, digest + "2")
        began = now()
        answer = await rest.dispatch(device.device_id, command())
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"
        assert 4.5 < now() - began < 7.5
        call = asyncio.create_task(
            rest.post(
                "/commands/bulk",
                {"deviceIds": [device.device_id, good.device_id], "command": command()},
            )
        )
        frame = await good.find("custom")
        await good.succeed(frame["id"])
        data = (await call).json()["data"]
        assert data[device.device_id]["error"]["code"] == "unavailable"
        assert data[good.device_id]["status"] == "SUCCESS"


async def test_another_is_asked_when_the_first_does_not_answer(fleet: Fleet, rest: Rest) -> None:
    digest = new_id("hash")
    async with fleet.new_line() as silent, fleet.new_line() as other:
        await hello(silent, digest)
        await silent.find("describe")
        await hello(other, digest)
        await describe(other, digest)
        await until_known(rest, silent.device_id)


async def test_a_device_describes_only_what_its_hello_named(fleet: Fleet, rest: Rest) -> None:
    digest, foreign = new_id("hash"), new_id("hash")
    async with fleet.new_line() as device:
        await hello(device, digest)
        await device.find("describe")
        for said, commands in (
            (foreign, [calibrate()]),
            (digest, [calibrate(), calibrate(name="more")]),
            (digest, [calibrate(), calibrate()]),
            (digest, [calibrate(schema={"$ref": "http://127.0.0.1/"})]),
            (digest, [calibrate(schema={"properties": {"a": {"oneOf": []}}})]),
            (digest, [calibrate(schema={"description": "x" * 17_000})]),
        ):
            await device.send("custom_commands", hash=said, commands=commands)
            error = await device.find("error", code="invalid_frame")
            assert error["message"].startswith("custom_commands: ")
        types = await rest.data("/command-types", deviceId=device.device_id)
        assert [each["type"] for each in types] == ["force_sync"]
        await device.send("custom_commands", hash=digest, commands=[calibrate()])
        await until_known(rest, device.device_id)


async def test_a_bad_target_of_many_is_its_own_entry(fleet: Fleet, rest: Rest) -> None:
    one, two = new_id("hash"), new_id("hash")
    wide = calibrate(schema={"type": "object"}, timeoutMs=9000)
    async with fleet.new_line() as strict, fleet.new_line() as lax, fleet.new_line() as none:
        await hello(strict, one)
        await describe(strict, one)
        await hello(lax, two)
        await describe(lax, two, wide)
        await none.hello(commands=["force_sync"])
        ids = [strict.device_id, lax.device_id, none.device_id, "nobody"]
        call = asyncio.create_task(
            rest.post("/commands/bulk", {"deviceIds": ids, "command": command("w")})
        )
        frame = await lax.find("custom", args={"axis": "w"})
        await lax.succeed(frame["id"])
        data = (await call).json()["data"]
        codes = {each: data[each]["error"] and data[each]["error"]["code"] for each in ids}
        assert codes == dict(zip(ids, ["invalid", None, "unsupported", "not_found"], strict=True))
        assert data[strict.device_id]["commandId"] is None

        group = (await rest.post("/device-groups", {"name": new_id("g")})).json()["data"]["id"]
        await rest.post(f"/device-groups/{group}/members", {"deviceIds": ids[:2]})
        call = asyncio.create_task(
            rest.post(f"/device-groups/{group}/commands", {"command": command("y")})
        )
        frames = [await each.find("custom", args={"axis": "y"}) for each in (strict, lax)]
        for device, each in zip((strict, lax), frames, strict=True):
            await device.succeed(each["id"])
        data = (await call).json()["data"]
        assert {each["status"] for each in data.values()} == {"SUCCESS"}


async def test_its_own_time_out_is_the_default(fleet: Fleet, rest: Rest) -> None:
    digest = new_id("hash")
    async with fleet.new_line() as device:
        await hello(device, digest)
        await describe(device, digest, calibrate(timeoutMs=400))
        answer = await rest.dispatch(device.device_id, command())
        assert answer.json()["data"]["status"] == "TIMEOUT"
        call = asyncio.create_task(rest.dispatch(device.device_id, command(), timeoutMs=8000))
        second = await device.find("custom")
        second = await device.find("custom")
        await asyncio.sleep(0.6)
        await device.succeed(second["id"])
        assert (await call).json()["data"]["status"] == "SUCCESS"


async def test_what_is_queued_waits_for_hello(fleet: Fleet, rest: Rest) -> None:
    digest = new_id("hash")
    device_id = await fleet.enroll()
    command_id = await rest.accept(device_id, command(), delivery="queue")
    async with fleet.line(device_id) as device:
        await asyncio.sleep(0.5)  # its line is claimed for by now, and has not said hello
        record = await rest.record(device_id, command_id)
        assert record["status"] == "PENDING"
        await hello(device, digest)
        await device.find("custom", id=command_id)
        await device.succeed(command_id)


@pytest.mark.parametrize(("redeliver", "status"), [(True, "SENT"), (False, "UNKNOWN")])
async def test_in_doubt_it_is_sent_again_when_its_device_says_so(
    fleet: Fleet, rest: Rest, redeliver: bool, status: str
) -> None:
    digest = new_id("hash")
    async with fleet.new_line() as device:
        await hello(device, digest, journalId=None)
        await describe(device, digest, calibrate(redeliver=redeliver))
        await until_known(rest, device.device_id)
        command_id = await rest.accept(device.device_id, command())
        await device.find("custom", id=command_id)
    async with fleet.line(device.device_id) as again:
        await hello(again, digest, journalId=None)
        if redeliver:
            await again.find("custom", id=command_id)
        await rest.until_status(device.device_id, command_id, status)


async def test_types_are_what_all_of_them_have(fleet: Fleet, rest: Rest) -> None:
    one, two, three = new_id("hash"), new_id("hash"), new_id("hash")
    paint = calibrate(name="paint", schema={"type": "object"}, danger="no")
    other = calibrate(name="paint", schema={"type": "object", "title": "other"})
    async with fleet.new_line() as first, fleet.new_line() as second, fleet.new_line() as third:
        await hello(first, one, "calibrate", "paint")
        await describe(first, one, calibrate(danger="yes", redeliver=True), paint)
        await hello(second, two, "calibrate", "paint")
        await describe(second, two, calibrate(danger="no", timeoutMs=9000), other)
        await hello(third, three, "paint", commands=["custom", "pull_logs"])
        await describe(third, three, paint)
        for device, kind in (
            (first, "custom.paint"),
            (second, "custom.paint"),
            (third, "custom.paint"),
        ):
            await until_known(rest, device.device_id, kind)

        async def types(*devices: Device) -> list[str]:
            found = await rest.data("/command-types", deviceId=[d.device_id for d in devices])
            return [each["type"] for each in found]

        assert await types(first) == ["force_sync", "custom.calibrate", "custom.paint"]
        assert await types(first, second) == ["force_sync", "custom.calibrate"]
        assert await types(first, third) == ["custom.paint"]
        assert await types(second, third) == []
        ids = [first.device_id, second.device_id]
        both = await rest.data("/command-types", deviceId=ids)
        assert both[1] == {
            "type": "custom.calibrate", "title": "Calibrate the axis", "danger": "yes",
            "redeliver": False, "timeoutMs": 9000, "schema": SCHEMA,
        }  # fmt: skip
        assert both[0]["schema"] == {
            "type": "object", "properties": {}, "required": [], "additionalProperties": False,
        }  # fmt: skip
        group = (await rest.post("/device-groups", {"name": new_id("g")})).json()["data"]["id"]
        assert await rest.data("/command-types", groupId=group) == []
        await rest.post(f"/device-groups/{group}/members", {"deviceIds": ids})
        assert await rest.data("/command-types", groupId=group) == both
        assert await rest.data("/command-types", deviceId="nobody") == []
        assert (await rest.get("/command-types")).status_code == 200
        for query in ({"device": "a"}, {"deviceId": "a", "groupId": group}, {"deviceId": "a b"}):
            assert (await rest.get("/command-types", **query)).status_code == 400
