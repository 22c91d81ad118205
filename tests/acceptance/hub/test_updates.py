"""Updates from end to end: the command line, REST, the hub, real agents under a supervisor."""

import os
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from device.update.own_version import installed_version
from tests.acceptance.hub.clients import Json, Rest, new_id, until
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.hub.test_deployments import at_version, codes, ended, rows
from tests.integration.device.updates import BROKEN, SupervisedDevice, make_artifact

OLD = installed_version()


def longline(hub: HubProcess, token: str, *arguments: str | Path) -> str:
    """What `longline firmware …` prints."""
    done = subprocess.run(
        [sys.executable, "-m", "longline", "firmware", *arguments],
        capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "LONGLINE_TOKEN": token, "LONGLINE_HUB_URL": hub.url},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


async def deploy(rest: Rest, release_id: str, devices: list[str]) -> str:
    body: Json = {
        "releaseId": release_id, "target": {"deviceIds": devices}, "soakSeconds": 2,
        "waves": [{"count": 1}, {"percent": 100}],
        "stopAt": {"failedPercent": 50, "minimum": 1},
    }  # fmt: skip
    answer = await rest.post("/firmware/deployments", body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["data"]["id"])


async def over(rest: Rest, deployment_id: str) -> Json:
    async def is_over() -> bool:
        found = await rest.data(f"/firmware/deployments/{deployment_id}")
        return found["status"] not in ("PENDING", "IN_PROGRESS")

    await until(is_over, seconds=60)
    return await ended(rest, deployment_id)


async def test_a_canary_a_wave_success_and_a_broken_version_that_stops(
    hub: HubProcess, rest: Rest, admin_token: str, tmp_path: Path
) -> None:
    key = tmp_path / "key.pem"
    public = longline(hub, admin_token, "keygen", key)
    made = await rest.post("/firmware/signing-keys", {"name": "ci", "publicKey": public})
    key_id = made.json()["data"]["id"]
    good, bad = tmp_path / "good.tar.gz", tmp_path / "bad.tar.gz"
    longline(hub, admin_token, "build", good, "--version", "2.0")
    make_artifact(bad, "3.0", BROKEN["import"])
    channel = ["--channel", new_id("channel"), "--key", key]
    second = longline(hub, admin_token, "upload", good, *channel)
    third = longline(hub, admin_token, "upload", bad, *channel)
    release = await rest.data(f"/firmware/releases/{second}")
    assert (release["version"], release["signedBy"]) == ("2.0", key_id)

    devices = [new_id("edge") for _ in range(3)]
    async with AsyncExitStack() as stack:
        for device_id in devices:
            folder = tmp_path / device_id
            folder.mkdir()
            device = SupervisedDevice(folder, hub.url, device_id)
            device.key = hub.ready["enrollmentKey"]
            device.settings = f'trusted_keys = ["{public}"]\n'
            device.confirm_seconds = 20
            await stack.enter_async_context(device.running())
        for device_id in devices:
            await at_version(rest, device_id, OLD, seconds=20)

        deployment_id = await deploy(rest, second, devices)
        found = await over(rest, deployment_id)
        assert found["status"] == "SUCCESS", await rows(rest, deployment_id)
        assert found["counts"]["success"] == 3
        canary, *others = (await rows(rest, deployment_id)).values()
        assert all(canary["finishedAt"] <= other["startedAt"] for other in others)
        assert {row["fromVersion"] for row in (canary, *others)} == {OLD}

        stopped_id = await deploy(rest, third, devices)
        stopped = await over(rest, stopped_id)
        assert stopped["status"] == "FAILED"
        assert stopped["stoppedBecause"] == "1 of 1 devices failed"
        assert codes(await rows(rest, stopped_id)) == ["rolled_back", "stopped", "stopped"]
        for device_id in devices:
            await at_version(rest, device_id, "2.0")
        alerts = await rest.data(f"/devices/{devices[0]}/events", type="alert")
        assert alerts[0]["event"]["code"] == "firmware_rolled_back"
        assert "did not come up in 3 starts" in alerts[0]["event"]["message"]
    for release_id in (second, third):
        assert (await rest.client.delete(f"/firmware/releases/{release_id}")).status_code == 200
    assert (await rest.client.delete(f"/firmware/signing-keys/{key_id}")).status_code == 200
