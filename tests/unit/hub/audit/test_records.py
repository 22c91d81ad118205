from typing import Any

import pytest
from msgspec import structs

from hub.audit.entries import AuditEntry
from hub.audit.records import RecordChange, record_changes
from protocol.ids import DEFAULT_ORG, DeviceId


def entry(action: str, target: str | None = None, **detail: Any) -> AuditEntry:
    return AuditEntry(org=DEFAULT_ORG, actor="alice", action=action, target=target, detail=detail)


D1 = RecordChange("device", "d1", DeviceId("d1"))


@pytest.mark.parametrize(
    ("said", "changed"),
    [
        (entry("device.update", "d1"), [D1]),
        (entry("device.enroll", "d1"), [D1]),
        (entry("device.token", "d1"), []),
        (entry("command.reboot_os", "d1"), []),
        (entry("auth.login", "alice"), []),
        (entry("group.create", "g1"), [RecordChange("group", "g1")]),
        (entry("group.add_members", "d1", groupId="g1"), [RecordChange("group", "g1"), D1]),
        (entry("group.delete", "d1", groupId="g1"), [RecordChange("group", "g1"), D1]),
        (entry("deployment.create", "d1", deploymentId="x"), [RecordChange("deployment", "x")]),
        (entry("application.current", "shop"), [RecordChange("application", "shop")]),
        (entry("rollout.create", "d1", deploymentId="x"), [RecordChange("rollout", "x")]),
        (entry("rollout.pause", "x"), [RecordChange("rollout", "x")]),
        (entry("config_map.delete", "site"), [RecordChange("config_map", "site")]),
        (entry("registry.update", "ours"), [RecordChange("registry", "ours")]),
        (entry("device.assign_application", "d1", application="shop"), [D1]),
        (entry("user.update", "alice", userId="u1"), [RecordChange("user", "u1")]),
        (entry("api_key.delete", "k1"), [RecordChange("api_key", "k1")]),
        (entry("role.update", "guests"), [RecordChange("role", "guests")]),
        (entry("team.add_members", "t1", userIds=["u1"]), [RecordChange("team", "t1")]),
        (
            entry("role_binding.create", "u1", bindingId="b1", subjectKind="user"),
            [RecordChange("role_binding", "b1"), RecordChange("user", "u1")],
        ),
        (
            entry("role_binding.delete", "t1", bindingId="b1", subjectKind="team"),
            [RecordChange("role_binding", "b1")],
        ),
        (entry("invitation.create", "eve", id="i1"), [RecordChange("invitation", "i1")]),
        (entry("invitation.delete", "i1"), [RecordChange("invitation", "i1")]),
        (
            structs.replace(entry("invitation.accept", "eve", id="i1"), actor_id="u1"),
            [RecordChange("invitation", "i1"), RecordChange("user", "u1")],
        ),
        (entry("service_account.create", "s1"), [RecordChange("service_account", "s1")]),
        (entry("settings.update"), [RecordChange("settings", "")]),
        (
            entry("alert.resolve", "a1", deviceId="d1"),
            [RecordChange("alert", "a1", DeviceId("d1"))],
        ),
        (entry("alert.resolve", "a1"), [RecordChange("alert", "a1")]),
        (entry("release.create", "r1"), [RecordChange("release", "r1")]),
        (entry("config.revert", "d1"), [RecordChange("configuration", "d1", DeviceId("d1"))]),
    ],
)
def test_an_action_names_the_records_that_it_changed(
    said: AuditEntry, changed: list[RecordChange]
) -> None:
    assert record_changes([said]) == changed


def test_a_record_is_told_once_and_what_was_refused_not_at_all() -> None:
    of_group = entry("group.add_members", "g1", deviceIds=["d1"])
    of_device = entry("group.add_members", "d1", groupId="g1")
    refused = AuditEntry(
        org=DEFAULT_ORG, actor="a", action="device.delete", target="d2", outcome="refused"
    )
    assert record_changes([of_group, of_device, refused]) == [RecordChange("group", "g1"), D1]
