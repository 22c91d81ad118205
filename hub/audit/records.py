"""Which records an audited action has changed, for those who show them. Pure.

What is privileged is audited, and what is audited says what it changed: so no record changes
without whoever looks at it hearing of it, and a new action is heard of when it stands in the table.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from hub.audit.entries import AuditEntry
from protocol.dashboard import RecordKind
from protocol.ids import DeviceId

KINDS: Final[dict[str, RecordKind]] = {
    "device": "device",
    "group": "group",
    "user": "user",
    "api_key": "api_key",
    "role": "role",
    "role_binding": "role_binding",
    "team": "team",
    "invitation": "invitation",
    "service_account": "service_account",
    "settings": "settings",
    "release": "release",
    "firmware_key": "firmware_key",
    "config_schema": "config_schema",
    "config": "configuration",
    "deployment": "deployment",
    "application": "application",
    "rollout": "rollout",
    "config_map": "config_map",
    "registry": "registry",
    "approval": "approval",
    "schedule": "schedule",
    "alert": "alert",
    "alert_rule": "alert_rule",
    "silence": "silence",
    "notification_channel": "notification_channel",
}
"""By what an action begins with. Actions that are not here change no record that is listed."""

RESTRICTED: Final[frozenset[RecordKind]] = frozenset(
    {"user", "api_key", "role", "role_binding", "team", "invitation", "service_account"}
)
"""Not everybody may read these."""

_NOTHING_CHANGED: Final = frozenset({"device.token"})


class RecordChange(Struct, frozen=True):
    kind: RecordKind
    id: str
    device_id: DeviceId | None = None


def record_changes(entries: Sequence[AuditEntry]) -> list[RecordChange]:
    """Each once, in order."""
    found: dict[RecordChange, None] = {}
    for entry in entries:
        if entry.outcome == "ok" and entry.action not in _NOTHING_CHANGED:
            found.update(dict.fromkeys(_changes(entry)))
    return list(found)


def _changes(entry: AuditEntry) -> list[RecordChange]:
    kind = KINDS.get(entry.action.partition(".")[0])
    target = entry.target or ""
    match kind:
        case None:
            return []
        case "device" | "configuration":
            return [RecordChange(kind, target, DeviceId(target))]
        case "group" if "groupId" in entry.detail:  # a member came or went: its record says so
            device = RecordChange("device", target, DeviceId(target))
            return [RecordChange("group", entry.detail["groupId"]), device]
        case "alert":
            return [RecordChange(kind, target, entry.detail.get("deviceId"))]
        case "deployment" | "rollout" if (
            "deploymentId" in entry.detail
        ):  # a device became part of it
            return [RecordChange(kind, entry.detail["deploymentId"])]
        case "user":
            return [RecordChange("user", entry.detail.get("userId", target))]
        case "role_binding":
            return _of_binding(entry.detail, target)
        case "invitation":
            return _of_invitation(entry, target)
        case _:
            return [RecordChange(kind, target)]


def _of_binding(detail: Mapping[str, Any], target: str) -> list[RecordChange]:
    """The role of a user is shown with the user."""
    binding = RecordChange("role_binding", detail.get("bindingId", target))
    is_of_user = detail.get("subjectKind") == "user"
    return [binding, RecordChange("user", target)] if is_of_user else [binding]


def _of_invitation(entry: AuditEntry, target: str) -> list[RecordChange]:
    """Who accepts one is a user."""
    invitation = RecordChange("invitation", entry.detail.get("id", target))
    is_accepted = entry.action == "invitation.accept"
    return [invitation, RecordChange("user", entry.actor_id)] if is_accepted else [invitation]
