"""Finding commands, entries and the groups of devices."""

from tests.acceptance.hub.clients import Fleet, Rest, new_id
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.hub.test_accounts import new_user


async def test_commands_are_found_by_device_actor_time_and_whether_they_have_ended(
    hub: HubProcess, rest: Rest, fleet: Fleet
) -> None:
    one, other = await fleet.enroll(), await fleet.enroll()
    waiting = await rest.accept(one, delivery="queue")
    async with new_user(hub, rest, "OPERATOR") as user:
        failed = await user.accept(one)
        elsewhere = await user.accept(other)

        async def ids(**query: object) -> list[str]:
            return [record["commandId"] for record in await rest.data("/commands", **query)]

        assert await ids(deviceId=one) == [failed, waiting]
        assert await ids(actor=user.username) == [elsewhere, failed]
        assert await ids(deviceId=one, finished=True) == [failed]
        assert await ids(deviceId=one, finished=False) == [waiting]
        created = (await rest.record(one, failed))["createdAt"]
        assert waiting not in await ids(deviceId=one, since=created)
        assert await ids(deviceId=one, until="2001-01-01T00:00:00Z") == []
        of_one = await rest.data(f"/devices/{one}/commands", actor=user.username)
        assert [record["commandId"] for record in of_one] == [failed]
    assert (await rest.get(f"/devices/{one}/commands", deviceId=other)).status_code == 400


async def test_entries_are_found_by_parts_of_their_words(rest: Rest) -> None:
    device_id = new_id("sought_100.")
    await rest.post("/devices", {"id": device_id})
    await rest.client.patch(f"/devices/{device_id}", json={"name": "n"})

    async def actions(**query: str) -> list[str]:
        return [row["action"] for row in await rest.data("/audit-log", **query)]

    middle = device_id[3:-3]
    assert await actions(q=middle) == ["device.update", "device.create"]
    assert await actions(q=f"{middle.upper()} CREATE adm") == ["device.create"]
    assert await actions(q=middle, action="device.create") == ["device.create"]
    assert await actions(q=f"{middle} nobody") == []
    assert await actions(q=middle.replace("_", "%")) == []  # no pattern of the caller's
    assert await actions(q=middle, until="2001-01-01T00:00:00Z") == []


async def test_a_device_says_which_groups_it_is_in(fleet: Fleet, rest: Rest) -> None:
    inside, outside = await fleet.enroll(), await fleet.enroll()
    groups: list[str] = []
    for _ in range(2):
        made = await rest.post("/device-groups", {"name": new_id("g")})
        groups.append(made.json()["data"]["id"])
        await rest.post(f"/device-groups/{groups[-1]}/members", {"deviceIds": [inside]})
    assert (await rest.data(f"/devices/{inside}"))["groupIds"] == sorted(groups)
    assert (await rest.data(f"/devices/{outside}"))["groupIds"] == []
    listed = {row["id"]: row["groupIds"] for row in await rest.data("/devices", limit=500)}
    assert listed[inside] == sorted(groups)
    assert listed[outside] == []
    (member,) = await rest.data(f"/device-groups/{groups[0]}/members")
    assert member["groupIds"] == sorted(groups)
