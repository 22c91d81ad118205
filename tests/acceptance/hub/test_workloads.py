"""Applications on devices over a real hub: made, assigned, handed over, told of (workloads)."""

import base64
import time
from collections import Counter
from collections.abc import AsyncGenerator
from typing import Any

import pytest
import pytest_asyncio

from protocol.canonical import hash_of
from tests.acceptance.hub.clients import Fleet, Json, Rest, new_id, until
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.hub.workloads import box, entry

WEB = """
services:
  web:
    image: busybox:1
    command: httpd -p ${PORT:-8080}
    environment: {SITE: "${SITE}"}
"""


def one(image: str = "busybox:1", **more: Any) -> Json:
    return {"services": {"web": {"image": image, **more}}}


async def made(rest: Rest, compose: str | Json, name: str | None = None, **more: Any) -> Json:
    """With its revision."""
    body = {"name": name or new_id("app"), "compose": compose, **more}
    answer = await rest.post("/applications", body)
    assert answer.status_code == 201, answer.text
    found: Json = answer.json()["data"]
    return found


async def assign(rest: Rest, device_id: str, application: Json, **more: Any) -> Json:
    body = {"revision": application["revision"]["revision"], **more}
    path = f"/devices/{device_id}/applications/{application['name']}"
    answer = await rest.client.put(path, json=body)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()["data"]
    return found


async def service(rest: Rest, device_id: str, name: str = "web") -> Json:
    found = await rest.data(f"/devices/{device_id}/workloads")
    (one,) = [each for each in found if each["service"] == name]
    return dict(one)


async def test_what_compose_says_is_kept_as_one_form(rest: Rest) -> None:
    compose = "services:\n  web:\n    image: busybox\n    restart: no\n    ports: ['22:22']\n"
    answer = await rest.post("/applications/normalise", {"compose": compose})
    found = answer.json()["data"]
    ports = [{"target": 22, "published": "22"}]
    form = {"services": {"web": {"image": "busybox", "restart": "no", "ports": ports}}}
    assert found == {"compose": form, "sha256": hash_of(form)}
    as_json = await rest.post("/applications/normalise", {"compose": form})
    assert as_json.json()["data"] == found
    application = await made(rest, compose)
    assert application["revision"]["sha256"] == found["sha256"]
    versions: Json = {"configMaps": {}, "secrets": {}}
    assert application["revision"]["revision"] == hash_of({"sha256": found["sha256"], **versions})
    assert (application["current"], application["revision"]["pinned"]) == (None, False)


async def test_a_file_of_yaml_names_its_application(rest: Rest) -> None:
    name = new_id("app")
    text = f"name: {name}\nservices: {{web: {{image: busybox}}}}\n"
    headers = {"Content-Type": "application/yaml"}
    answer = await rest.client.post("/applications", content=text, headers=headers)
    assert answer.status_code == 201, answer.text
    assert answer.json()["data"]["name"] == name
    again = await rest.client.post("/applications", content=text, headers=headers)
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    other = text.replace("busybox", "busybox:2")
    changed = await rest.client.put(f"/applications/{name}", content=other, headers=headers)
    assert changed.json()["data"]["revision"]["compose"]["services"]["web"]["image"] == "busybox:2"
    revisions = await rest.data(f"/applications/{name}/revisions")
    assert [each["compose"]["services"]["web"]["image"] for each in revisions] == [
        "busybox:2",
        "busybox",
    ]


