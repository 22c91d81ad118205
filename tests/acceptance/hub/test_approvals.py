"""What a second person approves, and caps on dangerous commands."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from subprocess import CompletedProcess, run

import httpx
import pytest_asyncio
from msgspec import Struct

from tests.acceptance.hub.clients import Fleet, Json, Rest, new_id, open_socket, until
from tests.acceptance.hub.people import bind, make_role, make_user, new_organisation, signed_in
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.hub.test_deployments import release
from tests.acceptance.hub.test_signed_commands import add_key, post, reboot
from tests.signing import as_json

REBOOT = {"type": "reboot_os"}
ON_REBOOT: Json = {"approvals": {"resources": ["commands/reboot_os"], "over": 0}}


class Plant(Struct):
    """An organisation of its own, with two administrators."""

    hub: HubProcess
    anna: Rest
    bert: Rest
    berts: Json
    """Bert, as a user."""
    fleet: Fleet


@pytest_asyncio.fixture
async def plant(hub: HubProcess, rest: Rest) -> AsyncGenerator[Plant]:
    async with new_organisation(hub, rest) as (_, anna):
        berts = await make_user(anna, "ADMIN")
        key = await anna.post("/settings/enrollment-key")
        await set_to(anna, {"autoEnroll": True})
        fleet = Fleet(hub.url, key.json()["data"]["enrollmentKey"])
        async with signed_in(hub, berts) as bert:
            yield Plant(hub, anna, bert, berts, fleet)


async def set_to(admin: Rest, settings: Json, status: int = 200) -> Json:
    answer = await admin.client.patch("/settings", json=settings)
    assert answer.status_code == status, answer.text
    found: Json = answer.json()
    return found


def awaited(answer: httpx.Response) -> Json:
    """`data` of a call that waits."""
    assert answer.status_code == 202, answer.text
    data: Json = answer.json()["data"]
    assert data["status"] == "AWAITING"
    assert data.keys() >= {"approvalId", "expiresAt"}
    return data


async def decide(who: Rest, approval_id: str, verdict: str = "approve", **body: str) -> Json:
    answer = await who.post(f"/approvals/{approval_id}/{verdict}", body)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()["data"]
    return found


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


# Asked for, approved, rejected, taken back


async def test_what_is_set_waits_and_is_sent_when_another_account_approves(plant: Plant) -> None:
    await set_to(plant.anna, ON_REBOOT)
    async with plant.fleet.new_line() as device:
        data = awaited(await plant.anna.dispatch(device.device_id, REBOOT, timeoutMs=150_000))
        command_id = data["commandId"]

        record = await plant.anna.record(device.device_id, command_id)
        assert (record["status"], record["success"]) == ("AWAITING", None)
        assert record["approval"]["approvalId"] == data["approvalId"]
        assert await plant.anna.data(f"/devices/{device.device_id}/commands") == []
        (listed,) = await plant.bert.data("/approvals", status="AWAITING")
        assert listed["command"] == {"type": "reboot_os", "delaySeconds": 0}
        assert listed["terms"]["timeoutMs"] == 150_000
        assert listed["targets"] == [device.device_id]
        assert listed["commandId"] == command_id
        assert (listed["reason"], listed["mine"]) == ("approvals", False)

        done = await decide(plant.bert, data["approvalId"], comment="after the shift")
        assert (done["status"], done["comment"]) == ("APPROVED", "after the shift")
        assert done["approvedBy"] == plant.berts["username"]
        frame = await device.frame()
        assert (frame["type"], frame["id"]) == ("reboot_os", command_id)
        record = await plant.anna.record(device.device_id, command_id)
        assert record["status"] == "SENT"
        assert "approval" not in record
        assert record["createdAt"] >= done["decidedAt"]


async def test_what_is_not_named_goes_on_as_ever(plant: Plant) -> None:
    await set_to(plant.anna, ON_REBOOT)
    async with plant.fleet.new_line() as device:
        await plant.anna.accept(device.device_id, "force_sync")
        assert (await device.frame())["type"] == "force_sync"


async def test_the_same_call_joins_and_another_with_its_id_does_not(plant: Plant) -> None:
    await set_to(plant.anna, ON_REBOOT)
    device_id, name = await plant.fleet.enroll(), new_id("cmd")
    chosen = {**REBOOT, "id": name}
    first = awaited(await plant.anna.dispatch(device_id, chosen))
    assert first["commandId"] == name
    assert awaited(await plant.anna.dispatch(device_id, chosen)) == first
    other = await plant.anna.dispatch(device_id, {**chosen, "delaySeconds": 9})
    assert code_of(other) == (409, "conflict")
    harmless = await plant.anna.dispatch(device_id, {"type": "force_sync", "id": name})
    assert code_of(harmless) == (409, "conflict")

    await decide(plant.bert, first["approvalId"])
    joined = await plant.anna.dispatch(device_id, chosen)
    assert joined.json()["data"]["error"]["code"] == "device_offline"
    assert len(await plant.anna.data("/approvals")) == 1


async def test_an_idempotency_key_joins_before_and_after(plant: Plant) -> None:
    await set_to(plant.anna, ON_REBOOT)
    device_id = await plant.fleet.enroll()
    key = {"Idempotency-Key": new_id("key")}
    first = awaited(await plant.anna.dispatch(device_id, REBOOT, headers=key))
    assert awaited(await plant.anna.dispatch(device_id, REBOOT, headers=key)) == first
    await decide(plant.bert, first["approvalId"], "reject")
    again = await plant.anna.dispatch(device_id, REBOOT, headers=key)
    assert again.json()["data"]["commandId"] == first["commandId"]
    assert again.json()["data"]["error"]["code"] == "approval_rejected"


async def test_nobody_decides_alone_or_twice(plant: Plant) -> None:
    await set_to(plant.anna, ON_REBOOT)
    data = awaited(await plant.anna.dispatch(await plant.fleet.enroll(), REBOOT))
    path = f"/approvals/{data['approvalId']}"
    assert code_of(await plant.anna.post(f"{path}/approve", {})) == (403, "forbidden")
    assert code_of(await plant.anna.post(f"{path}/reject", {})) == (403, "forbidden")
    await decide(plant.bert, data["approvalId"])
    assert code_of(await plant.bert.post(f"{path}/approve", {})) == (409, "ended")
    assert code_of(await plant.bert.post(f"{path}/reject", {})) == (409, "ended")
    missing = await plant.bert.post("/approvals/none/approve", {})
    assert code_of(missing) == (404, "not_found")


async def test_a_key_counts_as_its_owner_and_a_service_account_decides_nothing(
    plant: Plant,
) -> None:
    await set_to(plant.anna, ON_REBOOT)
    data = awaited(await plant.anna.dispatch(await plant.fleet.enroll(), REBOOT))
    path = f"/approvals/{data['approvalId']}/approve"

    async def key_of(admin: Rest, **of: str) -> str:
        body = {"name": "k", "role": "ADMIN", **of}
        made = await admin.post("/api-keys", body)
        assert made.status_code == 201, made.text
        return str(made.json()["data"]["key"])

    service = await plant.bert.post("/service-accounts", {"name": "robot"})
    robot = service.json()["data"]["id"]
    await bind(plant.bert, "ADMIN", ("service_account", robot))
    own, robots = await key_of(plant.anna), await key_of(plant.bert, serviceAccountId=robot)
    for key in (own, robots):
        async with Rest.open(plant.hub.url, key) as caller:
            assert code_of(await caller.post(path, {})) == (403, "forbidden")
    async with Rest.open(plant.hub.url, await key_of(plant.bert)) as caller:
        assert (await caller.post(path, {})).status_code == 200


async def test_who_may_not_send_it_may_not_approve_it(plant: Plant) -> None:
    await set_to(plant.anna, ON_REBOOT)
    data = awaited(await plant.anna.dispatch(await plant.fleet.enroll(), REBOOT))
    user = await make_user(plant.anna)
    role = await make_role(
        plant.anna, {"resources": ["approvals"], "verbs": ["list", "get", "update"]}
    )
    await bind(plant.anna, role, ("user", user["id"]))
    async with signed_in(plant.hub, user) as caller:
        assert len(await caller.data("/approvals")) == 1
        answer = await caller.post(f"/approvals/{data['approvalId']}/approve", {})
        assert code_of(answer) == (403, "forbidden")


async def test_what_is_rejected_is_one_ended_record(plant: Plant) -> None:
    await set_to(plant.anna, ON_REBOOT)
    async with plant.fleet.new_line() as device:
        data = awaited(await plant.anna.dispatch(device.device_id, REBOOT))
        await decide(plant.bert, data["approvalId"], "reject", comment="not now")
        (record,) = await plant.anna.data(f"/devices/{device.device_id}/commands")
        assert (record["status"], record["success"]) == ("CANCELLED", False)
        assert record["error"]["code"] == "approval_rejected"
        assert record["commandId"] == data["commandId"]
        await plant.anna.accept(device.device_id)
        assert (await device.frame())["type"] == "force_sync"  # and nothing before it


async def test_delete_withdraws_what_waits(plant: Plant) -> None:
    await set_to(plant.anna, ON_REBOOT)
    device_id = await plant.fleet.enroll()
    data = awaited(await plant.anna.dispatch(device_id, REBOOT))
    path = f"/devices/{device_id}/commands/{data['commandId']}"
    answer = await plant.bert.client.delete(path)
    assert answer.status_code == 202, answer.text
    assert answer.json()["data"]["status"] == "CANCELLED"
    assert answer.json()["data"]["error"]["code"] == "cancelled"
    approval = await plant.anna.data(f"/approvals/{data['approvalId']}")
    assert approval["status"] == "CANCELLED"
    assert code_of(await plant.bert.client.delete(path)) == (409, "ended")


async def test_who_asked_takes_it_back(plant: Plant) -> None:
    await set_to(plant.anna, ON_REBOOT)
    ids = [await plant.fleet.enroll() for _ in range(2)]
    body = {"deviceIds": ids, "command": REBOOT}
    data = awaited(await plant.anna.post("/commands/bulk", body))
    path = f"/approvals/{data['approvalId']}"
    assert code_of(await plant.bert.client.delete(path)) == (403, "forbidden")
    taken = await plant.anna.client.delete(path)
    assert taken.json()["data"]["status"] == "CANCELLED"
    rows = await plant.anna.data("/commands", batchId=data["batchId"])
    assert [row["status"] for row in rows] == ["CANCELLED", "CANCELLED"]


async def test_a_caller_may_ask_where_nothing_is_set(plant: Plant) -> None:
    device_id = await plant.fleet.enroll()
    data = awaited(await plant.anna.dispatch(device_id, REBOOT, approval=True))
    approval = await plant.anna.data(f"/approvals/{data['approvalId']}")
    assert (approval["reason"], approval["mine"]) == ("asked", True)
    await decide(plant.bert, data["approvalId"])
    record = await plant.anna.record(device_id, data["commandId"])
    assert record["error"]["code"] == "device_offline"


# Many targets


async def test_a_bulk_call_waits_as_a_whole_above_so_many_targets(plant: Plant) -> None:
    await set_to(plant.anna, {"approvals": {"resources": ["commands/*"], "over": 1}})
    async with AsyncExitStack() as stack:
        devices = [await stack.enter_async_context(plant.fleet.new_line()) for _ in range(2)]
        ids = [device.device_id for device in devices]
        alone = await plant.anna.post(
            "/commands/bulk",
            {"deviceIds": ids[:1], "command": {"type": "force_sync"}},
            Prefer="respond-async",
        )
        assert "results" in alone.json()["data"]
        await devices[0].expect("force_sync")
        gone = await plant.fleet.enroll()
        body = {"deviceIds": [*ids, gone, "nobody"], "command": {"type": "pull_logs", "lines": 5}}
        data = awaited(await plant.anna.post("/commands/bulk", body))
        approval = await plant.bert.data(f"/approvals/{data['approvalId']}")
        assert sorted(approval["targets"]) == sorted([*ids, gone])
        assert await plant.anna.data("/commands", batchId=data["batchId"]) == []

        deleted = await plant.anna.client.delete(f"/devices/{gone}")
        assert deleted.status_code == 200
        done = await decide(plant.bert, data["approvalId"])
        for device in devices:
            assert (await device.frame())["lines"] == 5
        assert done["refused"][gone]["code"] == "not_found"
        rows = await plant.anna.data("/commands", batchId=data["batchId"])
        assert {row["deviceId"] for row in rows} == set(ids)


async def test_a_group_call_is_a_bulk_call(plant: Plant) -> None:
    await set_to(plant.anna, ON_REBOOT)
    ids = [await plant.fleet.enroll() for _ in range(2)]
    made = await plant.anna.post("/device-groups", {"name": new_id("group")})
    group = f"/device-groups/{made.json()['data']['id']}"
    await plant.anna.post(f"{group}/members", {"deviceIds": ids})
    data = awaited(await plant.anna.post(f"{group}/commands", {"command": REBOOT}))
    await decide(plant.bert, data["approvalId"], "reject")
    rows = await plant.anna.data("/commands", batchId=data["batchId"])
    assert [row["error"]["code"] for row in rows] == ["approval_rejected"] * 2


# Rights at that moment


async def operator(plant: Plant) -> tuple[Json, str]:
    """(somebody who may reboot, by which binding)."""
    user = await make_user(plant.anna)
    rule = {"resources": ["commands/reboot_os"], "verbs": ["create"]}
    seeing = {"resources": ["devices", "commands"], "verbs": ["get", "list"]}
    role = await make_role(plant.anna, rule, seeing)
    return user, await bind(plant.anna, role, ("user", user["id"]))


async def test_an_asker_who_has_lost_the_right_sends_nothing(plant: Plant) -> None:
    await set_to(plant.anna, ON_REBOOT)
    user, binding = await operator(plant)
    async with plant.fleet.new_line() as device, signed_in(plant.hub, user) as caller:
        data = awaited(await caller.dispatch(device.device_id, REBOOT))
        await plant.anna.client.delete(f"/role-bindings/{binding}")
        done = await decide(plant.bert, data["approvalId"])
        assert (done["status"], done["error"]["code"]) == ("CANCELLED", "forbidden")
        record = await plant.anna.record(device.device_id, data["commandId"])
        assert (record["status"], record["error"]["code"]) == ("CANCELLED", "forbidden")
        await plant.anna.accept(device.device_id)
        assert (await device.frame())["type"] == "force_sync"


async def test_a_device_out_of_reach_by_then_is_an_entry_of_its_own(plant: Plant) -> None:
    await set_to(plant.anna, ON_REBOOT)
    ids = [await plant.fleet.enroll() for _ in range(2)]
    made = await plant.anna.post("/device-groups", {"name": new_id("group")})
    group = made.json()["data"]["id"]
    members = f"/device-groups/{group}/members"
    await plant.anna.post(members, {"deviceIds": ids})
    user = await make_user(plant.anna)
    rule = {"resources": ["commands/reboot_os"], "verbs": ["create"]}
    role = await make_role(plant.anna, rule)
    await bind(plant.anna, role, ("user", user["id"]), ("group", group))
    async with signed_in(plant.hub, user) as caller:
        body = {"deviceIds": ids, "command": REBOOT}
        data = awaited(await caller.post("/commands/bulk", body))
        await plant.anna.client.request("DELETE", members, json={"deviceIds": ids[:1]})
        done = await decide(plant.bert, data["approvalId"])
        assert done["status"] == "APPROVED"
        rows = await plant.anna.data("/commands", batchId=data["batchId"])
        codes = {row["deviceId"]: (row["status"], row["error"]["code"]) for row in rows}
        assert codes == {
            ids[0]: ("CANCELLED", "forbidden"),
            ids[1]: ("FAILED", "device_offline"),
        }


async def test_what_the_device_does_not_take_any_more_has_an_end(plant: Plant) -> None:
    device_id = await plant.fleet.enroll()
    data = awaited(await plant.anna.dispatch(device_id, REBOOT, delivery="queue", approval=True))
    for _ in range(50):
        await plant.anna.accept(device_id, "clear_queue", delivery="queue")
    done = await decide(plant.bert, data["approvalId"])
    assert done["refused"][device_id]["code"] == "too_many_commands"
    record = await plant.anna.record(device_id, data["commandId"])
    assert (record["status"], record["error"]["code"]) == ("REJECTED", "too_many_commands")


# The settings


async def test_an_administrator_alone_cannot_switch_it_on(hub: HubProcess, rest: Rest) -> None:
    async with new_organisation(hub, rest) as (_, alone):
        answer = await set_to(alone, ON_REBOOT, 409)
        assert answer["code"] == "conflict"
        await set_to(alone, {"blastRadius": {"perCall": 1}})
        assert (await set_to(alone, {"blastRadius": {"perCall": 2}}, 409))["code"] == "conflict"
        wrong = await set_to(alone, {"approvals": {"resources": ["commands/none"]}}, 400)
        assert wrong["errors"][0]["field"] == "approvals.resources[0]"


async def test_weakening_waits_and_strengthening_does_not(plant: Plant) -> None:
    await set_to(plant.anna, ON_REBOOT)
    await set_to(plant.anna, {"blastRadius": {"perCall": 5, "perHour": 10}})
    await set_to(plant.anna, {"blastRadius": {"perCall": 4}})
    off: Json = {"approvals": {"resources": []}}
    data = awaited(await plant.anna.client.patch("/settings", json=off))
    shown = await plant.anna.data("/settings")
    assert shown["approvals"] == ON_REBOOT["approvals"]
    assert shown["blastRadius"] == {"perCall": 4, "perHour": 10}
    approval = await plant.bert.data(f"/approvals/{data['approvalId']}")
    assert (approval["settings"], approval["reason"]) == (off, "weakens")

    await decide(plant.bert, data["approvalId"])
    assert (await plant.anna.data("/settings"))["approvals"]["resources"] == []
    (row,) = (await plant.anna.data("/audit-log", action="settings.update"))[:1]
    assert row["changes"]["approvals"][1]["resources"] == []
    more = awaited(
        await plant.anna.client.patch("/settings", json={"blastRadius": {"perHour": None}})
    )
    await decide(plant.bert, more["approvalId"], "reject")
    assert (await plant.anna.data("/settings"))["blastRadius"]["perHour"] == 10


# Caps


async def test_a_call_over_the_cap_waits_as_a_whole(plant: Plant) -> None:
    await set_to(plant.anna, {"blastRadius": {"perCall": 1}})
    ids = [await plant.fleet.enroll() for _ in range(2)]
    body = {"deviceIds": ids, "command": REBOOT}
    data = awaited(await plant.anna.post("/commands/bulk", body))
    assert (await plant.anna.data(f"/approvals/{data['approvalId']}"))["reason"] == "per_call"
    harmless = await plant.anna.post(
        "/commands/bulk", {"deviceIds": ids, "command": {"type": "force_sync"}}
    )
    assert harmless.status_code == 200
    single = await plant.anna.dispatch(ids[0], REBOOT)
    assert single.status_code == 200


async def test_where_nobody_could_approve_it_is_refused(hub: HubProcess, rest: Rest) -> None:
    async with new_organisation(hub, rest) as (_, alone):
        key = await alone.post("/settings/enrollment-key")
        await set_to(alone, {"autoEnroll": True, "blastRadius": {"perCall": 1, "perHour": 1}})
        fleet = Fleet(hub.url, key.json()["data"]["enrollmentKey"])
        async with fleet.new_line() as device:
            ids = [device.device_id, await fleet.enroll()]
            answer = await alone.post("/commands/bulk", {"deviceIds": ids, "command": REBOOT})
            assert code_of(answer) == (429, "blast_radius")
            assert int(answer.headers["retry-after"]) > 0
            await alone.accept(device.device_id, REBOOT)
            assert code_of(await alone.dispatch(device.device_id, REBOOT)) == (
                429,
                "blast_radius",
            )
            rows = await alone.data("/audit-log", action="approval.ask", outcome="refused")
            assert len(rows) >= 1


async def test_what_was_not_sent_does_not_count_for_the_hour(plant: Plant) -> None:
    await set_to(plant.anna, {"blastRadius": {"perHour": 2}})
    away = await plant.fleet.enroll()
    for _ in range(3):
        offline = await plant.anna.dispatch(away, REBOOT)
        assert offline.json()["data"]["error"]["code"] == "device_offline"
    async with plant.fleet.new_line() as device:
        chosen = {**REBOOT, "id": new_id("cmd")}
        await plant.anna.accept(device.device_id, chosen)
        await plant.anna.accept(device.device_id, chosen)  # the same one
        await plant.anna.accept(device.device_id, REBOOT)
        data = awaited(await plant.anna.dispatch(device.device_id, REBOOT))
        assert (await plant.anna.data(f"/approvals/{data['approvalId']}"))["reason"] == "per_hour"
        await decide(plant.bert, data["approvalId"])  # which does not count
        assert [(await device.frame())["type"] for _ in range(3)] == ["reboot_os"] * 3


async def test_the_hour_is_counted_exactly_by_many_at_once(plant: Plant) -> None:
    await set_to(plant.anna, {"blastRadius": {"perHour": 5}})
    async with plant.fleet.new_line() as device:
        calls = (
            plant.anna.dispatch(device.device_id, REBOOT, headers={"Prefer": "respond-async"})
            for _ in range(12)
        )
        answers = await asyncio.gather(*calls)
        states = [answer.json()["data"]["status"] for answer in answers]
        assert states.count("AWAITING") == 7


# Deployments: the campaign of update_firmware


async def test_a_deployment_waits_under_the_id_that_it_will_have(plant: Plant) -> None:
    await set_to(plant.anna, {"approvals": {"resources": ["commands/update_firmware"]}})
    device_id = await plant.fleet.enroll()
    made = await release(plant.anna, new_id("v"))
    body = {"releaseId": made["id"], "target": {"deviceIds": [device_id]}}
    data = awaited(await plant.anna.post("/firmware/deployments", body))
    path = f"/firmware/deployments/{data['campaignId']}"
    shown = await plant.anna.data(path)
    assert (shown["status"], shown["counts"]["pending"]) == ("AWAITING", 1)
    assert shown["approval"]["approvalId"] == data["approvalId"]
    assert await plant.anna.data("/firmware/deployments") == []
    kept = await plant.anna.client.delete(f"/firmware/releases/{made['id']}")
    assert code_of(kept) == (409, "conflict")
    approval = await plant.bert.data(f"/approvals/{data['approvalId']}")
    assert approval["command"]["releaseId"] == made["id"]
    assert approval["terms"]["soakSeconds"] == 60

    await decide(plant.bert, data["approvalId"])
    shown = await plant.anna.data(path)
    assert shown["status"] in ("PENDING", "IN_PROGRESS")
    assert shown["createdBy"] == "admin"
    assert "approval" not in shown


async def test_a_deployment_that_is_not_approved_ends_before_it_begins(plant: Plant) -> None:
    made = await release(plant.anna, new_id("v"))
    body = {
        "releaseId": made["id"],
        "target": {"deviceIds": [await plant.fleet.enroll()]},
        "approval": True,
    }
    data = awaited(await plant.anna.post("/firmware/deployments", body))
    await decide(plant.bert, data["approvalId"], "reject")
    shown = await plant.anna.data(f"/firmware/deployments/{data['campaignId']}")
    assert (shown["status"], shown["stoppedBecause"]) == ("ABORTED", "approval_rejected")

    data = awaited(await plant.anna.post("/firmware/deployments", body))
    path = f"/firmware/deployments/{data['campaignId']}"
    aborted = await plant.bert.post(f"{path}/abort")
    assert aborted.json()["data"]["status"] == "ABORTED"
    assert (await plant.anna.data(f"/approvals/{data['approvalId']}"))["status"] == "CANCELLED"


async def test_a_wave_of_what_is_guarded_is_approved_by_another_than_its_owner(
    plant: Plant,
) -> None:
    await set_to(plant.anna, {"approvals": {"resources": ["commands/force_sync"]}})
    async with plant.fleet.new_line() as device:
        targets = [device.device_id, await plant.fleet.enroll()]
        body = {
            "command": {"type": "force_sync"},
            "target": {"deviceIds": targets},
            "waves": [{"count": 1}, {"percent": 100}],
            "approval": "first_wave",
        }
        data = awaited(await plant.anna.post("/campaigns", body))
        await decide(plant.bert, data["approvalId"])
        path = f"/campaigns/{data['campaignId']}"
        command = await device.find("force_sync")
        await device.send("result", commandId=command["id"], success=True)

        async def waits() -> bool:
            return (await plant.anna.data(path))["status"] == "AWAITING"

        await until(waits)
        answer = await plant.anna.post(f"{path}/approve", {"wave": 1})
        assert code_of(answer) == (403, "forbidden")
        answer = await plant.bert.post(f"{path}/approve", {"wave": 1})
        assert answer.status_code == 200, answer.text
        await plant.anna.post(f"{path}/abort")


async def test_a_revert_of_a_configuration_is_a_push(plant: Plant) -> None:
    device_id = await plant.fleet.enroll()
    push = {"type": "push_config", "patch": {"rate": 3}}
    await plant.anna.accept(device_id, push, delivery="queue")
    await set_to(plant.anna, {"approvals": {"resources": ["commands/push_config"]}})
    answer = await plant.anna.post(f"/devices/{device_id}/config/revert", {"version": 0})
    data = awaited(answer)
    assert (await plant.anna.data(f"/devices/{device_id}/config"))["desired"] == {"rate": 3}
    await decide(plant.bert, data["approvalId"])
    assert (await plant.anna.data(f"/devices/{device_id}/config"))["desired"] == {}


# Told to others


async def test_who_may_not_send_it_does_not_see_what_is_in_it(plant: Plant) -> None:
    shell = {"type": "exec_shell", "template": "wipe", "args": {"disk": "sda"}}
    device_id = await plant.fleet.enroll()
    data = awaited(await plant.anna.dispatch(device_id, shell, approval=True))
    user = await make_user(plant.anna, "VIEWER")
    path = f"/approvals/{data['approvalId']}"
    async with signed_in(plant.hub, user) as viewer:
        found = await viewer.data(path)
        assert found["command"] == {"type": "exec_shell", "params": "hidden"}
        record = await viewer.record(device_id, data["commandId"])
        assert (record["params"], record["hidden"]) == ("hidden", ["params"])
        assert code_of(await viewer.post(f"{path}/approve", {})) == (403, "forbidden")
    assert (await plant.bert.data(path))["command"]["args"] == {"disk": "sda"}


async def test_a_member_with_a_scope_sees_what_waits_for_its_devices_alone(plant: Plant) -> None:
    ids = [await plant.fleet.enroll() for _ in range(2)]
    held = [awaited(await plant.anna.dispatch(each, REBOOT, approval=True)) for each in ids]
    user = await make_user(plant.anna)
    await bind(plant.anna, "VIEWER", ("user", user["id"]), ("device", ids[0]))
    async with signed_in(plant.hub, user) as viewer:
        record = await viewer.record(ids[0], held[0]["commandId"])
        assert record["status"] == "AWAITING"
        other = await viewer.get(f"/devices/{ids[1]}/commands/{held[1]['commandId']}")
        assert code_of(other) == (404, "not_found")
        assert code_of(await viewer.get("/approvals")) == (403, "forbidden")


async def test_dashboards_hear_of_each_step(plant: Plant) -> None:
    ticket = (await plant.anna.post("/auth/ws-ticket")).json()["data"]["ticket"]
    async with open_socket(f"{plant.hub.url}/ws/dashboard?ticket={ticket}") as socket:
        await socket.send("subscribe", id="s", types=["record_changed"])
        await socket.expect("subscribed")
        data = awaited(await plant.anna.dispatch(await plant.fleet.enroll(), REBOOT, approval=True))
        await decide(plant.bert, data["approvalId"], "reject")
        heard: list[Json] = []
        while len(heard) < 2:
            event = await socket.expect("record_changed")
            heard += [event] if event["kind"] == "approval" else []
        assert [event["id"] for event in heard] == [data["approvalId"]] * 2


async def test_dashboards_and_the_audit_hear_of_it(plant: Plant) -> None:
    await set_to(plant.anna, ON_REBOOT)
    data = awaited(await plant.anna.dispatch(await plant.fleet.enroll(), REBOOT))
    await decide(plant.bert, data["approvalId"])
    rows = await plant.anna.data("/audit-log", target=data["approvalId"])
    assert [row["action"] for row in rows] == ["approval.approve", "approval.ask"]
    assert rows[1]["detail"]["call"]["command"] == "reboot_os"
    (row,) = await plant.anna.data("/audit-log", action="command.reboot_os")
    assert row["detail"]["approvalId"] == data["approvalId"]


# Signed by a person


async def test_a_signed_command_waits_no_longer_than_its_signature_counts(plant: Plant) -> None:
    await set_to(plant.anna, ON_REBOOT)
    signer = await add_key(plant.anna)
    async with plant.fleet.new_line() as device:
        org = (await plant.anna.data("/auth/me"))["orgId"]
        command = reboot(device.device_id, org=org)
        signature = as_json(signer.sign(command))
        data = awaited(await post(plant.anna, command, signature))
        assert data["commandId"] == command.command_id
        assert data["expiresAt"] == command.not_after
        again = awaited(await post(plant.anna, command, signature))
        assert again["approvalId"] == data["approvalId"]
        await decide(plant.bert, data["approvalId"])
        frame = await device.find("reboot_os")
        assert (frame["id"], frame["signature"]) == (command.command_id, signature)


async def test_a_signature_that_does_not_count_waits_for_nobody(plant: Plant) -> None:
    await set_to(plant.anna, ON_REBOOT)
    signer = await add_key(plant.anna)
    device = await plant.fleet.enroll()
    elsewhere = reboot(device, org="elsewhere")
    answer = await post(plant.anna, elsewhere, as_json(signer.sign(elsewhere)))
    assert code_of(answer) == (400, "bad_signature")
    assert await plant.bert.data("/approvals", status="AWAITING") == []


# On the command line


def longline_approvals(plant: Plant, token: str, *arguments: str) -> "CompletedProcess[str]":
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("LONGLINE_")}
    said = {"LONGLINE_HUB_URL": plant.hub.url, "LONGLINE_TOKEN": token}
    return run(
        [sys.executable, "-m", "longline", "approvals", *arguments],
        capture_output=True, text=True, check=False, env=inherited | said, timeout=60,
    )  # fmt: skip


async def test_a_second_person_decides_on_the_command_line(plant: Plant) -> None:
    await set_to(plant.anna, ON_REBOOT)
    keys = [
        (await who.post("/api-keys", {"name": "shell", "role": "ADMIN"})).json()["data"]["key"]
        for who in (plant.anna, plant.bert)
    ]
    async with plant.fleet.new_line() as device:
        first = awaited(await plant.anna.dispatch(device.device_id, REBOOT))["approvalId"]
        second = awaited(await plant.anna.dispatch(device.device_id, REBOOT))["approvalId"]
        shown = await asyncio.to_thread(longline_approvals, plant, keys[1], "list")
        assert {json.loads(line)["id"] for line in shown.stdout.splitlines()} == {first, second}
        own = await asyncio.to_thread(longline_approvals, plant, keys[0], "approve", first)
        assert (own.returncode, "refused (403)" in own.stderr) == (1, True), own.stderr
        done = await asyncio.to_thread(
            longline_approvals, plant, keys[1], "approve", first, "--comment", "after the shift"
        )
        assert done.stdout == f"{first} is APPROVED\n", done.stderr
        await device.find("reboot_os")
        other = await asyncio.to_thread(longline_approvals, plant, keys[1], "reject", second)
        assert other.stdout == f"{second} is REJECTED\n", other.stderr
