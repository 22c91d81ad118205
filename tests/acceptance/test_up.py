"""`longline up` and `longline hub` as processes: starting, ending, and mistakes in one line."""

import json
import os
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from tests.acceptance.hub.conftest import log_in
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.up import (
    LONGLINE,
    environment,
    fails_in_one_line,
    family,
    gone,
    longline,
    replica,
    signed_in,
    until,
)

FIELDS = {
    "url", "deviceUrl", "pid", "adminUser", "adminPassword", "enrollmentKey", "databaseUrl",
    "redisUrl",
}  # fmt: skip
SHORT_SECONDS = 5.0


@pytest.fixture
def up(tmp_path: Path) -> Generator[HubProcess]:
    process = HubProcess(tmp_path)
    process.start()
    yield process
    process.kill()


def ready_file(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "ready.json").read_bytes())
    return found


def test_the_ready_file_is_complete_and_private(up: HubProcess, tmp_path: Path) -> None:
    found = ready_file(tmp_path)

    assert set(found) == FIELDS
    assert {name for name, value in found.items() if value is None} == {"deviceUrl"}
    assert (tmp_path / "ready.json").stat().st_mode & 0o777 == 0o600
    assert httpx.get(f"{up.url}/readyz").status_code == 200


async def test_it_serves_with_a_login_that_owns_nothing(up: HubProcess) -> None:
    superuser = up.ready["databaseUrl"].replace("longline_server@", "postgres@")
    connection = await asyncpg.connect(superuser)
    try:
        rows = await connection.fetch(
            "SELECT DISTINCT usename FROM pg_stat_activity "
            "WHERE datname = 'longline' AND pid <> pg_backend_pid()"
        )
        owned = await connection.fetchval(
            "SELECT count(*) FROM pg_shdepend "
            "WHERE refobjid = 'longline_server'::regrole AND deptype = 'o'"
        )
    finally:
        await connection.close()

    assert [row["usename"] for row in rows] == ["longline_server"]
    assert owned == 0


def test_sigterm_ends_all_and_a_second_start_keeps_the_data(up: HubProcess, tmp_path: Path) -> None:
    with signed_in(up.ready) as rest:
        rest.post("/device-groups", json={"name": "kept"})
    children = family(up.ready["pid"])
    began = time.monotonic()

    assert up.stop() == 0
    assert time.monotonic() - began < SHORT_SECONDS
    assert len(children) >= 2
    assert gone(children, seconds=0.1)

    up.start()

    assert ready_file(tmp_path)["adminPassword"] is None
    with signed_in(up.ready) as rest:
        assert [group["name"] for group in rest.get("/device-groups").json()["data"]] == ["kept"]


def test_kill_9_leaves_no_child_and_the_next_start_recovers(up: HubProcess) -> None:
    children = family(up.ready["pid"])

    up.kill()

    assert gone(children, seconds=SHORT_SECONDS)
    up.start()
    with signed_in(up.ready) as rest:
        assert rest.get("/auth/me").json()["data"]["username"] == "admin"


def test_a_second_replica_serves_on_the_same_database(up: HubProcess, tmp_path: Path) -> None:
    variables = {
        "LONGLINE_DATABASE_URL": up.ready["databaseUrl"],
        "LONGLINE_REDIS_URL": up.ready["redisUrl"],
        "LONGLINE_DATA_DIR": str(tmp_path / "second"),
    }
    with replica(tmp_path, **variables) as (second, found):
        assert (found["adminPassword"], found["enrollmentKey"]) == (None, None)
        with signed_in(up.ready | {"url": found["url"]}) as rest:
            assert rest.get("/devices").status_code == 200
    assert second.returncode == 0


def test_a_data_directory_in_use_is_refused(up: HubProcess, tmp_path: Path) -> None:
    done = longline("up", "--port", "0", "--data-dir", tmp_path / "data")

    assert "is in use by another longline" in fails_in_one_line(done)


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = longline("up", "--port", port, "--data-dir", tmp_path / "data")

    assert f"port {port}" in fails_in_one_line(done)


def test_a_data_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    done = longline("up", "--port", "0", "--data-dir", tmp_path / "file" / "data")

    assert "--data-dir" in fails_in_one_line(done)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_data_directory_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)

    done = longline("up", "--port", "0", "--data-dir", tmp_path / "data")

    tmp_path.chmod(0o700)
    assert "--data-dir" in fails_in_one_line(done)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("LONGLINE_PROT", "80", "LONGLINE_PROT is not a setting"),
        ("LONGLINE_PORT", "eighty", "LONGLINE_PORT must be a whole number"),
        ("LONGLINE_PORT", "70000", "LONGLINE_PORT"),
        ("LONGLINE_QUERY_TOKENS", "maybe", "LONGLINE_QUERY_TOKENS must be on or off"),
        ("LONGLINE_LOG_LEVEL", "loud", "LONGLINE_LOG_LEVEL"),
    ],
)
@pytest.mark.parametrize("subcommand", ["up", "hub"])
def test_a_variable_that_is_wrong(subcommand: str, variable: str, value: str, said: str) -> None:
    assert said in fails_in_one_line(longline(subcommand, **{variable: value}))


def test_no_open_address_without_tls(tmp_path: Path) -> None:
    done = longline("up", "--host", "0.0.0.0", "--port", "0", "--data-dir", tmp_path / "data")

    assert "--tls-cert" in fails_in_one_line(done)


def test_a_replica_without_addresses() -> None:
    assert "set LONGLINE_DATABASE_URL" in fails_in_one_line(longline("hub", "--port", "0"))


def test_a_postgres_that_does_not_answer() -> None:
    variables = {
        "LONGLINE_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
        "LONGLINE_REDIS_URL": "redis://127.0.0.1:1",
    }

    done = longline("hub", "--port", "0", **variables)

    assert "Postgres does not answer" in fails_in_one_line(done)


def test_ctrl_c_during_the_start_ends_all(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [*LONGLINE, "up", "--port", "0", "--data-dir", tmp_path / "data"],
            env=environment(), stdout=log, stderr=log,
        )  # fmt: skip
    until(lambda: bool(family(process.pid)))
    children = family(process.pid)

    process.send_signal(signal.SIGINT)

    assert process.wait(2 * SHORT_SECONDS) == 0
    assert gone(children, seconds=SHORT_SECONDS)


def test_first_credentials_are_in_no_log_and_gone_after_the_first_sign_in(tmp_path: Path) -> None:
    hub = HubProcess(tmp_path)
    hub.start()
    try:
        kept = tmp_path / "data" / "first-sign-in.json"
        found = json.loads(kept.read_bytes())
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert found["adminPassword"] == hub.ready["adminPassword"]
        for secret in ("adminPassword", "enrollmentKey"):
            assert hub.ready[secret] not in hub.log()
        assert str(kept) in hub.log()
        log_in(hub.url, found["adminUser"], found["adminPassword"])
        assert not kept.exists()
    finally:
        hub.stop()
