from typing import Any

import pytest

from hub.config.state import (
    BY_PUSH_ALONE,
    DIFFERS,
    ON_TRIAL,
    REFUSED,
    WENT_BACK,
    ConfigState,
    End,
    Said,
    after_end,
    after_hello,
    after_taking,
    desiring,
    fate_of,
    is_to_hand_over,
    is_to_take_out,
    is_without_effect,
    retrying,
    taken_out,
    with_defaults,
)
from protocol.canonical import hash_of
from protocol.frames import DesiredStatus, TakenStatus
from protocol.lifecycle import State
from protocol.replies import ResultError

WANTED = {"a": 2}


def make_standing(**changes: Any) -> ConfigState:
    """A push of version 2 is under way."""
    fields: dict[str, Any] = {
        "desired": WANTED, "desired_version": 2, "highest_version": 4,
        "own": changes.get("desired", WANTED), "own_version": 2, "defaults": {},
        "reported": {"a": 1}, "reported_version": 1,
        "reported_hash": None, "status": "pending", "error": None,
    }  # fmt: skip
    return ConfigState(**{**fields, **changes})


def make_end(**changes: Any) -> End:
    fields: dict[str, Any] = {
        "version": 2, "patch": {"a": 2}, "fate": "applied", "without_effect": False,
        "device_version": 5,
        "device_hash": None, "error": None,
    }  # fmt: skip
    return End(**{**fields, **changes})


def make_said(**changes: Any) -> Said:
    fields: dict[str, Any] = {
        "version": 5, "hash": None, "rolled_back": None, "applied_version": 5,
        "is_under_way": False,
    }  # fmt: skip
    return Said(**{**fields, **changes})


@pytest.mark.parametrize(
    ("status", "error", "fate"),
    [
        (State.SUCCESS, None, "applied"),
        (State.FAILED, {"code": "rolled_back"}, "rolled_back"),
        (State.FAILED, {"code": "invalid_config"}, "failed"),
        (State.UNKNOWN, None, "failed"),
        (State.TIMEOUT, {"code": "timeout"}, "failed"),
    ],
)
def test_what_the_end_of_a_command_means(
    status: State, error: dict[str, Any] | None, fate: str
) -> None:
    assert fate_of(status, error) == fate


@pytest.mark.parametrize(
    ("status", "error", "is_none"),
    [
        (State.SUCCESS, None, False),
        (State.FAILED, {"code": "rolled_back"}, True),
        (State.REJECTED, {"code": "unsupported"}, True),
        (State.CANCELLED, None, True),
        (State.EXPIRED, None, True),
        (State.UNKNOWN, None, False),
        (State.TIMEOUT, {"code": "timeout"}, False),
        (State.TIMEOUT, {"code": "not_delivered"}, True),
    ],
)
def test_which_end_is_one_without_effect(
    status: State, error: dict[str, Any] | None, is_none: bool
) -> None:
    assert is_without_effect(status, error) is is_none


def test_a_version_never_names_two_documents() -> None:
    standing = desiring(make_standing(), {"b": 1, "a": None})
    assert (standing.desired, standing.desired_version) == ({"b": 1}, 5)
    assert standing.highest_version == 5


def test_only_a_push_on_which_nothing_builds_is_taken_out() -> None:
    end = make_end(fate="failed", without_effect=True)
    assert is_to_take_out(make_standing(), end)
    assert not is_to_take_out(make_standing(own_version=3), end)
    assert not is_to_take_out(make_standing(), make_end(fate="failed"))


@pytest.mark.parametrize("digest", [None, hash_of(WANTED)])
def test_a_push_that_was_applied_brings_both_together(digest: str | None) -> None:
    standing = after_end(make_standing(), make_end(device_hash=digest))
    assert (standing.status, standing.reported, standing.reported_version) == ("in_sync", WANTED, 5)
    assert standing.reported_hash == digest


