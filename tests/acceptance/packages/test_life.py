"""The life of the agent's package on a machine of its own, with its systemd and a real hub.

Each test begins where the one before ended."""

import json
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.hub.process import HubProcess
from tests.acceptance.packages.conftest import FIRST, NEXT
from tests.acceptance.packages.machine import Machine
from tests.acceptance.packages.test_built import named
from tests.acceptance.up import signed_in, until

DEVICE = "press-1"
BROUGHT = "0.1.5"
"""A version that the hub has brought: newer than the first package, older than the next."""
UNIT = "longline-device.service"
STATE = "/var/lib/longline-device"
CONFIG = "/etc/longline/device.toml"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Generator[HubProcess]:
    process = HubProcess(tmp_path_factory.mktemp("hub"))
    process.start()
    yield process
    process.stop()


@pytest.fixture(scope="module")
def rest(hub: HubProcess) -> Generator[httpx.Client]:
    with signed_in(hub.ready) as client:
        yield client


@pytest.fixture(scope="module")
def enrolled(machine: Machine, agent: Path, hub: HubProcess, rest: httpx.Client) -> Machine:
    """The first package, installed and enrolled."""
    machine.install(named(agent, "longline-agent"))
    machine.run(
        *("longline", "device", "enroll", "--hub", hub.url, "--id", DEVICE),
        stdin=hub.ready["enrollmentKey"],
    )
    until(lambda: version(rest) == FIRST)
    return machine


def version(rest: httpx.Client) -> str | None:
    """Of the agent that is on the line now."""
    connected = [each["id"] for each in rest.get("/devices/connected").json()["data"]]
    return rest.get(f"/devices/{DEVICE}").json()["data"]["version"] if DEVICE in connected else None


def starts(machine: Machine) -> int:
    said = machine.run("journalctl", "-u", UNIT, "-o", "cat", "--no-pager")
    return said.count('"event": "agent_starts"')


def record(machine: Machine) -> dict[str, Any]:
    return json.loads(machine.run("cat", f"{STATE}/versions/update.json"))


def set_setting(machine: Machine, text: str) -> None:
    """Add to the settings; before the first table, or as one."""
    file = machine.root / CONFIG.removeprefix("/")
    file.write_text(f"{file.read_text()}\n{text}\n")


def test_installing_asks_nothing_and_starts_nothing_without_a_hub(
    machine: Machine, agent: Path
) -> None:
    machine.install(named(agent, "longline-agent"))

    state = machine.run("systemctl", "show", UNIT, "-P", "ActiveState", "-P", "UnitFileState")
    assert state.split() == ["inactive", "enabled"]
    assert machine.run("stat", "-c", "%a %U:%G", CONFIG) == "640 root:longline-device\n"
    assert machine.run("stat", "-c", "%a", STATE, "/var/lib/longline-drop") == "700\n2770\n"
    assert machine.run("longline", "device", "--help")
    assert machine.run("systemd-analyze", "verify", "--man=no", UNIT) == ""


def test_one_command_makes_it_a_device_of_the_hub(enrolled: Machine, rest: httpx.Client) -> None:
    answer = rest.post(f"/devices/{DEVICE}/commands", json={"command": {"type": "force_sync"}})

    assert answer.json()["data"]["status"] == "SUCCESS"
    assert starts(enrolled) == 1
    assert "NoNewPrivs:\t1" in enrolled.run("sh", "-c", f"cat /proc/{pid(enrolled)}/status")


def pid(machine: Machine) -> int:
    return int(machine.run("systemctl", "show", UNIT, "-P", "MainPID"))


