"""Any software as firmware: releases with a type, and devices that say what they install."""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from tests.acceptance.hub.clients import Device, Fleet, Json, Rest, new_id, until
from tests.acceptance.hub.test_deployments import ended, rows
from tests.tasks import in_background

SHORT = {"soakSeconds": 1, "phaseTimeoutSeconds": 30}


async def upload(rest: Rest, **query: str) -> httpx.Response:
    return await rest.client.post(
        "/firmware/releases",
        params={"channel": new_id("channel"), **query},
        content=os.urandom(2000),
        headers={"Content-Type": "application/octet-stream"},
    )


async def release(rest: Rest, **query: str) -> Json:
    answer = await upload(rest, **query)
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()["data"]
    return made


async def deploy(rest: Rest, made: Json, device_ids: list[str], **terms: Any) -> str:
    body = {"releaseId": made["id"], "target": {"deviceIds": device_ids}, **SHORT, **terms}
    answer = await rest.post("/firmware/deployments", body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["data"]["id"])


def update_to(made: Json, **fields: Any) -> Json:
    return {
        "type": "update_firmware", "releaseId": made["id"], "version": made["version"],
        "url": f"/api/v1/firmware/releases/{made['id']}/artifact", "sha256": made["sha256"],
        "size": made["size"], **fields,
    }  # fmt: skip


class Installing:
    """A device that installs JARs without a restart; `error` is how an installation fails."""

    def __init__(self, fleet: Fleet, device_id: str) -> None:
        self.fleet = fleet
        self.device_id = device_id
        self.error: Json | None = None
        self.updates: list[Json] = []

    async def run(self) -> None:
        async with self.fleet.line(self.device_id) as line:
            await line.hello(
                agentVersion="7", installers=["agent", "jar"], versions={"jar": "1.0"},
                barred=["b" * 64], unsigned=True,
            )  # fmt: skip
            await line.send("status", status="ONLINE", metrics={})
            while True:
                update = await line.find("update_firmware", seconds=600)
                self.updates.append(update)
                await line.send("ack", commandId=update["id"])
                await self._end(line, update)

    async def _end(self, line: Device, update: Json) -> None:
        if self.error is None:
            await line.succeed(update["id"], data={"version": update["version"]})
        else:
            data = {"version": "1.0-half"} if self.error["code"] == "exit_code" else None
            await line.send(
                "result", commandId=update["id"], success=False, error=self.error, data=data
            )
            await line.find("result_ack", commandId=update["id"])


@asynccontextmanager
async def installing(fleet: Fleet, rest: Rest, count: int = 1) -> AsyncGenerator[list[Installing]]:
    devices = [Installing(fleet, await fleet.enroll("jar")) for _ in range(count)]
    async with in_background(*(device.run() for device in devices)):
        for device in devices:
            await until_said(rest, device.device_id)
        yield devices


async def until_said(rest: Rest, device_id: str) -> None:
    """Until its `hello` is noted."""

    async def is_there() -> bool:
        return (await rest.data(f"/devices/{device_id}"))["installers"] is not None

    await until(is_there)


async def test_a_release_has_a_type_and_its_file_keeps_its_name(rest: Rest) -> None:
    channel = new_id("channel")
    jar = await release(rest, version="1.2.3", type="jar", filename="line.jar", channel=channel)
    assert (jar["type"], jar["filename"]) == ("jar", "line.jar")
    agent = await release(rest, version="1.2.3", channel=channel)
    assert agent["type"] == "agent"
    assert (await rest.data(f"/firmware/releases/{jar['id']}"))["type"] == "jar"

    again = await upload(rest, version="1.2.3", type="jar", channel=channel)

    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    assert again.json()["detail"] == f"the channel {channel} has a release 1.2.3 of jar already"
    for bad in ("", "../jar", "a b", "-x", "a" * 65):
        assert (await upload(rest, version="1", type=bad)).status_code == 400


