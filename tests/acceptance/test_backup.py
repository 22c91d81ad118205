"""Backup and restore as `docs/backup.md` says: what was there before is there after."""

import asyncio
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from hub.base.embedded import Embedded
from tests.acceptance.hub.clients import Fleet, Rest, bearer, open_socket
from tests.acceptance.hub.conftest import PASSWORD, log_in
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.up import longline, replica
from tests.deploy import postgres_programs

ARTIFACT = bytes(range(256)) * 1024
DEVICE = "edge-1"
UNCHANGED = (
    "/users",
    "/api-keys",
    "/devices",
    "/device-groups",
    "/commands",
    "/firmware/releases",
    f"/devices/{DEVICE}/events",
    f"/devices/{DEVICE}/logs",
)


class Backup(Struct, frozen=True):
    """What was put aside, and what the hub of then would answer."""

    dump: Path
    data: Path
    """The data directory of the hub, which has stopped."""
    answers: dict[str, Any]
    audit: list[Any]
    token: str
    device_token: str
    release_id: str
    queued_id: str


async def look(rest: Rest) -> dict[str, Any]:
    return {path: await rest.data(path, limit=500) for path in UNCHANGED}


async def fill(rest: Rest, fleet: Fleet) -> tuple[str, str]:
    """Something of everything: (id of a release, id of a queued command)."""
    anna = {"username": "anna", "password": PASSWORD, "role": "MANAGER"}
    assert (await rest.post("/users", anna)).status_code == 201
    await rest.post("/api-keys", {"name": "ci", "role": "OPERATOR"})
    async with fleet.line(DEVICE) as device:
        await device.send("event", name="made", bootId="b", seq=1)
        await device.send("log_line", line="hot", level="WARN", bootId="b", seq=2)
        await device.find("event_ack", bootId="b", seq=2)
        done = await rest.accept(DEVICE)
        await device.command(id=done)
        await device.succeed(done, output="as it was")
    queued = await rest.accept(
        DEVICE, {"type": "disable_device", "reason": "later"}, delivery="queue"
    )
    group = (await rest.post("/device-groups", {"name": "kept"})).json()["data"]
    await rest.post(f"/device-groups/{group['id']}/members", {"deviceIds": [DEVICE]})
    headers = {"Content-Type": "application/octet-stream"}
    query = {"version": "2.0", "channel": "stable", "filename": "fw.bin"}
    uploaded = await rest.client.post(
        "/firmware/releases", params=query, content=ARTIFACT, headers=headers
    )
    return str(uploaded.json()["data"]["id"]), queued


async def used(hub: HubProcess, folder: Path) -> Backup:
    token = log_in(hub.url, "admin", hub.ready["adminPassword"])
    fleet = Fleet(hub.url, hub.ready["enrollmentKey"])
    async with Rest.open(hub.url, token) as rest:
        release_id, queued_id = await fill(rest, fleet)
        device_token = await fleet.token(DEVICE)
        return Backup(
            dump=folder / "longline.dump",
            data=hub.folder / "data",
            answers=await look(rest),
            audit=await rest.data("/audit-log", limit=500),
            token=token,
            device_token=device_token,
            release_id=release_id,
            queued_id=queued_id,
        )


def run(*argv: str | Path) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture(scope="module")
def backup(tmp_path_factory: pytest.TempPathFactory) -> Backup:
    """Of a hub that was used, dumped while it ran, and stopped."""
    folder = tmp_path_factory.mktemp("backup")
    hub = HubProcess(tmp_path_factory.mktemp("hub"))
    hub.start()
    try:
        made = asyncio.run(used(hub, folder))
        pg_dump = postgres_programs() / "pg_dump"
        owner_url = hub.ready["databaseUrl"].replace("longline_server@", "longline@")
        run(pg_dump, "--format=custom", "--file", made.dump, owner_url)
    finally:
        assert hub.stop() == 0
    return made


async def all_is_there(backup: Backup, url: str) -> None:
    """With the tokens of before: the signing keys came back too."""
    async with Rest.open(url, backup.token) as rest:
        assert await look(rest) == backup.answers
        audit = await rest.data("/audit-log", limit=500)
        assert audit[len(audit) - len(backup.audit) :] == backup.audit
        artifact = await rest.client.get(f"/firmware/releases/{backup.release_id}/artifact")
        assert artifact.content == ARTIFACT
        assert log_in(url, "anna", PASSWORD)
        async with open_socket(f"{url}/ws/device", **bearer(backup.device_token)) as device:
            await device.find("disable_device", id=backup.queued_id)
            await device.send("result", commandId=backup.queued_id, success=True)
            await device.find("result_ack", commandId=backup.queued_id)
        await rest.until_status(DEVICE, backup.queued_id, "SUCCESS")


def test_what_is_compared_is_not_empty(backup: Backup) -> None:
    assert all(backup.answers.values())
    assert {row["action"] for row in backup.audit} >= {"user.create", "command.disable_device"}
    assert {row["status"] for row in backup.answers["/commands"]} == {"SUCCESS", "PENDING"}


async def test_a_dump_is_restored_into_a_new_cluster(backup: Backup, tmp_path: Path) -> None:
    shutil.copytree(backup.data / "firmware", tmp_path / "data" / "firmware")
    shutil.copy(backup.data / "master-key", tmp_path / "data")
    servers = Embedded(tmp_path / "servers")
    await servers.start()
    try:
        restore = [postgres_programs() / "pg_restore", "--exit-on-error", "--no-owner", "--no-acl"]
        run(*restore, "--dbname", servers.owner_url, backup.dump)
        migrated = longline("migrate", LONGLINE_DATABASE_URL=servers.owner_url)
        assert migrated.returncode == 0, migrated
        variables = {
            "LONGLINE_DATABASE_URL": servers.database_url,
            "LONGLINE_REDIS_URL": servers.redis_url,
            "LONGLINE_DATA_DIR": str(tmp_path / "data"),
        }
        with replica(tmp_path, **variables) as (_, ready):
            await all_is_there(backup, ready["url"])
    finally:
        await servers.stop()


async def test_a_data_directory_is_copied(backup: Backup, tmp_path: Path) -> None:
    shutil.copytree(backup.data, tmp_path / "data")
    hub = HubProcess(tmp_path)
    hub.start()
    try:
        await all_is_there(backup, hub.url)
    finally:
        hub.stop()
