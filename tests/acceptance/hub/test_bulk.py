"""One command for many devices: protocol.md, 4 and 4.1."""

import asyncio
from contextlib import AsyncExitStack

from tests.acceptance.hub.clients import Device, Fleet, Json, Rest, new_id, until


def bulk(device_ids: list[str], command: str = "force_sync", **wish: object) -> Json:
    return {"deviceIds": device_ids, "command": {"type": command}, **wish}


async def serve(device: Device, *, success: bool = True) -> None:
    frame = await device.frame()
    await device.send("result", commandId=frame["id"], success=success)


async def test_each_target_has_a_command_and_a_result_of_its_own(fleet: Fleet, rest: Rest) -> None:
    offline = await fleet.enroll()
    async with AsyncExitStack() as stack:
        devices = [await stack.enter_async_context(fleet.new_line()) for _ in range(5)]
        ids = [device.device_id for device in devices]
        call = asyncio.create_task(
            rest.post("/commands/bulk", bulk([*ids, offline, "nobody", ids[0]]))
        )
        for device in devices:
            await serve(device, success=device is not devices[1])
        answer = await call
        assert answer.status_code == 200
        data = answer.json()["data"]
        assert data.keys() == {*ids, offline, "nobody"}
        assert [data[device_id]["status"] for device_id in ids] == [
            "SUCCESS", "FAILED", "SUCCESS", "SUCCESS", "SUCCESS",
        ]  # fmt: skip
        assert data[offline]["error"]["code"] == "device_offline"
        assert data["nobody"]["error"]["code"] == "not_found"
        assert data["nobody"]["success"] is False
        assert len({data[device_id]["commandId"] for device_id in ids}) == 5


async def test_a_queued_target_is_pending_at_once(fleet: Fleet, rest: Rest) -> None:
    offline = await fleet.enroll()
    async with fleet.new_line() as device:
        serving = asyncio.create_task(serve(device))
        answer = await rest.post(
            "/commands/bulk", bulk([device.device_id, offline], delivery="queue")
        )
        await serving
        data = answer.json()["data"]
        assert data[offline]["status"] == "PENDING"
        assert data[device.device_id]["status"] == "SUCCESS"


async def test_a_repeated_call_joins_the_commands_that_wait(fleet: Fleet, rest: Rest) -> None:
    offline = await fleet.enroll()
    body = bulk([offline, "nobody"], delivery="queue")
    first, second = [(await rest.post("/commands/bulk", body)).json()["data"] for _ in range(2)]
    assert second == first
    assert second[offline]["status"] == "PENDING"
    rows = await rest.data("/audit-log", target=offline, action="command.force_sync")
    assert [row["detail"].get("joined") for row in rows] == [True, None]


async def test_respond_async_gives_a_batch_that_can_be_listed(fleet: Fleet, rest: Rest) -> None:
    ids = [await fleet.enroll() for _ in range(3)]
    answer = await rest.post("/commands/bulk", bulk(ids, delivery="queue"), Prefer="respond-async")
    assert answer.status_code == 202
    batch_id = answer.json()["data"]["batchId"]
    rows = await rest.data("/commands", batchId=batch_id)
    assert {row["deviceId"] for row in rows} == set(ids)
    assert {row["batchId"] for row in rows} == {batch_id}


async def test_a_bulk_call_has_an_audit_row_for_each_target(fleet: Fleet, rest: Rest) -> None:
    ids = [await fleet.enroll() for _ in range(3)]
    answer = await rest.post(
        "/commands/bulk", bulk(ids, "clear_queue", delivery="queue"), Prefer="respond-async"
    )
    batch_id = answer.json()["data"]["batchId"]
    for device_id in ids:
        (row,) = await rest.data("/audit-log", target=device_id, action="command.clear_queue")
        assert row["detail"]["batchId"] == batch_id
        assert [row] == await rest.data("/audit-log", q=f"{device_id} clear_queue")


async def test_a_bulk_call_without_targets_is_an_empty_answer(rest: Rest) -> None:
    answer = await rest.post("/commands/bulk", bulk([]))
    assert (answer.status_code, answer.json()) == (200, {"success": True, "data": {}})


async def test_a_bulk_call_takes_no_command_id(fleet: Fleet, rest: Rest) -> None:
    body = {"deviceIds": [await fleet.enroll()], "command": {"type": "force_sync", "id": "mine"}}
    answer = await rest.post("/commands/bulk", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert (await rest.post("/commands/bulk", bulk(["a b"]))).status_code == 400


async def test_g2_an_idempotency_key_stands_for_one_bulk_call(fleet: Fleet, rest: Rest) -> None:
    ids = [await fleet.enroll() for _ in range(2)]
    key = {"Idempotency_Key": new_id("key"), "Prefer": "respond-async"}
    first = await rest.post("/commands/bulk", bulk(ids, delivery="queue"), **key)
    again = await rest.post("/commands/bulk", bulk(ids[::-1], delivery="queue"), **key)
    assert again.json()["data"]["batchId"] == first.json()["data"]["batchId"]
    other = await rest.post("/commands/bulk", bulk(ids[:1], delivery="queue"), **key)
    assert (other.status_code, other.json()["code"]) == (409, "conflict")


async def test_a_group_dispatch_is_bulk_over_its_members(fleet: Fleet, rest: Rest) -> None:
    created = await rest.post("/device-groups", {"name": new_id("group")})
    assert created.status_code == 201
    group = created.json()["data"]
    path = f"/device-groups/{group['id']}"
    assert created.headers["location"] == f"/api/v1{path}"
    empty = await rest.post(f"{path}/commands", {"command": {"type": "force_sync"}})
    assert (empty.status_code, empty.json()["data"]) == (200, {})
    async with fleet.new_line() as one, fleet.new_line() as two:
        ids = [one.device_id, two.device_id]
        changed = await rest.post(f"{path}/members", {"deviceIds": ids})
        assert changed.json()["data"]["memberCount"] == 2
        unknown = await rest.post(f"{path}/members", {"deviceIds": ["nobody"]})
        assert unknown.status_code == 404
        members = await rest.data(f"{path}/members")
        assert {member["id"] for member in members} == set(ids)
        call = asyncio.create_task(
            rest.post(f"{path}/commands", {"command": {"type": "force_sync"}})
        )
        await serve(one)
        await serve(two)
        answer = await call
        assert {d: r["status"] for d, r in answer.json()["data"].items()} == dict.fromkeys(
            ids, "SUCCESS"
        )
        removed = await rest.client.request(
            "DELETE", f"{path}/members", json={"deviceIds": [one.device_id]}
        )
        assert removed.json()["data"]["memberCount"] == 1
    assert (await rest.client.put(path, json={"name": new_id("other")})).status_code == 200
    assert (await rest.client.delete(path)).status_code == 200
    assert (await rest.get(path)).status_code == 404


async def test_a_thousand_targets_in_one_call(fleet: Fleet, rest: Rest) -> None:
    ids = [new_id("many") for _ in range(40)]
    await asyncio.gather(*(fleet.token(device_id) for device_id in ids))
    unknown = [f"nobody-{number}" for number in range(960)]
    answer = await rest.post("/commands/bulk", bulk(ids + unknown))
    data = answer.json()["data"]
    assert len(data) == 1000
    assert {data[device_id]["error"]["code"] for device_id in ids} == {"device_offline"}

    async def recorded() -> bool:
        rows = await rest.data("/commands", limit=500, status="FAILED")
        return {row["deviceId"] for row in rows} >= set(ids)

    await until(recorded)
