"""Groups that mean their members by a query."""

import asyncio

import httpx
import pytest

from tests.acceptance.hub.clients import Fleet, Json, Rest, new_id, until
from tests.acceptance.hub.people import bind, make_group, make_user, signed_in
from tests.acceptance.hub.process import HubProcess

SWEPT_SECONDS = 20.0
"""Two sweeps, five seconds apart, and what a busy machine takes."""


async def made(rest: Rest, query: str, name: str | None = None) -> Json:
    answer = await rest.post("/device-groups", {"name": name or new_id("g"), "query": query})
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]


async def members(rest: Rest, group: Json) -> set[str]:
    return {each["id"] for each in await rest.data(f"/device-groups/{group['id']}/members")}


async def labelled(rest: Rest, **labels: str | None) -> str:
    device_id = new_id("press")
    body = {"id": device_id, "labels": labels}
    assert (await rest.post("/devices", body)).status_code == 201
    return device_id


async def label(rest: Rest, device_id: str, **labels: str | None) -> httpx.Response:
    return await rest.client.patch(f"/devices/{device_id}", json={"labels": labels})


async def test_members_follow_from_labels(rest: Rest) -> None:
    line = new_id("line")
    before = await labelled(rest, line=line)
    group = await made(rest, f'label.line = "{line}"')
    assert (group["trusted"], group["memberCount"]) == (True, 1)
    assert group["evaluatedAt"] is not None
    after, other = await labelled(rest, line=line), await labelled(rest, line="elsewhere")
    assert await members(rest, group) == {before, after}
    await label(rest, other, line=line)
    await label(rest, before, line=None)
    assert await members(rest, group) == {after, other}
    assert group["id"] in (await rest.data(f"/devices/{other}"))["groupIds"]
    many = {"deviceIds": [before, after], "set": {"labels": {"line": line}}}
    assert (await rest.post("/devices/bulk", many)).status_code == 200
    assert await members(rest, group) == {before, after, other}


async def test_another_query_means_others(rest: Rest) -> None:
    one, two = new_id("line"), new_id("line")
    first, second = await labelled(rest, line=one), await labelled(rest, line=two)
    group = await made(rest, f'label.line = "{one}"')
    assert await members(rest, group) == {first}
    path, body = f"/device-groups/{group['id']}", {"name": group["name"]}
    answer = await rest.client.put(path, json={**body, "query": f'label.line = "{two}"'})
    assert answer.json()["data"]["query"] == f'label.line = "{two}"'
    assert await members(rest, group) == {second}
    renamed = await rest.client.put(path, json={"name": new_id("other")})
    assert renamed.json()["data"]["query"] == f'label.line = "{two}"'
    assert await members(rest, group) == {second}