def test_a_push_that_was_applied_to_something_else_is_seen() -> None:
    by_hash = after_end(make_standing(), make_end(device_hash="other"))
    assert (by_hash.status, by_hash.error) == ("pending", DIFFERS)
    # An earlier push failed, so that this one alone does not give what is desired.
    wanted = {"a": 2, "b": 1}
    by_document = after_end(make_standing(desired=wanted), make_end())
    assert (by_document.status, by_document.reported) == ("pending", {"a": 2})


def test_an_older_push_says_what_is_reported_and_not_how_it_stands() -> None:
    standing = after_end(make_standing(desired_version=3), make_end())
    assert (standing.status, standing.reported, standing.reported_version) == ("pending", WANTED, 5)
    standing = after_end(make_standing(desired_version=3), make_end(fate="failed", error="x"))
    assert (standing.status, standing.error, standing.reported) == ("pending", None, {"a": 1})


@pytest.mark.parametrize("fate", ["failed", "rolled_back"])
def test_a_push_that_was_not_applied_leaves_what_is_reported(fate: str) -> None:
    end = make_end(fate=fate, error="why", device_version=None)
    standing = after_end(make_standing(), end)
    assert (standing.status, standing.error) == (fate, "why")
    assert (standing.reported, standing.reported_version) == ({"a": 1}, 1)


def test_the_hash_in_hello_is_believed_whatever_became_of_commands() -> None:
    lost = make_standing(status="failed", error="timeout")
    standing = after_hello(lost, make_said(hash=hash_of(WANTED)))
    assert (standing.status, standing.error, standing.reported) == ("in_sync", None, WANTED)


def test_a_device_that_went_back_says_so() -> None:
    standing = after_hello(make_standing(), make_said(hash="old", rolled_back=2))
    assert (standing.status, standing.error) == ("rolled_back", WENT_BACK)
    older = after_hello(make_standing(), make_said(hash="old", rolled_back=1, is_under_way=True))
    assert older.status == "pending"


def test_drift_is_seen() -> None:
    agreed = make_standing(status="in_sync")
    by_hash = after_hello(agreed, make_said(hash="other"))
    assert (by_hash.status, by_hash.reported_hash) == ("pending", "other")
    assert by_hash.error == BY_PUSH_ALONE
    by_version = after_hello(agreed, make_said(version=0))
    assert by_version.status == "pending"
    assert by_version.error == "the device reports version 0, not 5"


def test_what_is_no_drift() -> None:
    agreed = make_standing(status="in_sync")
    assert after_hello(agreed, make_said()).status == "in_sync"
    assert after_hello(agreed, make_said(applied_version=None)).status == "in_sync"
    failed = make_standing(status="failed", error="why")
    assert after_hello(failed, make_said(hash="old")).error == "why"
    under_way = after_hello(make_standing(), make_said(hash="old", is_under_way=True))
    assert (under_way.status, under_way.error) == ("pending", None)


def test_what_is_reported_is_never_what_the_device_does_not_have() -> None:
    agreed = make_standing(status="in_sync", reported=WANTED, reported_version=5)
    replaced = after_hello(agreed, make_said(version=0, hash=hash_of({})))
    assert (replaced.reported, replaced.reported_version, replaced.status) == ({}, 0, "pending")
    other = after_hello(agreed, make_said(hash="of something else"))
    assert (other.reported, other.reported_hash) == ({}, "of something else")
    back = after_end(agreed, make_end(fate="failed", device_hash=hash_of({"x": 1})))
    assert back.reported == {}
    kept = after_end(agreed, make_end(fate="failed", device_hash=hash_of(WANTED)))
    assert kept.reported == WANTED


