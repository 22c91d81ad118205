"""How a device gets its line, and how it loses it: protocol.md, 1.1 to 1.3 and 3."""

import asyncio
import json
from collections.abc import Awaitable
from datetime import datetime
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from tests.acceptance.hub.clients import (
    Fleet,
    Rest,
    bearer,
    closed_for_silence,
    closed_for_size,
    new_id,
    open_socket,
    until,
)
from tests.acceptance.hub.process import HubProcess

REFUSAL = "the token is missing, wrong or no longer valid"


@pytest.fixture
def url(hub: HubProcess) -> str:
    return f"{hub.url}/ws/device"


@pytest.mark.parametrize("way", ["header", "first frame", "query"])
async def test_a_device_authenticates_in_any_of_three_ways(
    url: str, fleet: Fleet, way: str
) -> None:
    device_id = new_id("dev")
    token = await fleet.token(device_id)
    headers = bearer(token) if way == "header" else {}
    query = f"?token={token}" if way == "query" else ""
    async with open_socket(url + query, **headers) as socket:
        if way == "first frame":
            await socket.send("auth", token=token)
        welcome = await socket.expect("welcome", deviceId=device_id, heartbeatSeconds=10)
        assert welcome.keys() == {
            "type", "deviceId", "sessionId", "generation", "replicaId", "heartbeatSeconds",
            "serverTime", "accepts",
        }  # fmt: skip
        assert welcome["accepts"] == ["desired_status", "workload_status"]
        assert welcome["generation"] == 1


async def refused_upgrade(url: str, **headers: str) -> tuple[int, Any]:
    with pytest.raises(InvalidStatus) as caught:
        async with open_socket(url, **headers):
            pass
    response = caught.value.response
    return response.status_code, json.loads(response.body)


@pytest.mark.parametrize(
    "header", ["Bearer nonsense", "Bearer ", "Basic YTpi", "nonsense", "Bearer a b"]
)
async def test_a_bad_header_is_401(url: str, header: str) -> None:
    status, problem = await refused_upgrade(url, Authorization=header)
    assert (status, problem["code"], problem["detail"]) == (401, "unauthenticated", REFUSAL)
    assert problem["success"] is False


async def test_a_user_token_is_refused_in_the_same_way_and_words(
    url: str, admin_token: str
) -> None:
    bad = await refused_upgrade(url, Authorization="Bearer nonsense")
    assert await refused_upgrade(url, **bearer(admin_token)) == bad
    assert await refused_upgrade(f"{url}?token={admin_token}") == bad
    assert await refused_upgrade(f"{url}?token=") == bad
    closed: list[tuple[int, str]] = []
    for token in ("nonsense", admin_token):
        async with open_socket(url) as socket:
            await socket.send("auth", token=token)
            closed.append(await socket.closed())
    assert closed[0] == closed[1]
    assert closed[0][0] == 4401


async def test_the_first_credential_decides(url: str, fleet: Fleet) -> None:
    token = await fleet.token(new_id("dev"))
    status, _ = await refused_upgrade(f"{url}?token={token}", Authorization="Bearer nonsense")
    assert status == 401
    async with open_socket(f"{url}?token=nonsense", **bearer(token)) as socket:
        await socket.expect("welcome")


@pytest.mark.parametrize(
    "frame",
    [
        '{"type":"ping"}',
        '{"type":"hello","bootId":"b"}',
        "nonsense",
        '{"type":"auth"}',
        '{"type":"auth","token":5}',
        b"binary",
    ],
)
async def test_any_other_first_frame_is_4401(url: str, frame: str | bytes) -> None:
    async with open_socket(url) as socket:
        await socket.send_raw(frame)
        assert (await socket.closed())[0] == 4401


async def test_no_frame_for_five_seconds_is_4408(url: str) -> None:
    code, seconds = await closed_for_silence(url)
    assert code == 4408
    assert 4.5 < seconds < 7


