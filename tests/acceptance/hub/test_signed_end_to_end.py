"""A person, the command line, a hub, and a device that trusts the person alone: device-identity.md,
8.7."""

import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import asyncpg
import msgspec
import pytest

from tests.acceptance.hub.clients import Json, Rest, new_id, until
from tests.acceptance.hub.people import make_user, new_organisation, signed_in
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.up import until as wait_until
from tests.integration.device.agents import Bench
from tests.integration.device.scripted_hub import ScriptedHub


def run(*argv: str | Path, **environment: str) -> str:
    done = subprocess.run(
        argv, capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def longline_sign(*arguments: str | Path, **environment: str) -> Json:
    """What `longline sign …` prints."""
    said = run(sys.executable, "-m", "longline", "sign", *arguments, **environment)
    found: Json = msgspec.json.decode(said)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of the device."""
    made = tmp_path / "device"
    made.mkdir()
    return made


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """Of ssh-keygen; the public part is beside it."""
    file = tmp_path / "id_ed25519"
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "anna@laptop", "-f", file)
    return file


@pytest.fixture
def agent_socket(tmp_path: Path, key: Path) -> Generator[str]:
    """An ssh-agent that has the key."""
    path = str(tmp_path / "agent")
    process = subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL)
    try:
        wait_until(Path(path).exists)
        run("ssh-add", "-q", key, SSH_AUTH_SOCK=path)
        yield path
    finally:
        process.terminate()
        process.wait()


@asynccontextmanager
async def signing_device(
    hub: HubProcess, rest: Rest, folder: Path, key: Path, device_id: str, enrollment_key: str
) -> AsyncGenerator[Bench]:
    """A real agent on a line. `disable_device` stands for what harms: it shows whether it ran."""
    bench = Bench(folder, cast("ScriptedHub", hub))  # of which it takes the address
    bench.key = enrollment_key
    public = key.with_suffix(".pub").read_text().strip()
    bench.settings = f"""
        [firmware]
        trusted_keys = ["{"A" * 43}="]
        [signed_commands]
        org = "default"
        require = ["disable_device", "reboot_os"]
        operators = [{{ key = "{public}" }}]
    """

    async def is_there() -> bool:
        answer = await rest.get(f"/devices/{device_id}")
        return answer.status_code == 200 and answer.json()["data"]["connected"]

    async with bench.agent("--id", device_id):
        await until(is_there, seconds=20)
        yield bench


async def bring(rest: Rest, device_id: str, body: Json) -> Json:
    """The record of what was asked, once it has ended."""
    answer = await rest.post(f"/devices/{device_id}/commands", body)
    assert answer.status_code == 200, answer.text
    return await rest.record(device_id, answer.json()["data"]["commandId"])


async def test_signed_replayed_and_forged(
    hub: HubProcess, rest: Rest, folder: Path, key: Path, agent_socket: str
) -> None:
    device_id, shared_key = new_id("signed"), hub.ready["enrollmentKey"]
    public = key.with_suffix(".pub")
    user = await make_user(rest, "ADMIN")
    async with (
        signed_in(hub, user) as anna,
        signing_device(hub, rest, folder, key, device_id, shared_key) as bench,
    ):
        mine = {"name": "Laptop", "publicKey": public.read_text()}
        assert (await anna.post("/auth/command-keys", mine)).status_code == 201
        reason = '{"reason":"cleaning"}'

        # By nobody: it never runs.
        unsigned = {"command": {"type": "disable_device", "reason": "x"}}
        refused = await bring(anna, device_id, unsigned)
        assert (refused["status"], refused["error"]["code"]) == ("REJECTED", "bad_signature")

        # By a key in a file, sent by somebody else than who has signed it: by hand.
        body = longline_sign(
            "disable_device", device_id, "--key", key, "--params", reason, LONGLINE_HUB_URL=""
        )
        done = await bring(anna, device_id, body)
        assert done["status"] == "SUCCESS", done
        assert await is_disabled(bench)

        # The same again by a hub whose database was changed.
        again = await sent_again(hub, rest, device_id, body["command"]["id"])
        assert (again["status"], again["error"]["code"]) == ("REJECTED", "bad_signature")

        # Unsigned, by a hub whose database was changed.
        forged = await sent_again(hub, rest, device_id, new_id("c"), like=body["command"]["id"])
        assert (forged["status"], forged["error"]["code"]) == ("REJECTED", "bad_signature")

        # By ssh-agent, sent by the command line.
        token = anna.client.headers["Authorization"].removeprefix("Bearer ")
        said = longline_sign(
            "disable_device", device_id, "--agent-key", public, "--params", reason,
            SSH_AUTH_SOCK=agent_socket, LONGLINE_TOKEN=token, LONGLINE_HUB_URL=hub.url,
        )  # fmt: skip
        assert said["status"] == "SUCCESS"
        record = await rest.record(device_id, said["commandId"])
        assert record["signature"]["kind"] == "sshsig"

        # To a device of the same id in another organisation: its hub asks for another signature.
        async with new_organisation(hub, rest) as (_, there):
            other = await there.post(
                "/auth/command-keys", {"name": "Laptop", "publicKey": public.read_text()}
            )
            assert other.status_code == 201
            assert (await there.post("/devices", {"id": device_id})).status_code == 201
            answer = await there.post(f"/devices/{device_id}/commands", body)
            assert (answer.status_code, answer.json()["code"]) == (400, "bad_signature")


async def is_disabled(bench: Bench) -> bool:
    (said,) = await bench.emit('{"type":"scan","code":"0101","valid":true}')
    return "cleaning" in said


async def sent_again(
    hub: HubProcess, rest: Rest, device_id: str, command_id: str, *, like: str | None = None
) -> Json:
    """The record, once the device has answered what the database says is to be sent: the command of
    this id, or a new one `like` another and without a signature."""
    database = await asyncpg.connect(hub.ready["databaseUrl"])
    try:
        if like is None:
            await database.execute(
                "UPDATE command SET status = 'PENDING', finished_at = NULL, sent_at = NULL,"
                " sent_generation = NULL, deadline = now() + interval '1 minute', output = NULL"
                " WHERE device_id = $1 AND command_id = $2",
                device_id,
                command_id,
            )
        else:
            await database.execute(
                "WITH moved AS (UPDATE device SET command_seq = command_seq + 1"
                "               WHERE device_id = $1 RETURNING command_seq)"
                "INSERT INTO command (org_id, command_id, device_id, seq, type, params, status,"
                "  delivery, timeout_ms, actor, request_hash, deadline, accepted_by)"
                " SELECT org_id, $2, device_id, (SELECT command_seq FROM moved), type, params,"
                "  'PENDING', 'now', timeout_ms, actor, request_hash, now() + interval '1 minute',"
                "  accepted_by FROM command WHERE device_id = $1 AND command_id = $3",
                device_id,
                command_id,
                like,
            )
    finally:
        await database.close()
    return await rest.until_status(device_id, command_id, "REJECTED", seconds=20)