async def test_a_device_says_what_it_installs_and_has(rest: Rest, fleet: Fleet) -> None:
    async with installing(fleet, rest) as (device,), fleet.new_line() as silent:
        await silent.hello(agentVersion="7")
        found = await rest.data(f"/devices/{device.device_id}")
        other = await rest.data(f"/devices/{silent.device_id}")

    names = ("installers", "versions", "barred", "unsigned")
    assert [found[name] for name in names] == [
        ["agent", "jar"], {"jar": "1.0"}, ["b" * 64], True,
    ]  # fmt: skip
    assert [other[name] for name in names] == [None, {}, [], None]


async def test_software_is_installed_without_a_restart(rest: Rest, fleet: Fleet) -> None:
    jar = await release(rest, version="1.2.3", type="jar", filename="line.jar")
    async with installing(fleet, rest, 2) as devices:
        ids = [device.device_id for device in devices]
        deployment_id = await deploy(rest, jar, ids, waves=[{"count": 1}, {"percent": 100}])
        found = await ended(rest, deployment_id)
        parts = await rows(rest, deployment_id)
        records = [await rest.data(f"/devices/{each}") for each in ids]
        again = await ended(rest, await deploy(rest, jar, ids))

    assert (found["status"], found["counts"]["success"]) == ("SUCCESS", 2)
    assert {part["fromVersion"] for part in parts.values()} == {"1.0"}
    assert [record["versions"] for record in records] == [{"jar": "1.2.3"}] * 2
    assert [record["version"] for record in records] == ["7", "7"]
    (update,) = devices[0].updates
    assert (update["installer"], update["filename"]) == ("jar", "line.jar")
    assert again["counts"]["skipped"] == 2


async def test_an_older_one_is_not_installed_unless_that_is_wanted(
    rest: Rest, fleet: Fleet
) -> None:
    older = await release(rest, version="0.9", type="jar")
    async with installing(fleet, rest) as (device,):
        refused = await deploy(rest, older, [device.device_id])
        await ended(rest, refused)
        allowed = await ended(
            rest, await deploy(rest, older, [device.device_id], allowDowngrade=True)
        )
        record = await rest.data(f"/devices/{device.device_id}")

    assert (await rows(rest, refused))[device.device_id]["reason"] == "downgrade"
    assert allowed["counts"]["success"] == 1
    assert record["versions"] == {"jar": "0.9"}


async def test_who_does_not_install_it_is_skipped_at_once(rest: Rest, fleet: Fleet) -> None:
    jar = await release(rest, version="1.2.3", type="jar")
    async with installing(fleet, rest) as (device,), fleet.new_line() as other:
        await other.hello(agentVersion="7", installers=[])
        await until_said(rest, other.device_id)
        ids = [device.device_id, other.device_id]
        # The second is not in the first wave, which does not end: nobody answers.
        device.error = None
        deployment_id = await deploy(rest, jar, ids, waves=[{"count": 1}, {"percent": 100}])

        async def is_skipped() -> bool:
            part = (await rows(rest, deployment_id))[other.device_id]
            return part["status"] == "SKIPPED"

        await until(is_skipped, seconds=3)
        part = (await rows(rest, deployment_id))[other.device_id]
        found = await ended(rest, deployment_id)
        agent = await release(rest, version="9")
        none = await ended(rest, await deploy(rest, agent, [other.device_id]))

    assert part["reason"] == part["error"]["code"] == "unsupported"
    assert (found["status"], found["counts"]["success"]) == ("SUCCESS", 1)
    assert (none["status"], none["counts"]["skipped"]) == ("SUCCESS", 1)


async def test_a_direct_update_to_who_does_not_install_it_is_rejected(
    rest: Rest, fleet: Fleet
) -> None:
    jar = await release(rest, version="1.2.3", type="jar", filename="line.jar")
    async with fleet.new_line() as device, fleet.new_line() as silent:
        await device.hello(installers=["plc"])
        await until_said(rest, device.device_id)
        for fields in ({"installer": "jar"}, {}):
            body = {"command": update_to(jar, **fields)}
            answer = await rest.post(f"/devices/{device.device_id}/commands", body)
            assert answer.json()["data"]["status"] == "REJECTED", answer.text
            assert answer.json()["data"]["error"]["code"] == "unsupported"
        queued = await fleet.enroll()
        waiting = await rest.accept(queued, update_to(jar, installer="jar"), delivery="queue")
        async with fleet.line(queued) as late:
            await late.hello(installers=["plc"])
            await rest.until_status(queued, waiting, "REJECTED")
        # Who says nothing of installers is sent it.
        await silent.hello()
        await rest.accept(silent.device_id, update_to(jar, installer="jar", filename="line.jar"))
        sent = await silent.find("update_firmware")
        bad = {"command": update_to(jar, filename="../line.jar")}
        refused = await rest.post(f"/devices/{silent.device_id}/commands", bad)

    assert (sent["installer"], sent["filename"]) == ("jar", "line.jar")
    assert refused.status_code == 400


