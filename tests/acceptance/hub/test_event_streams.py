"""Server-sent events against the whole hub: streams.md, 2."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from itertools import pairwise
from typing import Any

import pytest

from tests.acceptance.hub.clients import Device, Fleet, Json, Rest, new_id
from tests.acceptance.hub.event_streams import PATH, request, stream
from tests.acceptance.hub.people import bind, make_user, sign_in
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.hub.test_dashboard import dashboard, new_user, subscribe, ticket


@pytest.fixture
async def device(fleet: Fleet) -> AsyncGenerator[Device]:
    async with fleet.new_line() as device:
        await device.hello()
        yield device


async def say(device: Device, *names: str) -> None:
    """Events that are committed when it returns, durable ones, in this order."""
    first = getattr(device, "said", 0) + 1
    for seq, name in enumerate(names, first):
        await device.send("event", name=name, bootId="boot-1", seq=seq)
    device.said = first + len(names) - 1  # type: ignore[attr-defined]
    await device.find("event_ack", seq=first + len(names) - 1)


async def test_what_a_stream_says_and_how(
    hub: HubProcess, admin_token: str, device: Device
) -> None:
    asked = {"deviceIds": device.device_id, "types": "event,scan"}
    async with stream(hub.url, admin_token, **asked) as source:
        assert source.headers["content-type"].startswith("text/event-stream")
        assert source.headers["cache-control"] == "no-store, no-transform"
        assert source.headers["x-accel-buffering"] == "no"
        assert "content-encoding" not in source.headers
        assert source.headers["x-request-id"]
        first = await source.expect("subscribed", recovered=False)
        assert source.retry == [3000]
        assert first.id == f"{first.data['epoch']}:{first.data['offset']}"
        await device.send("status", status="ONLINE")
        await say(device, "a")
        found = await source.expect("event", name="a", deviceId=device.device_id)
        assert found.id == f"{found.data['epoch']}:{found.data['offset']}"


async def test_it_says_what_a_dashboard_hears(
    hub: HubProcess, admin_token: str, device: Device
) -> None:
    url = f"{hub.url}/ws/dashboard"
    async with (
        stream(hub.url, admin_token, deviceIds=device.device_id, minLevel="WARN") as source,
        dashboard(url, admin_token) as other,
    ):
        await source.expect("subscribed")
        await subscribe(other, deviceIds=[device.device_id], minLevel="WARN")
        await device.send("log_line", line="hidden", level="INFO")
        await device.send("log_line", line="shown", level="ERROR")
        await device.send("alert", severity="CRITICAL", code="hot", message="too hot")
        await say(device, "a")
        for kind in ("log_line", "alert", "event"):
            assert (await source.expect(kind)).data == await other.expect(kind)


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"types": "scan,nonsense"}, "types"),
        ({"minLevel": "LOUD"}, "minLevel"),
        ({"since": "no position"}, "since"),
        ({"since": "e1:-1"}, "since"),
        ({"query": "label.site ="}, "query"),
        ({"of": "x"}, "of"),
    ],
)
async def test_what_is_wrong_is_400(
    hub: HubProcess, admin_token: str, asked: dict[str, Any], field: str
) -> None:
    async with request(hub.url, admin_token, **asked) as source:
        problem = await source.body()
    assert (source.status, problem["errors"][0]["field"]) == (400, field), problem


async def test_a_query_that_devices_get_into_by_themselves_is_400(
    hub: HubProcess, admin_token: str
) -> None:
    async with request(hub.url, admin_token, query='version >= "1.0.0"') as source:
        problem = await source.body()
    assert (source.status, problem["code"]) == (400, "untrusted_query")


async def test_an_empty_list_matches_nothing(
    hub: HubProcess, admin_token: str, device: Device
) -> None:
    async with (
        stream(hub.url, admin_token, types="") as empty,
        stream(hub.url, admin_token, deviceIds=device.device_id) as source,
    ):
        await empty.expect("subscribed")
        await source.expect("subscribed")
        await say(device, "a")
        await source.expect("event", name="a")
        with pytest.raises(TimeoutError):
            await empty.message(seconds=0.2)


async def test_no_hole_and_no_double_through_many_cuts(
    hub: HubProcess, admin_token: str, device: Device
) -> None:
    """Cut by the client, by a reset, at any place; an event more is sent in between."""
    names: list[str] = []
    offsets: list[int] = []
    place: str | None = None
    for cut in range(12):
        async with stream(
            hub.url, admin_token, last_event_id=place, deviceIds=device.device_id, types="event"
        ) as source:
            first = await source.expect("subscribed")
            assert first.data["recovered"] is (place is not None)
            assert place is None or first.id == place
            await say(device, *(f"{cut}.{number}" for number in range(10)))
            for _ in range(10 if cut == 11 else 7):
                found = await source.expect("event")
                names.append(found.data["name"])
                offsets.append(found.data["offset"])
            place = source.place
    async with stream(
        hub.url, admin_token, last_event_id=place, deviceIds=device.device_id, types="event"
    ) as source:
        await source.expect("subscribed", recovered=True)
        while len(names) < 120:
            found = await source.expect("event")
            names.append(found.data["name"])
            offsets.append(found.data["offset"])
        with pytest.raises(TimeoutError):
            await source.message(seconds=0.2)
    assert names == [f"{cut}.{number}" for cut in range(12) for number in range(10)]
    assert all(one < other for one, other in pairwise(offsets))


async def test_an_unknown_epoch_is_a_gap_and_the_header_wins(
    hub: HubProcess, admin_token: str, device: Device
) -> None:
    async with stream(hub.url, admin_token, deviceIds=device.device_id) as source:
        await source.expect("subscribed")
        await say(device, "a")
        place = (await source.expect("event", name="a")).id
    await say(device, "b")
    asked = {"deviceIds": device.device_id}
    async with stream(hub.url, admin_token, since="gone:7", **asked) as source:
        await source.expect("subscribed", recovered=False)
        assert (await source.expect("gap", reason="epoch")).id is None
    async with stream(hub.url, admin_token, since="gone:7", last_event_id=place, **asked) as source:
        await source.expect("subscribed", recovered=True)
        await source.expect("event", name="b")


async def test_a_query_goes_by_the_membership_of_the_moment(
    hub: HubProcess, rest: Rest, admin_token: str, fleet: Fleet
) -> None:
    site = new_id("site")

    async def label(device: Device, value: str | None) -> None:
        answer = await rest.client.patch(
            f"/devices/{device.device_id}", json={"labels": {"site": value}}
        )
        assert answer.status_code == 200, answer.text

    async with fleet.new_line() as mine, fleet.new_line() as other:
        await label(mine, site)
        query = f'label.site = "{site}"'
        async with stream(hub.url, admin_token, query=query, types="event") as source:
            first = await source.expect("subscribed")
            await say(other, "not yet")
            await say(mine, "first")
            await source.expect("event", name="first", deviceId=mine.device_id)
            await label(other, site)
            await asyncio.sleep(5)
            await say(other, "now")
            await source.expect("event", name="now", deviceId=other.device_id)
            await label(mine, None)
            await asyncio.sleep(5)
            await say(mine, "no more")
            await say(other, "last")
            await source.expect("event", name="last")
        async with stream(
            hub.url, admin_token, query=query, types="event", last_event_id=first.id
        ) as source:
            await source.expect("subscribed", recovered=True)
            for name in ("not yet", "now", "last"):
                await source.expect("event", name=name, deviceId=other.device_id)


# Who


async def test_a_ticket_opens_a_stream_that_comes_back_by_it(
    hub: HubProcess, rest: Rest, device: Device
) -> None:
    """As a browser does, which sends the same URL again."""
    once = await ticket(rest)
    async with stream(hub.url, ticket=once, deviceIds=device.device_id) as source:
        place = (await source.expect("subscribed")).id
    await say(device, "missed")
    async with stream(
        hub.url, ticket=once, last_event_id=place, deviceIds=device.device_id
    ) as source:
        await source.expect("subscribed", recovered=True)
        await source.expect("event", name="missed")
    async with request(hub.url, ticket=once) as source:
        assert (source.status, (await source.body())["code"]) == (401, "unauthenticated")
    async with request(hub.url, ticket="wrong") as source:
        assert source.status == 401
    async with request(hub.url) as source:
        assert source.status == 401


@pytest.mark.parametrize("by", ["token", "ticket"])
async def test_a_logout_ends_it_and_its_return_is_204(hub: HubProcess, rest: Rest, by: str) -> None:
    _, token = await new_user(rest, hub)
    async with Rest.open(hub.url, token) as user:
        asked: dict[str, Any] = {"ticket": await ticket(user)} if by == "ticket" else {}
        shown = None if by == "ticket" else token
        async with stream(hub.url, shown, **asked) as source:
            place = (await source.expect("subscribed")).id
            assert (await user.post("/auth/logout")).status_code == 200
            assert (await source.closed(seconds=5))["code"] == 4401
    async with request(hub.url, shown, last_event_id=place, **asked) as source:
        assert source.status == 204
    async with request(hub.url, shown, **asked) as source:
        assert source.status == 401


async def test_a_disabled_user_is_4403_and_an_api_key_that_is_gone(
    hub: HubProcess, rest: Rest
) -> None:
    user_id, token = await new_user(rest, hub)
    async with Rest.open(hub.url, token) as user:
        key = (await user.post("/api-keys", {"name": new_id("k"), "role": "VIEWER"})).json()["data"]
        async with (
            stream(hub.url, token) as by_token,
            stream(hub.url, key["key"]) as by_key,
        ):
            await by_token.expect("subscribed")
            await by_key.expect("subscribed")
            assert (await user.client.delete(f"/api-keys/{key['id']}")).status_code == 200
            close = await by_key.closed(seconds=5)
            assert close == {"type": "close", "code": 4403, "afterMs": None}
            await rest.client.patch(f"/users/{user_id}", json={"disabled": True})
            assert (await by_token.closed(seconds=5))["code"] == 4403


async def test_a_scope_counts_live_in_recovery_and_when_it_ends(
    hub: HubProcess, rest: Rest, fleet: Fleet
) -> None:
    user = await make_user(rest)
    async with fleet.new_line() as mine, fleet.new_line() as other:
        binding = await bind(rest, "VIEWER", ("user", user["id"]), ("device", mine.device_id))
        token = sign_in(hub.url, user["username"])["token"]
        async with stream(hub.url, token, types="event") as source:
            place = (await source.expect("subscribed")).id
            await say(other, "theirs")
            await say(mine, "mine")
            await source.expect("event", name="mine", deviceId=mine.device_id)
        async with stream(hub.url, token, types="event", last_event_id=place) as source:
            await source.expect("subscribed", recovered=True)
            await source.expect("event", name="mine")
            assert (await rest.client.delete(f"/role-bindings/{binding}")).status_code == 200
            assert (await source.closed(seconds=5))["code"] == 4403
    async with request(hub.url, token) as source:
        assert source.status == 403


async def test_the_twenty_first_stream_of_a_user_is_429(hub: HubProcess, rest: Rest) -> None:
    _, token = await new_user(rest, hub)
    async with AsyncExitStack() as stack:
        for _ in range(20):
            source = await stack.enter_async_context(stream(hub.url, token))
            await source.expect("subscribed")
        async with request(hub.url, token) as source:
            assert source.status == 429
            assert int(source.headers["retry-after"]) > 0


async def test_a_reader_that_stalls_is_gone_in_ten_seconds_and_others_are_not_delayed(
    hub: HubProcess, rest: Rest, admin_token: str, device: Device
) -> None:
    async def open_streams() -> int:
        text = (await rest.client.get(f"{hub.url}/metrics")).text
        lines = [line for line in text.splitlines() if line.startswith("longline_event_streams ")]
        return int(float(lines[0].split()[1]))

    before = await open_streams()
    asked = {"deviceIds": device.device_id, "types": "log_line,event"}
    async with (
        stream(hub.url, admin_token, limit=1024, **asked) as stalled,
        stream(hub.url, admin_token, **asked) as source,
    ):
        await source.expect("subscribed")
        raw = stalled.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        assert await open_streams() == before + 2
        loop = asyncio.get_running_loop()
        began = loop.time()
        slowest, number, ended = 0.0, 0, None
        while ended is None and loop.time() - began < 20:
            for _ in range(100):
                await device.send("log_line", line="x" * 4000, level="INFO")
            number += 1
            sent = loop.time()
            await device.send("event", name=str(number))
            while (found := await source.message()) is not None:
                if found.data["type"] == "event":
                    break
            slowest = max(slowest, loop.time() - sent)
            await asyncio.sleep(0.1)
            if await open_streams() == before + 1:
                ended = loop.time() - began
    assert ended is not None
    assert ended < 13  # the buffers of both kernels are filled first
    assert slowest < 1


async def test_its_path_may_be_written_with_escapes(hub: HubProcess, admin_token: str) -> None:
    path = PATH.replace("stream", "str%65am")
    async with request(hub.url, admin_token, path=path) as source:
        assert source.status == 200
        await source.expect("subscribed")


async def test_of_a_head_there_is_no_more_than_that(hub: HubProcess, admin_token: str) -> None:
    async with request(hub.url, admin_token, method="HEAD") as source:
        assert (source.status, source.headers["content-type"]) == (
            200, "text/event-stream; charset=utf-8",
        )  # fmt: skip
        assert await source.message() is None


async def test_rest_of_the_door_is_that_of_any_route(hub: HubProcess, admin_token: str) -> None:
    """Nobody reads it under a name that is not ours, nor by another method."""
    async with Rest.open(hub.url, admin_token) as rest:
        assert (await rest.post("/events/stream")).status_code == 405
        answer = await rest.client.get("/events/stream", headers={"Host": "evil.example"})
    found: Json = answer.json()
    assert (answer.status_code, found["code"]) == (421, "misdirected")
