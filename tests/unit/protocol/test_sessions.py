"""What both ends of a session say on its channels."""

from typing import Any

import msgspec
import pytest

from protocol import sessions
from protocol.sessions import (
    ExecParams,
    FileParams,
    LogsParams,
    ShellParams,
    exited,
    failure,
    info,
    info_in,
    is_terminal,
    params_of,
    resize,
    size_in,
    status_in,
    success,
)


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("exec", {"workload": "shop/web", "command": ["sh"], "tty": True, "env": {"A": "b"}}),
        ("shell", {}),
        ("shell", {"tty": False, "user": "root"}),
        ("logs", {"source": "agent", "follow": True, "since": "2026-01-01T00:00:00Z"}),
        ("logs", {"workload": "shop/web", "tail": 0}),
        ("forward", {"host": "127.0.0.1", "port": 80}),
        ("file", {"path": "/var/lib/app/a", "direction": "down", "offset": 5}),
        (
            "file",
            {"path": "/a", "direction": "up", "size": 0, "sha256": "0" * 64, "mode": "0640"},
        ),
    ],
)
def test_params_there_and_back(kind: str, params: dict[str, Any]) -> None:
    decoded = params_of(kind, params)
    assert params_of(kind, msgspec.to_builtins(decoded)) == decoded
    assert params.items() <= msgspec.structs.asdict(decoded).items()


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("exec", {"workload": "shop/web", "command": []}),
        ("exec", {"workload": "shop/web", "command": ["sh"], "env": {"A=B": "c"}}),
        ("exec", {"workload": "shop/web", "command": ["a\0b"]}),
        ("shell", {"shell": "/bin/zsh"}),
        ("logs", {"workload": "a/b", "source": "agent"}),
        ("logs", {"tail": 10_001}),
        ("forward", {"host": "127.0.0.1", "port": 0}),
        ("file", {"path": "relative", "direction": "down"}),
        ("file", {"path": "/a\0", "direction": "down"}),
        ("file", {"path": "/a", "direction": "up", "size": 1}),
        ("file", {"path": "/a", "direction": "up", "sha256": "0" * 64}),
        ("file", {"path": "/a", "direction": "down", "mode": "0999"}),
    ],
)
def test_params_that_are_refused(kind: str, params: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        params_of(kind, params)


def test_what_is_seen_of_a_terminal_is_recorded() -> None:
    assert is_terminal(ShellParams(tty=False))
    assert is_terminal(ExecParams(workload="a/b", command=["sh"], tty=True))
    assert not is_terminal(ExecParams(workload="a/b", command=["sh"]))
    assert not is_terminal(LogsParams())
    assert not is_terminal(FileParams(path="/a", direction="down"))


def test_an_exit_code_is_said_as_kubernetes_says_it() -> None:
    assert exited(3) == (
        b'\x03{"status":"Failure","reason":"NonZeroExitCode","message":"exit code 3",'
        b'"details":{"causes":[{"reason":"ExitCode","message":"3"}]}}'
    )
    assert success() == b'\x03{"status":"Success"}' == exited(0)
    ended = status_in(exited(-9))
    assert ended is not None
    assert (ended.reason, ended.message, ended.exit_code) == ("Signaled", "ended by signal 9", None)


def test_the_last_status_is_told_from_what_is_said_before() -> None:
    last = status_in(exited(3))
    assert last is not None
    assert last.exit_code == 3
    done = status_in(success())
    assert done is not None
    assert done.exit_code == 0
    assert status_in(info(size=1)) is None
    assert info_in(info(size=1)) == {"size": 1}
    refused = failure("Refused", "no")
    assert info_in(refused) is None
    assert status_in(refused) == sessions.Status("Failure", "Refused", "no")


@pytest.mark.parametrize(
    "message",
    [b"", b'\x01{"status":"Success"}', b"\x03", b"\x03nonsense", b"\x03\xff", b'\x03{"status":1}'],
)
def test_what_is_no_status(message: bytes) -> None:
    assert status_in(message) is None
    assert info_in(message) is None


def test_sizes() -> None:
    assert resize(120, 40) == b'\x04{"Width":120,"Height":40}'
    assert size_in(resize(120, 40)) == (120, 40)
    assert size_in(b'\x04{"Width":0,"Height":1}') is None
    assert size_in(b"\x01x") is None
