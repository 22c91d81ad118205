"""Devices by the query language, over REST."""

import pytest

from tests.acceptance.hub.clients import Fleet, Rest, new_id

LABEL = new_id("q")


async def labelled(rest: Rest, value: str) -> str:
    device_id = new_id("asked")
    body = {"id": device_id, "labels": {LABEL: value}}
    assert (await rest.post("/devices", body)).status_code == 201
    return device_id


async def found(rest: Rest, query: str, **more: str) -> list[str]:
    return [row["id"] for row in await rest.data("/devices", query=query, **more)]


async def test_a_query_finds_devices(fleet: Fleet, rest: Rest) -> None:
    first, second = await labelled(rest, "3"), await labelled(rest, "4")
    assert await found(rest, f"label.{LABEL} = 3") == [first]
    assert await found(rest, f"has label.{LABEL}") == [second, first]
    assert await found(rest, f"has label.{LABEL} and not label.{LABEL} = 3") == [second]
    assert await found(rest, f"has label.{LABEL}", q=first) == [first]
    assert await found(rest, f"has label.{LABEL} and (connected or has lastSeen)") == []
    connected = await fleet.enroll()
    async with fleet.line(connected):
        assert await found(rest, f"connected and id = {connected}") == [connected]


async def test_a_group_is_named_by_its_name(rest: Rest) -> None:
    device_id, name = await labelled(rest, "5"), new_id("Hall 3 ")
    group = (await rest.post("/device-groups", {"name": name})).json()["data"]["id"]
    await rest.post(f"/device-groups/{group}/members", {"deviceIds": [device_id]})
    for named in (name, group):
        assert await found(rest, f'group = "{named}"') == [device_id]


async def test_pages_of_a_query_are_its_own(rest: Rest) -> None:
    for _ in range(3):
        await labelled(rest, "6")
    query = f"label.{LABEL} = 6"
    first = (await rest.get("/devices", query=query, limit=2)).json()
    following = first["page"]["next"]
    rest_of_it = (await rest.get("/devices", query=query, limit=2, cursor=following)).json()
    assert (len(first["data"]), len(rest_of_it["data"])) == (2, 1)
    assert rest_of_it["page"]["next"] is None
    other = await rest.get("/devices", query="connected", cursor=following)
    assert other.status_code == 400


@pytest.mark.parametrize(
    ("query", "position"), [("", 0), ("connected nad name = x", 10), ("metric.cpu > hot", 13)]
)
async def test_a_wrong_query_says_where(rest: Rest, query: str, position: int) -> None:
    for answer in (
        await rest.get("/devices", query=query),
        await rest.post("/devices/query/explain", {"query": query}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
        (error,) = answer.json()["errors"]
        assert (error["field"], error["position"]) == ("query", position)
        assert error["message"]
        assert error["expected"]


async def test_a_query_is_explained(rest: Rest) -> None:
    answer = await rest.post("/devices/query/explain", {"query": "label.a = 1 and connected"})
    assert answer.json()["data"] == {
        "tree": {
            "operator": "and",
            "parts": [
                {"field": "label.a", "operator": "=", "values": ["1"]},
                {"field": "connected", "operator": "=", "values": [True]},
            ],
        },
        "trusted": False,
        "volatile": True,
    }
