"""`[workloads]` of the agent's own file: what containers may do on this device. Nothing that comes
from the hub changes it. Pure.
"""

from pathlib import PurePosixPath
from typing import Annotated, Final

from msgspec import Meta, Struct

from device.base.signed_settings import SignedSettings

USUAL_ENGINE: Final = "/run/docker.sock"

_Paths = Annotated[tuple[str, ...], Meta(max_length=64)]


class WorkloadSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An absent table means no workloads, an absent key that nothing of it is allowed."""

    engine: str = USUAL_ENGINE
    """The socket of the container engine; empty: no workloads."""
    binds: _Paths = ()
    """Host paths that may be mounted, and what lies below them."""
    privileged: bool = False
    host_network: bool = False
    devices: _Paths = ()
    cap_add: Annotated[tuple[str, ...], Meta(max_length=64)] = ()
    registries: Annotated[tuple[str, ...], Meta(max_length=64)] = ()
    """Hosts that images may come from, as `host[:port]`; empty: any."""
    signed: bool = False
    """Only revisions that one of the operators of `[signed_commands]` has signed."""
    keep_secrets: bool = True
    """Sealed in the state directory, so that services start while the hub is away."""
    runtime_dir: str = ""
    """A directory on tmpfs for files of secrets and config maps; empty: `longline` in `/run`, or
    where that is none in `/dev/shm`."""
    disk_percent: Annotated[int, Meta(ge=1, le=100)] = 85
    """How full the engine's disk may be before unused images of workloads are removed."""


def problem_of(settings: WorkloadSettings | None, signed: SignedSettings | None) -> str | None:
    """Why the table makes no sense; None when it does."""
    if settings is None:
        return None
    paths = {
        "engine": (settings.engine,) if settings.engine else (),
        "runtime_dir": (settings.runtime_dir,) if settings.runtime_dir else (),
        "binds": settings.binds,
        "devices": settings.devices,
    }
    for key, each in paths.items():
        for path in each:
            if not is_plain_path(path):
                return f"workloads.{key}: {path!r} is not an absolute path"
    if settings.signed and (signed is None or not signed.operators):
        return "workloads.signed: name who may sign in [signed_commands] operators"
    return None


def is_plain_path(path: str) -> bool:
    """Whether it is absolute and says where it leads."""
    return path.startswith("/") and ".." not in PurePosixPath(path).parts and "\0" not in path