async def test_before_authentication_a_message_may_have_4_kib(url: str, fleet: Fleet) -> None:
    assert await closed_for_size(url) == 1009
    async with fleet.new_line() as device:
        await device.send("event", name="big", data={"text": "x" * 60_000})
        assert await device.settled() == []
        await device.send("event", name="too big", data={"text": "x" * 66_000})
        assert (await device.closed())[0] == 1009


async def test_the_subprotocol_is_echoed_and_deflate_never_negotiated(
    url: str, fleet: Fleet
) -> None:
    headers = {
        **bearer(await fleet.token(new_id("dev"))),
        "Sec-WebSocket-Extensions": "permessage-deflate",
    }
    async with open_socket(url, **headers) as socket:
        assert socket.connection.response is not None
        assert "Sec-WebSocket-Extensions" not in socket.connection.response.headers


async def test_unknown_socket_path_is_404(hub: HubProcess) -> None:
    status, _ = await refused_upgrade(f"{hub.url}/ws/nothing")
    assert status == 404


async def test_frames_that_do_not_decode_are_answered_and_the_twentieth_ends_the_line(
    fleet: Fleet,
) -> None:
    async with fleet.new_line() as device:
        bad = [
            "nonsense",
            '{"type":"no_such"}',
            "[1]",
            '{"type":"status","status":"SLEEPY"}',
            '{"type":"log_line","line":"a","level":"INFO","ts":"yesterday"}',
            '{"type":"event","name":"a\\u0000b"}',
            '{"type":"event","name":"n","data":{"n":NaN}}',
            '{"type":"event","name":"n","data":{"n":' + "9" * 5000 + "}}",
            '{"type":"event","name":"n","data":' + '{"a":' * 10_000 + "1" + "}" * 10_001,
            b"binary",
        ]
        for frame in bad:
            await device.send_raw(frame)
            await device.expect("error", code="invalid_frame")
        assert await device.settled() == []
        for _ in range(9):
            await device.send_raw("nonsense")
            await device.expect("error", code="invalid_frame")
        await device.send_raw("nonsense")
        assert (await device.closed())[0] == 4400


async def test_hello_comes_once_and_first(fleet: Fleet) -> None:
    async with fleet.new_line() as device:
        await device.hello()
        await device.hello()
        await device.expect("error", code="invalid_frame")
    async with fleet.new_line() as device:
        await device.send("ping")
        await device.expect("pong")
        await device.hello()
        await device.expect("error", code="invalid_frame")


async def test_what_hello_says_of_the_device_is_shown(fleet: Fleet, rest: Rest) -> None:
    async with fleet.new_line() as device:
        await device.hello(agentVersion="7.1.3", commands=["force_sync", "reboot_os"])

        async def shown() -> bool:
            found = await rest.data(f"/devices/{device.device_id}")
            return bool(found["version"] == "7.1.3")

        await until(shown)


async def test_fields_that_only_the_hub_may_set_are_ignored(fleet: Fleet, rest: Rest) -> None:
    async with fleet.new_line() as device:
        forged: dict[str, Any] = {
            "deviceId": "another",
            "offset": 1,
            "epoch": "e",
            "org": "other",
            "new": {},
        }
        await device.send("status", status="DEGRADED", **forged)

        async def shown() -> bool:
            found = await rest.data(f"/devices/{device.device_id}")
            return bool(found["status"] == "DEGRADED")

        await until(shown)
        assert await device.settled() == []