async def test_members_are_not_set_by_hand(rest: Rest) -> None:
    group = await made(rest, "tag = spare")
    device_id = await labelled(rest)
    for method in ("POST", "DELETE"):
        answer = await rest.client.request(
            method, f"/device-groups/{group['id']}/members", json={"deviceIds": [device_id]}
        )
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    plain = (await rest.post("/device-groups", {"name": new_id("g")})).json()["data"]
    assert (plain["query"], plain["trusted"], plain["evaluatedAt"]) == (None, True, None)
    answer = await rest.client.put(
        f"/device-groups/{plain['id']}", json={"name": plain["name"], "query": "tag = spare"}
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


async def test_a_group_names_groups(rest: Rest) -> None:
    tag, by_hand = new_id("tag"), new_id("hall")
    hall = (await rest.post("/device-groups", {"name": by_hand})).json()["data"]
    inner = await made(rest, f"group = {by_hand} and tag = {tag}")
    outer = await made(rest, f'group = "{inner["name"]}"')
    device_id = await labelled(rest, **{tag: ""})
    assert await members(rest, outer) == set()
    await rest.post(f"/device-groups/{hall['id']}/members", {"deviceIds": [device_id]})
    assert await members(rest, outer) == {device_id}
    answer = await rest.post(
        "/device-groups", {"name": new_id("g"), "query": f'group = "{outer["name"]}"'}
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    circle = {"name": inner["name"], "query": f'group = "{outer["name"]}"'}
    answer = await rest.client.put(f"/device-groups/{inner['id']}", json=circle)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    for named in (hall, inner):
        answer = await rest.client.delete(f"/device-groups/{named['id']}")
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    await rest.client.put(f"/device-groups/{hall['id']}", json={"name": new_id("renamed")})
    await rest.client.request(
        "DELETE", f"/device-groups/{hall['id']}/members", json={"deviceIds": [device_id]}
    )
    assert await members(rest, outer) == set()
    for group in (outer, inner, hall):
        assert (await rest.client.delete(f"/device-groups/{group['id']}")).status_code == 200


@pytest.mark.parametrize(
    ("query", "position"), [("label.line = ", 13), ("nonsense = 1", 0), ("group = nowhere-9", None)]
)
async def test_a_wrong_query_makes_no_group(rest: Rest, query: str, position: int | None) -> None:
    answer = await rest.post("/device-groups", {"name": new_id("g"), "query": query})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    (error,) = answer.json()["errors"]
    assert (error["field"], error.get("position")) == ("query", position)


async def test_what_a_device_says_brings_it_into_no_trusted_group(rest: Rest) -> None:
    group = await made(rest, 'name ~ "press-*"')
    assert group["trusted"] is False
    named = {"name": new_id("g"), "query": f'group = "{group["name"]}"'}
    answer = await rest.post("/device-groups", named)
    assert (answer.status_code, answer.json()["code"]) == (409, "untrusted_query")
    user = await make_user(rest)
    scope = {"kind": "group", "id": group["id"]}
    subject = {"kind": "user", "id": user["id"]}
    body = {"role": "VIEWER", "subject": subject, "scope": scope}
    answer = await rest.post("/role-bindings", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "untrusted_query")
    body = {"document": {"a": 1}, "priority": 1}
    answer = await rest.client.put(f"/device-groups/{group['id']}/config", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "untrusted_query")


async def test_a_group_on_which_something_hangs_stays_trusted_and_there(rest: Rest) -> None:
    scope, defaults = await made(rest, "tag = a-scope"), await made(rest, "tag = some-defaults")
    user = await make_user(rest)
    bound = await bind(rest, "VIEWER", ("user", user["id"]), ("group", scope["id"]))
    body = {"document": {"a": 1}, "priority": 1}
    answer = await rest.client.put(f"/device-groups/{defaults['id']}/config", json=body)
    assert answer.status_code == 200
    for group in (scope, defaults):
        answer = await rest.client.put(
            f"/device-groups/{group['id']}", json={"name": group["name"], "query": "connected"}
        )
        assert (answer.status_code, answer.json()["code"]) == (409, "untrusted_query")
    path = f"/device-groups/{scope['id']}"
    answer = await rest.client.delete(path)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert (await rest.client.delete(f"/role-bindings/{bound}")).status_code == 200
    assert (await rest.client.delete(path)).status_code == 200


async def test_a_group_gives_its_configuration_to_who_comes_in(fleet: Fleet, rest: Rest) -> None:
    tag = new_id("tag")
    group = await made(rest, f"tag = {tag}")
    body = {"document": {"hall": 7}, "priority": 1}
    await rest.client.put(f"/device-groups/{group['id']}/config", json=body)
    device_id = await fleet.enroll()

    async def gives(document: Json) -> None:
        async def given() -> bool:
            return (await rest.data(f"/devices/{device_id}/config"))["desired"] == document

        await until(given)

    await label(rest, device_id, **{tag: ""})
    await gives({"hall": 7})
    await label(rest, device_id, **{tag: None})
    await gives({})


async def test_a_volatile_query_is_swept(fleet: Fleet, rest: Rest) -> None:
    device_id = await fleet.enroll()
    group = await made(rest, f'connected and id = "{device_id}"')
    assert (group["trusted"], group["evaluatedAt"], group["memberCount"]) == (False, None, 0)

    async def has(*wanted: str) -> None:
        async def it_has() -> bool:
            return await members(rest, group) == set(wanted)

        await until(it_has, seconds=SWEPT_SECONDS)

    async with fleet.line(device_id):
        await has(device_id)
        assert (await rest.data(f"/device-groups/{group['id']}"))["evaluatedAt"] is not None
    await has()


async def test_a_label_leads_into_no_scope_without_a_right_there(
    rest: Rest, hub: HubProcess
) -> None:
    inside, tag = await labelled(rest), new_id("tag")
    other = await made(rest, f"tag = {tag}")
    caller, somebody = await make_user(rest), await make_user(rest)
    await bind(rest, "VIEWER", ("user", somebody["id"]), ("group", other["id"]))
    own = await make_group(rest, inside)
    await bind(rest, "MANAGER", ("user", caller["id"]), ("group", own))
    async with signed_in(hub, caller) as scoped:
        answer = await label(scoped, inside, **{tag: ""})
        assert (answer.status_code, answer.json()["code"]) == (403, "escalation")
        assert await members(rest, other) == set()
        assert (await label(scoped, inside, **{f"{tag}x": ""})).status_code == 200
        await bind(rest, "MANAGER", ("user", caller["id"]), ("group", other["id"]))
        assert (await label(scoped, inside, **{tag: ""})).status_code == 200
    assert await members(rest, other) == {inside}


async def test_what_many_do_at_once_misses_nobody(rest: Rest) -> None:
    """Groups come to be while devices get the labels that they ask for."""
    line = new_id("line")
    devices = await asyncio.gather(*(labelled(rest) for _ in range(12)))
    groups, *_ = await asyncio.gather(
        asyncio.gather(*(made(rest, f'label.line = "{line}"') for _ in range(4))),
        *(label(rest, device_id, line=line) for device_id in devices),
    )
    for group in groups:
        assert await members(rest, group) == set(devices)
