"""Deployments over devices that play their part by hand: protocol.md, 4.3."""

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.acceptance.hub.clients import Device, Fleet, Json, Rest, bearer, new_id, until
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.hub.test_dashboard import dashboard, subscribe
from tests.tasks import in_background

SHORT = {"soakSeconds": 1, "phaseTimeoutSeconds": 30}
NOTHING_SECONDS = 2.0
"""What has not come by then does not come: a driver has looked four times."""


async def release(rest: Rest, version: str) -> Json:
    answer = await rest.client.post(
        "/firmware/releases",
        params={"version": version, "channel": new_id("channel")},
        content=os.urandom(2000),
        headers={"Content-Type": "application/octet-stream"},
    )
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()["data"]
    return made


async def deploy(rest: Rest, version: str, target: Json, **terms: Any) -> str:
    made = await release(rest, version)
    body = {"releaseId": made["id"], "target": target, **SHORT, **terms}
    answer = await rest.post("/firmware/deployments", body)
    assert answer.status_code == 201, answer.text
    found = answer.json()["data"]
    assert answer.headers["location"] == f"/api/v1/firmware/deployments/{found['id']}"
    return str(found["id"])


async def ended(rest: Rest, deployment_id: str) -> Json:
    """The deployment, once it is over."""
    return await reached(rest, deployment_id, "SUCCESS", "FAILED", "ABORTED")


async def reached(rest: Rest, deployment_id: str, *statuses: str) -> Json:
    found: Json = {}

    async def is_there() -> bool:
        nonlocal found
        found = await rest.data(f"/firmware/deployments/{deployment_id}")
        return found["status"] in statuses

    try:
        await until(is_there, seconds=20)
    except TimeoutError:
        rows = await rest.data(f"/firmware/deployments/{deployment_id}/devices")
        raise AssertionError(f"{found}\n{rows}") from None
    return found


async def rows(rest: Rest, deployment_id: str) -> dict[str, Json]:
    found = await rest.data(f"/firmware/deployments/{deployment_id}/devices", limit=500)
    return {row["deviceId"]: row for row in found}


def codes(found: dict[str, Json]) -> list[str | None]:
    return [row["error"] and row["error"]["code"] for row in found.values()]


class Updating:
    """A device that obeys `update_firmware`: it comes back as `becomes` says of the version."""

    def __init__(self, fleet: Fleet, device_id: str) -> None:
        self.fleet = fleet
        self.device_id = device_id
        self.version = "1"
        self.becomes: dict[str, str] = {}
        self.updates: list[Json] = []
        self.boots = 0
        self.says_result = True
        self.is_replaced = False
        """A package of its system ends each trial."""

    async def run(self) -> None:
        while True:
            async with self.fleet.line(self.device_id) as line:
                self.boots += 1
                boot = f"{self.device_id}-{self.boots}"
                await line.hello(bootId=boot, agentVersion=self.version, **self._replaced())
                await line.send("status", status="ONLINE", metrics={})
                update = await self._next_update(line)
                self.updates.append(update)
                await self._obey(line, update)
            self.version = self.becomes.get(update["version"], update["version"])

    def _replaced(self) -> Json:
        done = self.is_replaced and self.updates
        return {"replaced": self.updates[-1]["id"]} if done else {}

    async def _next_update(self, line: Device) -> Json:
        """One that is delivered again has been done."""
        while True:
            update = await line.find("update_firmware", seconds=600)
            if update["id"] not in [each["id"] for each in self.updates]:
                return update
            await line.succeed(update["id"])

    async def _obey(self, line: Device, update: Json) -> None:
        await line.send("ack", commandId=update["id"])
        if self.says_result:
            data = {"stagedPath": "/x", "version": update["version"]}
            await line.succeed(update["id"], data=data)


@asynccontextmanager
async def updating(fleet: Fleet, rest: Rest, count: int = 1) -> AsyncGenerator[list[Updating]]:
    """Devices at version 1, on a line."""
    devices = [Updating(fleet, await fleet.enroll("upd")) for _ in range(count)]
    async with in_background(*(device.run() for device in devices)):
        for device in devices:
            await at_version(rest, device.device_id, "1")
        yield devices


async def at_version(rest: Rest, device_id: str, version: str, *, seconds: float = 8) -> None:
    async def is_there() -> bool:
        answer = await rest.get(f"/devices/{device_id}")
        found = answer.json().get("data", {})
        return bool(found.get("connected")) and found["version"] == version

    await until(is_there, seconds=seconds)


