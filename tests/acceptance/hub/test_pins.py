"""Pinned versions over a real hub: a section that is handed over, with where its artifacts are."""

from typing import Any

from protocol.canonical import hash_of
from tests.acceptance.hub.clients import Fleet, Json, Rest, bearer, new_id, until
from tests.acceptance.hub.test_deployments import ended, rows
from tests.acceptance.hub.test_desired import Box, box, sections
from tests.acceptance.hub.test_software import deploy, installing, release, until_said, update_to

NOTHING: Json = {"pins": {}, "allow": []}
DIGEST = "ab" * 32


def says(software: Json = NOTHING, **more: Any) -> Json:
    said = sections() | more
    said["sections"]["software"] = {"version": "", "hash": hash_of(software)}
    return said


async def pin(rest: Rest, device_id: str, **body: Any) -> Json:
    answer = await rest.client.put(f"/devices/{device_id}/software", json=body)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()["data"]
    return found


async def stands(rest: Rest, device_id: str, **wanted: Any) -> Json:
    """The section as soon as it is so."""
    found: Json = {}

    async def so() -> bool:
        nonlocal found
        found = await rest.data(f"/devices/{device_id}/software")
        return all(found[name] == value for name, value in wanted.items())

    await until(so)
    return found


async def artifact(one: Box, fleet: Fleet, rest: Rest, url: str) -> tuple[int, bytes]:
    token = await fleet.token(one.device_id)
    async with Rest.open(str(rest.client.base_url).removesuffix("/api/v1/")) as mine:
        path = url.removeprefix("/api/v1/")
        answer = await mine.client.get(path, headers=bearer(token))
        return answer.status_code, answer.content


async def test_a_pin_is_handed_over_with_its_artifact(fleet: Fleet, rest: Rest) -> None:
    version = new_id("1.2.3")
    jar = await release(rest, version=version, type="jar", filename="line.jar")
    async with box(fleet, rest, new_id("box"), says()) as one:
        assert (await artifact(one, fleet, rest, url_of(jar)))[0] == 404
        made = await pin(rest, one.device_id, pins={"jar": version}, allow=[DIGEST, DIGEST])
        found = await one.handed("software")
        assert found["document"] == {"pins": {"jar": version}, "allow": [DIGEST]}
        assert found["artifacts"] == {
            "jar": {
                "releaseId": jar["id"], "url": url_of(jar), "sha256": jar["sha256"],
                "size": jar["size"], "filename": "line.jar",
            }
        }  # fmt: skip
        status, content = await artifact(one, fleet, rest, url_of(jar))
        assert (status, len(content)) == (200, jar["size"])
        shown = await rest.data(f"/devices/{one.device_id}/software")
        assert shown | {"taken": None} == made | {"taken": None}
        assert (made["version"], made["status"], made["error"]) == ("1", "pending", None)
        await one.say(found, "software", "trial")
        await one.say(found, "software", "applied")
        stood = await stands(rest, one.device_id, status="in_sync")
        assert stood["taken"] == found["document"]


def url_of(made: Json) -> str:
    return f"/api/v1/firmware/releases/{made['id']}/artifact"


async def test_what_the_box_could_not_take_rests_until_it_is_set_anew(
    fleet: Fleet, rest: Rest
) -> None:
    pins = {"jar": "7"}
    async with box(fleet, rest, new_id("box"), says()) as one:
        await pin(rest, one.device_id, pins=pins)
        found = await one.handed("software")
        assert "artifacts" not in found or found["artifacts"] == {}
        error = {"code": "no_release", "message": "the hub has none"}
        await one.say(found, "software", "failed", error=error)
        await stands(rest, one.device_id, status="failed", error=error)
    said = says()
    said["sections"]["software"]["refused"] = found["version"]
    async with box(fleet, rest, one.device_id, said) as again:
        await again.is_handed_nothing()
        await pin(rest, one.device_id, pins=pins)
        found = await again.handed("software")
        error["code"] = "rolled_back"
        await again.say(found, "software", "rolled_back", error=error)
        await stands(rest, one.device_id, status="rolled_back", error=error)


async def test_what_replaces_an_artifact_has_another_etag(fleet: Fleet, rest: Rest) -> None:
    version = new_id("2")
    async with box(fleet, rest, new_id("box"), says()) as one:
        await pin(rest, one.device_id, pins={"jar": version})
        before = (await one.fetch("software")).headers["etag"]
        await release(rest, version=version, type="jar")
        first = await one.fetch("software", **{"If-None-Match": before})
        newest = await release(rest, version=version, type="jar")
        second = await one.fetch("software")
        same = await one.fetch("software", **{"If-None-Match": second.headers["etag"]})
    assert first.status_code == 200
    assert second.json()["data"]["artifacts"]["jar"]["releaseId"] == newest["id"]
    assert same.status_code == 304


async def test_what_a_pin_brought_is_in_the_record_at_once(fleet: Fleet, rest: Rest) -> None:
    said = says(installers=["agent", "jar"], versions={"jar": "1.0"})
    async with box(fleet, rest, new_id("box"), said) as one:
        await until_said(rest, one.device_id)
        await pin(rest, one.device_id, pins={"agent": "9", "jar": "1.2.3"})
        await one.take("software")

        async def is_there() -> bool:
            return (await one.record())["versions"] == {"jar": "1.2.3"}

        await until(is_there)


async def test_a_deployment_leaves_a_pinned_device_alone(fleet: Fleet, rest: Rest) -> None:
    jar = await release(rest, version="1.3", type="jar")
    async with installing(fleet, rest) as (device,):
        await pin(rest, device.device_id, pins={"jar": "1.2"})
        deployment_id = await deploy(rest, jar, [device.device_id])
        await ended(rest, deployment_id)
        part = (await rows(rest, deployment_id))[device.device_id]
        assert (part["status"], part["reason"]) == ("SKIPPED", "pinned")
        await pin(rest, device.device_id, pins={"jar": "1.3"})
        found = await ended(rest, await deploy(rest, jar, [device.device_id]))
    assert found["counts"]["success"] == 1
    assert [update["version"] for update in device.updates] == ["1.3"]


