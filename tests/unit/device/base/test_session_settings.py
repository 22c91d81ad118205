"""What a device's own file lets a person open."""

from typing import Any

import pytest

from device.base.session_settings import (
    RefusedSession,
    SessionsSettings,
    SharedFolder,
    check,
    folder_of,
    listed_at,
    parts_below,
    place,
)
from protocol.sessions import FileParams, params_of

ALL = SessionsSettings(  # noqa: S604 - a setting, no subprocess
    shell=True,
    users=("deploy",),
    forward=("127.0.0.1:80", "[::1]:8080", "plc:502"),
    files=(SharedFolder(path="/data"), SharedFolder(path="/data/in", mode="rw")),
)


def code(settings: SessionsSettings, kind: str, **params: Any) -> str | None:
    try:
        check(settings, params_of(kind, params))
    except RefusedSession as refused:
        return refused.code if refused.message else "without a word"
    return None


UP = {"direction": "up", "size": 1, "sha256": "0" * 64}
EXEC = {"workload": "a/b", "command": ["sh"]}


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("shell", {}),
        ("forward", {"host": "127.0.0.1", "port": 80}),
        ("file", {"path": "/data/a", "direction": "down"}),
    ],
)
def test_nothing_is_open_unless_the_file_says_so(kind: str, params: dict[str, Any]) -> None:
    assert code(SessionsSettings(), kind, **params) == "not_allowed"
    assert code(ALL, kind, **params) is None


def test_programs_and_logs_are_open() -> None:
    assert code(SessionsSettings(), "exec", **EXEC) is None
    assert code(SessionsSettings(exec=False), "exec", **EXEC) == "not_allowed"
    assert code(SessionsSettings(), "logs") is None


def test_users_are_listed() -> None:
    assert code(ALL, "shell", user="deploy") is None
    assert code(ALL, "shell", user="root") == "not_allowed"


@pytest.mark.parametrize(
    ("host", "port", "found"),
    [
        ("127.0.0.1", 80, None),
        ("::1", 8080, None),
        ("plc", 502, None),
        ("10.0.0.7", 502, None),  # perhaps the same: found out when it is looked up
        ("localhost", 80, None),
        ("10.0.0.7", 80, "not_allowed"),
        ("127.0.0.1", 81, "not_allowed"),
    ],
)
def test_places_are_listed(host: str, port: int, found: str | None) -> None:
    assert code(ALL, "forward", host=host, port=port) == found
    assert place("::1", 80) == "[::1]:80"
    assert listed_at(ALL, 8080) == ["::1"]


@pytest.mark.parametrize(
    ("path", "direction", "folder"),
    [
        ("/data/a", "down", "/data"),
        ("/data/in/a", "down", "/data/in"),
        ("/data/in/a", "up", "/data/in"),
        ("/data/a", "up", None),
        ("/database", "down", None),
        ("/data", "down", None),
        ("/data/../etc/passwd", "down", None),
    ],
)
def test_folders_are_listed(path: str, direction: str, folder: str | None) -> None:
    more = UP if direction == "up" else {"direction": "down"}
    params = params_of("file", {"path": path, **more})
    assert isinstance(params, FileParams)
    found = folder_of(ALL, params)
    assert (found and found.path) == folder
    assert (code(ALL, "file", path=path, **more) is None) == (folder is not None)


def test_components() -> None:
    assert parts_below(SharedFolder(path="/a/b/"), "/a/b//c/d") == ["c", "d"]
    assert parts_below(SharedFolder(path="/"), "/c") == ["c"]