BOMB = "\n".join(
    ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    + [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
)
REFUSED = {
    "services:\n  web:\n    image: a\n    image: b\n": ("services.web.image", 4),
    "services:\n  web:\n    image: a\n    extends: x\n": ("services.web.extends", 4),
    "services:\n  web: {image: a}\nvolumes:\n  data: {driver_opts: {device: /}}\n": (
        "volumes.data.driver_opts",
        4,
    ),
    BOMB: ("a4[0]", 5),
}


@pytest.mark.parametrize("compose", REFUSED, ids=["twice", "extends", "driver_opts", "bomb"])
async def test_what_is_refused_has_place_and_line_at_once(rest: Rest, compose: str) -> None:
    began = time.monotonic()
    answer = await rest.post("/applications", {"name": new_id("app"), "compose": compose})
    assert time.monotonic() - began < 1
    assert answer.status_code == 400
    found = answer.json()["errors"][0]
    assert (found["field"], found["line"]) == REFUSED[compose]


async def test_a_device_is_handed_what_it_shall_run_and_says_what_it_does(
    fleet: Fleet, rest: Rest
) -> None:
    application, device_id = await made(rest, WEB), await fleet.enroll("box")
    name, revision = application["name"], application["revision"]["revision"]
    async with box(fleet, rest, device_id) as it:
        await it.is_handed_nothing()
        variables = {"SITE": "berlin"}
        await rest.client.put(f"/devices/{device_id}/variables", json=variables)
        await assign(rest, device_id, application)
        document = await it.handed()
        (mine,) = document["applications"]
        assert (mine["name"], mine["revision"], mine["stopped"]) == (name, revision, [])
        assert mine["sha256"] == application["revision"]["sha256"]
        web = mine["compose"]["services"]["web"]
        assert web["environment"] == {"SITE": "berlin"}
        assert web["command"] == ["httpd", "-p", "8080"]

        shown = await service(rest, device_id)
        assert (shown["desired"], shown["state"], shown["observedAt"]) == ("running", None, None)
        await it.says(document["version"], name, [entry("web", revision, "pulling")])
        await it.runs(document, name)

        async def is_shown() -> bool:
            return (await service(rest, device_id))["state"] == "running"

        await until(is_shown)
        events = await rest.data(f"/devices/{device_id}/events", type="workload_status")
        states = [each["event"]["services"][0]["state"] for each in events]
        assert states == ["running", "pulling"]

        etag = (await it.get()).headers["etag"]
        assert (await it.get(**{"If-None-Match": etag})).status_code == 304
    async with box(fleet, rest, device_id, document["version"]) as it:
        await it.is_handed_nothing()
    async with box(fleet, rest, device_id, "another") as it:
        assert (await it.handed())["version"] == document["version"]


async def test_stopped_outlives_a_revision(fleet: Fleet, rest: Rest) -> None:
    application, device_id = await made(rest, one()), await fleet.enroll("box")
    name = application["name"]
    path = f"/devices/{device_id}/workloads/{name}/web"
    async with box(fleet, rest, device_id) as it:
        await assign(rest, device_id, application)
        await it.handed()
        answer = await rest.post(f"{path}/stop")
        assert answer.status_code == 200, answer.text
        assert answer.json()["data"]["desired"] == "stopped"
        assert (await it.handed())["applications"][0]["stopped"] == ["web"]
        newer = await rest.client.put(f"/applications/{name}", json={"compose": one("busybox:2")})
        await it.is_handed_nothing()
        await assign(rest, device_id, newer.json()["data"])
        (mine,) = (await it.handed())["applications"]
        assert mine["stopped"] == ["web"]
        assert mine["compose"]["services"]["web"]["image"] == "busybox:2"
        assert (await rest.post(f"{path}/start")).json()["data"]["desired"] == "running"
        assert (await it.handed())["applications"][0]["stopped"] == []
        assert (
            await rest.post(f"/devices/{device_id}/workloads/{name}/no/stop")
        ).status_code == 404


async def test_a_missing_variable_keeps_the_revision_that_runs(fleet: Fleet, rest: Rest) -> None:
    first, device_id = await made(rest, one()), await fleet.enroll("box")
    name = first["name"]
    answer = await rest.client.put(f"/applications/{name}", json={"compose": WEB})
    second = answer.json()["data"]
    async with box(fleet, rest, device_id) as it:
        await assign(rest, device_id, first)
        await it.handed()
        found = await assign(rest, device_id, second)
        assert found["revision"] == first["revision"]["revision"]
        assert found["wanted"] == second["revision"]["revision"]
        (mine,) = (await it.handed())["applications"]
        assert mine["revision"] == first["revision"]["revision"]
        shown = await service(rest, device_id)
        assert (shown["state"], shown["code"]) == ("error", "missing_variable")
        await rest.client.put(f"/devices/{device_id}/variables", json={"SITE": "a"})
        await it.is_handed_nothing()
        await assign(rest, device_id, second)
        (mine,) = (await it.handed())["applications"]
        assert mine["compose"]["services"]["web"]["environment"] == {"SITE": "a"}


async def test_a_label_restarts_nothing_and_is_shown_as_stale(fleet: Fleet, rest: Rest) -> None:
    application, device_id = await made(rest, WEB), await fleet.enroll("box")
    await rest.client.patch(f"/devices/{device_id}", json={"labels": {"SITE": "one"}})
    async with box(fleet, rest, device_id) as it:
        await assign(rest, device_id, application)
        await it.handed()
        assert not (await service(rest, device_id))["stale"]
        await rest.client.patch(f"/devices/{device_id}", json={"labels": {"SITE": "two"}})
        await it.is_handed_nothing()
        assert (await service(rest, device_id))["stale"]


async def test_data_comes_in_versions_with_the_revision_that_names_them(
    fleet: Fleet, rest: Rest
) -> None:
    conf, key = new_id("conf"), new_id("key")
    await rest.post("/config-maps", {"name": conf, "data": {"a.toml": "one"}})
    await rest.post("/secrets", {"name": key, "data": {"token": "s3cret"}})
    login = {"url": "https://reg.example:5000", "username": "u", "password": "p4ss"}
    await rest.client.delete("/registries/mine")
    answer = await rest.post("/registries", {"name": "mine", **login})
    assert answer.status_code == 201, answer.text
    assert "p4ss" not in answer.text
    compose = {
        **one("reg.example:5000/app:1", configs=["c"], secrets=["k"]),
        "configs": {"c": {"external": True, "name": conf}},
        "secrets": {"k": {"external": True, "name": key}},
    }
    application, device_id = await made(rest, compose), await fleet.enroll("box")
    revision = application["revision"]
    assert (revision["configMaps"], revision["secrets"]) == ({conf: 1}, {key: 1})
    async with box(fleet, rest, device_id) as it:
        await assign(rest, device_id, application)
        document = await it.handed()
        value = base64.b64encode(b"one").decode()
        assert document["configMaps"] == {conf: {"version": 1, "data": {"a.toml": value}}}
        value = base64.b64encode(b"s3cret").decode()
        assert document["secrets"] == {key: {"version": 1, "data": {"token": value}}}
        assert document["registries"] == [{**login, "ca": None}]
        await rest.client.put(f"/config-maps/{conf}", json={"data": {"a.toml": "two"}})
        await rest.client.put(f"/secrets/{key}", json={"data": {"token": "new"}})
        await it.is_handed_nothing()
        assert (await it.get()).json()["data"]["document"] == document
        await rest.client.put("/registries/mine", json={**login, "password": "other"})
        assert (await it.handed())["registries"][0]["password"] == "other"
    for path in (f"/config-maps/{conf}", f"/secrets/{key}", "/registries/mine"):
        answer = await rest.client.delete(path)
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict"), path
    await rest.client.delete(f"/applications/{application['name']}")
    for path in (f"/config-maps/{conf}", f"/secrets/{key}", "/registries/mine"):
        assert (await rest.client.delete(path)).status_code == 200


async def test_assignment_needs_an_engine_and_a_revision(fleet: Fleet, rest: Rest) -> None:
    application, device_id = await made(rest, one()), await fleet.enroll("box")
    path = f"/devices/{device_id}/applications/{application['name']}"
    answer = await rest.client.put(path, json={})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert (await rest.get(path)).status_code == 404
    assert (await rest.client.put(path, json={"revision": "none"})).status_code == 400
    async with box(fleet, rest, device_id, sections={"config": {}}) as it:
        await it.line.settled()

        async def is_refused() -> bool:
            body = {"revision": application["revision"]["revision"]}
            answer = await rest.client.put(path, json=body)
            return answer.status_code == 409 and answer.json()["code"] == "unsupported"

        await until(is_refused)


async def test_removal_says_which_volumes_go(fleet: Fleet, rest: Rest) -> None:
    application, device_id = await made(rest, one()), await fleet.enroll("box")
    path = f"/devices/{device_id}/applications/{application['name']}"
    async with box(fleet, rest, device_id) as it:
        for query, gone in (("", None), ("?volumes=true", [application["name"]])):
            await assign(rest, device_id, application)
            document = await it.handed()
            assert "removeVolumes" not in document
            await it.runs(document, application["name"])
            assert (await rest.client.delete(path + query)).status_code == 200
            document = await it.handed()
            assert (document["applications"], document.get("removeVolumes")) == ([], gone)
            shown = await service(rest, device_id)
            assert (shown["revision"], shown["state"]) == (None, "running")
            await it.says(document["version"], application["name"], [])

            async def is_gone() -> bool:
                return await rest.data(f"/devices/{device_id}/workloads") == []

            await until(is_gone)


async def test_what_services_use_goes_into_metrics_and_a_lost_report_is_asked_for(
    fleet: Fleet, rest: Rest
) -> None:
    application, device_id = await made(rest, one()), await fleet.enroll("box")
    name, revision = application["name"], application["revision"]["revision"]
    async with box(fleet, rest, device_id) as it:
        await assign(rest, device_id, application)
        document = await it.handed()
        services = [entry("web", revision, restarts=2, startedAt="2026-01-01T00:00:00Z")]
        await it.says(document["version"], name, services)
        figures = {"web": {"cpuPercent": 12.5, "memoryBytes": 1000}}
        digest = hash_of([entry("web", revision)])
        fields = {"version": document["version"], "application": name, "usage": figures}
        await it.line.send("workload_status", hash=digest, **fields)

        async def is_shown() -> bool:
            return (await service(rest, device_id))["memoryBytes"] == 1000

        await until(is_shown)
        asked_for = {"name": f"workload.{name}.web.cpu"}
        path = f"/devices/{device_id}/metrics"

        async def is_stored() -> bool:
            return await rest.data(path, **asked_for) != []

        await until(is_stored)
        (point,) = await rest.data(path, **asked_for)
        assert (point["count"], point["avg"]) == (1, 12.5)
        await it.is_handed_nothing()
        await it.line.send("workload_status", hash="another", **fields)
        asked = await it.line.find("desired", kind="workloads", report=True)
        assert asked["version"] == document["version"]


async def test_a_target_gives_and_marks_and_never_moves(fleet: Fleet, rest: Rest) -> None:
    group = new_id("group")
    answer = await rest.post("/device-groups", {"name": group})
    group_id = answer.json()["data"]["id"]
    refused = await rest.post(
        "/applications", {"name": new_id("app"), "compose": one(), "target": "metric.cpu > 90"}
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "untrusted_query")
    application = await made(rest, one(), target=f'group = "{group}"')
    name, device_id = application["name"], await fleet.enroll("box")
    members = {"deviceIds": [device_id]}
    async with box(fleet, rest, device_id) as it:
        await rest.post(f"/device-groups/{group_id}/members", members)
        await it.is_handed_nothing()
        current = {"revision": application["revision"]["revision"]}
        await rest.client.put(f"/applications/{name}/current", json=current)
        document = await it.handed()
        assert document["applications"][0]["name"] == name
        newer = await rest.client.put(f"/applications/{name}", json={"compose": one("busybox:2")})
        current = {"revision": newer.json()["data"]["revision"]["revision"]}
        await rest.client.put(f"/applications/{name}/current", json=current)
        await rest.client.request("DELETE", f"/device-groups/{group_id}/members", json=members)

        async def is_orphaned() -> bool:
            return bool((await service(rest, device_id))["orphaned"])

        await until(is_orphaned)
        await it.is_handed_nothing()
        await rest.client.put(f"/applications/{name}", json={"removeWhenUnmatched": True})
        assert (await it.handed())["applications"] == []


@pytest_asyncio.fixture
async def manager(hub: HubProcess, tokens: dict[str, str]) -> AsyncGenerator[Rest]:
    async with Rest.open(hub.url, tokens["MANAGER"]) as client:
        yield client


@pytest_asyncio.fixture
async def viewer(hub: HubProcess, tokens: dict[str, str]) -> AsyncGenerator[Rest]:
    async with Rest.open(hub.url, tokens["VIEWER"]) as client:
        yield client


async def test_states_count_the_services_that_are_listed(fleet: Fleet, rest: Rest) -> None:
    application = await made(rest, {"services": {n: {"image": "busybox"} for n in ("db", "web")}})
    name, revision = application["name"], application["revision"]["revision"]
    loud, quiet, bare = [await fleet.enroll("box") for _ in range(3)]
    for device_id in (loud, quiet, bare):
        await assign(rest, device_id, application)
    async with box(fleet, rest, loud) as it, box(fleet, rest, bare, sections={}):
        document = await it.handed()
        said = [entry("web", revision), entry("db", revision, "error", code="image_not_found")]
        await it.says(document["version"], name, said)
        items = await rest.data(f"/applications/{name}/devices")
        states = await rest.data(f"/applications/{name}/states")
    assert states == Counter(each["state"] or "unknown" for each in items)
    assert states == {"running": 1, "error": 3, "unknown": 2}


async def test_states_count_what_a_target_cannot_give(fleet: Fleet, rest: Rest) -> None:
    device_id, tag = await fleet.enroll("box"), new_id("tag")
    await rest.client.patch(f"/devices/{device_id}", json={"tags": [tag]})
    for _ in range(32):
        await assign(rest, device_id, await made(rest, one()))
    application = await made(rest, one(), target=f"tag = {tag}")
    name, revision = application["name"], application["revision"]["revision"]
    await rest.client.put(f"/applications/{name}/current", json={"revision": revision})

    async def is_refused() -> bool:
        return bool(await rest.data(f"/applications/{name}/devices"))

    await until(is_refused)
    assert await rest.data(f"/applications/{name}/states") == {"error": 1}


async def test_rights(rest: Rest, manager: Rest, viewer: Rest, fleet: Fleet) -> None:
    asked = {"name": new_id("app"), "compose": one(privileged=True)}
    assert (await manager.post("/applications", asked)).status_code == 403
    plain = await made(manager, one())
    changed = await manager.client.put(
        f"/applications/{plain['name']}", json={"compose": one(cap_add=["SYS_ADMIN"])}
    )
    assert changed.status_code == 403
    assert (await viewer.get(f"/applications/{plain['name']}")).status_code == 200
    assert (await viewer.post("/applications", asked)).status_code == 403
    assert (await viewer.get("/config-maps")).status_code == 403
    device_id = await fleet.enroll("box")
    path = f"/devices/{device_id}/applications/{plain['name']}"
    assert (await viewer.client.put(path, json={})).status_code == 403
    mighty = await made(rest, one(network_mode="host"))
    path = f"/devices/{device_id}/applications/{mighty['name']}"
    body = {"revision": mighty["revision"]["revision"]}
    assert (await manager.client.put(path, json=body)).status_code == 403
    assert (await rest.client.put(path, json=body)).status_code == 200


async def test_a_target_is_a_query_of_labels(fleet: Fleet, rest: Rest) -> None:
    label, device_id = new_id("line"), await fleet.enroll("box")
    application = await made(rest, one(), target=f'label.{label} = "3"')
    name = application["name"]
    current = {"revision": application["revision"]["revision"]}
    await rest.client.put(f"/applications/{name}/current", json=current)
    async with box(fleet, rest, device_id) as it:
        change = {"labels": {label: "3"}}
        assert (await rest.client.patch(f"/devices/{device_id}", json=change)).status_code == 200
        assert (await it.handed())["applications"][0]["name"] == name


async def test_a_group_that_a_target_names_is_not_deleted(rest: Rest) -> None:
    name = new_id("line")
    group = (await rest.post("/device-groups", {"name": name})).json()["data"]
    application = await made(rest, one(), target=f"group = {name}")
    path = f"/device-groups/{group['id']}"
    answer = await rest.client.delete(path)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert application["name"] in answer.json()["detail"]
    await rest.client.delete(f"/applications/{application['name']}")
    assert (await rest.client.delete(path)).status_code == 200


@pytest.mark.parametrize(
    ("target", "status", "code"),
    [
        ("group = nobody", 400, "invalid"),
        ("label.a =", 400, "invalid"),
        ("not label.a = 1", 409, "untrusted_query"),
        ('name ~ "press*"', 409, "untrusted_query"),
    ],
)
async def test_a_target_that_nobody_can_trust_is_refused(
    rest: Rest, target: str, status: int, code: str
) -> None:
    body = {"name": new_id("app"), "compose": one(), "target": target}
    answer = await rest.post("/applications", body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
