"""A JAR from the command line to real agents, which install it by a program of their own."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from tests.acceptance.hub.clients import Json, Rest, new_id, until
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.hub.test_deployments import rows
from tests.acceptance.hub.test_updates import longline, over
from tests.integration.device.agents import AgentProcess, eventually

GOOD, BAD = 4, 2
INSTALL = '#!/bin/sh\ncp "$1" {0}/line.jar && echo "$2" > {0}/version\n'
BREAK = "#!/bin/sh\necho half > {0}/version\necho the JAR does not start >&2\n"
HANG_ONCE = (
    "#!/bin/sh\nif [ -e {0}/runs ]; then echo $2 > {0}/version; exit; fi\n"
    "echo half > {0}/version; echo run > {0}/runs; exec sleep 600\n"
)
HANG = "#!/bin/sh\necho run >> {0}/runs\necho 2.0 > {0}/version\nexec sleep 600\n"
UNDO = "#!/bin/sh\necho 1.0 > {0}/version\n"


class Box:
    """A machine with version 1.0 of a JAR; `install` is the program for the next one."""

    def __init__(self, folder: Path, hub: HubProcess, key: str, install: str | None) -> None:
        self.folder = folder
        self.device_id = new_id("box")
        self._hub = hub
        folder.mkdir(parents=True)
        self.version = folder / "version"
        self.version.write_text("1.0\n")
        settings = (
            f'hub = "{hub.url}"\nid = "{self.device_id}"\nstate_dir = "{folder / "state"}"\n'
            f'socket = "{folder / "s"}"\n[firmware]\ntrusted_keys = ["{key}"]\n'
        )
        if install is not None:
            for name, script in (("install", install), ("undo", UNDO)):
                (folder / name).write_text(script.format(folder))
                (folder / name).chmod(0o755)
            settings += (
                f'[installers.jar]\nargv = ["{folder}/install", "{{file}}", "{{version}}"]\n'
                f'undo_argv = ["{folder}/undo"]\nproof_seconds = 1\n'
                f'proof = {{ version_file = "{self.version}" }}\n'
            )
        (folder / "device.toml").write_text(settings)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[AgentProcess]:
        environ = {k: v for k, v in os.environ.items() if not k.startswith("LONGLINE_")}
        with (self.folder / "log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "longline", "device",
                "--config", str(self.folder / "device.toml"),
                stdout=log, stderr=log,
                env={**environ, "LONGLINE_ENROLLMENT_KEY": self._hub.ready["enrollmentKey"]},
            )  # fmt: skip
        agent = AgentProcess(process)
        try:
            yield agent
        finally:
            await agent.stop()


async def until_online(rest: Rest, boxes: list[Box]) -> None:
    async def are_there() -> bool:
        answers = [await rest.get(f"/devices/{box.device_id}") for box in boxes]
        found = [answer.json().get("data", {}) for answer in answers]
        return all(each.get("installers") is not None for each in found)

    await until(are_there, seconds=60)


async def test_a_jar_to_a_fleet_of_which_some_fail_the_proof(
    hub: HubProcess, rest: Rest, admin_token: str, tmp_path: Path
) -> None:
    await roll_out(hub, rest, admin_token, tmp_path, good=GOOD, bad=BAD)


async def test_an_agent_killed_while_it_installs_says_what_is_there(
    hub: HubProcess, rest: Rest, admin_token: str, tmp_path: Path
) -> None:
    """Its command is unknown; what the proof names then decides, and nothing runs twice."""
    key, jar = tmp_path / "key.pem", tmp_path / "line-2.0.jar"
    public = longline(hub, admin_token, "keygen", key)
    jar.write_bytes(os.urandom(1000))
    release_id = longline(
        hub, admin_token, "upload", jar, "--type", "jar", "--version", "2.0", "--key", key,
        "--channel", new_id("channel"),
    )  # fmt: skip
    box = Box(tmp_path / "box", hub, public, HANG)
    body: Json = {
        "releaseId": release_id, "soakSeconds": 1, "target": {"deviceIds": [box.device_id]},
    }  # fmt: skip
    async with box.running() as agent:
        await until_online(rest, [box])
        made = (await rest.post("/firmware/deployments", body)).json()["data"]
        await eventually(lambda: box.version.read_text() == "2.0\n")
        await agent.kill()
    async with box.running():
        found = await over(rest, made["id"])
    (part,) = (await rows(rest, made["id"])).values()
    history = await rest.data(f"/devices/{box.device_id}/commands")

    assert (found["status"], part["attempt"]) == ("SUCCESS", 1)
    assert [each["status"] for each in history] == ["UNKNOWN"]
    assert (box.folder / "runs").read_text() == "run\n"


async def test_a_pin_is_brought_also_to_an_emptied_box_and_nothing_unsigned(
    hub: HubProcess, rest: Rest, admin_token: str, tmp_path: Path
) -> None:
    key, jar = tmp_path / "key.pem", tmp_path / "line.jar"
    public = longline(hub, admin_token, "keygen", key)
    jar.write_bytes(os.urandom(1000))
    for version, *more in (("2.0", "--key", str(key)), ("3.0",)):
        longline(
            hub, admin_token, "upload", jar, "--type", "jar", "--version", version,
            "--channel", new_id("channel"), *more,
        )  # fmt: skip
    box = Box(tmp_path / "box", hub, public, INSTALL)
    path = f"/devices/{box.device_id}/software"
    async with box.running():
        await until_online(rest, [box])
        await rest.client.put(path, json={"pins": {"jar": "2.0"}})
        await until_software(rest, box, "in_sync")
        assert (await rest.data(f"/devices/{box.device_id}"))["versions"] == {"jar": "2.0"}
        await rest.client.put(path, json={"pins": {"jar": "3.0"}})
        failed = await until_software(rest, box, "failed")
        await rest.client.put(path, json={"pins": {"jar": "2.0"}})
        await until_software(rest, box, "in_sync")
    assert failed["error"]["code"] == "signature_missing"
    assert failed["taken"] == {"pins": {"jar": "2.0"}, "allow": []}
    token = (box.folder / "state" / "token.json").read_bytes()
    shutil.rmtree(box.folder / "state")
    (box.folder / "state").mkdir(mode=0o700)
    (box.folder / "state" / "token.json").write_bytes(token)
    box.version.write_text("1.0\n")
    async with box.running():
        await eventually(lambda: box.version.read_text() == "2.0\n")


async def test_an_agent_killed_while_it_brings_a_pin_brings_it_again(
    hub: HubProcess, rest: Rest, admin_token: str, tmp_path: Path
) -> None:
    key, jar = tmp_path / "key.pem", tmp_path / "line-2.0.jar"
    public = longline(hub, admin_token, "keygen", key)
    jar.write_bytes(os.urandom(1000))
    longline(
        hub, admin_token, "upload", jar, "--type", "jar", "--version", "2.1", "--key", key,
        "--channel", new_id("channel"),
    )  # fmt: skip
    box = Box(tmp_path / "box", hub, public, HANG_ONCE)
    async with box.running() as agent:
        await until_online(rest, [box])
        body = {"pins": {"jar": "2.1"}}
        await rest.client.put(f"/devices/{box.device_id}/software", json=body)
        await eventually(lambda: (box.folder / "runs").exists())
        await agent.kill()
    async with box.running():
        await until_software(rest, box, "in_sync")
    assert box.version.read_text() == "2.1\n"


async def until_software(rest: Rest, box: Box, status: str) -> Json:
    found: Json = {}

    async def so() -> bool:
        nonlocal found
        found = await rest.data(f"/devices/{box.device_id}/software")
        return found["status"] == status

    await until(so, seconds=30)
    return found


async def roll_out(
    hub: HubProcess, rest: Rest, token: str, folder: Path, *, good: int, bad: int
) -> None:
    key = folder / "key.pem"
    public = longline(hub, token, "keygen", key)
    jar = folder / "line-2.0.jar"
    jar.write_bytes(os.urandom(300_000))
    release_id = longline(
        hub, token, "upload", jar, "--type", "jar", "--version", "2.0", "--key", key,
        "--channel", new_id("channel"),
    )  # fmt: skip
    boxes = [Box(folder / f"good-{n}", hub, public, INSTALL) for n in range(good)]
    boxes += [Box(folder / f"bad-{n}", hub, public, BREAK) for n in range(bad)]
    rest_of = Box(folder / "waits", hub, public, INSTALL)
    without = Box(folder / "without", hub, public, None)
    every = [*boxes, rest_of, without]
    body: Json = {
        "releaseId": release_id, "soakSeconds": 2,
        "target": {"deviceIds": [box.device_id for box in every]},
        "waves": [{"count": len(boxes)}, {"percent": 100}],
        "stopAt": {"failedPercent": 100 * bad / len(boxes), "minimum": len(boxes)},
    }  # fmt: skip
    async with AsyncExitStack() as stack:
        for box in every:
            await stack.enter_async_context(box.running())
        await until_online(rest, every)
        made = (await rest.post("/firmware/deployments", body)).json()["data"]

        async def is_skipped() -> bool:
            return (await rows(rest, made["id"]))[without.device_id]["status"] == "SKIPPED"

        await until(is_skipped, seconds=3)
        found = await over(rest, made["id"])
        parts = await rows(rest, made["id"])
        records = {box.device_id: await rest.data(f"/devices/{box.device_id}") for box in every}

    ids = [box.device_id for box in every]
    assert found["status"] == "FAILED"
    assert found["stoppedBecause"] == f"{bad} of {len(boxes)} devices failed"
    statuses = [parts[each]["status"] for each in ids]
    assert statuses == ["SUCCESS"] * good + ["FAILED"] * bad + ["SKIPPED"] * 2
    assert parts[rest_of.device_id]["reason"] == "stopped"
    assert parts[without.device_id]["reason"] == "unsupported"
    for box in boxes[good:]:
        assert parts[box.device_id]["error"] == {
            "code": "version_mismatch",
            "message": "the proof names half; undone\nthe JAR does not start",
        }
    versions = [records[each]["versions"].get("jar") for each in ids]
    assert versions == ["2.0"] * good + ["1.0"] * (bad + 1) + [None]
    on_disk = [box.version.read_text().strip() for box in every]
    assert on_disk == ["2.0"] * good + ["1.0"] * (bad + 2)
    assert (boxes[0].folder / "line.jar").read_bytes() == jar.read_bytes()
    held_back = {row["deviceId"] for row in await rest.data("/firmware/penalties")}
    assert held_back.isdisjoint(ids)