async def test_what_a_device_says_of_its_programs_is_in_its_record(
    fleet: Fleet, rest: Rest
) -> None:
    agents: list[dict[str, Any]] = [
        {"name": "cluster-agent", "ready": False, "since": "2026-01-02T03:04:05.678Z",
         "detail": "0 pods"},
        {"name": "scanner", "ready": True, "since": "2026-01-02T03:04:05.000Z", "detail": None},
    ]  # fmt: skip

    async def shown(device_id: str) -> Any:
        return (await rest.data(f"/devices/{device_id}"))["agents"]

    async with fleet.new_line() as device:
        assert await shown(device.device_id) == []
        await device.send("status", status="DEGRADED", agents=agents)
        await until(lambda: _is(shown(device.device_id), 2))
        await device.send("status", status="ONLINE")
        await device.settled()
        told = await shown(device.device_id)
        for each, said in zip(told, agents, strict=True):
            assert {**each, "since": said["since"]} == said
            assert datetime.fromisoformat(each["since"]) == datetime.fromisoformat(said["since"])
    assert await shown(device.device_id) == told, "what it said last, also without a line"
    async with fleet.line(device.device_id):
        assert await shown(device.device_id) == [], "what it says on this line"


async def _is(agents: Awaitable[Any], count: int) -> bool:
    return len(await agents) == count


@pytest.mark.parametrize(
    "agents",
    [
        [{"name": "a", "ready": True, "since": "2026-01-02T03:04:05Z"}] * 33,
        [{"name": "a", "ready": True, "since": "2026-01-02T03:04:05Z", "detail": "x" * 4000}] * 3,
        [{"name": "a", "ready": "yes", "since": "2026-01-02T03:04:05Z"}],
    ],
    ids=["too many", "too long", "not a truth value"],
)
async def test_what_is_wrong_of_programs_is_refused(
    fleet: Fleet, agents: list[dict[str, Any]]
) -> None:
    async with fleet.new_line() as device:
        await device.send("status", status="ONLINE", agents=agents)
        (refused,) = await device.settled()
        assert refused["type"] == "error"
        assert refused["code"] == "invalid_frame"


@pytest.mark.parametrize(
    "ts", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999-14:00", "2000-01-01T00:00:00Z"]
)
async def test_any_ts_that_decodes_is_taken_or_refused_and_the_line_stays(
    fleet: Fleet, ts: str
) -> None:
    async with fleet.new_line() as device:
        await device.send("event", name="n", ts=ts)
        answers = await device.settled()
        assert [answer["type"] for answer in answers] in ([], ["error"])


async def test_g6_the_older_line_of_a_device_is_closed_4409(fleet: Fleet, rest: Rest) -> None:
    device_id = new_id("dev")
    async with fleet.line(device_id) as old, fleet.line(device_id) as new:
        assert (await old.closed(seconds=2))[0] == 4409
        assert new.welcome["generation"] == 2
        found = await rest.data(f"/devices/{device_id}")
        assert (found["connected"], found["generation"]) == (True, 2)
        command_id = await rest.accept(device_id)
        await new.command(id=command_id)


async def test_a_device_is_connected_while_it_has_a_line(fleet: Fleet, rest: Rest) -> None:
    device_id = new_id("dev")
    async with fleet.line(device_id) as device:
        found = await rest.data(f"/devices/{device_id}")
        assert (found["status"], found["connected"]) == ("ONLINE", True)
        assert found["replicaId"] == device.welcome["replicaId"]
        connected = await rest.data("/devices/connected", limit=500)
        assert device_id in [row["id"] for row in connected]

    async def gone() -> bool:
        found = await rest.data(f"/devices/{device_id}")
        return bool(found["status"] == "OFFLINE" and not found["connected"])

    await until(gone)


async def test_a_newer_token_of_the_same_device_renews_the_line(fleet: Fleet) -> None:
    async with fleet.new_line() as device:
        await device.send("auth", token=await fleet.token(device.device_id))
        answer = await device.expect("auth_ok")
        assert answer.keys() == {"type", "expiresAt"}
        await device.send("auth", token=await fleet.token(new_id("dev")))
        assert (await device.closed())[0] == 4401


