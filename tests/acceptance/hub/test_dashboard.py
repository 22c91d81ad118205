"""The dashboard socket against the whole hub: protocol.md, 2. (What recovery can do is proved in
tests/integration/dashboard_ws; here, that it is wired.)"""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from tests.acceptance.hub.clients import (
    Fleet,
    Json,
    Rest,
    Socket,
    bearer,
    closed_for_silence,
    closed_for_size,
    new_id,
    open_socket,
)
from tests.acceptance.hub.conftest import PASSWORD, log_in
from tests.acceptance.hub.process import HubProcess

REFUSAL = "the token is missing, wrong or no longer valid"


@pytest.fixture
def url(hub: HubProcess) -> str:
    return f"{hub.url}/ws/dashboard"


@asynccontextmanager
async def dashboard(url: str, token: str) -> AsyncGenerator[Socket]:
    async with open_socket(url, **bearer(token)) as socket:
        yield socket


async def subscribe(socket: Socket, id_: str = "s", **filters: Any) -> Json:
    await socket.send("subscribe", id=id_, **filters)
    return await socket.expect("subscribed", id=id_)


async def ticket(rest: Rest) -> str:
    answer = await rest.post("/auth/ws-ticket")
    assert answer.json()["data"].keys() == {"ticket", "expiresAt"}
    return str(answer.json()["data"]["ticket"])


@pytest.mark.parametrize("way", ["header", "first frame", "ticket", "query"])
async def test_a_user_authenticates_in_any_of_four_ways(
    url: str, rest: Rest, admin_token: str, way: str
) -> None:
    headers = bearer(admin_token) if way == "header" else {}
    query = {"ticket": f"?ticket={await ticket(rest)}", "query": f"?token={admin_token}"}
    async with open_socket(url + query.get(way, ""), **headers) as socket:
        if way == "first frame":
            await socket.send("auth", token=admin_token)
            await socket.expect("auth_ok")
        await subscribe(socket)


async def test_a_ticket_opens_one_socket(url: str, rest: Rest) -> None:
    once = await ticket(rest)
    async with open_socket(f"{url}?ticket={once}") as socket:
        await subscribe(socket)
    assert (await refused(f"{url}?ticket={once}"))[0] == 401


async def refused(url: str, **headers: str) -> tuple[int, Json]:
    with pytest.raises(InvalidStatus) as caught:
        async with open_socket(url, **headers):
            pass
    return caught.value.response.status_code, json.loads(caught.value.response.body)


async def test_bad_credentials_are_refused_in_the_same_words(url: str, fleet: Fleet) -> None:
    device_token = await fleet.token(new_id("dev"))
    answers = [
        await refused(url, Authorization="Bearer nonsense"),
        await refused(url, Authorization="Basic YTpi"),
        await refused(url, **bearer(device_token)),
        await refused(f"{url}?token={device_token}"),
        await refused(f"{url}?token="),
        await refused(f"{url}?ticket=nonsense"),
    ]
    assert answers[0][0] == 401
    assert answers[0][1]["detail"] == REFUSAL
    assert answers == [answers[0]] * len(answers)
    closed: list[tuple[int, str]] = []
    for token in ("nonsense", device_token):
        async with open_socket(url) as socket:
            await socket.send("auth", token=token)
            closed.append(await socket.closed())
    assert closed[0] == closed[1]
    assert closed[0][0] == 4401


async def test_the_first_credential_decides(url: str, admin_token: str) -> None:
    status, _ = await refused(f"{url}?token={admin_token}", Authorization="Bearer nonsense")
    assert status == 401


@pytest.mark.parametrize("frame", ['{"type":"ping"}', '{"type":"subscribe","id":"s"}', "x", b"x"])
async def test_any_other_first_frame_is_4401(url: str, frame: str | bytes) -> None:
    async with open_socket(url) as socket:
        await socket.send_raw(frame)
        assert (await socket.closed())[0] == 4401


async def test_no_frame_for_five_seconds_is_4408(url: str) -> None:
    code, seconds = await closed_for_silence(url)
    assert code == 4408
    assert 4.5 < seconds < 7


