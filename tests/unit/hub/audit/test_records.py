from typing import Any

import pytest

from hub.audit.entries import Deed
from hub.audit.records import RecordChange, record_changes
from protocol.ids import DEFAULT_ORG, DeviceId


def deed(action: str, target: str | None = None, **detail: Any) -> Deed:
    return Deed(org=DEFAULT_ORG, actor="alice", action=action, target=target, detail=detail)


D1 = RecordChange("device", "d1", DeviceId("d1"))


@pytest.mark.parametrize(
    ("said", "changed"),
    [
        (deed("device.update", "d1"), [D1]),
        (deed("device.enroll", "d1"), [D1]),
        (deed("device.token", "d1"), []),
        (deed("command.reboot_os", "d1"), []),
        (deed("auth.login", "alice"), []),
        (deed("group.create", "g1"), [RecordChange("group", "g1")]),
        (deed("group.add_members", "d1", groupId="g1"), [RecordChange("group", "g1"), D1]),
        (deed("group.delete", "d1", groupId="g1"), [RecordChange("group", "g1"), D1]),
        (deed("deployment.create", "d1", deploymentId="x"), [RecordChange("deployment", "x")]),
        (deed("user.update", "alice", userId="u1"), [RecordChange("user", "u1")]),
        (deed("api_key.delete", "k1"), [RecordChange("api_key", "k1")]),
        (deed("settings.update"), [RecordChange("settings", "")]),
        (deed("release.create", "r1"), [RecordChange("release", "r1")]),
        (deed("config.revert", "d1"), [RecordChange("configuration", "d1", DeviceId("d1"))]),
    ],
)
def test_an_action_names_the_records_that_it_changed(
    said: Deed, changed: list[RecordChange]
) -> None:
    assert record_changes([said]) == changed


def test_a_record_is_told_once_and_what_was_refused_not_at_all() -> None:
    of_group = deed("group.add_members", "g1", deviceIds=["d1"])
    of_device = deed("group.add_members", "d1", groupId="g1")
    refused = Deed(
        org=DEFAULT_ORG, actor="a", action="device.delete", target="d2", outcome="refused"
    )
    assert record_changes([of_group, of_device, refused]) == [RecordChange("group", "g1"), D1]
