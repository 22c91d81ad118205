"""`/schedules`, over devices that play their part by hand: automation.md, sections 3, 5 and 12."""

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.acceptance.hub.clients import Device, Fleet, Json, Rest, new_id, until
from tests.acceptance.hub.people import bind, make_group, make_user, new_organisation, signed_in
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.hub.test_approvals import ON_REBOOT, awaited, decide, set_to
from tests.acceptance.hub.test_campaigns import obedient
from tests.acceptance.hub.test_dashboard import dashboard, subscribe

SYNC: Json = {"command": {"type": "force_sync"}}
YEARLY: Json = {"cron": "0 0 1 1 *"}
NOTICED_SECONDS = 5.0
"""Within which the loss of an owner shows."""


def soon(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def body(*device_ids: str, **more: Any) -> Json:
    when = {} if "at" in more or "cron" in more else YEARLY
    load = {} if "command" in more or "campaign" in more else SYNC
    target = more.pop("target", {"deviceIds": list(device_ids)})
    return {"name": new_id("night"), "target": target, **when, **load, **more}


async def make(rest: Rest, *device_ids: str, **more: Any) -> Json:
    answer = await rest.post("/schedules", body(*device_ids, **more))
    assert answer.status_code == 201, answer.text
    found: Json = answer.json()["data"]
    assert answer.headers["location"] == f"/api/v1/schedules/{found['id']}"
    return found


async def run_now(rest: Rest, schedule: Json) -> Json:
    answer = await rest.post(f"/schedules/{schedule['id']}/run")
    assert answer.status_code == 202, answer.text
    found: Json = answer.json()["data"]
    return found


async def runs(rest: Rest, schedule: Json) -> list[Json]:
    """The oldest first."""
    found: list[Json] = await rest.data(f"/schedules/{schedule['id']}/runs")
    return found[::-1]


async def reached(
    rest: Rest, schedule: Json, *statuses: str, at: int = 0, seconds: float = 20
) -> Json:
    found: list[Json] = []

    async def is_there() -> bool:
        nonlocal found
        found = await runs(rest, schedule)
        return len(found) > at and found[at]["status"] in statuses

    try:
        await until(is_there, seconds=seconds)
    except TimeoutError:
        raise AssertionError(found) from None
    return found[at]


async def ended(rest: Rest, schedule: Json, *, at: int = 0, seconds: float = 20) -> Json:
    return await reached(rest, schedule, "DONE", "PARTLY", "FAILED", at=at, seconds=seconds)


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@asynccontextmanager
async def silent(fleet: Fleet, rest: Rest) -> AsyncGenerator[Device]:
    """A device that answers nothing by itself."""
    async with fleet.new_line("silent") as device:

        async def is_online() -> bool:
            found = await rest.data(f"/devices/{device.device_id}")
            return found["connected"]

        await until(is_online)
        yield device


# What there is to write and to read


async def test_a_schedule_is_shown_as_it_was_given(rest: Rest, fleet: Fleet) -> None:
    device_id = await fleet.enroll()
    made = await make(
        rest, device_id, cron="30 2 * * 1-5", timezone="Europe/Berlin", jitterSeconds=600,
        missed="run_once", overlap="replace", endsAt="2100-01-01T00:00:00Z", timeoutMs=9000,
        delivery="queue", command={"type": "pull_logs", "lines": 10},
    )  # fmt: skip
    assert made["command"] == {"type": "pull_logs", "lines": 10}
    assert made["target"] == {"deviceIds": [device_id]}
    assert (made["status"], made["reason"], made["enabled"]) == ("ACTIVE", None, True)
    assert (made["missed"], made["overlap"], made["jitterSeconds"]) == ("run_once", "replace", 600)
    assert (made["timeoutMs"], made["delivery"], made["campaign"]) == (9000, "queue", None)
    assert (made["endsAt"], made["at"]) == ("2100-01-01T00:00:00.000Z", None)
    assert (made["owner"], made["createdBy"]) == ("admin", "admin")
    assert len(made["nextRuns"]) == 5
    assert made["nextRuns"] == sorted(made["nextRuns"])
    path = f"/schedules/{made['id']}"
    assert await rest.data(path) == made
    assert made["id"] in [each["id"] for each in await rest.data("/schedules", limit=500)]
    off = await rest.client.put(path, json=body(device_id, enabled=False))
    assert off.status_code == 200, off.text
    found = off.json()["data"]
    assert (found["status"], found["reason"], found["nextRuns"]) == ("SUSPENDED", "disabled", [])
    assert (found["cron"], found["missed"], found["command"]["type"]) == (
        "0 0 1 1 *", "skip", "force_sync",
    )  # fmt: skip
    assert (await rest.client.delete(path)).status_code == 200
    assert (await rest.get(path)).status_code == 404
    assert (await rest.get(f"{path}/runs")).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"cron": "0 0 0 * * *"}, "cron"),
        ({"cron": "@daily"}, "cron"),
        ({"cron": "0 0 30 2 *"}, "cron"),
        ({"cron": "0 0 * * *", "at": "2100-01-01T00:00:00Z"}, "cron"),
        ({"cron": None}, "cron"),
        ({"at": "2020-01-01T00:00:00Z"}, "at"),
        ({"at": "2100-01-01T00:00:00"}, "at"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"at": "2100-01-01T00:00:00Z", "timezone": "device"}, "timezone"),
        ({"endsAt": "2020-01-01T00:00:00Z"}, "endsAt"),
        ({"jitterSeconds": 3601}, "jitterSeconds"),
        ({"cron": "*/10 * * * *", "jitterSeconds": 300}, "jitterSeconds"),
        ({"command": {"type": "force_sync", "id": "c1"}}, "command.id"),
        ({"command": {"type": "nothing"}}, "command.type"),
        ({"campaign": {**SYNC}, **SYNC}, "command"),
        ({"campaign": {**SYNC}, "delivery": "queue"}, "delivery"),
        ({"campaign": {**SYNC, "target": {"query": "connected"}}}, "campaign"),
        ({"expiresAt": "2100-01-01T00:00:00Z"}, "expiresAt"),
        ({"target": {"query": "connected ="}}, "target.query"),
        ({"target": {}}, "target"),
        ({"overlap": "queue"}, "overlap"),
        ({"unknown": 1}, "body"),
    ],
)
async def test_what_makes_no_sense_says_where(
    rest: Rest, fleet: Fleet, wrong: Json, field: str
) -> None:
    wrong = {name: value for name, value in body("d1", **wrong).items() if value is not None}
    if "target" not in wrong or wrong["target"] == {"deviceIds": ["d1"]}:
        wrong["target"] = {"query": 'id = "nobody"'}
    answer = await rest.post("/schedules", wrong)
    assert code_of(answer) == (400, "invalid"), answer.text
    assert field in [error["field"] for error in answer.json()["errors"]], answer.text