@pytest.mark.parametrize("act", ["disable", "delete", "delete and register anew"])
async def test_g12_a_token_that_was_ended_is_4403_as_a_first_frame(
    url: str, fleet: Fleet, rest: Rest, act: str
) -> None:
    device_id = await fleet.enroll()
    path, old = f"/devices/{device_id}", await fleet.token(device_id)
    if act == "disable":
        answer = await rest.client.patch(path, json={"disabled": True})
    else:
        answer = await rest.client.delete(path)
    assert answer.status_code == 200, answer.text
    if act == "delete and register anew":
        assert (await rest.post("/devices", {"id": device_id})).status_code == 201
    async with open_socket(url) as socket:
        await socket.send("auth", token=old)
        assert (await socket.closed())[0] == 4403


async def test_g12_the_line_of_a_deleted_device_is_closed_4403(fleet: Fleet, rest: Rest) -> None:
    async with fleet.new_line() as device:
        answer = await rest.client.delete(f"/devices/{device.device_id}")
        assert answer.status_code == 200
        assert (await device.closed(seconds=5))[0] == 4403
        assert (await rest.get(f"/devices/{device.device_id}")).status_code == 404


async def test_g12_a_disabled_device_loses_its_line_and_its_tokens(
    fleet: Fleet, rest: Rest, hub: HubProcess
) -> None:
    device_id = new_id("dev")
    old = await fleet.token(device_id)
    path = f"/devices/{device_id}"
    async with fleet.line(device_id) as device:
        assert (await rest.client.patch(path, json={"disabled": True})).status_code == 200
        assert (await device.closed(seconds=5))[0] == 4403
    status, _ = await refused_upgrade(f"{hub.url}/ws/device", **bearer(old))
    assert status == 401
    async with Rest.open(hub.url) as nobody:
        answer = await nobody.post(path + "/token", X_Enrollment_Key=hub.ready["enrollmentKey"])
        assert answer.status_code == 403
    assert (await rest.client.patch(path, json={"disabled": False})).status_code == 200
    fleet.forget(device_id)
    async with fleet.line(device_id) as device:
        assert await device.settled() == []


async def test_enrolment_needs_the_key_or_the_devices_own_token(
    hub: HubProcess, fleet: Fleet, admin_token: str
) -> None:
    device_id = new_id("dev")
    path = f"/devices/{device_id}/token"
    async with Rest.open(hub.url) as nobody:
        for headers in ({}, {"X_Enrollment_Key": "wrong"}, {"Authorization": "Bearer nonsense"}):
            answer = await nobody.post(path, **headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "bad_enrollment_key")
        answer = await nobody.post(path, Authorization=f"Bearer {admin_token}")
        assert answer.status_code == 401
        own = await fleet.token(device_id)
        answer = await nobody.post(path, Authorization=f"Bearer {own}")
        assert answer.status_code == 200
        assert answer.json()["data"].keys() == {"deviceId", "token", "expiresAt"}
        for bad in ("-dash", "a b", "x" * 129):
            answer = await nobody.post(
                f"/devices/{bad}/token", X_Enrollment_Key=hub.ready["enrollmentKey"]
            )
            assert answer.status_code == 400, bad


async def test_the_first_enrolment_may_name_the_device(fleet: Fleet, rest: Rest) -> None:
    device_id = new_id("dev")
    await fleet.token(device_id, name="Line 4", companyId="c-1", productionLineId="L9")
    found = await rest.data(f"/devices/{device_id}")
    assert (found["name"], found["companyId"], found["productionLineId"]) == ("Line 4", "c-1", "L9")


async def test_a_device_token_opens_no_rest_and_a_user_token_is_no_device(
    hub: HubProcess, fleet: Fleet
) -> None:
    token = await fleet.token(new_id("dev"))
    async with Rest.open(hub.url, token) as device:
        answer = await device.get("/devices")
        assert (answer.status_code, answer.json()["detail"]) == (401, REFUSAL)


async def test_a_hundred_devices_open_their_lines_at_once(fleet: Fleet, rest: Rest) -> None:
    async def open_and_answer() -> None:
        async with fleet.new_line() as device:
            command_id = await rest.accept(device.device_id)
            await device.command(id=command_id)
            await device.succeed(command_id)

    await asyncio.gather(*(open_and_answer() for _ in range(100)))