async def test_proofs_that_fail_stop_a_deployment(rest: Rest, fleet: Fleet) -> None:
    jar = await release(rest, version="2.0", type="jar")
    async with installing(fleet, rest, 4) as devices:
        for device in devices[1:3]:
            device.error = {"code": "version_mismatch", "message": "it is 1.0"}
        deployment_id = await deploy(
            rest, jar, [device.device_id for device in devices],
            waves=[{"count": 3}, {"percent": 100}], stopAt={"failedPercent": 50, "minimum": 2},
        )  # fmt: skip
        found = await ended(rest, deployment_id)

        async def is_over() -> bool:
            counts = (await rest.data(f"/firmware/deployments/{deployment_id}"))["counts"]
            return counts["inProgress"] == 0

        await until(is_over)
        parts = list((await rows(rest, deployment_id)).values())
        records = [await rest.data(f"/devices/{each.device_id}") for each in devices]

    assert found["status"] == "FAILED"
    assert [part["status"] for part in parts] == ["SUCCESS", "FAILED", "FAILED", "SKIPPED"]
    assert parts[1]["error"] == {"code": "version_mismatch", "message": "it is 1.0"}
    assert (parts[1]["reason"], parts[3]["reason"]) == (None, "stopped")
    assert [record["versions"]["jar"] for record in records] == ["2.0", "1.0", "1.0", "1.0"]


async def test_what_is_proven_outlives_a_hello_that_names_no_versions(
    rest: Rest, fleet: Fleet
) -> None:
    jar = await release(rest, version="2.0", type="jar")
    device_id = await fleet.enroll("jar")
    async with fleet.line(device_id) as line:
        await line.hello(installers=["jar"], versions={"jar": "1.0"})
        await until_said(rest, device_id)
        command_id = await rest.accept(device_id, update_to(jar, installer="jar"))
        await line.find("update_firmware")
        await line.succeed(command_id)
    async with fleet.line(device_id) as line:
        await line.hello(installers=["jar", "plc"])

        async def is_noted() -> bool:
            return (await rest.data(f"/devices/{device_id}"))["installers"] == ["jar", "plc"]

        await until(is_noted)
        record = await rest.data(f"/devices/{device_id}")
    async with fleet.line(device_id) as line:
        await line.hello(installers=["jar"], versions={})

        async def are_gone() -> bool:
            return (await rest.data(f"/devices/{device_id}"))["versions"] == {}

        await until(are_gone)

    assert record["versions"] == {"jar": "2.0"}


async def test_what_failed_says_what_is_there_then(rest: Rest, fleet: Fleet) -> None:
    jar = await release(rest, version="2.0", type="jar")
    async with installing(fleet, rest) as (device,):
        device.error = {"code": "exit_code", "message": "ended with 1"}
        await ended(rest, await deploy(rest, jar, [device.device_id]))
        record = await rest.data(f"/devices/{device.device_id}")

    assert record["versions"] == {"jar": "1.0-half"}


async def test_a_new_device_has_nothing_of_a_deleted_one(rest: Rest, fleet: Fleet) -> None:
    async with installing(fleet, rest) as (device,):
        device_id = device.device_id
    await rest.client.delete(f"/devices/{device_id}")
    made = await rest.post("/devices", {"id": device_id})

    assert made.status_code == 201, made.text
    assert made.json()["data"]["installers"] is None
    assert made.json()["data"]["versions"] == {}
