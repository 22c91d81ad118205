"""Time zones of devices: their own, of their groups, of the organisation."""

from httpx import Response

from tests.acceptance.hub.clients import Fleet, Json, Rest, new_id


async def zones(rest: Rest, device_id: str) -> tuple[str, str | None]:
    """The one that counts, and its own."""
    device = await rest.data(f"/devices/{device_id}")
    return device["timezone"], device["ownTimezone"]


async def changed(rest: Rest, device_id: str, **fields: object) -> Response:
    return await rest.client.patch(f"/devices/{device_id}", json=fields)


async def new_group(rest: Rest, name: str, *members: str, **fields: object) -> Json:
    made = await rest.post("/device-groups", {"name": name, **fields})
    assert made.status_code == 201, made.text
    group: Json = made.json()["data"]
    path = f"/device-groups/{group['id']}/members"
    assert (await rest.post(path, {"deviceIds": list(members)})).status_code == 200
    return group


async def test_a_device_has_its_own_or_that_of_a_group_or_of_the_organisation(
    fleet: Fleet, rest: Rest
) -> None:
    device_id, name = await fleet.enroll("zone"), new_id("group")
    assert await zones(rest, device_id) == ("UTC", None)
    second = await new_group(rest, f"{name}-b", device_id, timezone="America/New_York")
    assert second["timezone"] == "America/New_York"
    assert await zones(rest, device_id) == ("America/New_York", None)
    first = await new_group(rest, f"{name}-A", device_id, timezone="Asia/Tokyo")
    assert await zones(rest, device_id) == ("Asia/Tokyo", None), "of several the first by name"
    await changed(rest, device_id, timezone="Europe/Berlin")
    assert await zones(rest, device_id) == ("Europe/Berlin", "Europe/Berlin")
    await changed(rest, device_id, name="another name")
    assert await zones(rest, device_id) == ("Europe/Berlin", "Europe/Berlin")
    (listed,) = await rest.data("/devices", q=device_id)
    assert listed["timezone"] == "Europe/Berlin"
    (meant,) = await rest.data("/devices", query=f'id = "{device_id}"')
    assert meant["timezone"] == "Europe/Berlin"
    await changed(rest, device_id, timezone=None)
    assert await zones(rest, device_id) == ("Asia/Tokyo", None)
    path = f"/device-groups/{first['id']}"
    assert (await rest.client.put(path, json={"name": first["name"]})).status_code == 200
    assert await zones(rest, device_id) == ("Asia/Tokyo", None), "a PUT without one leaves it"
    answer = await rest.client.put(path, json={"name": first["name"], "timezone": None})
    assert answer.json()["data"]["timezone"] is None
    assert await zones(rest, device_id) == ("America/New_York", None)


async def test_many_devices_get_one_in_one_call(fleet: Fleet, rest: Rest) -> None:
    ids = [await fleet.enroll("zone") for _ in range(2)]
    body: Json = {"deviceIds": ids, "set": {"timezone": "Australia/Lord_Howe"}}
    assert (await rest.post("/devices/bulk", body)).json()["data"]["changed"] == 2
    body["set"] = {"labels": {"line": "3"}}
    assert (await rest.post("/devices/bulk", body)).status_code == 200
    for each in ids:
        assert await zones(rest, each) == ("Australia/Lord_Howe", "Australia/Lord_Howe")
    rows = await rest.data("/audit-log", target=ids[0], action="device.update")
    assert [row["changes"] for row in rows if "timezone" in row["changes"]] == [
        {"timezone": [None, "Australia/Lord_Howe"]}
    ]
    body["set"] = {"timezone": None}
    assert (await rest.post("/devices/bulk", body)).status_code == 200
    assert await zones(rest, ids[0]) == ("UTC", None)


async def test_what_is_no_time_zone_changes_nothing(fleet: Fleet, rest: Rest) -> None:
    device_id, name = await fleet.enroll("zone"), new_id("group")
    for bad in ("Mars/Olympus", "", "../etc/passwd", "device", "+01:00"):
        for answer in (
            await changed(rest, device_id, timezone=bad),
            await rest.post("/devices", {"id": new_id("zone"), "timezone": bad}),
            await rest.post("/device-groups", {"name": name, "timezone": bad}),
            await rest.post("/devices/bulk", {"deviceIds": [device_id], "set": {"timezone": bad}}),
            await rest.client.patch("/orgs/default", json={"timezone": bad}),
        ):
            assert (answer.status_code, answer.json()["code"]) == (400, "invalid"), bad
            (error,) = answer.json()["errors"]
            assert error["field"].endswith("timezone")
    assert await zones(rest, device_id) == ("UTC", None)


async def test_that_of_the_organisation_is_changed_by_who_runs_the_installation(
    fleet: Fleet, rest: Rest
) -> None:
    device_id = await fleet.enroll("zone")
    answer = await rest.client.patch("/orgs/default", json={"timezone": "Europe/Paris"})
    try:
        assert answer.json()["data"]["timezone"] == "Europe/Paris"
        assert await zones(rest, device_id) == ("Europe/Paris", None)
    finally:
        await rest.client.patch("/orgs/default", json={"timezone": "UTC"})
    assert await zones(rest, device_id) == ("UTC", None)
