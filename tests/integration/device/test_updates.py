"""Updates of a real agent under a real supervisor: the old or the new version runs, never none."""

import base64
import itertools
from pathlib import Path
from unittest.mock import patch

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from device.update.own_version import installed_version
from longline import artifact
from tests.integration.device.agents import eventually
from tests.integration.device.kill_updates import survive
from tests.integration.device.scripted_hub import Frame, ScriptedHub, scripted_hub
from tests.integration.device.updates import (
    BROKEN,
    HANG_SECONDS,
    SupervisedDevice,
    make_artifact,
    offer,
)

OLD = installed_version()
COMMANDS = itertools.count(1)
LAST_WORDS = {
    "import": "ModuleNotFoundError: No module named 'not_there'",
    "crash": "no such scanner",
    "deaf": '"event": "update_not_confirmed"',
}
"""Of versions that fail: what they wrote to standard error last."""


async def hello(hub: ScriptedHub, version: str, after: int = 0) -> Frame:
    return await hub.frame("hello", after, agentVersion=version)


async def update(hub: ScriptedHub, offered: Frame) -> Frame:
    """The result of an `update_firmware`."""
    return await hub.run("update_firmware", f"u{next(COMMANDS)}", **offered)


async def test_a_new_version_takes_over_and_the_next_one_after_it(tmp_path: Path) -> None:
    async with scripted_hub() as hub:
        device = SupervisedDevice(tmp_path, hub.url)
        async with device.running():
            await hello(hub, OLD)
            for version, slot in (("2.0", "a"), ("3.0", "b"), ("3.1", "a")):
                content = make_artifact(tmp_path / "artifact", version)
                begin = len(hub.frames)
                result = await update(hub, offer(hub, version, content))
                assert result["success"] is True, result
                assert result["data"]["version"] == version
                await hello(hub, version, begin)
                record = await device.until_state("confirmed")
                assert (record["version"], record["slot"]) == (version, slot)
                assert (device.versions / "current").readlink() == Path(slot)
                await eventually(lambda: not (device.versions / "trial.log").exists())
                assert f'"version": "{version}", "start": 1, "event": "update_on_trial"' in (
                    device.log()
                )
            again = await update(hub, offer(hub, "3.1", content))
            assert again["output"] == "Version 3.1 runs already."
        begin = len(hub.frames)
        async with device.running():
            await hello(hub, "3.1", begin)
        assert list((device.state / "firmware").iterdir()) == []


@pytest.mark.parametrize("kind", [kind for kind in BROKEN if kind != "hang"])
async def test_a_version_that_fails_is_rolled_back_by_itself(tmp_path: Path, kind: str) -> None:
    async with scripted_hub() as hub:
        device = SupervisedDevice(tmp_path, hub.url)
        async with device.running():
            await hello(hub, OLD)
            good = offer(hub, "2.0", make_artifact(tmp_path / "good", "2.0"))
            await update(hub, good)
            await hello(hub, "2.0")
            await device.until_state("confirmed")
            begin = len(hub.frames)
            bad = offer(hub, "3.0", make_artifact(tmp_path / "bad", "3.0", BROKEN[kind]))
            assert (await update(hub, bad))["success"] is True
            await hello(hub, "2.0", begin)
            record = await device.until_state("failed")
            alert = await hub.frame("alert", begin, code="firmware_rolled_back")
            reason, _, said = alert["message"].partition("\n")
            assert reason == f"version 3.0 was rolled back: {record['reason']}"
            assert LAST_WORDS[kind] in said
            assert len(said.encode()) <= 4096
            assert not (device.versions / "trial.log").exists()
            assert (device.versions / "current").readlink() == Path(record["previous"])
            begin = len(hub.frames)
            again = offer(hub, "3.1", make_artifact(tmp_path / "again", "3.1"))
            assert (await update(hub, again))["success"] is True
            await hello(hub, "3.1", begin)
            await device.until_state("confirmed")
    assert len(hub.of("alert")) == 1


async def test_a_version_that_hangs_is_killed_by_its_alarm_clock(tmp_path: Path) -> None:
    async with scripted_hub() as hub:
        device = SupervisedDevice(tmp_path, hub.url)
        device.trial_seconds = HANG_SECONDS
        async with device.running():
            await hello(hub, OLD)
            begin = len(hub.frames)
            bad = offer(hub, "3.0", make_artifact(tmp_path / "bad", "3.0", BROKEN["hang"]))
            await update(hub, bad)
            await hello(hub, OLD, begin)
            record = await device.until_state("failed")
    assert record["reason"] == f"it hung for {HANG_SECONDS} s"
    assert record["starts"] == 1


