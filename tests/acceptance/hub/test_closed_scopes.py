"""What somebody with rights over some devices may come at of the others, by every path:
identity.md, 2. In each test `inside` is of their group, `outside` is not."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from msgspec import Struct

from tests.acceptance.hub.clients import Fleet, Json, Rest, bearer, new_id, open_socket, until
from tests.acceptance.hub.conftest import PASSWORD
from tests.acceptance.hub.people import (
    bind,
    make_group,
    make_role,
    make_user,
    new_organisation,
    signed_in,
)
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.hub.test_organisations import code

TS = "2026-01-01T00:00:00.000Z"


class Place(Struct, frozen=True):
    inside: str
    outside: str
    group: str
    other_group: str
    user: Json
    binding: str
    caller: Rest

    @property
    def token(self) -> str:
        return str(self.caller.client.headers["authorization"]).partition(" ")[2]


@pytest_asyncio.fixture
async def place(hub: HubProcess, rest: Rest, fleet: Fleet) -> AsyncGenerator[Place]:
    inside, outside = await fleet.enroll(), await fleet.enroll()
    group, other = await make_group(rest, inside), await make_group(rest, outside)
    user = await make_user(rest)
    binding = await bind(rest, "ADMIN", ("user", user["id"]), ("group", group))
    async with signed_in(hub, user) as caller:
        yield Place(inside, outside, group, other, user, binding, caller)


async def test_every_call_about_a_device_outside_is_not_found(place: Place, rest: Rest) -> None:
    waiting = await rest.accept(place.outside, delivery="queue")
    path = f"/devices/{place.outside}"
    calls: tuple[tuple[str, str, Any], ...] = (
        ("PATCH", "", {"name": "n"}),
        ("DELETE", "", None),
        ("PUT", "/connection-mode", {"mode": "CLOUD_DIRECT"}),
        ("PUT", "/software", {"software": {}}),
        ("POST", "/commands", {"command": {"type": "force_sync"}}),
        ("DELETE", "/commands?status=PENDING", None),
        ("DELETE", f"/commands/{waiting}", None),
        ("GET", f"/commands/{waiting}", None),
        ("POST", "/config/retry", None),
        ("POST", "/config/revert", {"version": 0}),
        ("GET", "/config/history", None),
        ("POST", "/penalty/clear", None),
        ("GET", "/logs/sources", None),
        ("GET", "/metrics/names", None),
        ("GET", "/metrics?name=m&since=2026-01-01T00:00:00Z&until=2026-01-02T00:00:00Z", None),
        ("GET", "/software", None),
    )
    for method, end, body in calls:
        answer = await place.caller.client.request(method, path + end, json=body)
        assert answer.status_code in (400, 404), f"{method} {end}: {answer.text}"
        assert answer.status_code == 404 or body is not None, f"{method} {end}: {answer.text}"
    assert (await rest.record(place.outside, waiting))["status"] == "PENDING"


async def test_lists_that_name_what_is_outside_are_empty(place: Place, rest: Rest) -> None:
    await rest.dispatch(place.outside)
    for path, query in (
        ("/devices", {"groupId": place.other_group}),
        ("/devices", {"q": place.outside}),
        ("/commands", {"deviceId": place.outside}),
        ("/audit-log", {"target": place.outside}),
        ("/audit-log", {"q": place.outside}),
        ("/audit-log", {"target": place.other_group}),
    ):
        answer = await place.caller.get(path, **query)
        assert answer.status_code in (200, 404), f"{path} {query}: {answer.text}"
        assert not answer.is_success or answer.json()["data"] == [], f"{path} {query}"
    of_metric: Json = {
        "name": "m", "since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z",
        "deviceIds": [place.inside, place.outside],
    }  # fmt: skip
    both = ",".join(of_metric["deviceIds"])
    for answer in (
        await place.caller.get("/fleet/metrics", **{**of_metric, "deviceIds": both}),
        await place.caller.post("/fleet/metrics", of_metric),
        await place.caller.get("/command-types", deviceId=place.outside),
    ):
        assert answer.status_code in (200, 404), answer.text
        assert place.outside not in answer.text


async def test_a_bulk_call_refuses_each_that_is_outside(place: Place, rest: Rest) -> None:
    devices = [place.inside, place.outside, new_id("none")]
    dry = await place.caller.post(
        "/devices/bulk", {"deviceIds": devices, "do": "delete", "dryRun": True}
    )
    assert (dry.json()["data"]["count"], dry.json()["data"]["refused"]) == (1, 2), dry.text
    done = await place.caller.post(
        "/devices/bulk", {"deviceIds": devices, "do": "delete", "confirm": 1}
    )
    refused = {each["deviceId"]: each["code"] for each in done.json()["data"]["refused"]}
    assert refused == dict.fromkeys(devices[1:], "not_found")
    assert (await rest.get(f"/devices/{place.outside}")).status_code == 200


async def test_groups_outside_are_not_found_and_give_nothing(place: Place, rest: Rest) -> None:
    path = f"/device-groups/{place.other_group}"
    force: Json = {"command": {"type": "force_sync"}}
    for method, end, body in (
        ("GET", "", None),
        ("PUT", "", {"name": new_id("mine")}),
        ("GET", "/members", None),
        ("POST", "/members", {"deviceIds": [place.inside]}),
        ("DELETE", "/members", {"deviceIds": [place.outside]}),
        ("GET", "/config", None),
        ("PUT", "/config", {"document": {"a": 1}, "priority": 1}),
        ("DELETE", "/config", None),
        ("POST", "/commands", force),
    ):
        answer = await place.caller.client.request(method, path + end, json=body)
        assert answer.status_code in (403, 404), f"{method} {end}: {answer.text}"
    assert (await rest.data(path))["memberCount"] == 1
    mixed = await make_group(rest, place.inside, place.outside)
    answer = await place.caller.post(f"/device-groups/{mixed}/commands", force)
    assert place.outside not in answer.text


async def test_what_a_group_gives_is_for_who_has_rights_over_the_group(
    hub: HubProcess, place: Place, rest: Rest
) -> None:
    """Over one of its devices is not enough."""
    user = await make_user(rest)
    await bind(rest, "ADMIN", ("user", user["id"]), ("device", place.inside))
    async with signed_in(hub, user) as caller:
        body: Json = {"document": {"a": 1}, "priority": 1}
        answer = await caller.client.put(f"/device-groups/{place.group}/config", json=body)
        assert answer.status_code in (403, 404), answer.text
        body = {"deviceIds": [place.inside]}
        answer = await caller.client.request(
            "DELETE", f"/device-groups/{place.group}/members", json=body
        )
        assert answer.status_code in (403, 404), answer.text
    assert (await rest.data(f"/device-groups/{place.group}"))["memberCount"] == 1


async def test_a_batch_is_read_by_the_rights_of_that_moment(place: Place, rest: Rest) -> None:
    both = {"deviceIds": [place.inside, place.outside]}
    await rest.post(f"/device-groups/{place.group}/members", {"deviceIds": [place.outside]})
    body = {**both, "command": {"type": "force_sync"}, "delivery": "queue"}
    headers = {"Idempotency_Key": new_id("k"), "Prefer": "respond-async"}
    first = await place.caller.post("/commands/bulk", body, **headers)
    assert first.status_code == 202, first.text
    assert len(await place.caller.data("/commands")) == 2
    await rest.client.request(
        "DELETE", f"/device-groups/{place.group}/members", json={"deviceIds": [place.outside]}
    )
    again = await place.caller.post("/commands/bulk", body, **headers)
    assert code(again) == (409, "conflict"), "it is another request: to fewer devices"
    assert [each["deviceId"] for each in await place.caller.data("/commands")] == [place.inside]
    one: Json = {"type": "force_sync"}
    key = {"Idempotency-Key": new_id("k"), "Prefer": "respond-async"}
    await rest.post(f"/device-groups/{place.group}/members", {"deviceIds": [place.outside]})
    await place.caller.dispatch(place.outside, one, headers=key, delivery="queue")
    await rest.client.request(
        "DELETE", f"/device-groups/{place.group}/members", json={"deviceIds": [place.outside]}
    )
    answer = await place.caller.dispatch(place.outside, one, headers=key, delivery="queue")
    assert code(answer) == (404, "not_found")


async def test_an_idempotency_key_is_of_one_principal(
    hub: HubProcess, place: Place, rest: Rest
) -> None:
    key = {"Idempotency-Key": new_id("k"), "Prefer": "respond-async"}
    shell: Json = {"type": "exec_shell", "template": "uptime"}
    made = (await rest.post("/api-keys", {"name": "k", "role": "ADMIN"})).json()["data"]["key"]
    found: set[str] = set()
    async with Rest.open(hub.url, made) as by_key:
        for caller in (rest, by_key, place.caller):
            sent = await caller.dispatch(place.inside, shell, headers=key, delivery="queue")
            assert sent.status_code == 202, sent.text
            found.add(sent.json()["data"]["commandId"])
    assert len(found) == 3


async def test_a_campaign_shows_the_devices_of_its_reader(place: Place, rest: Rest) -> None:
    released = await rest.client.post(
        "/firmware/releases",
        params={"version": new_id("v"), "channel": "scoped"},
        content=b"an artifact",
        headers={"Content-Type": "application/octet-stream"},
    )
    release = released.json()["data"]["id"]
    paths: list[str] = []
    for target in (
        {"deviceIds": [place.inside, place.outside]},
        {"groupId": place.other_group},
    ):
        made = await rest.post("/firmware/deployments", {"releaseId": release, "target": target})
        assert made.status_code == 201, made.text
        paths.append(f"/firmware/deployments/{made.json()['data']['id']}")
    shared, foreign = paths
    answer = await place.caller.get(shared)
    assert answer.status_code == 200, answer.text
    for hidden in (place.outside, place.other_group):
        assert hidden not in answer.text
        assert hidden not in (await place.caller.get("/firmware/deployments")).text
    assert sum(answer.json()["data"]["counts"].values()) == 1, answer.text
    listed = await place.caller.data(f"{shared}/devices")
    assert [each["deviceId"] for each in listed] == [place.inside]
    assert (await place.caller.get(foreign)).status_code == 404
    assert (await place.caller.get(f"{foreign}/devices")).status_code == 404
    for action in ("pause", "resume", "abort"):
        assert (await place.caller.post(f"{shared}/{action}")).status_code == 403


async def test_a_campaign_of_ones_own_is_for_the_devices_in_scope(
    place: Place, rest: Rest, hub: HubProcess
) -> None:
    named = {"deviceIds": [place.inside]}
    body: Json = {"command": {"type": "force_sync"}, "target": named}
    beyond = {**body, "target": {"deviceIds": [place.inside, place.outside]}}
    assert (await place.caller.post("/campaigns", beyond)).status_code == 404
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    made = await place.caller.post("/campaigns", {**body, "startAt": soon})
    assert made.status_code == 201, made.text
    later = f"/campaigns/{made.json()['data']['id']}"
    assert (await place.caller.get(later)).status_code == 200, "its own, though nobody is in it yet"
    made = await place.caller.post("/campaigns", body)
    now = f"/campaigns/{made.json()['data']['id']}"
    assert [each["deviceId"] for each in await place.caller.data(f"{now}/devices")] == [
        place.inside
    ]
    everywhere = {**body, "target": {"query": "not has label.nowhere"}}
    found = (await place.caller.post("/campaigns", {**everywhere, "dryRun": True})).json()["data"]
    assert (found["sample"], found["count"]) == ([place.inside], 1)
    theirs = (await rest.post("/campaigns", body)).json()["data"]["id"]
    other = await make_user(rest)
    await bind(rest, "ADMIN", ("user", other["id"]), ("group", place.group))
    async with signed_in(hub, other) as stranger:
        assert (await stranger.get(later)).status_code == 404
        for path in (now, f"/campaigns/{theirs}"):
            for wish in ("pause", "abort"):
                assert (await stranger.post(f"{path}/{wish}")).status_code == 403
        assert (await stranger.post(f"{later}/pause")).status_code == 404
        assert (await stranger.post(f"{now}/retry")).status_code == 403
        owner = {"userId": other["id"]}
        answer = await stranger.client.put(f"{now}/owner", json=owner)
        assert answer.status_code == 403
    for wish, status in (("pause", "PAUSED"), ("resume", "IN_PROGRESS"), ("abort", "ABORTED")):
        answer = await place.caller.post(f"{now}/{wish}")
        assert answer.json()["data"]["status"] == status, answer.text
    assert (await place.caller.post(f"{later}/abort")).status_code == 200
    await rest.post(f"/campaigns/{theirs}/abort")


async def test_at_its_time_a_campaign_finds_the_devices_in_scope_only(
    place: Place, rest: Rest
) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    body = {"command": {"type": "force_sync"}, "startAt": soon}
    body |= {"target": {"query": f'id in ("{place.inside}", "{place.outside}")'}}
    made = (await place.caller.post("/campaigns", body)).json()["data"]

    async def has_begun() -> bool:
        return bool(await rest.data(f"/campaigns/{made['id']}/devices"))

    await until(has_begun)
    rows = {
        each["deviceId"]: (each["status"], each["reason"])
        for each in await rest.data(f"/campaigns/{made['id']}/devices")
    }
    assert rows[place.inside] == ("PENDING", None)
    assert rows[place.outside] == ("SKIPPED", "forbidden")
    paused = await place.caller.post(f"/campaigns/{made['id']}/pause")
    assert sum(paused.json()["data"]["counts"].values()) == 1, "counts tell of nobody outside"
    await place.caller.post(f"/campaigns/{made['id']}/abort")


@pytest.mark.parametrize("by", ["binding", "member"])
async def test_recovery_brings_nothing_that_a_narrower_scope_hides(
    hub: HubProcess, rest: Rest, fleet: Fleet, by: str
) -> None:
    user = await make_user(rest)
    async with fleet.new_line() as lost, fleet.new_line() as kept, signed_in(hub, user) as caller:
        group = await make_group(rest, lost.device_id)
        narrow = await bind(rest, "VIEWER", ("user", user["id"]), ("group", group))
        await bind(rest, "VIEWER", ("user", user["id"]), ("device", kept.device_id))
        token = str(caller.client.headers["authorization"]).partition(" ")[2]
        async with open_socket(f"{hub.url}/ws/dashboard", **bearer(token)) as dashboard:
            await dashboard.send("subscribe", id="s", types=["event"])
            subscribed = await dashboard.expect("subscribed", id="s")
            await lost.send("event", seq=1, bootId="b", ts=TS, name="seen")
            await dashboard.find("event", deviceId=lost.device_id)
        for device in (lost, kept):
            await device.send("event", seq=2, bootId="b", ts=TS, name="missed")
            await device.find("event_ack", seq=2)
        if by == "binding":
            await rest.client.delete(f"/role-bindings/{narrow}")
        else:
            body = {"deviceIds": [lost.device_id]}
            await rest.client.request("DELETE", f"/device-groups/{group}/members", json=body)
        since = {name: subscribed[name] for name in ("epoch", "offset")}
        async with open_socket(f"{hub.url}/ws/dashboard", **bearer(token)) as dashboard:
            await dashboard.send("subscribe", id="s", types=["event"], since=since)
            told = await dashboard.find("event")
            assert (told["deviceId"], told["name"]) == (kept.device_id, "missed")
            assert lost.device_id not in str(await dashboard.settled())


async def test_a_socket_names_nothing_that_is_outside(
    hub: HubProcess, place: Place, rest: Rest, fleet: Fleet
) -> None:
    async with open_socket(f"{hub.url}/ws/dashboard", **bearer(place.token)) as dashboard:
        wanted: tuple[Json, ...] = (
            {"deviceIds": [place.outside]},
            {"groupIds": [place.other_group]},
            {"types": ["record_changed", "event", "command_result"]},
            {},
        )
        for number, filters in enumerate(wanted):
            await dashboard.send("subscribe", id=f"s{number}", **filters)
            await dashboard.expect("subscribed", id=f"s{number}")
        async with fleet.line(place.outside) as device:
            await device.send("event", seq=1, bootId="b", ts=TS, name="outside")
            await device.find("event_ack", seq=1)
            await rest.client.patch(f"/devices/{place.outside}", json={"name": "renamed"})
            await rest.client.put(
                f"/device-groups/{place.other_group}", json={"name": new_id("renamed")}
            )
            command = await rest.accept(place.outside)
            await device.command(id=command)
            await device.succeed(command)
            role = await make_role(rest, {"resources": ["devices"], "verbs": ["get"]})
        async with fleet.line(place.inside) as device:
            await device.send("event", seq=1, bootId="b", ts=TS, name="inside")
            await device.find("event_ack", seq=1)
        seen: list[str] = []

        async def came() -> bool:
            seen.extend(map(str, await dashboard.settled()))
            return any("inside" in frame for frame in seen)

        await until(came)
        for hidden in (place.outside, place.other_group, role):
            assert not [frame for frame in seen if hidden in frame]


async def test_files_of_another_organisation_are_not_found(
    hub: HubProcess, rest: Rest, fleet: Fleet
) -> None:
    async with new_organisation(hub, rest) as (_, there):
        made = await there.client.post(
            "/firmware/releases",
            params={"version": new_id("v"), "channel": "theirs"},
            content=b"an artifact of theirs",
            headers={"Content-Type": "application/octet-stream"},
        )
        path = f"/firmware/releases/{made.json()['data']['id']}"
        assert (await there.get(f"{path}/artifact")).content == b"an artifact of theirs"
        token = await fleet.token(new_id("dev"))
        async with Rest.open(hub.url, token) as device:
            assert (await device.get(f"{path}/artifact")).status_code == 404
        assert (await rest.get(f"{path}/artifact")).status_code == 404
        body = {"releaseId": made.json()["data"]["id"]}
        device_id = await fleet.enroll()
        campaign = await rest.post(
            "/firmware/deployments", {**body, "target": {"deviceIds": [device_id]}}
        )
        assert campaign.status_code in (400, 404), campaign.text
        command = {"type": "update_firmware", **body}
        assert not (await rest.dispatch(device_id, command)).is_success


async def test_a_cursor_of_another_organisation_gives_ones_own_rows(
    hub: HubProcess, rest: Rest
) -> None:
    async with new_organisation(hub, rest) as (_, there):
        for number in range(3):
            await there.post("/devices", {"id": f"{new_id('theirs')}-{number}"})
        page = (await there.get("/devices", limit=1)).json()["page"]["next"]
        answer = await rest.get("/devices", limit=500, cursor=page)
        assert "theirs" not in answer.text


async def test_a_scoped_member_gives_nobody_more_than_its_scope(place: Place, rest: Rest) -> None:
    """What is about people needs the whole organisation, so that it cannot begin."""
    friend = await make_user(rest)
    subject = {"kind": "user", "id": friend["id"]}
    calls: tuple[tuple[str, str, Any], ...] = (
        ("POST", "/role-bindings", {"role": "VIEWER", "subject": subject}),
        ("DELETE", f"/role-bindings/{place.binding}", None),
        ("POST", "/users", {"username": new_id("u"), "password": PASSWORD, "role": "NONE"}),
        ("PATCH", f"/users/{place.user['id']}", {"role": "ADMIN"}),
        ("POST", "/invitations", {"role": "NONE"}),
        ("POST", "/teams", {"name": new_id("t")}),
        ("POST", "/roles", {"name": new_id("r"), "rules": []}),
        ("POST", "/service-accounts", {"name": "s"}),
        ("POST", "/api-keys", {"name": "k", "role": "VIEWER"}),
        ("PATCH", "/settings", {"autoEnroll": True}),
        ("POST", "/settings/enrollment-key", None),
        ("GET", "/usage", None),
        ("GET", "/health", None),
    )
    for method, path, body in calls:
        answer = await place.caller.client.request(method, path, json=body)
        assert answer.status_code == 403, f"{method} {path}: {answer.text}"