def ids(devices: list[Updating]) -> Json:
    return {"deviceIds": [device.device_id for device in devices]}


async def test_a_canary_and_two_waves(
    hub: HubProcess, rest: Rest, fleet: Fleet, admin_token: str
) -> None:
    waves = [{"count": 1}, {"percent": 50}, {"percent": 100}]
    async with (
        updating(fleet, rest, 4) as devices,
        dashboard(f"{hub.url}/ws/dashboard", admin_token) as watcher,
    ):
        await subscribe(watcher, types=["deployment"], deviceIds=ids(devices)["deviceIds"])
        deployment_id = await deploy(rest, "2.0", ids(devices), waves=waves)
        found = await ended(rest, deployment_id)
        events = [await watcher.find("deployment") for _ in range(5)]
    assert found["status"] == "SUCCESS"
    assert found["terms"] == {
        "waves": [{"count": 1, "percent": None}, {"count": None, "percent": 50},
                  {"count": None, "percent": 100}],
        "ratePerMinute": None, "soakSeconds": 1, "phaseTimeoutSeconds": 30, "stopAt": None,
        "allowDowngrade": False,
        "force": False,
    }  # fmt: skip
    assert found["counts"] == {
        "pending": 0, "inProgress": 0, "success": 4, "failed": 0, "skipped": 0,
    }  # fmt: skip
    devices_of = await rows(rest, deployment_id)
    assert [row["wave"] for row in devices_of.values()] == [0, 1, 2, 2]
    assert {row["fromVersion"] for row in devices_of.values()} == {"1"}
    ends = [(row["startedAt"], row["finishedAt"]) for row in devices_of.values()]
    assert ends[0][1] <= ends[1][0] <= ends[1][1] <= ends[2][0]
    assert [len(device.updates) for device in devices] == [1, 1, 1, 1]
    first = events[0]
    assert (first["deviceId"], first["deploymentId"]) == (devices[0].device_id, deployment_id)
    assert events[0]["phase"] == "downloading"
    update = devices[0].updates[0]
    assert update["url"] == f"/api/v1/firmware/releases/{update['releaseId']}/artifact"
    assert "allowDowngrade" not in update
    audit = await rest.data("/audit-log", target=deployment_id)
    assert [row["action"] for row in audit] == ["deployment.create"]
    for device in devices:
        target = device.device_id
        (row,) = await rest.data("/audit-log", target=target, action="deployment.create")
        assert row["detail"] == {"deploymentId": deployment_id}
    (part,) = await rest.data(f"/devices/{devices[1].device_id}/deployments")
    assert (part["deploymentId"], part["deploymentStatus"]) == (deployment_id, "SUCCESS")
    assert (part["status"], part["wave"], part["version"]) == ("SUCCESS", 1, "2.0")
    assert (await rest.get("/devices/none/deployments")).status_code == 404


async def test_who_comes_back_as_before_has_rolled_back_and_the_rule_stops(
    rest: Rest, fleet: Fleet
) -> None:
    async with updating(fleet, rest, 4) as devices:
        for device in devices:
            device.becomes = {"3.0": "1"}
        deployment_id = await deploy(
            rest, "3.0", ids(devices),
            waves=[{"count": 2}, {"percent": 100}], stopAt={"failedPercent": 50, "minimum": 2},
        )  # fmt: skip
        found = await ended(rest, deployment_id)
        await asyncio.sleep(NOTHING_SECONDS)
    assert found["status"] == "FAILED"
    assert found["stoppedBecause"] == "2 of 2 devices failed"
    assert codes(await rows(rest, deployment_id)) == [
        "rolled_back", "rolled_back", "stopped", "stopped",
    ]  # fmt: skip
    assert [len(device.updates) for device in devices] == [1, 1, 0, 0]


async def test_a_version_counts_when_the_result_was_lost(rest: Rest, fleet: Fleet) -> None:
    async with updating(fleet, rest) as devices:
        devices[0].says_result = False
        deployment_id = await deploy(rest, "2.0", ids(devices))
        found = await ended(rest, deployment_id)
    assert found["status"] == "SUCCESS"
    assert len(devices[0].updates) == 1


