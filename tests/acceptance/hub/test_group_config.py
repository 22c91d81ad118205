"""What groups give their devices of the configuration (automation 2)."""

from tests.acceptance.hub.clients import Fleet, Json, Rest, new_id, until
from tests.acceptance.hub.test_desired import box, push, sections


async def group(rest: Rest, *device_ids: str) -> str:
    made = await rest.post("/device-groups", {"name": new_id("group")})
    group_id = str(made.json()["data"]["id"])
    if not device_ids:
        return group_id
    members = {"deviceIds": list(device_ids)}
    assert (await rest.post(f"/device-groups/{group_id}/members", members)).status_code == 200
    return group_id


async def give(rest: Rest, group_id: str, document: Json, **fields: object) -> Json:
    path = f"/device-groups/{group_id}/config"
    answer = await rest.client.put(path, json={"document": document, **fields})
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()["data"]
    return found


async def desired_is(rest: Rest, device_id: str, document: Json) -> Json:
    found: Json = {}

    async def so() -> bool:
        nonlocal found
        found = await rest.data(f"/devices/{device_id}/config")
        return found["desired"] == document

    await until(so)
    return found


async def test_a_device_gets_what_its_groups_give(fleet: Fleet, rest: Rest) -> None:
    device_id = new_id("box")
    async with box(fleet, rest, device_id, sections()) as one:
        low, high = await group(rest, device_id), await group(rest, device_id)
        await give(rest, low, {"line": 1, "scanner": {"baud": 4800}}, priority=1)
        assert await one.take("config") == {"line": 1, "scanner": {"baud": 4800}}
        await give(rest, high, {"scanner": {"baud": 9600}, "line": None}, priority=2)
        assert await one.take("config") == {"scanner": {"baud": 9600}}
        await push(rest, one.line, {"scanner": {"baud": 1}, "own": True})
        found = await desired_is(rest, device_id, {"scanner": {"baud": 1}, "own": True})
        assert found["own"] == {"scanner": {"baud": 1}, "own": True}
        assert found["from"] == {"own": "own", "scanner.baud": "own"}
        # A member that is taken out of the own part falls back to what a group gives.
        await push(rest, one.line, {"scanner": None})
        assert await one.take("config") == {"scanner": {"baud": 9600}, "own": True}
        await one.settles(status="in_sync")
        found = await rest.data(one.config)
        assert found["from"] == {"own": "own", "scanner.baud": high}


async def test_who_leaves_a_group_loses_what_it_gave(fleet: Fleet, rest: Rest) -> None:
    device_id = new_id("box")
    async with box(fleet, rest, device_id, sections()) as one:
        group_id = await group(rest)
        await give(rest, group_id, {"a": 1})
        members = f"/device-groups/{group_id}/members"
        await rest.post(members, {"deviceIds": [device_id]})
        assert await one.take("config") == {"a": 1}
        body = {"deviceIds": [device_id]}
        assert (await rest.client.request("DELETE", members, json=body)).status_code == 200
        assert await one.take("config") == {}
        await rest.post(members, body)
        assert await one.take("config") == {"a": 1}
        assert (await rest.client.delete(f"/device-groups/{group_id}")).status_code == 200
        assert await one.take("config") == {}


async def test_a_group_gives_nothing_any_more(fleet: Fleet, rest: Rest) -> None:
    device_id = await fleet.enroll()
    group_id = await group(rest, device_id)
    path = f"/device-groups/{group_id}/config"
    assert (await rest.get(path)).status_code == 404
    await give(rest, group_id, {"a": 1})
    found = await rest.data(path)
    assert (found["document"], found["priority"], found["updatedBy"]) == ({"a": 1}, 100, "admin")
    await desired_is(rest, device_id, {"a": 1})
    assert (await rest.client.delete(path)).status_code == 200
    await desired_is(rest, device_id, {})
    assert (await rest.client.delete(path)).status_code == 404


async def test_a_dry_run_says_whom_it_would_change(fleet: Fleet, rest: Rest) -> None:
    devices = [await fleet.enroll() for _ in range(3)]
    group_id = await group(rest, *devices)
    await rest.accept(devices[0], {"type": "push_config", "patch": {"a": 1}}, delivery="queue")
    found = await give(rest, group_id, {"a": 1}, dryRun=True)
    assert (found["count"], found["sample"]) == (2, sorted(devices[1:]))
    assert (await rest.get(f"/device-groups/{group_id}/config")).status_code == 404


async def test_what_a_group_may_give(fleet: Fleet, rest: Rest) -> None:
    device_id = await fleet.enroll()
    group_id = await group(rest, device_id)
    path = f"/device-groups/{group_id}/config"
    bad: list[Json] = [
        {"document": {"a": {"$secret": "s"}}},
        {"document": {}, "priority": 1001},
        {"document": []},
    ]
    for body in bad:
        assert (await rest.client.put(path, json=body)).status_code == 400, body
    unknown = "/device-groups/nobody/config"
    assert (await rest.client.put(unknown, json={"document": {}})).status_code == 404
    schema = {"properties": {"rate": {"type": "integer"}}}
    await rest.client.put("/config-schema", json={"schema": schema})
    try:
        refused = await rest.client.put(path, json={"document": {"rate": "fast"}})
        assert (refused.status_code, device_id in refused.text) == (400, True)
        assert (await rest.get(path)).status_code == 404
    finally:
        await rest.client.delete("/config-schema")


async def test_devices_have_their_turns(fleet: Fleet, rest: Rest) -> None:
    devices = [await fleet.enroll() for _ in range(4)]
    group_id = await group(rest, *devices)
    await rest.client.patch("/settings", json={"configRatePerMinute": 6000})
    try:
        await give(rest, group_id, {"a": 1})
        for device_id in devices:
            await desired_is(rest, device_id, {"a": 1})
    finally:
        await rest.client.patch("/settings", json={"configRatePerMinute": 60})


async def test_what_groups_give_together_has_a_bound(fleet: Fleet, rest: Rest) -> None:
    device_id = await fleet.enroll()
    first, second = await group(rest, device_id), await group(rest, device_id)
    await give(rest, first, {"a": "x" * 200_000})
    path = f"/device-groups/{second}/config"
    document = {"document": {"b": "x" * 200_000}}
    for body in (document, {**document, "dryRun": True}):
        refused = await rest.client.put(path, json=body)
        assert (refused.status_code, device_id in refused.text) == (400, True)
    assert (await rest.get(path)).status_code == 404
