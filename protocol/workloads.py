"""Applications on devices: what the hub hands over, and what the agent says of them. Pure."""

from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct, to_builtins

from protocol.canonical import canonical_json, hash_of
from protocol.commands import WORKLOAD_NAME
from protocol.telemetry import (
    WORKLOAD_STATUS,
    ServiceCode,
    ServiceState,
    ServiceStatus,
    ServiceUsage,
    WorkloadName,
    WorkloadStatus,
)

__all__ = [
    "WORKLOAD_NAME",
    "WORKLOAD_STATUS",
    "ServiceCode",
    "ServiceState",
    "ServiceStatus",
    "ServiceUsage",
    "WorkloadName",
    "WorkloadStatus",
]

WORKLOADS: Final = "workloads"
"""The section of desired state."""
REVISION_NAMESPACE: Final = "longline-revision-v1"
"""The first line of what is signed of a revision."""
MOST_MESSAGE: Final = 200
"""Characters of a message."""

# Down.


class AssignedApplication(Struct, frozen=True, kw_only=True):
    """`compose` is canonical, with variables filled in; `sha256` that of it before."""

    name: WorkloadName
    revision: Annotated[str, Meta(min_length=1, max_length=128)]
    sha256: str
    compose: dict[str, Any]
    signature: object = None
    """Decoded JSON, not yet judged."""
    stopped: list[str] = []


class MountedData(Struct, frozen=True):
    """A config map or secret; `data` by key, in base64."""

    version: str | int
    data: dict[str, str] = {}

    def __repr__(self) -> str:  # no log shows what is in it
        return f"MountedData({self.version!r}, {len(self.data)} keys)"


class RegistryAccess(Struct, frozen=True):
    url: str
    username: str | None = None
    password: str | None = None
    ca: str | None = None

    def __repr__(self) -> str:
        return f"RegistryAccess({self.url!r})"


class WorkloadsDocument(Struct, frozen=True, kw_only=True, rename="camel"):
    """All applications that a device shall have, and what their services name."""

    version: str = ""
    applications: list[AssignedApplication] = []
    config_maps: dict[str, MountedData] = {}
    secrets: dict[str, MountedData] = {}
    registries: list[RegistryAccess] = []
    remove_volumes: list[str] = []
    """Applications that are gone, and whose named volumes go, too."""


class RevisionSignature(Struct, frozen=True, kw_only=True, rename="camel"):
    kind: Literal["ed25519"]
    key_id: str
    value: str


def revision_bytes(org: str, application: str, sha256: str) -> bytes:
    """What a person signs of a revision."""
    named = {"org": org, "application": application, "sha256": sha256}
    return f"{REVISION_NAMESPACE}\n".encode() + canonical_json(named)


_FIGURES: Final = ("restarts", "startedAt")


def status_hash(services: list[ServiceStatus]) -> str:
    """Of what was said last of an application, without figures."""
    shown: list[dict[str, Any]] = to_builtins(services)
    return hash_of([{k: v for k, v in each.items() if k not in _FIGURES} for each in shown])
