from typing import Any

from hub.audit.entries import Deed
from hub.audit.sums import MINUTE, Sums
from protocol.ids import DEFAULT_ORG


def make_deed(**changes: Any) -> Deed:
    fields: dict[str, Any] = {
        "org": DEFAULT_ORG, "actor": "alice", "action": "auth.login", "target": "alice",
        "address": "192.0.2.1", "outcome": "failed", "request_id": "r1",
    }  # fmt: skip
    return Deed(**{**fields, **changes})


def test_the_first_is_told_at_once_and_the_rest_of_its_minute_as_a_number() -> None:
    sums = Sums()
    assert sums.add(make_deed(), 0.0)
    assert not sums.add(make_deed(request_id="r2"), 1.0)
    assert not sums.add(make_deed(), MINUTE - 1)
    assert sums.due(MINUTE - 1) == []
    assert sums.due(MINUTE) == [make_deed(request_id=None, detail={"count": 2})]
    assert sums.due(MINUTE) == []
    assert sums.add(make_deed(), MINUTE)


def test_what_happened_once_is_not_told_twice() -> None:
    sums = Sums()
    sums.add(make_deed(), 0.0)
    assert sums.due(MINUTE) == []


def test_kinds_are_counted_apart() -> None:
    sums = Sums()
    kinds = (
        make_deed(), make_deed(actor="bob"), make_deed(address="192.0.2.2"),
        make_deed(outcome="refused"), make_deed(target="bob"), make_deed(action="x"),
        make_deed(actor_id="u1"), make_deed(actor_kind="user"),
    )  # fmt: skip
    assert all(sums.add(kind, 0.0) for kind in kinds)


def test_a_thousand_names_are_not_a_thousand_rows() -> None:
    sums = Sums(most_kinds=2)
    told = [sums.add(make_deed(actor=f"name-{number}"), 0.0) for number in range(10)]
    assert told == [True, True, True] + 7 * [False]
    (rest,) = sums.due(MINUTE)
    assert (rest.actor, rest.target, rest.address) == ("several", None, None)
    assert rest.detail == {"count": 7}