async def test_before_authentication_a_message_may_have_4_kib_and_then_16(
    url: str, admin_token: str
) -> None:
    assert await closed_for_size(url) == 1009
    async with dashboard(url, admin_token) as socket:
        await subscribe(socket, deviceIds=["x" * 100] * 100)
        await socket.send("subscribe", id="s", deviceIds=["x" * 100] * 200)
        assert (await socket.closed())[0] == 1009


async def test_a_foreign_origin_is_403_and_the_hubs_own_may(url: str, admin_token: str) -> None:
    headers = bearer(admin_token)
    assert (await refused(url, Origin="https://evil.example", **headers))[0] == 403
    own = url.removesuffix("/ws/dashboard")
    async with open_socket(url, Origin=own, **headers) as socket:
        await subscribe(socket)


async def test_events_reach_whom_they_match(
    url: str, admin_token: str, fleet: Fleet, rest: Rest
) -> None:
    async with fleet.new_line() as one, fleet.new_line() as two:
        answer = await rest.post("/device-groups", {"name": new_id("group")})
        group_id = answer.json()["data"]["id"]
        await rest.post(f"/device-groups/{group_id}/members", {"deviceIds": [two.device_id]})
        async with dashboard(url, admin_token) as socket:
            await subscribe(socket, "device", deviceIds=[one.device_id], types=["event"])
            await subscribe(socket, "group", groupIds=[group_id], types=["event"])
            await subscribe(socket, "level", deviceIds=[one.device_id], types=["log_line"],
                            minLevel="WARN")  # fmt: skip
            await subscribe(socket, "nothing", deviceIds=[])
            await one.send("status", status="ONLINE")
            await one.send("log_line", line="quiet", level="INFO")
            await one.send("log_line", line="loud", level="ERROR")
            await one.send("event", name="first", data={"deviceId": "forged"})
            loud = await socket.expect("log_line", deviceId=one.device_id, line="loud")
            first = await socket.expect("event", deviceId=one.device_id, name="first")
            assert first["offset"] > loud["offset"]
            assert first["epoch"] == loud["epoch"]
            await two.send("event", name="second", bootId="b", seq=1)
            await socket.expect("event", deviceId=two.device_id, name="second")
            await socket.send("unsubscribe", id="device")
            await socket.expect("unsubscribed", id="device")
            await one.send("event", name="unseen")
            await two.send("event", name="third")
            await socket.expect("event", deviceId=two.device_id, name="third")


async def test_a_group_that_changes_changes_what_is_seen(
    url: str, admin_token: str, fleet: Fleet, rest: Rest
) -> None:
    answer = await rest.post("/device-groups", {"name": new_id("group")})
    group_id = answer.json()["data"]["id"]
    async with fleet.new_line() as device, dashboard(url, admin_token) as socket:
        await subscribe(socket, groupIds=[group_id], types=["event"])
        await rest.post(f"/device-groups/{group_id}/members", {"deviceIds": [device.device_id]})

        async def seen(name: str) -> None:
            await device.send("event", name=name)
            await socket.find("event", name=name, seconds=0.3)

        await retried(seen)


async def retried(attempt: Callable[[str], Awaitable[None]]) -> None:
    """What another task of the hub brings about soon: one of ten attempts must succeed."""
    for number in range(9):
        try:
            return await attempt(f"attempt {number}")
        except TimeoutError:
            continue
    return await attempt("the last")


async def test_the_life_of_a_line_and_of_a_command_is_told(
    url: str, admin_token: str, fleet: Fleet, rest: Rest
) -> None:
    device_id = await fleet.enroll()
    async with dashboard(url, admin_token) as socket:
        await subscribe(socket, deviceIds=[device_id])
        async with fleet.line(device_id) as device:
            opened = await socket.expect("status", status="ONLINE", connected=True)
            assert opened["generation"] == device.welcome["generation"]
            command_id = await rest.accept(device_id)
            named: Json = {"deviceId": device_id, "commandId": command_id}
            told = await socket.expect("command_accepted", commandType="force_sync", **named)
            assert told["status"] in ("PENDING", "SENT")
            assert told["actor"] == "admin"
            await device.command()
            await device.send("progress", commandId=command_id, percent=40, stage="download")
            await socket.expect("command_progress", percent=40, stage="download", **named)
            await device.succeed(command_id, output="x" * 2000)
            result = await socket.expect("command_result", status="SUCCESS", success=True, **named)
            assert result["output"] == "x" * 1024
        await socket.expect("status", status="OFFLINE", connected=False)


