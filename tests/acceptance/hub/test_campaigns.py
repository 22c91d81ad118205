"""`/campaigns`, over devices that play their part by hand: automation.md, sections 3, 4 and 12."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.acceptance.hub.clients import Fleet, Json, Rest, bearer, new_id, until
from tests.acceptance.hub.people import bind, make_role, make_user, signed_in
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.hub.test_dashboard import dashboard, subscribe
from tests.acceptance.hub.test_deployments import NOTHING_SECONDS, codes, release
from tests.tasks import in_background

SYNC = {"command": {"type": "force_sync"}}


class Obedient:
    """A device that carries out what comes: well, but for the first `failures` times."""

    def __init__(self, fleet: Fleet, device_id: str, failures: int = 0) -> None:
        self.fleet = fleet
        self.device_id = device_id
        self.failures = failures
        self.commands: list[Json] = []

    async def run(self) -> None:
        async with self.fleet.line(self.device_id) as line:
            await line.hello()
            await line.send("status", status="ONLINE", metrics={})
            while True:
                frame = await line.frame(seconds=600)
                if "id" not in frame or frame["type"] in ("cancel", "result_ack"):
                    continue
                self.commands.append(frame)
                if len(self.commands) <= self.failures:
                    error = {"code": "failed", "message": "not today"}
                    body: Json = {"success": False, "error": error}
                else:
                    body = {"success": True}
                await line.send("result", commandId=frame["id"], **body)


@asynccontextmanager
async def obedient(
    fleet: Fleet, rest: Rest, count: int = 1, failures: int = 0
) -> AsyncGenerator[list[Obedient]]:
    devices = [Obedient(fleet, await fleet.enroll("obeys"), failures) for _ in range(count)]
    async with in_background(*(device.run() for device in devices)):
        for device in devices:
            await until(lambda device=device: is_online(rest, device.device_id), seconds=20)
        yield devices


async def is_online(rest: Rest, device_id: str) -> bool:
    found = (await rest.get(f"/devices/{device_id}")).json().get("data", {})
    return found.get("status") == "ONLINE"


def ids(devices: list[Obedient]) -> Json:
    return {"deviceIds": [device.device_id for device in devices]}


async def begin(rest: Rest, target: Json, **terms: Any) -> Json:
    answer = await rest.post("/campaigns", {"target": target, **SYNC, **terms})
    assert answer.status_code == 201, answer.text
    found: Json = answer.json()["data"]
    assert answer.headers["location"] == f"/api/v1/campaigns/{found['id']}"
    return found


async def reached(rest: Rest, campaign_id: str, *statuses: str, seconds: float = 20) -> Json:
    found: Json = {}

    async def is_there() -> bool:
        nonlocal found
        found = await rest.data(f"/campaigns/{campaign_id}")
        return found["status"] in statuses

    try:
        await until(is_there, seconds=seconds)
    except TimeoutError:
        raise AssertionError(f"{found}\n{await rows(rest, campaign_id)}") from None
    return found


async def ended(rest: Rest, campaign_id: str, *, seconds: float = 20) -> Json:
    return await reached(rest, campaign_id, "SUCCESS", "FAILED", "ABORTED", seconds=seconds)


async def rows(rest: Rest, campaign_id: str, **query: Any) -> dict[str, Json]:
    found = await rest.data(f"/campaigns/{campaign_id}/devices", limit=500, **query)
    return {row["deviceId"]: row for row in found}


def soon(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


async def test_any_command_goes_out_in_waves(rest: Rest, fleet: Fleet) -> None:
    async with obedient(fleet, rest, 3) as devices:
        waves = [{"count": 1}, {"percent": 100}]
        begun = await begin(rest, ids(devices), name="Sync all", waves=waves, timeoutMs=9000)
        assert (begun["status"], begun["kind"], begun["name"]) == ("PENDING", "command", "Sync all")
        assert begun["command"]["type"] == "force_sync"
        assert begun["target"] == ids(devices)
        assert begun["counts"] == {
            "pending": 3, "inProgress": 0, "success": 0, "failed": 0, "skipped": 0,
        }  # fmt: skip
        found = await ended(rest, begun["id"])
        assert (found["status"], found["counts"]["success"]) == ("SUCCESS", 3)
        assert (found["attempt"], found["wave"], found["waves"]) == (1, 1, 2)
        assert [len(device.commands) for device in devices] == [1, 1, 1]
    first, *others = (await rows(rest, begun["id"])).values()
    assert all(first["finishedAt"] <= other["startedAt"] for other in others)
    record = await rest.data(f"/devices/{first['deviceId']}/commands/{first['commandId']}")
    assert record["type"] == "force_sync"
    listed = await rest.data("/campaigns")
    assert begun["id"] in [each["id"] for each in listed]
    assert (await rest.get(f"/firmware/deployments/{begun['id']}")).status_code == 404
    deployments = await rest.data("/firmware/deployments")
    assert begun["id"] not in [each["id"] for each in deployments]


async def test_a_deployment_is_the_same_row(rest: Rest, fleet: Fleet) -> None:
    device_id = await fleet.enroll()
    made = await release(rest, "2.0")
    answer = await rest.post(
        "/campaigns", {"releaseId": made["id"], "target": {"deviceIds": [device_id]}}
    )
    found = answer.json()["data"]
    assert (found["kind"], found["releaseId"], found["version"]) == ("release", made["id"], "2.0")
    assert found["terms"]["soakSeconds"] == 60
    deployment = f"/firmware/deployments/{found['id']}"
    assert (await rest.data(deployment))["releaseId"] == made["id"]
    assert (await rest.post(f"{deployment}/pause")).status_code == 200
    assert (await rest.data(f"/campaigns/{found['id']}"))["status"] == "PAUSED"
    aborted = await rest.post(f"/campaigns/{found['id']}/abort")
    assert aborted.json()["data"]["status"] == "ABORTED"
    assert (await rest.data(deployment))["status"] == "ABORTED"


async def test_a_device_has_one_campaign_of_firmware(rest: Rest, fleet: Fleet) -> None:
    device_id = await fleet.enroll()
    target = {"deviceIds": [device_id, await fleet.enroll()]}
    first = await release(rest, "2.0")
    one = await rest.post(
        "/campaigns", {"releaseId": first["id"], "target": {"deviceIds": [device_id]}}
    )
    second = await release(rest, "3.0")
    two = await rest.post("/campaigns", {"releaseId": second["id"], "target": target})
    found = await rows(rest, two.json()["data"]["id"])
    assert [(row["status"], row["reason"]) for row in found.values()] == [
        ("SKIPPED", "busy"), ("PENDING", None),
    ]  # fmt: skip
    for answer in (one, two):
        await rest.post(f"/campaigns/{answer.json()['data']['id']}/abort")
    again = await rest.post("/campaigns", {"releaseId": second["id"], "target": target})
    found = await rows(rest, again.json()["data"]["id"])
    assert [row["status"] for row in found.values()] == ["PENDING", "PENDING"]
    await rest.post(f"/campaigns/{again.json()['data']['id']}/abort")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "command"),
        ({**SYNC, "releaseId": "r1"}, "command"),
        ({"command": {"type": "force_sync", "id": "c1"}}, "command.id"),
        ({"command": {"type": "no_such"}}, "command.type"),
        ({**SYNC, "target": {}}, "target"),
        ({**SYNC, "target": {"query": "name ~", "groupId": "g"}}, "target"),
        ({**SYNC, "target": {"query": "name ~"}}, "target.query"),
        ({**SYNC, "target": {"query": 'name = "nobody at all"'}}, "target"),
        ({**SYNC, "waves": [{"count": 1, "percent": 9}]}, "waves"),
        ({**SYNC, "growth": {"factor": 2, "after": 1}}, "growth"),
        ({**SYNC, "growth": {"factor": 9, "after": 1}, "ratePerMinute": 1}, "growth.factor"),
        ({**SYNC, "retries": 6}, "retries"),
        ({**SYNC, "phaseTimeoutSeconds": 4}, "phaseTimeoutSeconds"),
        ({**SYNC, "startAt": "2100-01-02T00:00:00Z", "endsAt": "2100-01-01T00:00:00Z"}, "endsAt"),
        ({**SYNC, "startAt": "tomorrow"}, "startAt"),
        ({**SYNC, "approval": "sometimes"}, "approval"),
        ({**SYNC, "windows": [{"cron": "0 0 0 * * *", "minutes": 5}]}, "windows"),
        ({**SYNC, "windows": [{"cron": "0 0 * * *", "minutes": 1431}]}, "windows[0].minutes"),
        ({**SYNC, "windows": [{"cron": "0 0 * * *", "minutes": 5, "timezone": "Mars"}]}, "windows"),
        ({**SYNC, "owner": "root"}, "body"),
        ({**SYNC, "follow": True}, "follow"),
        ({**SYNC, "follow": True, "endsAt": "2100-01-01T00:00:00Z"}, "follow"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    rest: Rest, fleet: Fleet, body: Json, field: str
) -> None:
    target = {"deviceIds": [await fleet.enroll()]}
    refused = await rest.post("/campaigns", {"target": target, **body})
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid"), refused.text
    assert [each["field"] for each in refused.json()["errors"]] == [field]


async def test_what_is_not_there_is_not_found(rest: Rest) -> None:
    for target in ({"deviceIds": ["none"]}, {"groupId": "none"}):
        assert (await rest.post("/campaigns", {**SYNC, "target": target})).status_code == 404
    for path in ("", "/devices"):
        assert (await rest.get(f"/campaigns/none{path}")).status_code == 404
    for wish in ("pause", "resume", "abort", "retry"):
        assert (await rest.post(f"/campaigns/none/{wish}", {})).status_code == 404
    assert (await rest.post("/campaigns/none/approve", {"wave": 1})).status_code == 404


async def test_a_dry_run_says_whom_and_begins_nothing(rest: Rest, fleet: Fleet) -> None:
    device_ids = [await fleet.enroll() for _ in range(3)]
    label = new_id("hall")
    for device_id in device_ids:
        await rest.client.patch(f"/devices/{device_id}", json={"labels": {"hall": label}})
    target = {"query": f'label.hall = "{label}"'}
    answer = await rest.post("/campaigns", {**SYNC, "target": target, "dryRun": True})
    assert answer.status_code == 200
    found = answer.json()["data"]
    assert (found["count"], found["refused"]) == (3, 0)
    assert sorted(found["sample"]) == sorted(device_ids)
    assert target not in [each["target"] for each in await rest.data("/campaigns")]


async def test_what_fails_is_sent_again(rest: Rest, fleet: Fleet) -> None:
    async with obedient(fleet, rest, failures=1) as devices:
        begun = await begin(rest, ids(devices), retries=1)
        found = await ended(rest, begun["id"])
        assert found["status"] == "SUCCESS"
        first, second = devices[0].commands
        assert first["id"] != second["id"]
    (row,) = (await rows(rest, begun["id"])).values()
    assert (row["attempt"], row["commandId"]) == (2, second["id"])


async def test_what_does_harm_twice_is_not_sent_again(rest: Rest, fleet: Fleet) -> None:
    async with obedient(fleet, rest, failures=1) as devices:
        begun = await begin(rest, ids(devices), command={"type": "reboot_os"}, retries=5)
        found = await ended(rest, begun["id"])
        assert (found["status"], found["stoppedBecause"]) == ("FAILED", "no device succeeded")
        await asyncio.sleep(NOTHING_SECONDS)
        assert len(devices[0].commands) == 1


async def test_retry_opens_it_for_those_that_failed(rest: Rest, fleet: Fleet) -> None:
    async with obedient(fleet, rest, failures=1) as bad, obedient(fleet, rest) as good:
        begun = await begin(rest, ids([*bad, *good]), stopAt={"failedPercent": 50, "minimum": 2})
        path = f"/campaigns/{begun['id']}"
        assert (await ended(rest, begun["id"]))["status"] == "FAILED"
        stranger = await rest.post(f"{path}/retry", {"deviceIds": [good[0].device_id]})
        assert (stranger.status_code, stranger.json()["code"]) == (409, "conflict")
        opened = await rest.post(f"{path}/retry", {"deviceIds": [bad[0].device_id]})
        assert opened.json()["data"]["attempt"] == 2
        found = await ended(rest, begun["id"])
        assert (found["status"], found["counts"]["success"]) == ("SUCCESS", 2)
        assert [len(each.commands) for each in (*bad, *good)] == [2, 1]
        nobody = await rest.post(f"{path}/retry", {})
        assert (nobody.status_code, nobody.json()["detail"]) == (
            409, "none of its devices has failed",
        )  # fmt: skip


async def test_a_wave_waits_until_somebody_approves(rest: Rest, fleet: Fleet) -> None:
    async with obedient(fleet, rest, 3) as devices:
        waves = [{"count": 1}, {"count": 1}, {"percent": 100}]
        begun = await begin(rest, ids(devices), waves=waves, approval="first_wave")
        path = f"/campaigns/{begun['id']}"
        waiting = await reached(rest, begun["id"], "AWAITING")
        assert waiting["counts"]["success"] == 1
        phases = [
            row["phase"] for row in (await rows(rest, begun["id"], status="PENDING")).values()
        ]
        assert phases == ["awaiting_approval", "awaiting_approval"]
        await asyncio.sleep(NOTHING_SECONDS)
        assert sum(len(device.commands) for device in devices) == 1
        other = await rest.post(f"{path}/approve", {"wave": 2})
        assert (other.status_code, other.json()["code"]) == (409, "conflict")
        for _ in range(2):
            approved = await rest.post(f"{path}/approve", {"wave": 1, "comment": "looks well"})
            assert approved.status_code == 200, approved.text
        assert (await ended(rest, begun["id"]))["counts"]["success"] == 3
        again = await rest.post(f"{path}/approve", {"wave": 1})
        assert again.status_code == 200
    (entry,) = await rest.data("/audit-log", target=begun["id"], action="campaign.approve")
    assert entry["detail"] == {"wave": 1, "comment": "looks well"}


async def test_one_begins_when_its_time_has_come(rest: Rest, fleet: Fleet) -> None:
    async with obedient(fleet, rest, 2) as devices:
        label = new_id("late")
        first, second = devices
        await rest.client.patch(f"/devices/{first.device_id}", json={"labels": {"late": label}})
        begun = await begin(rest, {"query": f'label.late = "{label}"'}, startAt=soon(4))
        assert begun["status"] == "SCHEDULED"
        assert await rows(rest, begun["id"]) == {}
        # Who it is for is looked up when it begins.
        for device, labels in ((first, {"late": None}), (second, {"late": label})):
            await rest.client.patch(f"/devices/{device.device_id}", json={"labels": labels})
        found = await ended(rest, begun["id"])
        assert found["status"] == "SUCCESS"
        assert [len(device.commands) for device in devices] == [0, 1]


async def test_who_comes_to_match_joins_the_last_wave(rest: Rest, fleet: Fleet) -> None:
    async with obedient(fleet, rest, 2) as devices:
        label, away = new_id("follow"), await fleet.enroll()
        first, second = devices

        async def say(device_id: str, value: str | None) -> None:
            body = {"labels": {"follow": value}}
            answer = await rest.client.patch(f"/devices/{device_id}", json=body)
            assert answer.status_code == 200, answer.text

        await say(first.device_id, label)
        target = {"query": f'label.follow = "{label}"'}
        waves = [{"count": 1}, {"percent": 100}]
        begun = await begin(rest, target, waves=waves, follow=True, endsAt=soon(20))
        await until(lambda: was_sent(first), seconds=10)
        for device_id in (second.device_id, away):
            await say(device_id, label)
        await until(lambda: was_sent(second), seconds=12)
        for device_id in (second.device_id, away):
            await say(device_id, None)

        async def left() -> bool:
            found = await rows(rest, begun["id"], status="SKIPPED")
            return {each: row["reason"] for each, row in found.items()} == {
                away: "no_longer_matches"
            }

        await until(left, seconds=12)
        found = await ended(rest, begun["id"], seconds=40)
        assert (found["status"], found["counts"]["success"]) == ("SUCCESS", 2)
    assert (await rows(rest, begun["id"]))[second.device_id]["wave"] == 1


async def was_sent(device: Obedient) -> bool:
    return bool(device.commands)


async def test_what_is_scheduled_can_be_aborted_and_paused(rest: Rest, fleet: Fleet) -> None:
    target = {"deviceIds": [await fleet.enroll()]}
    begun = await begin(rest, target, startAt=soon(3600))
    path = f"/campaigns/{begun['id']}"
    assert (await rest.post(f"{path}/pause")).json()["data"]["status"] == "PAUSED"
    await rest.post(f"{path}/resume")
    await reached(rest, begun["id"], "SCHEDULED")
    assert (await rest.post(f"{path}/abort")).json()["data"]["status"] == "ABORTED"


async def test_one_that_was_paused_when_its_time_came_begins_when_it_is_resumed(
    rest: Rest, fleet: Fleet
) -> None:
    async with obedient(fleet, rest) as devices:
        at = datetime.now(UTC) + timedelta(seconds=2)
        begun = await begin(rest, ids(devices), startAt=at.isoformat())
        path = f"/campaigns/{begun['id']}"
        assert (await rest.post(f"{path}/pause")).json()["data"]["status"] == "PAUSED"
        await until(lambda: has_come(at))
        assert (await rest.post(f"{path}/resume")).status_code == 200
        found = await ended(rest, begun["id"])
        assert (found["status"], found["counts"]["success"]) == ("SUCCESS", 1)


async def has_come(at: datetime) -> bool:
    return datetime.now(UTC) > at


async def test_at_its_end_who_waits_is_left_out(rest: Rest, fleet: Fleet) -> None:
    away = await fleet.enroll()
    begun = await begin(rest, {"deviceIds": [away]}, endsAt=soon(2))
    found = await ended(rest, begun["id"])
    assert (found["status"], found["counts"]["skipped"]) == ("SUCCESS", 1)
    assert codes(await rows(rest, begun["id"])) == ["ended"]


def closed_now() -> list[Json]:
    """A window that was open some hours ago."""
    begins = datetime.now(UTC) - timedelta(hours=5)
    return [{"cron": f"{begins.minute} {begins.hour} * * *", "minutes": 60}]


async def test_outside_of_its_windows_nothing_is_sent(rest: Rest, fleet: Fleet) -> None:
    async with obedient(fleet, rest) as devices:
        # Who waits for a window has not been away for a phase.
        begun = await begin(rest, ids(devices), windows=closed_now(), phaseTimeoutSeconds=5)
        await reached(rest, begun["id"], "IN_PROGRESS")
        path = f"/campaigns/{begun['id']}"
        for wish in ("pause", "resume"):
            assert (await rest.post(f"{path}/{wish}")).status_code == 200
        await asyncio.sleep(NOTHING_SECONDS)
        assert devices[0].commands == []
        (row,) = (await rows(rest, begun["id"])).values()
        assert (row["status"], row["phase"]) == ("PENDING", "waiting_for_window")
        await rest.post(f"{path}/abort")
        open_now = [{"cron": "* * * * *", "minutes": 5, "timezone": "America/New_York"}]
        begun = await begin(rest, ids(devices), windows=open_now)
        assert (await ended(rest, begun["id"]))["status"] == "SUCCESS"
        assert begun["terms"]["windows"] == [{**open_now[0], "atEnd": "finish"}]


async def test_a_window_opens_at_the_time_of_each_device(rest: Rest, fleet: Fleet) -> None:
    begins = datetime.now(ZoneInfo("Asia/Tokyo")) - timedelta(minutes=5)
    there = {"cron": f"{begins.minute} {begins.hour} * * *", "minutes": 60, "timezone": "device"}
    async with obedient(fleet, rest, 2) as devices:
        tokyo, york = devices
        for device, zone in ((tokyo, "Asia/Tokyo"), (york, "America/New_York")):
            path = f"/devices/{device.device_id}"
            assert (await rest.client.patch(path, json={"timezone": zone})).status_code == 200
        begun = await begin(rest, ids(devices), windows=[there])

        async def is_done() -> bool:
            return (await rows(rest, begun["id"]))[tokyo.device_id]["status"] == "SUCCESS"

        await until(is_done)
        row = (await rows(rest, begun["id"]))[york.device_id]
        assert (row["status"], row["phase"]) == ("PENDING", "waiting_for_window")
        assert (len(tokyo.commands), york.commands) == (1, [])
        await rest.post(f"/campaigns/{begun['id']}/abort")


async def test_who_is_away_while_the_window_is_closed_is_not_skipped(
    rest: Rest, fleet: Fleet
) -> None:
    away = await fleet.enroll()
    target = {"deviceIds": [away]}
    patient = await begin(rest, target, windows=closed_now(), phaseTimeoutSeconds=5)
    hasty = await begin(rest, target, phaseTimeoutSeconds=5)
    assert (await ended(rest, hasty["id"]))["counts"]["skipped"] == 1
    assert codes(await rows(rest, hasty["id"])) == ["offline"]
    (row,) = (await rows(rest, patient["id"])).values()
    assert (row["status"], row["phase"]) == ("PENDING", "waiting_for_window")
    await rest.post(f"/campaigns/{patient['id']}/abort")


async def test_who_may_not_send_it_begins_none(
    hub: HubProcess, rest: Rest, fleet: Fleet, tokens: dict[str, str]
) -> None:
    target = {"deviceIds": [await fleet.enroll()]}
    for role in ("VIEWER", "OPERATOR", "MANAGER"):
        refused = await rest.client.post(
            "/campaigns", json={**SYNC, "target": target}, headers=bearer(tokens[role])
        )
        assert refused.status_code == 403
    user = await make_user(rest, "VIEWER")
    rules = {"resources": ["campaigns"], "verbs": ["create", "update"]}
    await bind(rest, await make_role(rest, rules), ("user", user["id"]))
    async with signed_in(hub, user) as other:
        refused = await other.post("/campaigns", {**SYNC, "target": target})
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


async def test_an_owner_without_the_right_pauses_it_and_who_resumes_owns_it(
    hub: HubProcess, rest: Rest, fleet: Fleet, admin_token: str
) -> None:
    user = await make_user(rest, "ADMIN")
    async with (
        obedient(fleet, rest) as devices,
        signed_in(hub, user) as other,
        dashboard(f"{hub.url}/ws/dashboard", admin_token) as watcher,
    ):
        await subscribe(watcher, types=["alert"])
        begun = await begin(other, ids(devices), startAt=soon(6))
        assert begun["owner"] == user["username"]
        await rest.show_again()
        await rest.client.patch(f"/users/{user['id']}", json={"disabled": True})
        paused = await reached(rest, begun["id"], "PAUSED")
        assert paused["stoppedBecause"] == "owner_lacks_right"
        alert = await watcher.find("alert", code="owner_lacks_right")
        assert alert["deviceId"] is None
        assert begun["id"] in alert["message"]
        await asyncio.sleep(NOTHING_SECONDS)
        assert devices[0].commands == []
        resumed = await rest.post(f"/campaigns/{begun['id']}/resume")
        assert resumed.status_code == 200
        found = await ended(rest, begun["id"])
        assert (found["status"], found["owner"]) == ("SUCCESS", "admin")


async def test_an_administrator_says_whose_it_is(rest: Rest, fleet: Fleet) -> None:
    target = {"deviceIds": [await fleet.enroll()]}
    begun = await begin(rest, target)
    path = f"/campaigns/{begun['id']}"
    user, viewer = await make_user(rest, "ADMIN"), await make_user(rest, "VIEWER")
    for user_id in (viewer["id"], "nobody"):
        refused = await rest.client.put(f"{path}/owner", json={"userId": user_id})
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid")
    given = await rest.client.put(f"{path}/owner", json={"userId": user["id"]})
    assert given.json()["data"]["owner"] == user["username"]
    (entry,) = await rest.data("/audit-log", target=begun["id"], action="campaign.owner")
    assert entry["changes"] == {"owner": ["admin", user["username"]]}
    await rest.post(f"{path}/abort")


async def test_parameters_are_only_for_who_may_dispatch_it(
    rest: Rest, fleet: Fleet, tokens: dict[str, str]
) -> None:
    command = {"type": "exec_shell", "template": "uptime", "args": {"secret": "s3cr3t"}}
    target = {"deviceIds": [await fleet.enroll()]}
    begun = await begin(rest, target, command=command)
    path = f"/campaigns/{begun['id']}"
    assert "s3cr3t" in (await rest.get(path)).text
    seen = await rest.client.get(path, headers=bearer(tokens["VIEWER"]))
    assert seen.json()["data"]["command"] == {"type": "exec_shell", "params": "hidden"}
    await rest.post(f"{path}/abort")
