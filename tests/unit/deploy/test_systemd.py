"""The units: restart as exit codes mean it, stop in order, rights as far as needed."""

import re
from pathlib import Path

import pytest

from device.base.broker_settings import BrokerSettings, CaddySettings
from device.base.errors import EXIT_RESTART, BadSettings
from device.base.sharing import DROP_DIRECTORY, SOCKET_DIRECTORY
from device.settings import PowerSettings, load
from tests.deploy import DEPLOY, unit

FOLDER = DEPLOY / "systemd"
SUDO = DEPLOY / "packages" / "agent-sudo"
GIVEN = {"hub": "https://hub.example.org"}
DROP_IN = unit(SUDO / "sudo.conf")
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


def test_the_agent_becomes_nobody_else() -> None:
    assert DEVICE["NoNewPrivileges"] == ["yes"]
    assert DEVICE["CapabilityBoundingSet"] == ["CAP_NET_RAW CAP_KILL"]


def test_the_drop_in_takes_back_whatever_would_end_sudo() -> None:
    off = {"no", ""}

    for name in IMPLY_NO_NEW_PRIVILEGES & set(DEVICE) | {"NoNewPrivileges"}:
        assert DROP_IN[name][0] in off, name
    assert {"CAP_SETUID", "CAP_SETGID"} <= set(DROP_IN["CapabilityBoundingSet"][-1].split())


def test_the_agent_may_give_files_to_groups() -> None:
    """`~@privileged` takes chown away; what is named later is allowed again."""
    assert DEVICE["SystemCallFilter"][1:3] == ["~@privileged", "@chown"]
    assert "RestrictSUIDSGID" not in DEVICE, "a drop folder has the bit of its group"


def test_nothing_starts_before_there_is_a_hub() -> None:
    settings = load(FOLDER / "device.toml", GIVEN, {})

    assert DEVICE["ConditionPathExists"] == [
        f"|{settings.state}/token.json",
        "|/etc/longline/enrollment-key",
    ]
    with pytest.raises(BadSettings, match="which hub"):
        load(FOLDER / "device.toml", {}, {})


def test_polkit_knows_the_user_of_the_unit_and_what_it_may_ask() -> None:
    rules = (DEPLOY / "packages" / "agent" / "longline-device.rules").read_text()

    assert f'"{DEVICE["User"][0]}"' in rules
    assert set(re.findall(r"org\.freedesktop[.\w-]+", rules)) == {
        "org.freedesktop.login1.reboot",
        "org.freedesktop.login1.reboot-multiple-sessions",
        "org.freedesktop.login1.power-off",
        "org.freedesktop.login1.power-off-multiple-sessions",
        "org.freedesktop.systemd1.manage-units",
    }


def option(name: str) -> str:
    """Of the launcher."""
    words = DEVICE["ExecStart"][0].split()
    return words[words.index(name) + 1]


def test_the_agent_writes_where_its_unit_lets_it() -> None:
    settings = load(FOLDER / "device.toml", GIVEN, {})

    assert settings.state_dir == f"/var/lib/{DEVICE['StateDirectory'][0]}"
    assert Path(option("--versions")).parent == settings.state
    assert settings.socket_path.parent == Path("/run") / DEVICE["RuntimeDirectory"][0]
    caddy = Path(settings.caddy.file).parent
    places = (settings.drop_folder, BrokerSettings().tokens_dir, caddy)
    assert DEVICE["ReadWritePaths"] == [" ".join(f"-{place}" for place in places)]


def test_programs_of_the_group_reach_the_agent_and_nobody_else() -> None:
    settings = load(FOLDER / "device.toml", GIVEN, {})
    group = settings.socket_group

    assert group in DEVICE["SupplementaryGroups"][0].split()
    assert f"g {group}" in " ".join((FOLDER / "longline-agent.sysusers").read_text().split())
    assert int(DEVICE["RuntimeDirectoryMode"][0], 8) == SOCKET_DIRECTORY
    assert DEVICE["StateDirectoryMode"] == ["0700"]
    lines = (FOLDER / "longline-agent.tmpfiles").read_text().splitlines()
    made = {line.split()[1]: line.split() for line in lines if not line.startswith("#")}
    mode, user = f"{DROP_DIRECTORY:04o}", DEVICE["User"][0]
    drop = str(settings.drop_folder)
    assert made[drop] == ["d", drop, mode, user, group, "-"]
    assert made[settings.state_dir] == ["d", settings.state_dir, "0700", user, user, "-"]
    broker = BrokerSettings()
    tokens = broker.tokens_dir
    assert made[tokens] == ["d", tokens, "0750", user, broker.group, "-"]
    assert broker.group in DEVICE["SupplementaryGroups"][0].split()
    assert f"g {broker.group}" in (FOLDER / "longline-agent.sysusers").read_text()


def test_the_agent_may_reload_caddy_and_nothing_else() -> None:
    rule = (FOLDER.parent / "packages" / "agent" / "longline-device.rules").read_text()

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
    made = {
        name: {line.split()[1] for line in text.splitlines() if line.startswith("u ")}
        for name in ("agent", "hub")
        if (text := (FOLDER / f"longline-{name}.sysusers").read_text())
    }

    assert made == {"agent": {DEVICE["User"][0]}, "hub": {UP["User"][0], HUB["User"][0]}}


def sudo_rules() -> list[str]:
    lines = (SUDO / "longline-device.sudoers").read_text().splitlines()
    return [line for line in lines if line and not line.startswith(("#", "Defaults"))]


def by_sudo() -> PowerSettings:
    """As the drop-in says it."""
    name, _, value = DROP_IN["Environment"][0].partition("=")
    return load(FOLDER / "device.toml", GIVEN, {name: value}).power


def test_sudo_allows_word_by_word_what_the_agent_runs_and_nothing_else() -> None:
    argvs = [by_sudo().reboot_argv, by_sudo().shutdown_argv]

    assert all(argv[:2] == ("sudo", "-n") for argv in argvs)
    allowed = ", ".join(" ".join(argv[2:]) for argv in argvs)
    assert sudo_rules() == [f"{DEVICE['User'][0]} ALL=(root) NOPASSWD: {allowed}"]


def test_with_and_without_sudo_the_agent_runs_the_same() -> None:
    power = load(FOLDER / "device.toml", GIVEN, {}).power
    name = "/usr/bin/systemctl"

    assert by_sudo().reboot_argv[2:] == (name, *power.reboot_argv[1:])
    assert by_sudo().shutdown_argv[2:] == (name, *power.shutdown_argv[1:])