async def test_g9_who_comes_back_gets_what_was_missed_or_a_gap(
    url: str, admin_token: str, fleet: Fleet
) -> None:
    async with fleet.new_line() as device:
        filters: Json = {"deviceIds": [device.device_id], "types": ["event"]}
        async with dashboard(url, admin_token) as socket:
            subscribed = await subscribe(socket, **filters)
            assert subscribed["recovered"] is False
            await device.send("event", name="seen")
            seen = await socket.expect("event", name="seen")
            since = {"epoch": seen["epoch"], "offset": seen["offset"]}
        for number in range(5):
            await device.send("event", name=f"missed {number}", bootId="b", seq=number + 1)
        await device.find("event_ack", seq=5)
        async with dashboard(url, admin_token) as socket:
            answer = await subscribe(socket, since=since, **filters)
            assert answer["recovered"] is True
            for number in range(5):
                await socket.expect("event", name=f"missed {number}")
            await device.send("event", name="live")
            live = await socket.expect("event", name="live")
            await socket.send("subscribe", id="late", since=since)
            await socket.expect("error", code="since_too_late", id="late")
        for lost in (
            {"epoch": "none", "offset": 1},
            {"epoch": live["epoch"], "offset": live["offset"] + 1_000_000},
        ):
            async with dashboard(url, admin_token) as socket:
                answer = await subscribe(socket, since=lost, **filters)
                assert answer["recovered"] is False
                await socket.expect("gap")


async def test_a_quiet_subscription_keeps_its_place_by_pong(
    url: str, admin_token: str, fleet: Fleet
) -> None:
    async with fleet.new_line() as device, dashboard(url, admin_token) as socket:
        await subscribe(socket, types=["deployment"])
        await device.send("event", name="of no interest", bootId="b", seq=1)
        await device.find("event_ack")
        await socket.send("ping")
        pong = await socket.expect("pong")
        assert pong.keys() == {"type", "serverTime", "epoch", "offset"}
        assert pong["offset"] > 0


@pytest.mark.parametrize(
    "frame",
    [
        "nonsense",
        '{"type":"no_such"}',
        '{"type":"subscribe","id":""}',
        '{"type":"subscribe","id":"s","types":["no_such"]}',
        '{"type":"subscribe","id":"s","surprise":1}',
        '{"type":"subscribe","id":"s","minLevel":"LOUD"}',
        '{"type":"ping","surprise":1}',
        b"binary",
    ],
)
async def test_a_bad_frame_is_an_error_and_the_twentieth_ends_the_socket(
    url: str, admin_token: str, frame: str | bytes
) -> None:
    async with dashboard(url, admin_token) as socket:
        for _ in range(19):
            await socket.send_raw(frame)
            await socket.expect("error", code="invalid_frame")
        await socket.send_raw(frame)
        assert (await socket.closed())[0] == 4400


async def test_a_subscribe_has_an_id_or_subscriptions(url: str, admin_token: str) -> None:
    async with dashboard(url, admin_token) as socket:
        bad: list[Json] = [{}, {"id": "s", "subscriptions": [{"id": "t"}]}]
        for fields in bad:
            await socket.send("subscribe", **fields)
            await socket.expect("error", code="invalid_frame")
        await socket.send("subscribe", subscriptions=[{"id": "t"}, {"id": "u"}])
        await socket.expect("subscribed", id="t")
        await socket.expect("subscribed", id="u")


async def test_a_socket_has_at_most_64_subscriptions(url: str, admin_token: str) -> None:
    async with dashboard(url, admin_token) as socket:
        for number in range(64):
            await subscribe(socket, f"s{number}", types=[])
        await socket.send("subscribe", id="one more")
        await socket.expect("error", code="too_many_subscriptions", id="one more")
        await subscribe(socket, "s7", types=[])