async def test_a_result_alone_is_no_success(rest: Rest, fleet: Fleet) -> None:
    async with fleet.new_line() as device:
        await device.hello(agentVersion="1")
        await device.send("status", status="ONLINE", metrics={})
        await at_version(rest, device.device_id, "1")
        target = {"deviceIds": [device.device_id]}
        deployment_id = await deploy(rest, "2.0", target, phaseTimeoutSeconds=2, soakSeconds=0)
        update = await device.find("update_firmware")
        await device.succeed(update["id"])
        found = await ended(rest, deployment_id)
    assert found["status"] == "FAILED"
    row = (await rows(rest, deployment_id))[device.device_id]
    assert (row["status"], row["phase"]) == ("FAILED", "staged")
    assert row["error"]["code"] == "timeout"
    assert row["commandId"] == update["id"]


async def test_a_device_that_refuses_says_why(rest: Rest, fleet: Fleet) -> None:
    async with fleet.new_line() as device:
        await device.hello(agentVersion="1")
        await at_version(rest, device.device_id, "1")
        deployment_id = await deploy(rest, "2.0", {"deviceIds": [device.device_id]})
        update = await device.find("update_firmware")
        error = {"code": "sha256_mismatch", "message": "no"}
        await device.send("result", commandId=update["id"], success=False, error=error)
        await ended(rest, deployment_id)
    assert (await rows(rest, deployment_id))[device.device_id]["error"] == error


async def test_who_needs_nothing_or_is_newer_is_skipped(rest: Rest, fleet: Fleet) -> None:
    async with updating(fleet, rest, 2) as devices:
        same = await ended(rest, await deploy(rest, "1", ids(devices)))
        older_id = await deploy(rest, "0.9", ids(devices))
        older = await ended(rest, older_id)
        allowed_id = await deploy(rest, "0.8", ids(devices), allowDowngrade=True)
        allowed = await ended(rest, allowed_id)
    assert (same["status"], same["counts"]["skipped"]) == ("SUCCESS", 2)
    assert (older["status"], older["counts"]["skipped"]) == ("SUCCESS", 2)
    assert codes(await rows(rest, older_id)) == ["downgrade", "downgrade"]
    assert allowed["counts"]["success"] == 2
    assert devices[0].updates[0]["allowDowngrade"] is True


async def test_pause_resume_and_abort(rest: Rest, fleet: Fleet, tokens: dict[str, str]) -> None:
    async with updating(fleet, rest, 8) as devices:
        # Two a second: four more would come in `NOTHING_SECONDS`, were they not held back.
        deployment_id = await deploy(rest, "2.0", ids(devices), ratePerMinute=120)
        path = f"/firmware/deployments/{deployment_id}"
        denied = await rest.client.post(f"{path}/pause", headers=bearer(tokens["MANAGER"]))
        assert denied.status_code == 403
        await until_updates(devices, 1)
        assert (await rest.post(f"{path}/pause")).json()["data"]["status"] == "PAUSED"
        sent = total(devices)
        await asyncio.sleep(NOTHING_SECONDS)
        assert total(devices) <= sent + 1
        assert (await rest.post(f"{path}/resume")).json()["data"]["status"] == "IN_PROGRESS"
        await until_updates(devices, sent + 1)
        aborted = (await rest.post(f"{path}/abort")).json()["data"]
        assert aborted["status"] == "ABORTED"
        assert aborted["finishedAt"]
        sent = total(devices)
        await asyncio.sleep(NOTHING_SECONDS)
        assert total(devices) <= sent + 1
        assert (await rest.post(f"{path}/abort")).status_code == 200
        late = await rest.post(f"{path}/resume")
        assert (late.status_code, late.json()["code"]) == (409, "conflict")
    found = await rest.data(path)
    assert found["counts"]["pending"] == found["counts"]["inProgress"] == 0
    assert found["counts"]["skipped"] >= 1
    entries = await rest.data("/audit-log", target=deployment_id)
    assert [row["action"] for row in entries if row["outcome"] == "ok"] == [
        "deployment.abort", "deployment.resume", "deployment.pause", "deployment.create",
    ]  # fmt: skip
    (refused,) = [row for row in entries if row["outcome"] == "refused"]
    assert refused["action"] == "POST /api/v1/firmware/deployments/{id}/pause"


def total(devices: list[Updating]) -> int:
    return sum(len(device.updates) for device in devices)


async def until_updates(devices: list[Updating], count: int) -> None:
    async def sent() -> bool:
        return total(devices) >= count

    await until(sent)