async def test_readers_read_and_administrators_write(
    hub: HubProcess, rest: Rest, fleet: Fleet, tokens: dict[str, str]
) -> None:
    schedule = await make(rest, await fleet.enroll())
    path = f"/schedules/{schedule['id']}"
    for role, token in tokens.items():
        async with Rest.open(hub.url, token) as who:
            assert (await who.get(path)).status_code == 200, role
            assert (await who.get(f"{path}/runs")).status_code == 200, role
            wanted = 202 if role == "ADMIN" else 403
            assert (await who.post(f"{path}/run")).status_code == wanted, role
            changed = await who.client.put(
                path, json=body(enabled=False, target={"query": "connected"})
            )
            assert changed.status_code == (200 if role == "ADMIN" else 403), role


PREVIEWS: list[tuple[str, str, str, list[str]]] = [
    ("Europe/Berlin", "30 2 * * *", "2026-03-28T00:00:00Z",
     ["2026-03-28T01:30", "2026-03-29T01:00", "2026-03-30T00:30"]),
    ("Europe/Berlin", "30 2 * * *", "2026-10-24T00:00:00Z",
     ["2026-10-24T00:30", "2026-10-25T00:30", "2026-10-26T01:30"]),
    ("Europe/Berlin", "*/30 2 * * *", "2026-03-28T12:00:00Z",
     ["2026-03-30T00:00", "2026-03-30T00:30", "2026-03-31T00:00"]),
    ("Europe/Berlin", "*/30 * * * *", "2026-10-25T00:00:00Z",
     ["2026-10-25T00:30", "2026-10-25T01:00", "2026-10-25T01:30"]),
    ("America/New_York", "30 2 * * *", "2026-03-07T12:00:00Z",
     ["2026-03-08T07:00", "2026-03-09T06:30", "2026-03-10T06:30"]),
    ("America/New_York", "30 1 * * *", "2026-10-31T12:00:00Z",
     ["2026-11-01T05:30", "2026-11-02T06:30", "2026-11-03T06:30"]),
    ("Australia/Lord_Howe", "15 2 * * *", "2026-10-02T20:00:00Z",
     ["2026-10-03T15:30", "2026-10-04T15:15", "2026-10-05T15:15"]),
    ("Australia/Lord_Howe", "45 1 * * *", "2026-04-03T20:00:00Z",
     ["2026-04-04T14:45", "2026-04-05T15:15", "2026-04-06T15:15"]),
]  # fmt: skip
"""As Debian's cron has it; each by hand."""