def test_what_is_reported_by_a_device_that_names_no_hash() -> None:
    agreed = make_standing(status="in_sync", reported=WANTED, reported_version=5)
    assert after_hello(agreed, make_said()).reported == WANTED
    assert after_hello(agreed, make_said(version=0, applied_version=None)).reported == {}
    assert after_hello(agreed, make_said(version=4)).reported == {}
    assert after_hello(agreed, make_said(version=4, applied_version=None)).reported == WANTED
    late = make_standing(reported_version=3)
    assert after_hello(late, make_said(version=5)).reported == WANTED


def test_what_differs_is_handed_over_to_a_device_that_takes_it() -> None:
    failed = make_standing(status="failed", error="no")
    said = make_said(hash="other", takes_section=True)
    standing = after_hello(failed, said)
    assert (standing.status, standing.error) == ("pending", DIFFERS)
    assert is_to_hand_over(standing)
    under_way = after_hello(failed, make_said(hash="x", takes_section=True, is_under_way=True))
    assert under_way.status == "failed"


def test_what_the_device_refused_rests_until_somebody_asks_for_another_try() -> None:
    said = make_said(hash="other", takes_section=True, refused="2")
    refused = after_hello(make_standing(status="in_sync"), said)
    assert (refused.status, refused.error, refused.refused) == ("failed", REFUSED, 2)
    assert not is_to_hand_over(refused)
    back = after_hello(make_standing(status="rolled_back", error="no line", refused=2), said)
    assert (back.status, back.error) == ("rolled_back", "no line")
    again = retrying(refused)
    assert (again.status, is_to_hand_over(again)) == ("pending", True)
    assert is_to_hand_over(after_hello(again, said))


def report(status: TakenStatus, **changes: Any) -> DesiredStatus:
    fields: dict[str, Any] = {"kind": "config", "version": "2", "hash": hash_of(WANTED)}
    return DesiredStatus(status=status, **{**fields, **changes})


def test_what_became_of_a_handed_over_configuration_moves_what_is_reported() -> None:
    standing = make_standing(refused=2)
    trial = after_taking(standing, report("trial"))
    assert (trial.status, trial.error) == ("pending", ON_TRIAL)
    applied = after_taking(standing, report("applied"))
    assert (applied.status, applied.reported, applied.refused) == ("in_sync", WANTED, None)
    assert applied.reported_hash == hash_of(WANTED)
    error = ResultError(code="rolled_back", message="no line")
    back = after_taking(standing, report("rolled_back", error=error))
    assert (back.status, back.error, back.refused) == ("rolled_back", "no line", 2)
    assert after_taking(standing, report("failed")).error == REFUSED
    assert after_taking(standing, report("applied", hash="older")) == standing


def test_what_groups_give_lies_under_the_own_part() -> None:
    given = with_defaults(make_standing(status="in_sync"), {"a": 1, "b": 1})
    assert (given.desired, given.own) == ({"a": 2, "b": 1}, WANTED)
    assert (given.desired_version, given.highest_version, given.status) == (5, 5, "pending")
    pushed = desiring(given, {"a": None, "c": 3})
    assert (pushed.desired, pushed.own) == ({"a": 1, "b": 1, "c": 3}, {"c": 3})
    assert (pushed.desired_version, pushed.own_version) == (6, 6)
    covered = with_defaults(make_standing(status="in_sync"), {"a": 1})
    assert (covered.desired_version, covered.status) == (2, "in_sync")


def test_a_push_without_effect_leaves_what_groups_give() -> None:
    pushed = desiring(make_standing(defaults={"b": 1}), {"c": 3})
    back = taken_out(pushed, WANTED, 2)
    assert (back.desired, back.own, back.own_version) == ({"a": 2, "b": 1}, WANTED, 2)
    assert back.desired_version == pushed.highest_version + 1
    moved = with_defaults(desiring(make_standing(), {"c": 3}), {"b": 1})
    assert taken_out(moved, WANTED, 2).desired == {"a": 2, "b": 1}
    alone = taken_out(desiring(make_standing(), {"c": 3}), WANTED, 2)
    assert (alone.desired, alone.desired_version) == (WANTED, 2)