async def test_pins_are_checked_kept_and_in_the_audit(fleet: Fleet, rest: Rest) -> None:
    device_id = await fleet.enroll("box")
    path = f"/devices/{device_id}/software"
    first = await rest.data(path)
    assert (first["pins"], first["allow"], first["version"]) == ({}, [], "0")
    bodies: list[Json] = [
        {"pins": {"../jar": "1"}}, {"pins": {"jar": ""}}, {"pins": {"jar": 1}}, {"allow": ["x"]},
        {"pins": {f"t{n}": "1" for n in range(33)}}, {"pin": {}}, {"pins": None},
    ]  # fmt: skip
    for bad in bodies:
        answer = await rest.client.put(path, json=bad)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid"), bad
    assert (await rest.client.put("/devices/nobody/software", json={})).status_code == 404
    assert (await rest.client.get("/devices/nobody/software")).status_code == 404
    await pin(rest, device_id, pins={"agent": "2.0"})
    assert (await pin(rest, device_id))["pins"] == {}
    rows = await rest.data("/audit-log", action="device.software")
    assert [row["changes"] for row in rows if row["target"] == device_id] == [
        {"pins": [{"agent": "2.0"}, {}]}, {"pins": [{}, {"agent": "2.0"}]},
    ]  # fmt: skip


# Devices that look for their versions by themselves

ELSEWHERE = "https://updates.example.org/stable"


async def test_a_device_says_who_decides_its_versions(fleet: Fleet, rest: Rest) -> None:
    async with fleet.new_line() as itself, fleet.new_line() as other, fleet.new_line() as silent:
        await itself.hello(installers=["agent"], updateSource=ELSEWHERE)
        await other.hello(installers=["agent"], updateSource="hub")
        await silent.hello()
        for line, source in ((itself, ELSEWHERE), (other, "hub")):
            await until_said(rest, line.device_id)
            record = await rest.data(f"/devices/{line.device_id}")
            assert record["updateSource"] == source
        assert (await rest.data(f"/devices/{silent.device_id}"))["updateSource"] is None


async def test_who_updates_itself_is_skipped_and_rejects_an_update(
    fleet: Fleet, rest: Rest
) -> None:
    made = await release(rest, version="9.1")
    async with fleet.new_line() as line:
        await line.hello(agentVersion="7", installers=["agent"], updateSource=ELSEWHERE)
        await until_said(rest, line.device_id)
        deployment_id = await deploy(rest, made, [line.device_id])
        await ended(rest, deployment_id)
        part = (await rows(rest, deployment_id))[line.device_id]
        body = {"command": update_to(made)}
        answer = await rest.post(f"/devices/{line.device_id}/commands", body)
        queued = body | {"delivery": "queue"}
        later = await rest.post(f"/devices/{line.device_id}/commands", queued)
    assert (part["status"], part["reason"]) == ("SKIPPED", "self_updating")
    for each in (answer, later):
        found = each.json()["data"]
        assert (found["status"], found["error"]["code"]) == ("REJECTED", "self_updating")


async def test_an_update_that_waited_for_who_updates_itself_is_rejected(
    fleet: Fleet, rest: Rest
) -> None:
    made = await release(rest, version="9.1")
    device_id = await fleet.enroll("away")
    body = {"command": update_to(made), "delivery": "queue"}
    answer = await rest.post(f"/devices/{device_id}/commands", body)
    path = f"/devices/{device_id}/commands/{answer.json()['data']['commandId']}"
    async with fleet.line(device_id) as line:
        await line.hello(installers=["agent"], updateSource=ELSEWHERE)

        async def is_rejected() -> bool:
            return (await rest.data(path))["status"] == "REJECTED"

        await until(is_rejected)


async def test_by_force_a_device_that_updates_itself_is_pinned(fleet: Fleet, rest: Rest) -> None:
    made = await release(rest, version="9.1", type="jar")
    agent = await release(rest, version="9.2")
    said = says(installers=["agent", "jar"], updateSource=ELSEWHERE, agentVersion="7")
    async with box(fleet, rest, new_id("box"), said) as one:
        await until_said(rest, one.device_id)
        body = {"command": update_to(made, installer="jar", force=True)}
        answer = await rest.post(f"/devices/{one.device_id}/commands", body)
        assert answer.json()["data"]["status"] == "SUCCESS", answer.text
        document = (await one.handed("software"))["document"]
        assert document == {"pins": {"jar": "9.1"}, "allow": []}
        assert (await one.record())["versions"] == {}
        deployment_id = await deploy(rest, agent, [one.device_id], force=True, soakSeconds=0)
        pins = {"agent": "9.2", "jar": "9.1"}
        await stands(rest, one.device_id, pins=pins)
    said["agentVersion"] = "9.2"
    async with box(fleet, rest, one.device_id, said) as again:
        await again.line.send("status", status="ONLINE", metrics={})
        found = await ended(rest, deployment_id)
    assert found["counts"]["success"] == 1


async def test_force_changes_nothing_for_other_devices(fleet: Fleet, rest: Rest) -> None:
    made = await release(rest, version="9.1", type="jar")
    async with installing(fleet, rest) as (device,):
        found = await ended(rest, await deploy(rest, made, [device.device_id], force=True))
        pinned = await rest.data(f"/devices/{device.device_id}/software")
    assert (found["counts"]["success"], pinned["pins"]) == (1, {})
