"""Where the socket is, and the file beside it."""

from pathlib import Path

from device.base.socket_path import config_beside, default_socket

STATE = Path("/var/lib/agent")
LONG = Path("/var") / ("x" * 120)


def test_the_configuration_lies_beside_the_socket() -> None:
    assert config_beside(Path("/run/agent/agent.sock"), STATE) == Path("/run/agent/config.json")


def test_it_does_not_where_others_cannot_come() -> None:
    assert config_beside(STATE / "agent.sock", STATE) is None
    assert config_beside(STATE / ".." / "agent" / "agent.sock", STATE) is None


def test_it_does_not_among_files_of_other_agents() -> None:
    assert config_beside(default_socket(LONG, "/run/user/1"), LONG) is None