async def test_what_is_not_right_is_not_staged_and_the_old_version_runs(tmp_path: Path) -> None:
    key, foreign = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
    content = make_artifact(tmp_path / "artifact", "2.0")

    def signed(by: Ed25519PrivateKey, what: bytes = content) -> Frame:
        return {"signatureBase64": base64.b64encode(by.sign(what)).decode()}

    async with scripted_hub() as hub:
        good = offer(hub, "2.0", content)
        flipped = bytes([content[0] ^ 1]) + content[1:]
        junk = b"not an archive"
        bad: dict[str, Frame] = {
            "signature_missing": good,
            "signature_mismatch": good | signed(foreign),
            "sha256_mismatch": {**offer(hub, "flip", flipped), **_named(good), **signed(key)},
            "size_mismatch": {**offer(hub, "cut", content[:-1]), **_named(good), **signed(key)},
            "downgrade": {**offer(hub, "0.0.1", content), **signed(key)},
            "bad_artifact": offer(hub, "9.0", junk) | signed(key, junk),
            "version_mismatch": offer(hub, "9.1", content) | signed(key),
            "too_large": good | signed(key) | {"size": 2**40},
        }  # fmt: skip
        other = of_another_product(tmp_path)
        bad["other_product"] = offer(hub, "7.0", other) | signed(key, other)
        device = SupervisedDevice(tmp_path, hub.url)
        device.settings = f'trusted_keys = ["{public}"]\n'
        async with device.running():
            await hello(hub, OLD)
            for code, offered in bad.items():
                result = await update(hub, offered)
                assert (result["success"], result["error"]["code"]) == (False, code), result
            assert device.record() == {}
            assert not list(device.versions.iterdir() if device.versions.exists() else [])
            assert {frame["agentVersion"] for frame in hub.of("hello")} == {OLD}
            allowed = await update(hub, good | signed(key))
            assert allowed["success"] is True
            await hello(hub, "2.0")


def _named(good: Frame) -> Frame:
    """What the command still says of an artifact that is not what it was."""
    return {name: good[name] for name in ("version", "sha256", "size")}


def of_another_product(folder: Path) -> bytes:
    with patch.object(artifact, "PRODUCT", "toaster"):
        return make_artifact(folder / "other", "7.0")


async def test_an_older_version_is_taken_when_the_command_allows_it(tmp_path: Path) -> None:
    async with scripted_hub() as hub:
        device = SupervisedDevice(tmp_path, hub.url)
        async with device.running():
            await hello(hub, OLD)
            offered = offer(hub, "0.0.1", make_artifact(tmp_path / "artifact", "0.0.1"))
            assert (await update(hub, offered))["error"]["code"] == "downgrade"
            await update(hub, offered | {"allowDowngrade": True})
            await hello(hub, "0.0.1")
            await device.until_state("confirmed")


async def test_without_a_hub_a_new_version_goes_back(tmp_path: Path) -> None:
    """And comes to the hub when it is there again."""
    port = 0
    async with scripted_hub() as hub:
        port = int(hub.url.rpartition(":")[2])
        device = SupervisedDevice(tmp_path, hub.url)
        running = device.running()
        await running.__aenter__()
        await hello(hub, OLD)
        offered = offer(hub, "2.0", make_artifact(tmp_path / "artifact", "2.0"))
        await hub.command("update_firmware", "u1", **offered)
        await hub.frame("result", commandId="u1")
    try:
        record = await device.until_state("failed")
        assert record["reason"] == "no hub within 3 s"
        async with scripted_hub(port) as again:
            await hello(again, OLD)
            await again.frame("alert", code="firmware_rolled_back")
    finally:
        await running.__aexit__(None, None, None)


# kill -9 at each step


async def test_the_old_version_runs_or_the_new_one_never_none(tmp_path: Path) -> None:
    """A few of the seeds that `python -m tests.integration.device.kill_updates` runs."""
    for seed in range(3):
        folder = tmp_path / str(seed)
        folder.mkdir()
        await survive(folder, seed)
