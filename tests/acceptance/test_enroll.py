"""`longline device enroll`, at a real hub."""

import json
import os
import stat
import subprocess
import tempfile
import tomllib
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest

from tests.acceptance.hub.clients import bearer
from tests.acceptance.hub.conftest import log_in
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.up import LONGLINE, fails_in_one_line, longline, stopped, until

FILE = '# hub = "https://hub.example.org"   # where\nstate_dir = "{state}"\n\n[power]\n'


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Generator[HubProcess]:
    process = HubProcess(tmp_path_factory.mktemp("hub"))
    process.start()
    yield process
    process.stop()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "device.toml"
    file.write_text(FILE.format(state=tmp_path / "state"))
    file.chmod(0o640)
    return file


def test_the_key_comes_on_standard_input(hub: HubProcess, config: Path, tmp_path: Path) -> None:
    done = longline(
        *("device", "enroll", "--config", config, "--hub", hub.url, "--id", "press-1"),
        stdin=hub.ready["enrollmentKey"] + "\n",
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"press-1 is enrolled at {hub.url}\n"
    said = tomllib.loads(config.read_text())
    assert (said["hub"], said["id"]) == (hub.url, "press-1")
    assert stat.S_IMODE(config.stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "state" / "token.json").stat().st_mode) == 0o600
    assert hub.ready["enrollmentKey"] not in config.read_text()


def test_the_key_comes_from_a_file_and_the_hub_from_the_settings(
    hub: HubProcess, config: Path, tmp_path: Path
) -> None:
    config.write_text(f'hub = "{hub.url}"\nid = "press-2"\nstate_dir = "{tmp_path / "state"}"\n')
    before = config.read_text()
    (tmp_path / "key").write_text(hub.ready["enrollmentKey"])

    done = longline("device", "enroll", "--config", config, "--token-file", tmp_path / "key")

    assert done.returncode == 0, done
    assert config.read_text() == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_root_keeps_the_token_for_the_user_of_the_state(hub: HubProcess, config: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        state = Path(folder) / "state"
        state.mkdir(mode=0o700)
        os.chown(state, 65534, 65534)
        config.write_text(FILE.format(state=state))

        done = longline(
            *("device", "enroll", "--config", config, "--hub", hub.url, "--id", "press-3"),
            stdin=hub.ready["enrollmentKey"],
        )

        assert done.returncode == 0, done
        assert {path.stat().st_uid for path in state.iterdir()} == {65534}
    assert config.stat().st_uid == 0


def test_a_refusal_is_one_line_and_changes_nothing(hub: HubProcess, config: Path) -> None:
    before = config.read_text()

    wrong = longline("device", "enroll", "--config", config, "--hub", hub.url, stdin="wrong")
    none = longline("device", "enroll", "--config", config, "--hub", hub.url)
    nobody = longline(
        *("device", "enroll", "--config", config, "--hub", "http://127.0.0.1:9"), stdin="key"
    )
    clear = longline(
        *("device", "enroll", "--config", config, "--hub", "http://hub.example.org"), stdin="key"
    )

    assert "enrolment key" in fails_in_one_line(wrong, code=1)
    assert "no enrolment key" in fails_in_one_line(none)
    assert "http://127.0.0.1:9" in fails_in_one_line(nobody, code=1)
    assert "not encrypted" in fails_in_one_line(clear)
    assert config.read_text() == before


def test_a_device_that_has_to_be_approved_goes_on_when_it_is(
    hub: HubProcess, config: Path, tmp_path: Path
) -> None:
    """A new box by an enrolment token: its fingerprint is shown, compared, and it comes in."""
    token = log_in(hub.url, "admin", hub.ready["adminPassword"])
    state, socket = tmp_path / "state", tmp_path / "agent.sock"
    with httpx.Client(base_url=f"{hub.url}/api/v1", headers=bearer(token), trust_env=False) as rest:
        made = rest.post("/enrollment-tokens", json={"name": "press", "approval": True})
        asked = longline(
            *("device", "enroll", "--config", config, "--hub", hub.url, "--id", "press-9"),
            stdin=made.json()["data"]["token"],
        )
        assert asked.returncode == 0, asked
        (row,) = rest.get("/enrollment-requests").json()["data"]
        assert row["fingerprint"] in asked.stdout
        assert tomllib.loads(config.read_text())["hub"] == hub.url
        request = state / "enrollment_request.json"
        assert stat.S_IMODE(request.stat().st_mode) == 0o600

        def shows(fingerprint: str | None) -> bool:
            said = longline("device", "status", "--socket", socket)
            return said.returncode == 0 and json.loads(said.stdout)["fingerprint"] == fingerprint

        config.write_text(f'socket = "{socket}"\n{config.read_text()}')
        with stopped(subprocess.Popen([*LONGLINE, "device", "--config", config])):
            until(lambda: shows(row["fingerprint"]))
            body = {"fingerprint": row["fingerprint"]}
            assert rest.post("/devices/press-9/approve", json=body).status_code == 200
            until(lambda: rest.get("/devices/press-9").status_code == 200, seconds=60)
            until(lambda: shows(None))
    assert not request.exists()
    assert (state / "token.json").exists()
