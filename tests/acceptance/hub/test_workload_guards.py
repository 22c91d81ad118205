"""Who may sign a revision, and what a cap keeps from being removed (workloads 2, 3)."""

from typing import Any

from protocol.base64url import base64url
from protocol.canonical import hash_of
from protocol.workloads import revision_bytes
from tests.acceptance.hub.clients import Fleet, Json, Rest, new_id, until
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.hub.test_approvals import Plant, awaited, plant, set_to
from tests.acceptance.hub.test_rollouts import ends, rolled
from tests.acceptance.hub.test_signed_commands import add_key
from tests.acceptance.hub.test_workloads import assign, made, one, service
from tests.acceptance.hub.workloads import box
from tests.signing import Signer

__all__ = ["plant"]

DIGEST = "sha256:" + "a" * 64


def signed(signer: Signer, name: str, compose: Json, org: str = "default") -> Json:
    value = signer.private.sign(revision_bytes(org, name, hash_of(compose)))
    return {"kind": "ed25519", "keyId": signer.key_id, "value": base64url(value)}


async def test_a_signed_revision_goes_down_as_it_was_signed(fleet: Fleet, rest: Rest) -> None:
    signer, name = await add_key(rest), new_id("app")
    compose = one(f"reg.example/app@{DIGEST}")
    signature = signed(signer, name, compose)
    application = await made(rest, compose, name, signature=signature)
    assert application["revision"]["signed"]
    device_id = await fleet.enroll("box")
    async with box(fleet, rest, device_id) as it:
        await assign(rest, device_id, application)
        (mine,) = (await it.handed())["applications"]
        assert mine["signature"] == signature
        assert hash_of(mine["compose"]) == mine["sha256"]


async def test_what_no_signature_can_be_of(rest: Rest) -> None:
    signer, name = await add_key(rest), new_id("app")
    fine = one(f"reg.example/app@{DIGEST}")
    cases: list[tuple[Json, Json, str]] = [
        (one(), signed(signer, name, one()), "invalid"),
        (filled := {**fine, "services": {"web": {**fine["services"]["web"], "user": "${U}"}}},
         signed(signer, name, filled), "invalid"),
        (fine, signed(signer, "other", fine), "bad_signature"),
        (fine, signed(Signer(), name, fine), "bad_signature"),
    ]  # fmt: skip
    for compose, signature, code in cases:
        body: dict[str, Any] = {"name": name, "compose": compose, "signature": signature}
        answer = await rest.post("/applications", body)
        assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_removing_over_the_cap_waits_for_a_second_person(plant: Plant) -> None:
    application, ids = await made(plant.anna, one()), [await plant.fleet.enroll() for _ in "ab"]
    name = application["name"]
    for device_id in ids:
        await assign(plant.anna, device_id, application)
    await set_to(plant.anna, {"blastRadius": {"perCall": 1, "perHour": 10}})
    path = f"/applications/{name}"
    data = awaited(await plant.anna.client.delete(path))
    assert (await plant.anna.get(path)).status_code == 200
    shown = await plant.bert.data(f"/approvals/{data['approvalId']}")
    assert (shown["command"]["application"], sorted(shown["targets"])) == (name, sorted(ids))
    approved = await plant.bert.post(f"/approvals/{data['approvalId']}/approve", {})
    assert approved.status_code == 200, approved.text

    async def is_gone() -> bool:
        return (await plant.anna.get(path)).status_code == 404

    await until(is_gone)
    assert await plant.anna.data(f"/devices/{ids[0]}/workloads") == []


