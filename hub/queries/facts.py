"""What of a device a query asks about. Pure."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct


class DeviceFacts(Struct, frozen=True, kw_only=True):
    """None: not there, or never said."""

    id: str
    name: str = ""
    status: str = "OFFLINE"
    connected: bool = False
    version: str | None = None
    versions: Mapping[str, str] = {}
    """Of software beside the agent, by type."""
    group_ids: frozenset[str] = frozenset()
    labels: Mapping[str, str] = {}
    metrics: Mapping[str, float] = {}
    last_seen: datetime | None = None
    created_at: datetime | None = None
    connection_mode: str = "VIA_LOCAL_SERVER"
    company: str | None = None
    production_line: str | None = None
    config_status: str | None = None
    apps: Mapping[str, str] = {}
    """The revision of each application."""
    certificate_expires_at: datetime | None = None