async def test_abort_stops_what_downloads(rest: Rest, fleet: Fleet) -> None:
    async with fleet.new_line() as device:
        await device.hello(agentVersion="1")
        await at_version(rest, device.device_id, "1")
        deployment_id = await deploy(rest, "2.0", {"deviceIds": [device.device_id]})
        update = await device.find("update_firmware")
        await device.send("ack", commandId=update["id"])
        await rest.post(f"/firmware/deployments/{deployment_id}/abort")
        await device.find("cancel", commandId=update["id"])
        await device.send("result", commandId=update["id"], success=False, outcome="cancelled")

        async def over() -> bool:
            row = (await rows(rest, deployment_id))[device.device_id]
            return row["status"] == "SKIPPED" and row["error"]["code"] == "cancelled"

        await until(over)
        audit = await rest.data("/audit-log", target=device.device_id, action="command.cancel")
        assert len(audit) == 1


async def test_who_is_away_is_waited_for_and_passed_over(rest: Rest, fleet: Fleet) -> None:
    device_id = await fleet.enroll()
    target = {"deviceIds": [device_id]}
    brief = await deploy(rest, "2.0", target, phaseTimeoutSeconds=1)
    assert (await ended(rest, brief))["counts"]["skipped"] == 1
    assert codes(await rows(rest, brief)) == ["offline"]
    patient = await deploy(rest, "2.1", target)
    row = (await rows(rest, patient))[device_id]
    assert (row["status"], row["phase"]) == ("PENDING", "waiting")
    device = Updating(fleet, device_id)
    async with in_background(device.run()):
        assert (await ended(rest, patient))["status"] == "SUCCESS"


async def test_a_device_that_keeps_failing_is_left_alone_until_it_is_cleared(
    rest: Rest, fleet: Fleet, tokens: dict[str, str]
) -> None:
    async with updating(fleet, rest) as devices:
        device_id = devices[0].device_id
        devices[0].becomes = {f"2.{n}": "1" for n in range(2)}
        for n in range(2):
            failed = await deploy(rest, f"2.{n}", ids(devices))
            assert (await ended(rest, failed))["status"] == "FAILED"
        last = await deploy(rest, "2.9", ids(devices))
        await ended(rest, last)
        assert codes(await rows(rest, last)) == ["penalty_box"]
        assert len(devices[0].updates) == 2
        held = await rest.data("/firmware/penalties", limit=500)
        assert device_id in [row["deviceId"] for row in held]

        path = f"/devices/{device_id}/penalty/clear"
        for role, status in (("MANAGER", 403), ("ADMIN", 200)):
            answer = await rest.client.post(path, headers=bearer(tokens[role]))
            assert answer.status_code == status
        assert (await rest.post("/devices/nobody/penalty/clear")).status_code == 404
        audit = await rest.data("/audit-log", target=device_id, action="penalty.clear")
        assert len(audit) == 1
        held = await rest.data("/firmware/penalties", limit=500)
        assert device_id not in [row["deviceId"] for row in held]
        good = await deploy(rest, "2.9", ids(devices))
        assert (await ended(rest, good))["status"] == "SUCCESS"


async def test_the_faults_of_a_release_hold_no_device_back(rest: Rest, fleet: Fleet) -> None:
    async with fleet.new_line("upd") as device:
        await device.hello(agentVersion="1")
        for code in ("signature_missing", "bad_artifact", "sha256_mismatch"):
            failed = await deploy(rest, "2.0", {"deviceIds": [device.device_id]})
            update = await device.find("update_firmware")
            error = {"code": code, "message": "m"}
            await device.send("result", commandId=update["id"], success=False, error=error)
            await ended(rest, failed)
        await deploy(rest, "2.1", {"deviceIds": [device.device_id]})
        await device.find("update_firmware", version="2.1")


async def test_a_trial_that_a_package_ended_holds_no_device_back(rest: Rest, fleet: Fleet) -> None:
    async with updating(fleet, rest) as (device,):
        device.becomes = {"2.0": "1", "2.1": "1"}
        device.is_replaced = True
        for version in ("2.0", "2.1"):
            failed = await deploy(rest, version, ids([device]))
            assert (await ended(rest, failed))["status"] == "FAILED"
            assert codes(await rows(rest, failed)) == ["replaced"]

        good = await deploy(rest, "2.2", ids([device]))
        assert (await ended(rest, good))["status"] == "SUCCESS"


async def test_a_release_that_fails_on_several_devices_holds_none_back(
    rest: Rest, fleet: Fleet
) -> None:
    async with updating(fleet, rest, 3) as devices:
        for device in devices:
            device.becomes = {"2.0": "1", "2.1": "1"}
        for version in ("2.0", "2.1"):
            failed = await deploy(rest, version, ids(devices))
            assert (await ended(rest, failed))["counts"]["failed"] == 3
        good = await deploy(rest, "2.2", ids(devices))
        assert (await ended(rest, good))["counts"]["success"] == 3


