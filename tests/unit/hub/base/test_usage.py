"""What organisations use, until it is written."""

from hub.base import usage
from protocol.ids import OrgId

A, B = OrgId("a"), OrgId("b")


def test_what_was_counted_is_taken_once_and_can_be_put_back() -> None:
    usage.take()
    usage.count(A, "events", 3)
    usage.count(A, "events")
    usage.count(B, "calls")
    taken = usage.take()
    assert {org: dict(counted) for org, counted in taken.items()} == {
        A: {"events": 4}, B: {"calls": 1},
    }  # fmt: skip
    assert usage.take() == {}
    usage.count(A, "events")
    usage.put_back(taken)
    assert usage.take()[A]["events"] == 5
