"""Roll-outs of applications over a real hub: in waves, proven by what devices say (workloads)."""

from typing import Any

import pytest

from tests.acceptance.hub.clients import Fleet, Json, Rest, new_id, until
from tests.acceptance.hub.test_workloads import assign, made, one
from tests.acceptance.hub.workloads import Box, box, entry

QUICK: Json = {"soakSeconds": 1, "phaseTimeoutSeconds": 30}


async def newer(rest: Rest, name: str, compose: Json) -> Json:
    answer = await rest.client.put(f"/applications/{name}", json={"compose": compose})
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()["data"]
    return found


async def rolled(rest: Rest, name: str, **body: Any) -> str:
    answer = await rest.post(f"/applications/{name}/rollouts", {**QUICK, **body})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["data"]["id"])


async def ends(rest: Rest, name: str, rollout: str, status: str, *, seconds: float = 20) -> Json:
    path, found = f"/applications/{name}/rollouts/{rollout}", dict[str, Any]()

    async def has() -> bool:
        nonlocal found
        found = await rest.data(path)
        return bool(found["status"] == status)

    await until(has, seconds=seconds)
    return found


async def device_of(rest: Rest, name: str, rollout: str) -> Json:
    (found,) = await rest.data(f"/applications/{name}/rollouts/{rollout}/devices")
    return dict(found)


async def has_first(rest: Rest, it: Box, application: Json) -> None:
    await assign(rest, it.device_id, application)
    await it.runs(await it.handed(), application["name"])


async def test_a_rollout_succeeds_when_all_services_run_for_the_soak(
    fleet: Fleet, rest: Rest
) -> None:
    first, device_id = await made(rest, one()), await fleet.enroll("box")
    name = first["name"]
    async with box(fleet, rest, device_id) as it:
        await has_first(rest, it, first)
        second = await newer(rest, name, one("busybox:2"))
        revision = second["revision"]["revision"]
        rollout = await rolled(rest, name, revision=revision)
        document = await it.handed()
        assert document["applications"][0]["revision"] == revision
        await it.says(document["version"], name, [entry("web", revision, "starting")])
        assert (await device_of(rest, name, rollout))["status"] == "IN_PROGRESS"
        await it.runs(document, name)
        found = await ends(rest, name, rollout, "SUCCESS")
        assert found["counts"]["success"] == 1
        assert (await rest.data(f"/applications/{name}"))["current"] == revision
        (row,) = await rest.data("/audit-log", target=name, action="application.current")
        assert (row["actorKind"], row["changes"]) == ("hub", {"current": [None, revision]})
        assert [each["id"] for each in await rest.data(f"/applications/{name}/rollouts")] == [
            rollout
        ]
        assert (await rest.get(f"/firmware/deployments/{rollout}")).status_code == 404
        back = await rolled(rest, name, revision=first["revision"]["revision"])
        await it.runs(await it.handed(), name)
        await ends(rest, name, back, "SUCCESS")


async def test_what_a_device_refuses_fails_at_once(fleet: Fleet, rest: Rest) -> None:
    first, device_id = await made(rest, one()), await fleet.enroll("box")
    name = first["name"]
    async with box(fleet, rest, device_id) as it:
        await has_first(rest, it, first)
        second = await newer(rest, name, one(privileged=True))
        rollout = await rolled(rest, name, revision=second["revision"]["revision"])
        document = await it.handed()
        refused = entry(
            "web", first["revision"]["revision"], "error", code="refused_by_device", message="no"
        )
        await it.says(document["version"], name, [refused])
        await ends(rest, name, rollout, "FAILED")
        found = await device_of(rest, name, rollout)
        assert (found["status"], found["error"]["code"]) == ("FAILED", "refused_by_device")


async def test_pinned_and_unset_variables(fleet: Fleet, rest: Rest) -> None:
    first, device_id = await made(rest, one()), await fleet.enroll("box")
    name = first["name"]
    async with box(fleet, rest, device_id) as it:
        await assign(rest, device_id, first, pinned=True)
        await it.runs(await it.handed(), name)
        second = await newer(rest, name, one("busybox:${TAG}"))
        revision = second["revision"]["revision"]
        rollout = await rolled(rest, name, revision=revision)
        await ends(rest, name, rollout, "SUCCESS")
        found = await device_of(rest, name, rollout)
        assert (found["status"], found["reason"]) == ("SKIPPED", "pinned")
        # Nobody has proven it.
        application = await rest.data(f"/applications/{name}")
        assert application["current"] is None
        path = f"/devices/{device_id}/applications/{name}"
        answer = await rest.client.put(path, json={"pinned": False})
        assert answer.json()["data"]["pinned"] is False
        rollout = await rolled(rest, name, revision=revision)
        await ends(rest, name, rollout, "FAILED")
        found = await device_of(rest, name, rollout)
        assert (found["status"], found["error"]["code"]) == ("FAILED", "missing_variable")
        await rest.client.put(f"/devices/{device_id}/variables", json={"TAG": "2"})
        rollout = await rolled(rest, name, revision=revision, target={"deviceIds": [device_id]})
        await it.find_revision(revision)
        await ends(rest, name, rollout, "SUCCESS")


async def test_a_new_version_of_a_secret_comes_with_refresh(fleet: Fleet, rest: Rest) -> None:
    key = new_id("key")
    await rest.post("/secrets", {"name": key, "data": {"a": "1"}})
    compose = {**one(secrets=[key]), "secrets": {key: {"external": True}}}
    first, device_id = await made(rest, compose), await fleet.enroll("box")
    name = first["name"]
    async with box(fleet, rest, device_id) as it:
        await has_first(rest, it, first)
        await rest.client.put(f"/secrets/{key}", json={"data": {"a": "2"}})
        await it.is_handed_nothing()
        rollout = await rolled(rest, name, refresh=True)
        document = await it.handed()
        assert document["secrets"][key]["version"] == 2
        assert document["applications"][0]["sha256"] == first["revision"]["sha256"]
        await it.runs(document, name)
        await ends(rest, name, rollout, "SUCCESS")


@pytest.mark.parametrize("body", [{}, {"revision": "none"}, {"revision": "a", "refresh": True}])
async def test_a_rollout_names_one_thing(rest: Rest, body: Json) -> None:
    application = await made(rest, one())
    answer = await rest.post(f"/applications/{application['name']}/rollouts", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