def test_programs_of_its_group_reach_it_and_others_do_not(enrolled: Machine) -> None:
    enrolled.run("useradd", "--no-create-home", "--groups", "longline-local", "friend")
    enrolled.run("useradd", "--no-create-home", "stranger")

    ask = ("longline", "device", "status")
    assert DEVICE in enrolled.run("runuser", "-u", "friend", "--", *ask)
    refused = enrolled.attempt("runuser", "-u", "stranger", "--", *ask)
    assert refused.returncode != 0
    assert "Permission denied" in refused.stderr
    directory = enrolled.run("stat", "-c", "%a", "/run/longline-device")
    assert directory == "711\n"
    listed = enrolled.run("stat", "-c", "%a %G", "/run/longline-device/config.json")
    assert listed == "640 longline-local\n"


def test_an_upgrade_restarts_it_once_and_keeps_its_token(
    enrolled: Machine, newer: Path, rest: httpx.Client
) -> None:
    before = enrolled.run("sha256sum", f"{STATE}/token.json", CONFIG)

    enrolled.install(named(newer, "longline-agent"))

    until(lambda: version(rest) == NEXT)
    assert starts(enrolled) == 2
    assert enrolled.run("sha256sum", f"{STATE}/token.json", CONFIG) == before


def bring(machine: Machine, folder: Path, *, state: str) -> None:
    """As if the hub had brought a version: in a slot, and the record of it."""
    artifact = folder / "agent.tar.gz"
    subprocess.run(
        [sys.executable, "-m", "longline", "firmware", "build", artifact, "--version", BROUGHT],
        check=True, capture_output=True,
    )  # fmt: skip
    versions = machine.root / STATE.removeprefix("/") / "versions"
    shutil.rmtree(versions, ignore_errors=True)
    (versions / "a").mkdir(parents=True)
    with tarfile.open(artifact) as archive:
        archive.extractall(versions / "a", filter="data")
    installed = machine.run("dpkg-query", "-W", "-f", "${Version}", "longline-agent")
    said = {
        "slot": "a", "previous": None, "version": BROUGHT, "fromVersion": installed,
        "installed": installed, "releaseId": "r", "commandId": "c-1", "state": state,
    }  # fmt: skip
    (versions / "update.json").write_text(json.dumps(said))
    machine.run("chown", "-R", "longline-device:", f"{STATE}/versions")
    machine.run("systemctl", "restart", UNIT)


def test_a_package_older_than_what_the_hub_brought_leaves_that_running(
    enrolled: Machine, agent: Path, rest: httpx.Client, tmp_path: Path
) -> None:
    enrolled.install(named(agent, "longline-agent"))
    until(lambda: version(rest) == FIRST)
    bring(enrolled, tmp_path, state="confirmed")
    until(lambda: version(rest) == BROUGHT)

    said = enrolled.install(named(agent, "longline-agent"))

    assert f"version {BROUGHT} of the agent, which the hub has brought, is newer" in said
    until(lambda: version(rest) == BROUGHT)
    assert record(enrolled)["state"] == "confirmed"


def test_unless_the_package_is_preferred(
    enrolled: Machine, agent: Path, rest: httpx.Client
) -> None:
    set_setting(enrolled, "[firmware]\nprefer_package = true")

    said = enrolled.install(named(agent, "longline-agent"))

    assert "keeps running" not in said
    until(lambda: version(rest) == FIRST)


def test_a_trial_ends_when_a_package_takes_over(
    enrolled: Machine, newer: Path, rest: httpx.Client, tmp_path: Path
) -> None:
    set_setting(enrolled, "healthy_seconds = 1000\nconfirm_seconds = 1000")
    bring(enrolled, tmp_path, state="trial")
    until(lambda: version(rest) == BROUGHT)
    assert record(enrolled)["state"] == "trial"

    enrolled.install(named(newer, "longline-agent"))

    until(lambda: version(rest) == NEXT)
    ended = record(enrolled)
    assert (ended["state"], ended["reason"]) == ("failed", "replaced")