async def test_a_target_that_leaves_too_many_pauses(plant: Plant) -> None:
    answer = await plant.anna.post("/device-groups", {"name": "presses"})
    members = {"deviceIds": [await plant.fleet.enroll() for _ in "abc"]}
    path = f"/device-groups/{answer.json()['data']['id']}/members"
    await plant.anna.post(path, members)
    application = await made(plant.anna, one(), target="group = presses", removeWhenUnmatched=True)
    name = application["name"]
    current = {"revision": application["revision"]["revision"]}
    await plant.anna.client.put(f"/applications/{name}/current", json=current)

    async def have_it() -> bool:
        return len(await plant.anna.data(f"/applications/{name}/devices")) == 3

    await until(have_it)
    await set_to(plant.anna, {"blastRadius": {"perHour": 2}})
    await plant.anna.client.request("DELETE", path, json=members)

    async def is_paused() -> bool:
        return (await plant.anna.data(f"/applications/{name}"))["status"] == "PAUSED"

    await until(is_paused)
    assert await have_it()
    (row,) = await plant.anna.data("/audit-log", target=name, action="application.pause")
    assert (row["actorKind"], row["detail"]) == ("hub", {"devices": 3})
    page = await plant.anna.get(f"/applications/{name}/devices", limit=2)
    rest = await plant.anna.get(
        f"/applications/{name}/devices", limit=2, cursor=page.json()["page"]["next"]
    )
    found = [each["deviceId"] for each in page.json()["data"] + rest.json()["data"]]
    assert found == sorted(members["deviceIds"])


async def test_every_page_of_an_applications_devices_is_there(plant: Plant) -> None:
    application = await made(plant.anna, one())
    ids = [await plant.fleet.enroll() for _ in range(5)]
    for device_id in ids:
        await assign(plant.anna, device_id, application)
    path, found, cursor = f"/applications/{application['name']}/devices", list[str](), {}
    while True:
        page = (await plant.anna.get(path, limit=2, **cursor)).json()
        found += [each["deviceId"] for each in page["data"]]
        if page["page"]["next"] is None:
            break
        cursor = {"cursor": page["page"]["next"]}
    assert found == sorted(ids)


async def test_what_a_target_gives_needs_the_right_to_it(
    rest: Rest, hub: HubProcess, tokens: dict[str, str]
) -> None:
    application = await made(rest, one(privileged=True))
    path = f"/applications/{application['name']}"
    current = {"revision": application["revision"]["revision"]}
    async with Rest.open(hub.url, tokens["MANAGER"]) as manager:
        answer = await manager.client.put(f"{path}/current", json=current)
        assert answer.status_code == 403
        assert (await rest.client.put(f"{path}/current", json=current)).status_code == 200
        answer = await manager.client.put(path, json={"target": "tag = spare"})
        assert answer.status_code == 403


async def test_a_rollout_whose_owner_lost_the_right_is_paused(plant: Plant) -> None:
    application = await made(plant.bert, one(privileged=True))
    name, device_id = application["name"], await plant.fleet.enroll()
    revision = application["revision"]["revision"]
    rollout = await rolled(plant.bert, name, revision=revision, target={"deviceIds": [device_id]})
    await plant.anna.client.patch(f"/users/{plant.berts['id']}", json={"role": "MANAGER"})
    found = await ends(plant.anna, name, rollout, "PAUSED")
    assert found["stoppedBecause"] == "owner_lacks_right"


async def test_a_restart_is_a_command(fleet: Fleet, rest: Rest) -> None:
    application, device_id = await made(rest, one()), await fleet.enroll("box")
    commands = ["restart_workload"]
    async with box(fleet, rest, device_id, commands=commands) as it:
        await assign(rest, device_id, application)
        await it.handed()
        assert (await service(rest, device_id))["desired"] == "running"
        path = f"/devices/{device_id}/workloads/{application['name']}/web/restart"
        headers = {"Prefer": "respond-async"}
        answer = await rest.client.post(path, headers=headers)
        assert answer.status_code == 202, answer.text
        command = await it.line.find("restart_workload")
        assert (command["application"], command["service"]) == (application["name"], "web")
        await it.line.succeed(command["id"])
        await rest.until_status(device_id, answer.json()["data"]["commandId"], "SUCCESS")