@pytest.mark.parametrize(("zone", "cron", "begins", "expected"), PREVIEWS)
async def test_both_nights_of_the_change_by_preview(
    rest: Rest, zone: str, cron: str, begins: str, expected: list[str]
) -> None:
    asked = {"cron": cron, "timezone": zone, "from": begins, "count": 3}
    answer = await rest.post("/schedules/preview", asked)
    assert answer.json()["data"] == [f"{each}:00.000Z" for each in expected]


async def test_a_preview_begins_strictly_behind_and_is_bounded(rest: Rest) -> None:
    asked: Json = {"cron": "0 12 * * *", "from": "2026-06-01T12:00:00Z", "count": 1}
    answer = await rest.post("/schedules/preview", asked)
    assert answer.json()["data"] == ["2026-06-02T12:00:00.000Z"]
    assert len((await rest.post("/schedules/preview", {"cron": "* * * * *"})).json()["data"]) == 5
    for wrong in (
        {"count": 101}, {"count": 0}, {"from": "9999-12-31T23:59:59Z"}, {"cron": "x"},
        {"from": "0001-01-01T00:00:00+14:00"},
    ):  # fmt: skip
        refused = await rest.post("/schedules/preview", {**asked, **wrong})
        assert code_of(refused) == (400, "invalid"), wrong


# What it does


async def test_a_moment_comes_and_each_device_has_one_command(rest: Rest, fleet: Fleet) -> None:
    async with obedient(fleet, rest, 3) as devices:
        at = soon(2)
        schedule = await make(rest, *(each.device_id for each in devices), at=at)
        run = await ended(rest, schedule)
        assert (run["status"], run["standsFor"], run["error"]) == ("DONE", None, None)
        assert datetime.fromisoformat(run["due"]) == datetime.fromisoformat(at).replace(
            microsecond=datetime.fromisoformat(at).microsecond // 1000 * 1000
        )
        assert run["counts"] == {
            "pending": 0, "inProgress": 0, "success": 3, "failed": 0, "skipped": 0,
        }  # fmt: skip
        assert [len(each.commands) for each in devices] == [1, 1, 1]
    assert (await rest.data(f"/schedules/{schedule['id']}"))["status"] == "ENDED"
    listed = await rest.data("/commands", batchId=run["batchId"])
    assert len(listed) == 3
    (row,) = await rest.data("/audit-log", target=devices[0].device_id, action="command.force_sync")
    assert row["detail"]["via"] == f"schedule:{schedule['id']}"
    assert row["actor"] == "admin"
    assert code_of(await rest.post(f"/schedules/{schedule['id']}/run")) == (409, "conflict")