# Sessions that end


async def new_user(rest: Rest, hub: HubProcess, role: str = "VIEWER") -> tuple[str, str]:
    """(id, token)."""
    username = new_id("user")
    body = {"username": username, "password": PASSWORD, "role": role}
    answer = await rest.post("/users", body)
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]["id"], log_in(hub.url, username, PASSWORD)


async def test_g12_logout_closes_the_sessions_sockets_4401(
    hub: HubProcess, url: str, rest: Rest
) -> None:
    _, token = await new_user(rest, hub)
    async with Rest.open(hub.url, token) as user:
        once = await ticket(user)
        async with dashboard(url, token) as by_token, open_socket(f"{url}?ticket={once}") as other:
            await subscribe(by_token)
            await subscribe(other)
            assert (await user.post("/auth/logout")).status_code == 200
            assert (await by_token.closed(seconds=5))[0] == 4401
            assert (await other.closed(seconds=5))[0] == 4401
        assert (await user.get("/auth/me")).status_code == 401
    assert (await refused(url, **bearer(token)))[0] == 401


@pytest.mark.parametrize("entry", ["disable", "delete"])
async def test_g12_a_disabled_or_deleted_user_loses_the_socket_4403(
    hub: HubProcess, url: str, rest: Rest, entry: str
) -> None:
    user_id, token = await new_user(rest, hub)
    async with dashboard(url, token) as socket:
        await subscribe(socket)
        if entry == "disable":
            answer = await rest.client.patch(f"/users/{user_id}", json={"disabled": True})
        else:
            answer = await rest.client.delete(f"/users/{user_id}")
        assert answer.status_code == 200
        assert (await socket.closed(seconds=5))[0] == 4403
    assert (await refused(url, **bearer(token)))[0] == 401


async def test_a_newer_token_of_the_same_user_renews_the_socket(
    hub: HubProcess, url: str, rest: Rest, admin_token: str
) -> None:
    again = log_in(hub.url, "admin", hub.ready["adminPassword"])
    _, foreign = await new_user(rest, hub)
    async with dashboard(url, admin_token) as socket:
        await socket.send("auth", token=again)
        await socket.expect("auth_ok")
        await socket.send("auth", token=foreign)
        assert (await socket.closed())[0] == 4401


async def test_who_asks_hears_which_records_changed_and_sees_what_he_may_read(
    hub: HubProcess, rest: Rest, tokens: dict[str, str]
) -> None:
    device_id, url = new_id("rec"), f"{hub.url}/ws/dashboard"
    async with (
        open_socket(url, **bearer(tokens["VIEWER"])) as viewer,
        open_socket(url, **bearer(tokens["ADMIN"])) as admin,
        open_socket(url, **bearer(tokens["ADMIN"])) as everything,
    ):
        for socket in (viewer, admin):
            await socket.send("subscribe", id="s", types=["record_changed"])
            await socket.expect("subscribed")
        await everything.send("subscribe", id="s")
        await everything.expect("subscribed")
        assert (await rest.post("/devices", {"id": device_id})).status_code == 201
        group = (await rest.post("/device-groups", {"name": new_id("g")})).json()["data"]["id"]
        body = {"username": new_id("u"), "password": PASSWORD, "role": "VIEWER"}
        user = (await rest.post("/users", body)).json()["data"]["id"]
        await rest.post(f"/device-groups/{group}/members", {"deviceIds": [device_id]})
        await rest.client.delete(f"/devices/{device_id}")
        common = [
            ("device", device_id), ("group", group), ("group", group), ("device", device_id),
            ("device", device_id),
        ]  # fmt: skip
        for socket, wanted in (
            (viewer, common),
            (admin, [*common[:2], ("user", user), *common[2:]]),
        ):
            got: list[tuple[str, str]] = []
            while len(got) < len(wanted):
                event = await socket.expect("record_changed")
                got.append((event["kind"], event["id"]))
                assert event.keys() >= {"version", "deviceId", "ts", "epoch", "offset"}
            assert got == wanted
        types = {frame["type"] for frame in await everything.settled()}
        assert "record_changed" not in types
