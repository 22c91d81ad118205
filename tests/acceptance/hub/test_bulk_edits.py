"""What is done to many devices in one call."""

import pytest

from tests.acceptance.hub.clients import Fleet, Json, Rest, new_id
from tests.acceptance.hub.process import HubProcess


def deletion(device_ids: list[str], **more: object) -> Json:
    return {"deviceIds": device_ids, "do": "delete", **more}


async def test_many_devices_are_deleted_in_one_call_and_each_is_audited(
    fleet: Fleet, rest: Rest
) -> None:
    connected = await fleet.enroll()
    ids = [connected, *[new_id("mistake") for _ in range(2)]]
    for device_id in ids[1:]:
        assert (await rest.post("/devices", {"id": device_id})).status_code == 201
    queued = await rest.accept(ids[1], delivery="queue")
    group = (await rest.post("/device-groups", {"name": new_id("g")})).json()["data"]["id"]
    await rest.post(f"/device-groups/{group}/members", {"deviceIds": ids})
    unknown = new_id("unknown")
    everybody = [*ids, unknown, connected]
    planned = (await rest.post("/devices/bulk", deletion(everybody, dryRun=True))).json()["data"]
    assert planned == {"count": 3, "sample": ids, "refused": 1}
    async with fleet.line(connected) as device:
        answer = await rest.post("/devices/bulk", deletion(everybody, confirm=3))
        assert answer.status_code == 200
        assert answer.json()["data"] == {
            "changed": 3,
            "refused": [{"deviceId": unknown, "code": "not_found"}],
        }
        assert (await device.closed())[0] == 4403
    for device_id in ids:
        assert (await rest.get(f"/devices/{device_id}")).status_code == 404
        rows = await rest.data("/audit-log", target=device_id, action="device.delete")
        assert len(rows) == 1
    (ended,) = [row for row in await rest.data("/commands") if row["commandId"] == queued]
    assert (ended["status"], ended["error"]["code"]) == ("CANCELLED", "not_found")
    assert await rest.data(f"/device-groups/{group}/members") == []
    again = await rest.post("/devices/bulk", deletion(ids, confirm=0))
    assert (again.json()["data"]["changed"], len(again.json()["data"]["refused"])) == (0, 3)


@pytest.mark.parametrize(
    "more", [{}, {"confirm": 2}, {"confirm": -1}, {"do": "explode", "confirm": 1}, {"x": 1}]
)
async def test_a_deletion_that_is_not_confirmed_deletes_nothing(
    fleet: Fleet, rest: Rest, more: Json
) -> None:
    device_id = await fleet.enroll()
    answer = await rest.post("/devices/bulk", {**deletion([device_id]), **more})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert (await rest.get(f"/devices/{device_id}")).status_code == 200


@pytest.mark.parametrize("count", [0, 10_001])
async def test_a_call_is_for_one_to_ten_thousand_devices(rest: Rest, count: int) -> None:
    ids = [f"none-{number}" for number in range(count)]
    assert (await rest.post("/devices/bulk", deletion(ids, dryRun=True))).status_code == 400


async def test_only_who_may_delete_one_may_delete_many(
    hub: HubProcess, fleet: Fleet, tokens: dict[str, str]
) -> None:
    device_id = await fleet.enroll()
    async with Rest.open(hub.url, tokens["MANAGER"]) as manager:
        answer = await manager.post("/devices/bulk", deletion([device_id], confirm=1))
    assert answer.status_code == 403


async def test_more_devices_than_one_transaction_takes_are_deleted(rest: Rest) -> None:
    ids = [new_id(f"many-{number}") for number in range(1_005)]
    for device_id in ids:
        assert (await rest.post("/devices", {"id": device_id})).status_code == 201
    answer = await rest.post("/devices/bulk", deletion(ids, confirm=len(ids)))
    assert answer.json()["data"] == {"changed": len(ids), "refused": []}


async def labelled(rest: Rest, key: str, count: int) -> list[str]:
    """The newest first, as a query finds them."""
    ids = [new_id("labelled") for _ in range(count)]
    for device_id in ids:
        body = {"id": device_id, "labels": {key: "3", "old": "x"}}
        assert (await rest.post("/devices", body)).status_code == 201
    return ids[::-1]


async def test_the_devices_of_a_query_get_labels(rest: Rest) -> None:
    key = new_id("k")
    ids = await labelled(rest, key, 3)
    change = {"query": f"has label.{key}", "set": {"labels": {"line": "4", "old": None}}}
    planned = (await rest.post("/devices/bulk", {**change, "dryRun": True})).json()["data"]
    assert planned == {"count": 3, "sample": ids, "refused": 0}
    done = (await rest.post("/devices/bulk", change)).json()["data"]
    assert done == {"changed": 3, "refused": []}
    for device_id in ids:
        device = await rest.data(f"/devices/{device_id}")
        assert device["labels"] == {key: "3", "line": "4"}
        (row,) = await rest.data("/audit-log", target=device_id, action="device.update")
        assert "labels" in row["changes"]


async def test_a_device_with_too_many_labels_is_refused_and_the_others_are_changed(
    rest: Rest,
) -> None:
    full, other = new_id("full"), new_id("other")
    labels = {f"l{number}": "x" for number in range(64)}
    assert (await rest.post("/devices", {"id": full, "labels": labels})).status_code == 201
    assert (await rest.post("/devices", {"id": other})).status_code == 201
    change = {"deviceIds": [full, other], "set": {"labels": {"one": "more"}}}
    done = (await rest.post("/devices/bulk", change)).json()["data"]
    assert done == {"changed": 1, "refused": [{"deviceId": full, "code": "invalid"}]}
    assert (await rest.data(f"/devices/{full}"))["labels"] == labels
    assert (await rest.data(f"/devices/{other}"))["labels"] == {"one": "more"}


async def test_a_name_is_for_one_device(rest: Rest) -> None:
    first, second = await labelled(rest, new_id("k"), 2)
    two = {"deviceIds": [first, second], "set": {"name": "Press"}}
    assert (await rest.post("/devices/bulk", two)).status_code == 400
    one = {"deviceIds": [first], "set": {"name": "Press"}}
    assert (await rest.post("/devices/bulk", one)).json()["data"]["changed"] == 1
    assert (await rest.data(f"/devices/{first}"))["name"] == "Press"
    assert (await rest.data(f"/devices/{second}"))["name"] == second


async def test_many_devices_come_into_quarantine_and_out_of_it(fleet: Fleet, rest: Rest) -> None:
    device_id = await fleet.enroll()
    begin = {"deviceIds": [device_id], "do": "quarantine", "reason": "odd traffic"}
    assert (await rest.post("/devices/bulk", begin)).json()["data"]["changed"] == 1
    quarantine = (await rest.data(f"/devices/{device_id}"))["quarantine"]
    assert quarantine["reason"] == "odd traffic"
    end = {"query": f"id = {device_id}", "do": "release"}
    assert (await rest.post("/devices/bulk", end)).json()["data"]["changed"] == 1
    assert (await rest.data(f"/devices/{device_id}"))["quarantine"] is None


@pytest.mark.parametrize(
    "body",
    [
        {"deviceIds": ["a"]},
        {"do": "release"},
        {"deviceIds": ["a"], "query": "connected", "do": "release"},
        {"deviceIds": ["a"], "do": "release", "set": {}},
        {"query": "nope = 3", "do": "release"},
        {"query": "connected", "do": "delete"},
    ],
)
async def test_a_call_that_is_not_clear_does_nothing(rest: Rest, body: Json) -> None:
    assert (await rest.post("/devices/bulk", body)).status_code == 400