async def test_a_minute_of_the_calendar_comes(rest: Rest, fleet: Fleet) -> None:
    async with obedient(fleet, rest) as (device,):
        schedule = await make(rest, device.device_id, cron="* * * * *")
        run = await ended(rest, schedule, seconds=75)
        late = datetime.fromisoformat(run["startedAt"]) - datetime.fromisoformat(run["due"])
        assert timedelta(0) <= late < timedelta(seconds=5)
        assert run["due"].endswith(":00.000Z")
        await rest.client.delete(f"/schedules/{schedule['id']}")
        assert len(device.commands) == 1


async def test_a_run_may_be_a_campaign(rest: Rest, fleet: Fleet) -> None:
    async with obedient(fleet, rest, 2) as devices:
        waves: list[Json] = [{"count": 1}, {"percent": 100}]
        schedule = await make(
            rest, *(each.device_id for each in devices), campaign={**SYNC, "waves": waves}
        )
        assert schedule["campaign"]["command"]["type"] == "force_sync"
        assert (schedule["command"], schedule["delivery"]) == (None, None)
        begun = await run_now(rest, schedule)
        run = await ended(rest, schedule)
        assert (run["status"], run["batchId"], run["campaignId"]) == ("DONE", None, begun["id"])
        campaign = await rest.data(f"/campaigns/{run['campaignId']}")
        assert (campaign["status"], campaign["counts"]["success"]) == ("SUCCESS", 2)
        assert campaign["name"] == schedule["name"]
    (row,) = await rest.data("/audit-log", target=run["campaignId"], action="campaign.create")
    assert row["detail"]["via"] == f"schedule:{schedule['id']}"


async def test_a_queued_command_waits_for_its_device(rest: Rest, fleet: Fleet) -> None:
    device_id = await fleet.enroll()
    now = await make(rest, device_id)
    later = await make(rest, device_id, delivery="queue")
    for schedule in (now, later):
        await run_now(rest, schedule)
    failed = await ended(rest, now)
    assert (failed["status"], failed["counts"]["failed"]) == ("FAILED", 1)

    async def waits() -> bool:
        (run,) = await runs(rest, later)
        return run["counts"]["pending"] == 1

    await until(waits)
    async with fleet.line(device_id) as line:
        await line.hello()
        frame = await line.command("force_sync")
        await line.succeed(frame["id"])
        assert (await ended(rest, later))["status"] == "DONE"


async def test_a_run_may_not_meet_another(rest: Rest, fleet: Fleet) -> None:
    async with silent(fleet, rest) as device:
        made = {each: await make(rest, device.device_id, overlap=each, timeoutMs=30_000)
                for each in ("skip", "allow", "replace")}  # fmt: skip
        for schedule in made.values():
            await run_now(rest, schedule)
            await device.command("force_sync")
        again = {each: await run_now(rest, schedule) for each, schedule in made.items()}
        assert (again["skip"]["status"], again["skip"]["error"]["code"]) == (
            "SKIPPED", "still_running",
        )  # fmt: skip
        assert again["allow"]["status"] == again["replace"]["status"] == "RUNNING"
        replaced = await reached(rest, made["replace"], "FAILED")
        assert replaced["error"]["code"] == "replaced"
        cancelled = await device.find("cancel")
        (first,) = await rest.data("/commands", batchId=replaced["batchId"])
        assert cancelled["commandId"] == first["commandId"]


# Whose rights count


@asynccontextmanager
async def owned(
    hub: HubProcess, rest: Rest, *device_ids: str, **more: Any
) -> AsyncGenerator[tuple[Json, Json, Rest]]:
    """A user who is an administrator, a schedule of theirs, and the user's calls."""
    user = await make_user(rest, "ADMIN")
    async with signed_in(hub, user) as who:
        yield user, await make(who, *device_ids, **more), who


