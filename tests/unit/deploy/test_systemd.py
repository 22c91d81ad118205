"""The units: restart as exit codes mean it, stop in order, rights as far as needed."""

from pathlib import Path

import pytest

from device.base.broker_settings import BrokerSettings, CaddySettings
from device.base.errors import EXIT_RESTART
from device.base.sharing import DROP_DIRECTORY, SOCKET_DIRECTORY
from device.settings import PowerSettings, load
from tests.deploy import DEPLOY, unit

FOLDER = DEPLOY / "systemd"
UP, HUB, DEVICE = (unit(FOLDER / f"longline-{name}.service") for name in ("up", "hub@", "device"))
IMPLY_NO_NEW_PRIVILEGES = {
    "DynamicUser",
    "LockPersonality",
    "MemoryDenyWriteExecute",
    "PrivateDevices",
    "ProtectClock",
    "ProtectHostname",
    "ProtectKernelLogs",
    "ProtectKernelModules",
    "ProtectKernelTunables",
    "RestrictAddressFamilies",
    "RestrictNamespaces",
    "RestrictRealtime",
    "RestrictSUIDSGID",
    "SystemCallArchitectures",
    "SystemCallFilter",
    "SystemCallLog",
}
"""For a unit with a `User`, as systemd.exec(5) says of NoNewPrivileges."""


def test_the_agent_comes_back_as_its_exit_codes_mean() -> None:
    assert DEVICE["ExecStart"][0].split()[1] == "launch"
    assert DEVICE["Restart"] == ["always"]
    assert DEVICE["SuccessExitStatus"] == [str(EXIT_RESTART)]
    assert "RestartPreventExitStatus" not in DEVICE, "nothing that a hub says keeps it down"
    assert DEVICE["StartLimitIntervalSec"] == ["0"]


def test_the_agent_can_become_root_for_what_sudoers_says() -> None:
    assert DEVICE["NoNewPrivileges"] == ["no"]
    assert not IMPLY_NO_NEW_PRIVILEGES & set(DEVICE)
    assert {"CAP_SETUID", "CAP_SETGID"} <= set(DEVICE["CapabilityBoundingSet"][0].split())


def option(name: str) -> str:
    """Of the launcher."""
    words = DEVICE["ExecStart"][0].split()
    return words[words.index(name) + 1]


def test_the_agent_writes_where_its_unit_lets_it() -> None:
    settings = load(FOLDER / "device.toml", {}, {})

    assert settings.state_dir == f"/var/lib/{DEVICE['StateDirectory'][0]}"
    assert Path(option("--versions")).parent == settings.state
    assert settings.socket_path.parent == Path("/run") / DEVICE["RuntimeDirectory"][0]
    caddy = Path(settings.caddy.file).parent
    places = (settings.drop_folder, BrokerSettings().tokens_dir, caddy)
    assert DEVICE["ReadWritePaths"] == [" ".join(f"-{place}" for place in places)]


def test_programs_of_the_group_reach_the_agent_and_nobody_else() -> None:
    settings = load(FOLDER / "device.toml", {}, {})
    group = settings.socket_group

    assert group in DEVICE["SupplementaryGroups"][0].split()
    assert f"g {group}" in " ".join((FOLDER / "longline.sysusers").read_text().split())
    assert int(DEVICE["RuntimeDirectoryMode"][0], 8) == SOCKET_DIRECTORY
    assert DEVICE["StateDirectoryMode"] == ["0700"]
    drop, tokens = [
        line.split()
        for line in (FOLDER / "longline-device.tmpfiles").read_text().splitlines()
        if not line.startswith("#")
    ]
    mode = f"{DROP_DIRECTORY:04o}"
    assert drop == ["d", str(settings.drop_folder), mode, DEVICE["User"][0], group, "-"]
    broker = BrokerSettings()
    assert tokens == ["d", broker.tokens_dir, "0750", DEVICE["User"][0], broker.group, "-"]
    assert broker.group in DEVICE["SupplementaryGroups"][0].split()
    assert f"g {broker.group}" in (FOLDER / "longline.sysusers").read_text()


def test_the_agent_may_reload_caddy_and_nothing_else() -> None:
    rule = (FOLDER.parent / "polkit" / "longline-caddy.rules").read_text()

    for wanted in ('"caddy.service"', '"reload"', f'"{DEVICE["User"][0]}"', "manage-units"):
        assert wanted in rule
    assert CaddySettings().reload_argv == ("systemctl", "reload", "caddy")


@pytest.mark.parametrize("of", [UP, HUB], ids=["up", "hub"])
def test_a_hub_comes_back_whatever_ended_it(of: dict[str, list[str]]) -> None:
    assert of["Restart"] == ["always"]
    assert "RestartPreventExitStatus" not in of, "2 also says that Postgres was not there yet"


def test_one_box_ends_in_order_and_admin_finds_its_sockets() -> None:
    assert UP["KillMode"] == ["mixed"]
    assert UP["RuntimeDirectory"] == ["longline"]
    assert UP["RuntimeDirectoryMode"] == ["0700"]
    assert UP["PrivateTmp"] == ["yes"]


@pytest.mark.parametrize("of", [UP, HUB], ids=["up", "hub"])
def test_no_unit_of_the_user_takes_the_memory_of_postgres_away(of: dict[str, list[str]]) -> None:
    assert of["User"] == UP["User"]
    assert "RemoveIPC" not in of


@pytest.mark.parametrize("of", [UP, HUB], ids=["up", "hub"])
def test_a_hub_has_no_rights(of: dict[str, list[str]]) -> None:
    assert of["User"] == ["longline"]
    assert of["NoNewPrivileges"] == ["yes"]
    assert of["CapabilityBoundingSet"] == [""]
    assert of["ProtectSystem"] == ["strict"]
    assert int(of["LimitNOFILE"][0]) >= 65536


def test_every_user_is_made() -> None:
    lines = (FOLDER / "longline.sysusers").read_text().splitlines()
    made = {line.split()[1] for line in lines if line.startswith("u ")}

    assert made == {UP["User"][0], HUB["User"][0], DEVICE["User"][0]}


def sudo_rules() -> list[str]:
    lines = (DEPLOY / "sudoers" / "longline-device").read_text().splitlines()
    return [line for line in lines if line and not line.startswith(("#", "Defaults"))]


def test_sudo_allows_word_by_word_what_the_agent_runs_and_nothing_else() -> None:
    power = load(FOLDER / "device.toml", {}, {}).power
    argvs = [power.reboot_argv, power.shutdown_argv]

    assert all(argv[:2] == ("sudo", "-n") for argv in argvs)
    allowed = ", ".join(" ".join(argv[2:]) for argv in argvs)
    assert sudo_rules() == [f"{DEVICE['User'][0]} ALL=(root) NOPASSWD: {allowed}"]


def test_without_sudo_the_agent_would_run_the_same() -> None:
    power = load(FOLDER / "device.toml", {}, {}).power
    name = "/usr/bin/systemctl"

    assert power.reboot_argv[2:] == (name, *PowerSettings().reboot_argv[1:])
    assert power.shutdown_argv[2:] == (name, *PowerSettings().shutdown_argv[1:])