async def test_a_device_that_is_deleted_or_disabled_is_out_of_it_at_once(
    rest: Rest, fleet: Fleet
) -> None:
    waiting = await fleet.enroll("upd")
    async with (
        fleet.new_line("upd") as hangs,
        fleet.new_line("upd") as blocked,
        updating(fleet, rest, 2) as devices,
    ):
        for line in (hangs, blocked):
            await line.hello(agentVersion="1")
        target = [hangs.device_id, blocked.device_id, waiting, *ids(devices)["deviceIds"]]
        deployment_id = await deploy(
            rest, "2.0", {"deviceIds": target},
            waves=[{"count": 2}, {"percent": 100}], stopAt={"failedPercent": 40, "minimum": 1},
        )  # fmt: skip
        update = await blocked.find("update_firmware")
        await hangs.find("update_firmware")
        disable = {"disabled": True}
        for device_id in (waiting, blocked.device_id):
            answer = await rest.client.patch(f"/devices/{device_id}", json=disable)
            assert answer.status_code == 200
        found: Json = {}

        async def skipped() -> bool:
            nonlocal found
            found = await rows(rest, deployment_id)
            return found[waiting]["status"] == found[blocked.device_id]["status"] == "SKIPPED"

        await until(skipped, seconds=5)
        assert found[waiting]["error"]["code"] == "device_disabled"
        assert found[blocked.device_id]["error"]["code"] == "device_disabled"
        assert found[hangs.device_id]["phase"] == "downloading"
        record = await rest.record(blocked.device_id, update["id"])
        assert (await rest.client.delete(f"/devices/{hangs.device_id}")).status_code == 200
        over = await ended(rest, deployment_id)
        assert (over["status"], over["stoppedBecause"]) == ("SUCCESS", None)
        assert over["counts"] == {
            "pending": 0, "inProgress": 0, "success": 2, "failed": 0, "skipped": 3,
        }  # fmt: skip
        assert (await rows(rest, deployment_id))[hangs.device_id]["error"][
            "code"
        ] == "device_deleted"
        audit = await rest.data("/audit-log", target=blocked.device_id, action="command.cancel")
        assert len(audit) == 1, record


async def test_targets_by_group_and_by_filter(rest: Rest, fleet: Fleet) -> None:
    async with updating(fleet, rest, 2) as devices:
        one, other = (device.device_id for device in devices)
        tag = new_id("tag")
        await rest.client.patch(f"/devices/{one}", json={"tags": [tag]})
        group = (await rest.post("/device-groups", {"name": new_id("group")})).json()["data"]
        await rest.post(f"/device-groups/{group['id']}/members", {"deviceIds": [other]})
        by_tag = await deploy(rest, "2.0", {"filter": {"tag": tag, "version": "1"}})
        by_group = await deploy(rest, "2.0", {"groupId": group["id"]})
        assert (await ended(rest, by_tag))["status"] == "SUCCESS"
        assert (await ended(rest, by_group))["status"] == "SUCCESS"
    assert list(await rows(rest, by_tag)) == [one]
    assert list(await rows(rest, by_group)) == [other]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"releaseId": "none"}, 404),
        ({"target": {"deviceIds": ["nobody-knows"]}}, 404),
        ({"target": {"groupId": "none"}}, 404),
        ({"target": {"filter": {"tag": "nobody-has-it"}}}, 400),
        ({"target": {}}, 400),
        ({"target": {"deviceIds": ["a"], "groupId": "b"}}, 400),
        ({"target": {"deviceIds": []}}, 400),
        ({"waves": []}, 400),
        ({"waves": [dict[str, int]()]}, 400),
        ({"waves": [{"count": 1, "percent": 5}]}, 400),
        ({"waves": [{"percent": 101}]}, 400),
        ({"waves": [{"percent": 50}, {"percent": 20}]}, 400),
        ({"ratePerMinute": 0}, 400),
        ({"soakSeconds": -1}, 400),
        ({"phaseTimeoutSeconds": 0}, 400),
        ({"stopAt": {"failedPercent": 0}}, 400),
        ({"surprise": 1}, 400),
    ],
)
async def test_deployments_that_make_no_sense(
    rest: Rest, fleet: Fleet, change: Json, status: int
) -> None:
    made = await release(rest, "9")
    body: Json = {"releaseId": made["id"], "target": {"deviceIds": [await fleet.enroll()]}}
    answer = await rest.post("/firmware/deployments", {**body, **change})
    assert answer.status_code == status, answer.text