async def suspended(rest: Rest, schedule: Json, since: float) -> Json:
    found: Json = {}

    async def is_so() -> bool:
        nonlocal found
        found = await rest.data(f"/schedules/{schedule['id']}")
        return found["status"] == "SUSPENDED"

    await until(is_so, seconds=NOTICED_SECONDS + since - time.monotonic())
    return found


@pytest.mark.parametrize("loss", ["disabled", "demoted", "deleted"])
async def test_an_owner_who_has_lost_the_right_suspends_it(
    hub: HubProcess, rest: Rest, fleet: Fleet, admin_token: str, loss: str
) -> None:
    async with (
        silent(fleet, rest) as device,
        owned(hub, rest, device.device_id) as (user, schedule, _),
        dashboard(f"{hub.url}/ws/dashboard", admin_token) as socket,
    ):
        await subscribe(socket, types=["alert"])
        path = f"/users/{user['id']}"
        await rest.show_again()
        change: dict[str, Json] = {"disabled": {"disabled": True}, "demoted": {"role": "VIEWER"}}
        if loss == "deleted":
            assert (await rest.client.delete(path)).status_code == 200
        else:
            answer = await rest.client.patch(path, json=change[loss])
            assert answer.status_code == 200, answer.text
        found = await suspended(rest, schedule, time.monotonic())
        assert (found["reason"], found["nextRuns"]) == ("owner_lacks_right", [])
        alert = await socket.find("alert", code="owner_lacks_right")
        assert schedule["name"] in alert["message"]
        place = f"/schedules/{schedule['id']}"
        assert code_of(await rest.post(f"{place}/run")) == (409, "conflict")
        assert await runs(rest, schedule) == []
        again = await rest.client.put(place, json=body(device.device_id))
        assert (again.json()["data"]["status"], again.json()["data"]["owner"]) == (
            "ACTIVE", "admin",
        )  # fmt: skip
        await run_now(rest, schedule)
        await device.command("force_sync")


async def test_a_run_goes_no_further_than_its_owner(
    hub: HubProcess, rest: Rest, fleet: Fleet
) -> None:
    async with obedient(fleet, rest, 2) as devices:
        inside, outside = (each.device_id for each in devices)
        group = await make_group(rest, inside)
        user = await make_user(rest)
        await rest.show_again()
        everywhere = await bind(rest, "ADMIN", ("user", user["id"]))
        async with signed_in(hub, user) as who:
            schedule = await make(who, inside, outside)
        await bind(rest, "ADMIN", ("user", user["id"]), ("group", group))
        assert (await rest.client.delete(f"/role-bindings/{everywhere}")).status_code == 200
        await run_now(rest, schedule)
        run = await ended(rest, schedule)
        assert (run["status"], run["counts"]["success"], run["counts"]["skipped"]) == (
            "PARTLY", 1, 1,
        )  # fmt: skip
        assert run["error"]["code"] == "forbidden"
        assert [len(each.commands) for each in devices] == [1, 0]


async def test_a_member_with_a_scope_has_schedules_of_its_own(
    hub: HubProcess, rest: Rest, fleet: Fleet
) -> None:
    ids = [await fleet.enroll() for _ in range(2)]
    group = await make_group(rest, ids[0])
    foreign = await make(rest, *ids)
    user = await make_user(rest)
    await rest.show_again()
    await bind(rest, "ADMIN", ("user", user["id"]), ("group", group))
    async with signed_in(hub, user) as who:
        mine = await make(who, ids[0])
        assert [each["id"] for each in await who.data("/schedules")] == [mine["id"]]
        for answer in (
            await who.get(f"/schedules/{foreign['id']}"),
            await who.post(f"/schedules/{foreign['id']}/run"),
            await who.client.delete(f"/schedules/{foreign['id']}"),
        ):
            assert code_of(answer) == (404, "not_found")
        refused = await who.post("/schedules", body(ids[1]))
        assert refused.status_code == 404, "a device that it does not see is not there"
        owner = {"userId": user["id"]}
        given = await who.client.put(f"/schedules/{mine['id']}/owner", json=owner)
        assert code_of(given) == (403, "forbidden")


