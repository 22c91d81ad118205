"""`[sessions]` of the device's own file: what a person may open from afar. No hub changes it.
Pure."""

from ipaddress import ip_address
from typing import Annotated, Literal

from msgspec import Meta, Struct

from protocol.sessions import (
    ExecParams,
    FileParams,
    ForwardParams,
    RefusalCode,
    SessionParams,
    ShellParams,
)

HostAndPort = Annotated[
    str, Meta(pattern=r"^[^\s:]+:[0-9]{1,5}$(?!\n)|^\[[0-9A-Fa-f:]+\]:[0-9]{1,5}$(?!\n)")
]


class SharedFolder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    path: Annotated[str, Meta(pattern=r"^/[^\x00]*$(?!\n)")]
    mode: Literal["ro", "rw"] = "ro"


class SessionsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    exec: bool = True
    """Programs in containers that are labelled as ours, where there is a container engine."""
    shell: bool = False
    """A login shell on the device."""
    users: tuple[str, ...] = ()
    """Whose shells a session may name; without one it is the agent's own user's."""
    forward: tuple[HostAndPort, ...] = ()
    """What is reached through the device."""
    files: tuple[SharedFolder, ...] = ()
    """Below which regular files are read, or with `rw` written."""


class RefusedSession(Exception):
    """A session that the device opens not."""

    def __init__(self, code: RefusalCode, message: str) -> None:
        super().__init__(message)
        self.code: RefusalCode = code
        self.message = message


def check(settings: SessionsSettings, params: SessionParams) -> None:
    """Whether the device's file allows it. Raises `RefusedSession`."""
    match params:
        case ExecParams() if not settings.exec:
            raise RefusedSession(
                "not_allowed", "programs in containers are off here (sessions.exec)"
            )
        case ShellParams() if not settings.shell:
            raise RefusedSession("not_allowed", "shells are off here (sessions.shell)")
        case ShellParams(user=str() as user) if user not in settings.users:
            raise RefusedSession("not_allowed", f"{user} is not one of sessions.users")
        case ForwardParams() if not _may_be_listed(settings, params):
            where = place(params.host, params.port)
            raise RefusedSession("not_allowed", f"{where} is not one of sessions.forward")
        case FileParams() if folder_of(settings, params) is None:
            what = "written" if params.direction == "up" else "read"
            raise RefusedSession(
                "not_allowed", f"{params.path} is not {what} here (sessions.files)"
            )
        case _:
            pass


def place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def listed_at(settings: SessionsSettings, port: int) -> list[str]:
    """The hosts that are listed with this port."""
    pairs = [each.rpartition(":") for each in settings.forward]
    return [host.strip("[]") for host, _, listed in pairs if int(listed) == port]


def _may_be_listed(settings: SessionsSettings, params: ForwardParams) -> bool:
    """What only looking up a name can tell is found out at each connection."""
    hosts = listed_at(settings, params.port)
    if params.host in hosts:
        return True
    return bool(hosts) and not all(map(_is_address, [params.host, *hosts]))


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def parts_below(folder: SharedFolder, path: str) -> list[str] | None:
    """The components of a path below the folder; None for one that is not below it."""
    root = [part for part in folder.path.split("/") if part]
    parts = [part for part in path.split("/") if part]
    below = parts[len(root) :]
    if parts[: len(root)] != root or not below or {".", ".."} & set(parts):
        return None
    return below


def folder_of(settings: SessionsSettings, params: FileParams) -> SharedFolder | None:
    """The longest that allows it."""
    allowed = [
        folder
        for folder in settings.files
        if parts_below(folder, params.path) is not None
        and (params.direction == "down" or folder.mode == "rw")
    ]
    return max(allowed, key=lambda folder: len(folder.path), default=None)
