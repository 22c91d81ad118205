from hub.approvals.entries import asked_entry, detail_of
from hub.approvals.records import NewApproval, ShownCall
from tests.factories import make_principal

CALL = NewApproval(
    kind="bulk",
    subject="b1",
    device_ids=["d1", "d2"],
    shown=ShownCall(command={"type": "exec_shell", "args": {"password": "secret"}}),
    call={},
    request_hash=b"",
    rights=[],
)
CHANGE = NewApproval(
    kind="settings",
    subject=None,
    device_ids=[],
    shown=ShownCall(settings={}),
    call={},
    request_hash=b"",
    rights=[],
)


def test_the_audit_is_told_what_was_asked_for_and_no_parameters() -> None:
    entry = asked_entry(make_principal(), "a1", CALL, reason="asked")
    assert (entry.action, entry.target, entry.outcome) == ("approval.ask", "a1", "ok")
    expected = {"kind": "bulk", "id": "b1", "command": "exec_shell"}
    assert entry.detail == {"call": expected, "targets": 2}


def test_a_change_of_settings_has_no_id_of_its_own() -> None:
    assert detail_of(CHANGE) == {"kind": "settings"}
