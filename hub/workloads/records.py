"""Applications, their revisions and where they run, as the database holds them. Pure."""

from datetime import datetime
from typing import Any

from msgspec import Struct

from hub.workloads.contents import Versions
from protocol.ids import DeviceId, OrgId

Json = Any


class ApplicationRow(Struct, frozen=True, kw_only=True):
    org: OrgId
    name: str
    current: str | None
    target: str | None
    remove_when_unmatched: bool
    paused_because: str | None
    version: int
    created_at: datetime
    created_by: str
    updated_at: datetime


class NewRevision(Struct, frozen=True, kw_only=True):
    revision: str
    sha256: str
    pinned: bool
    compose: dict[str, Json]
    versions: Versions
    data_bytes: int
    hosts: list[str]
    variables: list[str]
    asks_for: list[str]
    signature: dict[str, str] | None = None

    @property
    def services(self) -> dict[str, dict[str, Json]]:
        found: dict[str, dict[str, Json]] = self.compose["services"]
        return found


class RevisionRow(NewRevision, frozen=True, kw_only=True):
    org: OrgId
    application: str
    number: int
    created_at: datetime
    created_by: str


class Assignment(Struct, frozen=True, kw_only=True):
    """What a device shall run of an application. `filled`: its variables as they were then, null
    for one that was unset. `errors`: by service, why it is left out."""

    org: OrgId
    device_id: DeviceId
    application: str
    revision: str
    filled: dict[str, str | None]
    wanted: str | None
    errors: dict[str, dict[str, str]]
    by_hand: bool
    pinned: bool
    orphaned: bool
    assigned_at: datetime
    stopped: tuple[str, ...] = ()


class ApplicationRefusal(Struct, frozen=True, kw_only=True):
    """Why a device does not get an application that matches it."""

    device_id: DeviceId
    application: str
    revision: str
    code: str
    message: str


class Report(Struct, frozen=True, kw_only=True):
    """What a device said last of an application."""

    device_id: DeviceId
    application: str
    version: str
    services: list[dict[str, Json]]
    hash: str
    usage: dict[str, dict[str, Json]]
    observed_at: datetime
