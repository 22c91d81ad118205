"""The life of the agent's package on a machine of its own, with its systemd and a real hub.

One test, because each part begins where the one before ended, and a machine takes a minute to make.
"""

import re
import socket
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.acceptance.hub.process import HubProcess
from tests.acceptance.packages.conftest import FIRST, NEXT
from tests.acceptance.packages.life import BROUGHT, CONFIG, DEVICE, STATE, UNIT, Life
from tests.acceptance.packages.machine import BOOT_SECONDS, Machine
from tests.acceptance.packages.test_built import named
from tests.acceptance.up import signed_in, until

HUB_CONFIG: Final = "/etc/longline/hub.env"
TEMPLATES: Final = ("uptime", "disk", "memory", "processes", "network")


@pytest.fixture
def hub(tmp_path: Path) -> Generator[HubProcess]:
    process = HubProcess(tmp_path)
    process.start()
    yield process
    process.stop()


@pytest.fixture
def life(
    machine: Machine, agent: Path, newer: Path, hub_package: Path, hub: HubProcess, tmp_path: Path
) -> Generator[Life]:
    with signed_in(hub.ready) as rest:
        yield Life(
            machine=machine,
            hub=hub,
            rest=rest,
            first=named(agent, "longline-agent"),
            next=named(newer, "longline-agent"),
            sudo=named(newer, "longline-agent-sudo"),
            hub_package=hub_package,
            folder=tmp_path,
        )


def installing_asks_nothing_and_starts_nothing(life: Life) -> None:
    machine = life.machine
    machine.install(life.first)

    state = machine.run("systemctl", "show", UNIT, "-P", "ActiveState", "-P", "UnitFileState")
    assert state.split() == ["inactive", "enabled"]
    assert machine.run("stat", "-c", "%a %U:%G", CONFIG) == "640 root:longline-device\n"
    assert machine.run("stat", "-c", "%a", STATE, "/var/lib/longline-drop") == "700\n2770\n"
    assert machine.run("systemd-analyze", "verify", "--man=no", UNIT) == ""


def one_command_makes_it_a_device_of_the_hub(life: Life) -> None:
    life.machine.run(
        *("longline", "device", "enroll", "--hub", life.hub.url, "--id", DEVICE),
        stdin=life.hub.ready["enrollmentKey"],
    )

    life.until_version(FIRST)
    assert life.starts() == 1


def what_it_runs_works_within_its_limits(life: Life) -> None:
    assert "NoNewPrivs:\t1" in life.machine.run("cat", f"/proc/{life.pid()}/status")

    for template in TEMPLATES:
        done = life.command({"type": "exec_shell", "template": template})
        assert done["status"] == "SUCCESS", (template, done)
    ping = {"type": "exec_shell", "template": "ping", "args": {"host": "127.0.0.1"}}
    assert life.command(ping)["status"] == "SUCCESS"
    status = {"type": "exec_shell", "template": "service_status", "args": {"unit": UNIT}}
    assert life.command(status)["status"] == "SUCCESS"
    assert life.command({"type": "pull_logs", "source": "journald"})["status"] == "SUCCESS"


def programs_of_its_group_reach_it_and_others_do_not(life: Life) -> None:
    machine, ask = life.machine, ("longline", "device", "status")
    machine.run("useradd", "--no-create-home", "--groups", "longline-local", "friend")
    machine.run("useradd", "--no-create-home", "stranger")

    assert DEVICE in machine.run("runuser", "-u", "friend", "--", *ask)
    refused = machine.attempt("runuser", "-u", "stranger", "--", *ask)
    assert refused.returncode != 0
    assert "Permission denied" in refused.stderr
    places = ("/run/longline-device", "/run/longline-device/config.json")
    modes = machine.run("stat", "-c", "%a %G", *places)
    assert modes == "711 longline-device\n640 longline-local\n"


def an_upgrade_restarts_it_once_and_keeps_its_token(life: Life) -> None:
    before = life.machine.run("sha256sum", f"{STATE}/token.json", CONFIG)

    life.machine.install(life.next)

    life.until_version(NEXT)
    assert life.starts() == 2
    assert life.machine.run("sha256sum", f"{STATE}/token.json", CONFIG) == before


def a_package_older_than_what_the_hub_brought_leaves_that_running(life: Life) -> None:
    life.machine.install(life.first)
    life.until_version(FIRST)
    life.bring(state="confirmed")
    life.until_version(BROUGHT)

    said = life.machine.install(life.first)

    assert f"version {BROUGHT} of the agent, which the hub has brought, is newer" in said
    life.until_version(BROUGHT)
    assert life.record()["state"] == "confirmed"


def unless_the_package_is_preferred(life: Life) -> None:
    life.add_settings("[firmware]\nprefer_package = true")

    said = life.machine.install(life.first)

    assert "keeps running" not in said
    life.until_version(FIRST)


def a_trial_ends_when_a_package_takes_over(life: Life) -> None:
    life.add_settings("healthy_seconds = 1000\nconfirm_seconds = 1000")
    life.bring(state="trial")
    life.until_version(BROUGHT)
    assert life.record()["state"] == "trial"

    life.machine.install(life.next)

    life.until_version(NEXT)
    ended = life.record()
    assert (ended["state"], ended["reason"]) == ("failed", "replaced")


def it_may_ask_for_a_reboot_and_nothing_else(life: Life) -> None:
    def allows(user: str, *what: str) -> bool:
        argv = ("runuser", "-u", user, "--", "systemctl", "--no-ask-password", *what)
        return life.machine.attempt(*argv).returncode == 0

    for forbidden in ("halt", "kexec", "suspend", "restart polkit.service", "stop dbus.service"):
        assert not allows("longline-device", *forbidden.split()), forbidden
    assert not allows("friend", "reboot")
    assert life.machine.is_up()


