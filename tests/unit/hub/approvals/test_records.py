from typing import Any

from msgspec import UNSET

from hub.approvals.deciding import ApprovalStatus, Reason
from hub.approvals.records import Approval, ShownCall, actor_of, awaiting, item_of
from protocol.ids import DEFAULT_ORG
from tests.factories import MOMENT, make_principal


def make_approval(**changes: Any) -> Approval:
    fields: dict[str, Any] = {
        "org": DEFAULT_ORG, "approval_id": "a1", "kind": "command", "subject": "c1",
        "device_ids": ["d1", "d2"], "shown": ShownCall(command={"type": "reboot_os"}), "call": {},
        "request_hash": b"hash", "rights": ["commands/reboot_os:create"], "right_name": None,
        "reason": Reason.RULE, "status": ApprovalStatus.AWAITING,
        "asked_by": actor_of(make_principal()), "asked_at": MOMENT, "expires_at": MOMENT,
        "decided_by": None, "decided_at": None, "comment": None, "error": None, "refused": {},
        "done_at": None,
    }  # fmt: skip
    return Approval(**{**fields, **changes})


def test_a_caller_is_told_the_id_that_its_call_was_given() -> None:
    told = awaiting(make_approval())
    assert (told.command_id, told.batch_id, told.campaign_id) == ("c1", UNSET, UNSET)
    assert (told.status, told.approval_id) == ("AWAITING", "a1")
    assert awaiting(make_approval(kind="bulk")).batch_id == "c1"
    assert awaiting(make_approval(kind="campaign")).campaign_id == "c1"
    settings = awaiting(make_approval(kind="settings", subject=None))
    assert (settings.command_id, settings.batch_id, settings.campaign_id) == (UNSET,) * 3


def test_an_item_says_whose_it_is_and_who_approved_it() -> None:
    asker, other = make_principal(), make_principal(subject="u2", actor="bert")
    waiting = item_of(make_approval(), {"type": "x"}, asker, targets=1)
    assert (waiting.mine, waiting.targets, waiting.target_count) == (True, ["d1"], 2)
    assert (waiting.command, waiting.approved_by, waiting.decided_by) == ({"type": "x"}, None, None)
    decided = {"decided_by": actor_of(other), "decided_at": MOMENT, "comment": "yes"}
    approved = item_of(make_approval(status=ApprovalStatus.APPROVED, **decided), None, other)
    assert (approved.mine, approved.approved_by, approved.comment) == (False, "bert", "yes")
    assert approved.targets == ["d1", "d2"]
    rejected = item_of(make_approval(status=ApprovalStatus.REJECTED, **decided), None, other)
    assert (rejected.approved_by, rejected.decided_by) == (None, "bert")