async def test_an_administrator_says_whose_it_is(hub: HubProcess, rest: Rest, fleet: Fleet) -> None:
    schedule = await make(rest, await fleet.enroll())
    path = f"/schedules/{schedule['id']}/owner"
    viewer, other = await make_user(rest, "VIEWER"), await make_user(rest, "ADMIN")
    refused = await rest.client.put(path, json={"userId": viewer["id"]})
    assert code_of(refused) == (400, "invalid")
    given = await rest.client.put(path, json={"userId": other["id"]})
    assert given.json()["data"]["owner"] == other["username"]
    (row,) = await rest.data("/audit-log", target=schedule["id"], action="schedule.owner")
    assert row["changes"]["owner"] == ["admin", other["username"]]


async def test_who_may_not_send_it_may_not_schedule_it(
    hub: HubProcess, rest: Rest, fleet: Fleet
) -> None:
    device_id = await fleet.enroll()
    user = await make_user(rest)
    made = await rest.post(
        "/roles",
        {
            "name": (name := new_id("role")),
            "rules": [
                {"resources": ["schedules"], "verbs": ["create", "get", "list", "update"]},
                {"resources": ["commands/force_sync"], "verbs": ["create"]},
                {"resources": ["devices"], "verbs": ["get", "list"]},
            ],
        },
    )
    assert made.status_code == 201, made.text
    await bind(rest, name, ("user", user["id"]))
    async with signed_in(hub, user) as who:
        await make(who, device_id)
        for more in ({"command": {"type": "reboot_os"}}, {"campaign": SYNC}):
            refused = await who.post("/schedules", body(device_id, **more))
            assert code_of(refused) == (403, "forbidden"), more
        foreign = await make(rest, device_id, command={"type": "clear_queue"})
        refused = await who.post(f"/schedules/{foreign['id']}/run")
        assert code_of(refused) == (403, "forbidden")


# What a second person approves


async def test_a_schedule_and_each_run_wait_for_an_approval(hub: HubProcess, rest: Rest) -> None:
    async with new_organisation(hub, rest) as (_, anna):
        berts = await make_user(anna, "ADMIN")
        key = await anna.post("/settings/enrollment-key")
        await set_to(anna, {"autoEnroll": True})
        fleet = Fleet(hub.url, key.json()["data"]["enrollmentKey"])
        await set_to(anna, ON_REBOOT)
        async with signed_in(hub, berts) as bert, silent(fleet, anna) as device:
            wanted = body(device.device_id, command={"type": "reboot_os"})
            data = awaited(await anna.post("/schedules", wanted))
            assert await anna.data("/schedules") == []
            record = await bert.data(f"/approvals/{data['approvalId']}")
            assert record["scheduleId"] == data["scheduleId"]
            assert record["terms"]["cron"] == "0 0 1 1 *"
            await decide(bert, data["approvalId"])
            (schedule,) = await anna.data("/schedules")
            assert (schedule["id"], schedule["owner"]) == (data["scheduleId"], "admin")

            await run_now(anna, schedule)

            async def waits() -> bool:
                return "approvalId" in (await runs(anna, schedule))[0]

            await until(waits)
            (run,) = await runs(anna, schedule)
            assert (run["status"], run["counts"]["pending"]) == ("RUNNING", 0)
            await decide(bert, run["approvalId"])
            frame = await device.command("reboot_os")
            await device.succeed(frame["id"])
            assert (await ended(anna, schedule))["status"] == "DONE"

            await run_now(anna, schedule)
            await until(waits)
            run = await reached(anna, schedule, "RUNNING", at=1)

            async def waits_again() -> bool:
                return "approvalId" in (await runs(anna, schedule))[1]

            await until(waits_again)
            await decide(bert, (await runs(anna, schedule))[1]["approvalId"], "reject")
            run = await reached(anna, schedule, "FAILED", at=1)
            assert run["error"]["code"] == "approval_rejected"