def with_sudo_it_needs_no_polkit(life: Life) -> None:
    machine = life.machine
    machine.install(life.sudo)

    life.until_version(NEXT)
    assert "parsed OK" in machine.run("visudo", "-c")
    assert machine.run("systemctl", "show", UNIT, "-P", "NoNewPrivileges") == "no\n"
    allowed = machine.run("sudo", "-l", "-U", "longline-device")
    assert re.findall(r"/usr/bin/systemctl \w+", allowed) == [
        "/usr/bin/systemctl reboot",
        "/usr/bin/systemctl poweroff",
    ]
    assert "NoNewPrivs:\t0" in machine.run("cat", f"/proc/{life.pid()}/status")

    machine.run("dpkg", "--purge", "longline-agent-sudo")
    assert machine.run("systemctl", "show", UNIT, "-P", "NoNewPrivileges") == "yes\n"


def both_packages_share_a_box_and_only_the_command(life: Life) -> None:
    machine, command = life.machine, ("readlink", "-f", "/usr/bin/longline")
    machine.install(life.hub_package)

    assert machine.run(*command) == "/opt/longline-hub/bin/longline\n"
    assert machine.run("stat", "-c", "%a %U", HUB_CONFIG) == "600 root\n"
    assert machine.run("systemctl", "show", "longline-up", "-P", "ActiveState") == "inactive\n"
    assert "create-user" in machine.run("longline", "admin", "--help")


def the_hub_runs_in_its_unit_and_is_started_anew_by_an_upgrade(life: Life) -> None:
    machine, port = life.machine, a_free_port()
    machine.run("sed", "-i", f"s/^LONGLINE_HOST=.*/&\\nLONGLINE_PORT={port}/", HUB_CONFIG)
    machine.run("systemctl", "start", "longline-up")
    until(lambda: is_ready(port), seconds=BOOT_SECONDS)
    before = machine.run("systemctl", "show", "longline-up", "-P", "MainPID")

    machine.install(life.hub_package)

    assert machine.run("systemctl", "show", "longline-up", "-P", "MainPID") != before
    until(lambda: is_ready(port), seconds=BOOT_SECONDS)
    assert machine.run("stat", "-c", "%a %U", "/var/lib/longline") == "700 longline\n"


def what_is_purged_of_the_hub_leaves_the_agent_alone(life: Life) -> None:
    life.machine.run("dpkg", "--purge", "longline-hub")

    command = life.machine.run("readlink", "-f", "/usr/bin/longline")
    assert command == "/opt/longline/bin/longline\n"
    assert life.machine.run("cat", CONFIG)
    for gone in ("/opt/longline-hub", "/var/lib/longline", HUB_CONFIG):
        assert life.machine.attempt("ls", gone).returncode != 0
    assert life.version() == NEXT


def a_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz").is_success
    except httpx.TransportError:
        return False


def what_is_removed_keeps_what_the_device_is_and_comes_back(life: Life) -> None:
    life.machine.run("dpkg", "--remove", "longline-agent")

    life.until_version(None)
    assert life.machine.attempt("ls", "/opt/longline", "/usr/bin/longline").returncode != 0
    assert life.machine.run("ls", f"{STATE}/token.json", CONFIG)

    life.machine.install(life.next)
    life.until_version(NEXT)


def its_hub_reboots_the_machine_without_sudo(life: Life) -> None:
    life.command({"type": "reboot_os", "delaySeconds": 0}, timeoutMs=2000)

    life.machine.until_down()
    life.machine.start()
    life.until_version(NEXT)


def what_is_purged_takes_state_tokens_and_credentials(life: Life) -> None:
    secret = "/etc/longline/client-credentials/node-agent"
    life.machine.run("mkdir", "-p", secret)
    keys = f"echo key > /etc/longline/enrollment-key; echo s > {secret}/client_secret"
    life.machine.run("sh", "-c", keys)

    life.machine.run("dpkg", "--purge", "longline-agent")

    life.until_version(None)
    left = life.machine.run(
        *("find", "/etc", "/var/lib", "/usr", "/run", "-ipath", "*longline*"),
        *("-not", "-path", "/var/lib/systemd/*", "-not", "-path", "/run/systemd/*"),
    )
    assert left == ""
    assert life.machine.attempt("ls", "/opt/longline").returncode != 0


PARTS: Final[tuple[Callable[[Life], None], ...]] = (
    installing_asks_nothing_and_starts_nothing,
    one_command_makes_it_a_device_of_the_hub,
    what_it_runs_works_within_its_limits,
    programs_of_its_group_reach_it_and_others_do_not,
    an_upgrade_restarts_it_once_and_keeps_its_token,
    a_package_older_than_what_the_hub_brought_leaves_that_running,
    unless_the_package_is_preferred,
    a_trial_ends_when_a_package_takes_over,
    it_may_ask_for_a_reboot_and_nothing_else,
    with_sudo_it_needs_no_polkit,
    both_packages_share_a_box_and_only_the_command,
    the_hub_runs_in_its_unit_and_is_started_anew_by_an_upgrade,
    what_is_purged_of_the_hub_leaves_the_agent_alone,
    what_is_removed_keeps_what_the_device_is_and_comes_back,
    its_hub_reboots_the_machine_without_sudo,
    what_is_purged_takes_state_tokens_and_credentials,
)


def test_the_life_of_a_package(life: Life) -> None:
    for part in PARTS:
        part(life)