def test_it_may_reboot_the_machine_and_nothing_else(enrolled: Machine) -> None:
    as_agent = ("runuser", "-u", "longline-device", "--", "systemctl", "--no-ask-password")

    for forbidden in ("halt", "kexec", "suspend", "restart ssh.service", "stop dbus.service"):
        done = enrolled.attempt(*as_agent, *forbidden.split())
        assert done.returncode != 0, forbidden
    assert enrolled.attempt("runuser", "-u", "friend", "--", *as_agent[4:], "reboot").returncode
    assert enrolled.is_up()


def test_with_sudo_it_needs_no_polkit(enrolled: Machine, newer: Path, rest: httpx.Client) -> None:
    enrolled.install(named(newer, "longline-agent-sudo"))

    until(lambda: version(rest) == NEXT)
    assert "parsed OK" in enrolled.run("visudo", "-c")
    assert enrolled.run("systemctl", "show", UNIT, "-P", "NoNewPrivileges") == "no\n"
    allowed = enrolled.run("sudo", "-l", "-U", "longline-device")
    assert re.findall(r"/usr/bin/systemctl \w+", allowed) == [
        "/usr/bin/systemctl reboot",
        "/usr/bin/systemctl poweroff",
    ]
    assert "NoNewPrivs:\t0" in enrolled.run("cat", f"/proc/{pid(enrolled)}/status")

    enrolled.run("dpkg", "--purge", "longline-agent-sudo")
    assert enrolled.run("systemctl", "show", UNIT, "-P", "NoNewPrivileges") == "yes\n"


def test_both_packages_share_a_box_and_only_the_command(
    enrolled: Machine, hub_package: Path
) -> None:
    enrolled.install(hub_package)

    assert enrolled.run("readlink", "-f", "/usr/bin/longline") == (
        "/opt/longline-hub/bin/longline\n"
    )
    assert "Run a hub" in enrolled.run("longline", "--help")
    assert enrolled.run("stat", "-c", "%a %U", "/etc/longline/hub.env") == "600 root\n"
    assert enrolled.run("systemctl", "show", "longline-up", "-P", "ActiveState") == "inactive\n"

    enrolled.run("dpkg", "--purge", "longline-hub")
    assert enrolled.run("readlink", "-f", "/usr/bin/longline") == "/opt/longline/bin/longline\n"
    assert enrolled.run("cat", CONFIG)
    assert enrolled.attempt("ls", "/opt/longline-hub").returncode != 0


def test_what_is_removed_keeps_what_the_device_is_and_comes_back(
    enrolled: Machine, newer: Path, rest: httpx.Client
) -> None:
    enrolled.run("dpkg", "--remove", "longline-agent")

    until(lambda: version(rest) is None)
    assert enrolled.attempt("ls", "/opt/longline", "/usr/bin/longline").returncode != 0
    assert enrolled.run("ls", f"{STATE}/token.json", CONFIG)

    enrolled.install(named(newer, "longline-agent"))
    until(lambda: version(rest) == NEXT)


def test_its_hub_reboots_the_machine_without_sudo(enrolled: Machine, rest: httpx.Client) -> None:
    body = {"command": {"type": "reboot_os", "delaySeconds": 0}, "timeoutMs": 2000}

    rest.post(f"/devices/{DEVICE}/commands", json=body)

    enrolled.until_down()
    enrolled.start()
    until(lambda: version(rest) == NEXT)


def test_what_is_purged_takes_state_tokens_and_credentials(
    enrolled: Machine, rest: httpx.Client
) -> None:
    secret = "/etc/longline/client-credentials/node-agent"
    enrolled.run("mkdir", "-p", secret)
    enrolled.run("sh", "-c", f"echo key > /etc/longline/enrollment-key; echo s > {secret}/id")

    enrolled.run("dpkg", "--purge", "longline-agent")

    until(lambda: version(rest) is None)
    left = enrolled.run(
        *("find", "/etc", "/var/lib", "/usr", "/run", "-ipath", "*longline*"),
        *("-not", "-path", "/var/lib/systemd/*", "-not", "-path", "/run/systemd/*"),
    )
    assert left == ""
    assert enrolled.attempt("ls", "/opt/longline").returncode != 0