async def test_a_run_over_the_cap_waits(hub: HubProcess, rest: Rest) -> None:
    async with new_organisation(hub, rest) as (_, anna):
        await make_user(anna, "ADMIN")
        key = await anna.post("/settings/enrollment-key")
        await set_to(anna, {"autoEnroll": True})
        fleet = Fleet(hub.url, key.json()["data"]["enrollmentKey"])
        ids = [await fleet.enroll() for _ in range(2)]
        schedule = await make(anna, *ids, command={"type": "reboot_os"})
        await set_to(anna, {"blastRadius": {"perCall": 1}})
        await run_now(anna, schedule)

        async def waits() -> bool:
            return "approvalId" in (await runs(anna, schedule))[0]

        await until(waits)
        again = awaited(await anna.post("/schedules", body(*ids, command={"type": "reboot_os"})))
        assert again["scheduleId"]


# Bounds


async def test_an_organisation_has_two_hundred(hub: HubProcess, rest: Rest) -> None:
    async with new_organisation(hub, rest) as (_, anna):
        target = {"query": "connected"}
        made = [await make(anna, target=target) for _ in range(200)]
        refused = await anna.post("/schedules", body(target=target))
        assert code_of(refused) == (409, "too_many")
        assert (await anna.client.delete(f"/schedules/{made[0]['id']}")).status_code == 200
        await make(anna, target=target)


async def test_what_a_device_wants_signed_is_refused(rest: Rest, fleet: Fleet) -> None:
    async with silent(fleet, rest) as device:
        command_id = await rest.accept(device.device_id, "reboot_os")
        await device.command("reboot_os")
        error = {"code": "bad_signature", "message": "nobody has signed it"}
        await device.send(
            "result", commandId=command_id, success=False, outcome="rejected", error=error
        )
        await rest.until_status(device.device_id, command_id, "REJECTED")
        wanted = body(device.device_id, command={"type": "reboot_os"})
        assert code_of(await rest.post("/schedules", wanted)) == (409, "needs_signature")


async def test_in_the_zones_of_devices_it_comes_in_each(hub: HubProcess, rest: Rest) -> None:
    async with new_organisation(hub, rest) as (_, anna):
        for name, zone in (("b", "Europe/Berlin"), ("t", "Asia/Tokyo")):
            made = await anna.post("/devices", {"id": new_id(name), "timezone": zone})
            assert made.status_code == 201, made.text
        schedule = await make(
            anna, cron="0 3 * * *", timezone="device", target={"query": "not connected"}
        )
        hours = {datetime.fromisoformat(each).hour for each in schedule["nextRuns"]}
        assert hours <= {1, 2, 18}
        assert len(hours) == 2
        preview = {"cron": "0 3 * * *", "timezone": "device", "from": "2026-06-01T00:00:00Z"}
        answer = await anna.post("/schedules/preview", {**preview, "count": 2})
        assert answer.json()["data"] == ["2026-06-01T01:00:00.000Z", "2026-06-01T18:00:00.000Z"]


async def test_dashboards_hear_of_it(
    hub: HubProcess, rest: Rest, fleet: Fleet, admin_token: str
) -> None:
    async with dashboard(f"{hub.url}/ws/dashboard", admin_token) as socket:
        await subscribe(socket, types=["record_changed"])
        schedule = await make(rest, await fleet.enroll())
        await socket.find("record_changed", kind="schedule", id=schedule["id"])
        await run_now(rest, schedule)
        await socket.find("record_changed", kind="schedule", id=schedule["id"])
        await rest.client.delete(f"/schedules/{schedule['id']}")
        await socket.find("record_changed", kind="schedule", id=schedule["id"])


async def test_another_organisation_sees_nothing(hub: HubProcess, rest: Rest, fleet: Fleet) -> None:
    schedule = await make(rest, await fleet.enroll())
    async with new_organisation(hub, rest) as (_, anna):
        for path in (f"/schedules/{schedule['id']}", f"/schedules/{schedule['id']}/runs"):
            assert code_of(await anna.get(path)) == (404, "not_found")
        assert await anna.data("/schedules") == []
