from typing import Any

from hub.audit.entries import AuditEntry
from hub.audit.sums import MINUTE, Sums
from protocol.ids import DEFAULT_ORG


def make_entry(**changes: Any) -> AuditEntry:
    fields: dict[str, Any] = {
        "org": DEFAULT_ORG, "actor": "alice", "action": "auth.login", "target": "alice",
        "address": "192.0.2.1", "outcome": "failed", "request_id": "r1",
    }  # fmt: skip
    return AuditEntry(**{**fields, **changes})


def test_the_first_is_told_at_once_and_the_rest_of_its_minute_as_a_number() -> None:
    sums = Sums()
    assert sums.add(make_entry(), 0.0)
    assert not sums.add(make_entry(request_id="r2"), 1.0)
    assert not sums.add(make_entry(), MINUTE - 1)
    assert sums.due(MINUTE - 1) == []
    assert sums.due(MINUTE) == [make_entry(request_id=None, detail={"count": 2})]
    assert sums.due(MINUTE) == []
    assert sums.add(make_entry(), MINUTE)


def test_what_happened_once_is_not_told_twice() -> None:
    sums = Sums()
    sums.add(make_entry(), 0.0)
    assert sums.due(MINUTE) == []


def test_kinds_are_counted_apart() -> None:
    sums = Sums()
    kinds = (
        make_entry(), make_entry(actor="bob"), make_entry(address="192.0.2.2"),
        make_entry(outcome="refused"), make_entry(target="bob"), make_entry(action="x"),
        make_entry(actor_id="u1"), make_entry(actor_kind="user"),
    )  # fmt: skip
    assert all(sums.add(kind, 0.0) for kind in kinds)


def test_a_thousand_names_are_not_a_thousand_rows() -> None:
    sums = Sums(most_kinds=2)
    told = [sums.add(make_entry(actor=f"name-{number}"), 0.0) for number in range(10)]
    assert told == [True, True, True] + 7 * [False]
    (rest,) = sums.due(MINUTE)
    assert (rest.actor, rest.target, rest.address) == ("several", None, None)
    assert rest.detail == {"count": 7}
