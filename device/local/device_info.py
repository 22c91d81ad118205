"""What the agent answers to `info`, and `longline device status` prints. Pure."""

from typing import Literal

from msgspec import Struct

from device.broker.standing import TokenInfo
from device.local.local_state import ProductionState
from device.local.readiness import AgentInfo
from device.update.installed import SoftwareVersions
from device.workloads.service_status import ShownWorkload
from protocol.frames import ConnectionMode
from protocol.telemetry import DeviceStatus


class EventsHeld(Struct, frozen=True):
    """Events that the hub has not acknowledged."""

    depth: int
    dropped: int


class RecordsHeld(Struct, frozen=True):
    """Records of production that wait."""

    depth: int
    refused: int
    dropped: int


class DeviceInfo(Struct, frozen=True, kw_only=True, rename="camel"):
    ok: Literal[True] = True
    id: str
    agent_version: str
    hub: str
    connected: bool
    """Whether there is a line to the hub."""
    fingerprint: str | None
    """What an administrator compares who has to approve this device; null while nobody has to."""
    status: DeviceStatus
    mode: ConnectionMode
    config_version: int
    config_trial: bool
    production: ProductionState
    versions: dict[str, SoftwareVersions]
    tokens_dir: str | None
    tokens: list[TokenInfo]
    workloads: list[ShownWorkload] | None
    """None on a device without a container engine."""
    """That the broker keeps there."""
    agents: list[AgentInfo]
    metrics: dict[str, float]
    """Of local programs."""
    watchers: int
    outbox: EventsHeld
    queue: RecordsHeld
