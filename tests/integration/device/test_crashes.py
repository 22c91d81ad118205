"""What a device keeps of bad versions: it goes back by itself, and below its floor never again."""

import base64
import hashlib
import os
import subprocess
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from device.update.own_version import installed_version
from longline import artifact
from tests.integration.device.agents import eventually
from tests.integration.device.scripted_hub import Frame, ScriptedHub, scripted_hub
from tests.integration.device.updates import SupervisedDevice, make_artifact, offer

OLD = installed_version()
CRASHES = 5


async def update(hub: ScriptedHub, command_id: str, offered: Frame) -> Frame:
    return await hub.run("update_firmware", command_id, **offered)


async def installed(hub: ScriptedHub, device: SupervisedDevice, offered: Frame) -> None:
    """Take a version, and prove it."""
    begin = len(hub.frames)
    result = await update(hub, f"to-{offered['version']}", offered)
    assert result["success"], result
    await hub.frame("hello", begin, agentVersion=offered["version"])
    await device.until_state("confirmed")


async def crash(hub: ScriptedHub, device: SupervisedDevice) -> Frame:
    """Kill the agent; what the next one says."""
    begin = len(hub.frames)
    assert device.kill()
    return await hub.frame("hello", begin)


def unbar(device: SupervisedDevice, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "longline", "device", "unbar", *arguments],
        env={**os.environ, "LONGLINE_VERSIONS_DIR": str(device.versions)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


async def test_a_version_that_crashes_in_the_field_goes_back_and_is_barred(tmp_path: Path) -> None:
    async with scripted_hub() as hub:
        device = SupervisedDevice(tmp_path, hub.url)
        async with device.running():
            await hub.frame("hello", agentVersion=OLD)
            content = make_artifact(tmp_path / "artifact", "2.0")
            offered, digest = offer(hub, "2.0", content), hashlib.sha256(content).hexdigest()
            await installed(hub, device, offered)
            for _ in range(CRASHES - 1):
                hello = await crash(hub, device)
                assert (hello["agentVersion"], hello["barred"]) == ("2.0", [])
            back = await crash(hub, device)
            alert = await hub.frame("alert", code="firmware_rolled_back")
            refused = await update(hub, "again", offered)
            assert "no artifact ffff" in unbar(device, "ffff")
            lifted = unbar(device, digest[:12])
            allowed = await update(hub, "allowed", offered)

    assert (back["agentVersion"], back["barred"]) == (OLD, [digest])
    why, _, said = alert["message"].partition("\n")
    assert why == "version 2.0 was rolled back: it crashed 5 times within 10 min"
    assert '"event": "line_open"' in said
    assert refused["error"] == {
        "code": "barred",
        "message": "version 2.0 is barred: it crashed 5 times within 10 min",
    }
    assert lifted == f"{digest} version 2.0: it crashed 5 times within 10 min\n"
    assert allowed["success"], allowed


async def test_a_crash_that_stays_the_only_one_costs_no_line_of_the_log(tmp_path: Path) -> None:
    async with scripted_hub() as hub:
        device = SupervisedDevice(tmp_path, hub.url)
        async with device.running():
            await hub.frame("hello", agentVersion=OLD)
            content = make_artifact(tmp_path / "artifact", "2.0")
            await installed(hub, device, offer(hub, "2.0", content))
            await crash(hub, device)
            await eventually(lambda: '"session": "s-3"' in device.log())
            assert not (device.versions / "trial.log").exists()


async def test_starts_that_somebody_asked_for_are_no_crashes(tmp_path: Path) -> None:
    async with scripted_hub() as hub:
        device = SupervisedDevice(tmp_path, hub.url)
        async with device.running():
            await hub.frame("hello", agentVersion=OLD)
            content = make_artifact(tmp_path / "artifact", "2.0")
            await installed(hub, device, offer(hub, "2.0", content))
            for number in range(CRASHES + 2):
                begin = len(hub.frames)
                await hub.command("restart_service", f"restart-{number}")
                hello = await hub.frame("hello", begin)
                assert hello["agentVersion"] == "2.0"
        assert device.record()["crashes"] == []


async def test_a_signed_version_raises_the_floor_and_only_the_file_lowers_it(
    tmp_path: Path,
) -> None:
    key = Ed25519PrivateKey.generate()
    public = base64.b64encode(key.public_key().public_bytes_raw()).decode()

    def signed(hub: ScriptedHub, version: str, floor: str | None = None) -> Frame:
        file = tmp_path / "artifact"
        artifact.write(file, version=version, source=artifact.HERE, floor=floor)
        content = file.read_bytes()
        signature = base64.b64encode(key.sign(content)).decode()
        return {**offer(hub, version, content), "signatureBase64": signature}

    async with scripted_hub() as hub:
        device = SupervisedDevice(tmp_path, hub.url)
        device.settings = f'trusted_keys = ["{public}"]\n'
        async with device.running():
            hello = await hub.frame("hello", agentVersion=OLD)
            assert (hello["installers"], hello["unsigned"]) == (["agent"], False)
            await installed(hub, device, signed(hub, "3.0", floor="2.5"))
            below = await update(hub, "below", signed(hub, "2.4") | {"allowDowngrade": True})
            await installed(hub, device, signed(hub, "2.5") | {"allowDowngrade": True})
        device.settings += 'floor = "2.0"\n'
        begin = len(hub.frames)
        async with device.running():
            await hub.frame("hello", begin, agentVersion="2.5")
            lowered = signed(hub, "2.4") | {"allowDowngrade": True}
            await installed(hub, device, lowered)

    assert below["error"] == {
        "code": "below_floor",
        "message": "this device goes no lower than 2.5",
    }


async def test_an_unsigned_version_raises_no_floor(tmp_path: Path) -> None:
    async with scripted_hub() as hub:
        device = SupervisedDevice(tmp_path, hub.url)
        async with device.running():
            hello = await hub.frame("hello", agentVersion=OLD)
            file = tmp_path / "artifact"
            artifact.write(file, version="3.0", source=artifact.HERE, floor="3.0")
            await installed(hub, device, offer(hub, "3.0", file.read_bytes()))
            older = offer(hub, "2.0", make_artifact(file, "2.0")) | {"allowDowngrade": True}
            await installed(hub, device, older)
        await eventually(lambda: "firmware_unsigned" in device.log())

    assert hello["unsigned"] is True
