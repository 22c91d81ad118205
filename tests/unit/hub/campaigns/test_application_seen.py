"""How a device stands to a revision that rolls out to it, and whose right that is."""

from datetime import UTC, datetime
from typing import Any

from hub.base.holding import Grant, Holding
from hub.campaigns.application_seen import AssignedRow, application_seen
from hub.campaigns.held import is_dangerous, may_bring, new_approval
from hub.campaigns.journey import CampaignTarget, Goal, Seen, reason_to_skip
from hub.campaigns.records import NewCampaign, RollOut, Terms, kind_of
from protocol.commands import ForceSync
from protocol.ids import DeviceId
from protocol.lifecycle import State

LOAD = RollOut(name="web", revision="r2", services=["a", "b"])


def said(service: str, revision: str = "r2", state: str = "running", **more: Any) -> dict[str, Any]:
    return {"service": service, "revision": revision, "state": state, **more}


def row(*services: dict[str, Any], **changes: Any) -> AssignedRow:
    fields: dict[str, Any] = {
        "revision": "r2", "wanted": None, "filled": {"X": "1", "Y": None}, "fills": {"X": "1"},
        "pinned": False, "stopped": (), "said": services, "is_current": True,
    }  # fmt: skip
    return AssignedRow(**{**fields, **changes})


def look(*services: dict[str, Any], **changes: Any) -> tuple[Any, ...]:
    found = application_seen(row(*services, **changes), "r2", LOAD.services)
    code = None if found.error is None else found.error["code"]
    return found.version, found.running, found.command, code


def test_from_nothing_to_well() -> None:
    assert look(revision=None, filled={}) == (None, None, None, None)
    assert look(revision="r1") == (None, None, None, None)
    assert look(wanted="r3") == (None, None, None, None)
    assert look() == ("r2", None, State.RUNNING, None)
    assert look(said("a"), said("b", state="starting")) == ("r2", None, State.RUNNING, None)
    assert look(said("a"), said("b", "r1")) == ("r2", None, State.RUNNING, None)
    assert look(said("a"), said("b")) == ("r2", "r2", State.RUNNING, None)
    assert look(said("a"), said("b", state="exited"), stopped=("b",))[1] == "r2"


def test_stale_variables_are_worth_a_rollout() -> None:
    assert look(fills={"X": "2"})[0] is None
    assert look(fills={"X": "1", "Y": "new"})[0] is None


def test_what_was_said_of_an_earlier_document_is_no_arrival() -> None:
    assert look(said("a"), said("b"), is_current=False) == ("r2", None, State.RUNNING, None)


def test_what_no_waiting_mends_fails_also_where_the_old_one_runs_on() -> None:
    refused = said("b", "r1", "error", code="refused_by_device", message="no")
    assert look(said("a"), refused)[2:] == (State.FAILED, "refused_by_device")
    assert look(said("a"), refused, is_current=False)[2:] == (State.RUNNING, None)
    waits = said("b", "r1", "error", code="registry_unavailable")
    assert look(said("a"), waits)[2:] == (State.RUNNING, None)
    bare = application_seen(row(said("b", code="bad_signature")), "r2", [])
    assert bare.error == {"code": "bad_signature", "message": "b: bad_signature"}


def test_a_device_without_an_engine_is_passed_over() -> None:
    target = CampaignTarget(
        device_id=DeviceId("d"), position=0, wave=0, since=datetime(2026, 1, 1, tzinfo=UTC)
    )
    goal = Goal(version="r2", allow_downgrade=True, soak_seconds=1, phase_timeout_seconds=1)
    why = reason_to_skip(target, Seen(has_engine=False), goal)
    assert why is not None
    assert why["code"] == "unsupported"
    assert reason_to_skip(target, Seen(has_engine=True, version="r1"), goal) is None


def test_whose_right_it_is() -> None:
    updates = Holding((Grant(frozenset({"applications:update"}), frozenset({"web"})),))
    assert may_bring(updates, LOAD)
    assert not may_bring(updates, RollOut(name="db", revision="r", services=[]))
    mighty = RollOut(name="web", revision="r", services=[], asks_for=["privileged"])
    assert not may_bring(updates, mighty)
    both = Holding((*updates.grants, Grant(frozenset({"workloads/privileged:update"}))))
    assert may_bring(both, mighty)
    assert not may_bring(updates, ForceSync())


def test_what_a_second_person_approves() -> None:
    new = NewCampaign(
        kind="application",
        target=None,
        subject="web",
        command=LOAD,
        terms=Terms(),
        devices=[DeviceId("d")],
    )
    approval = new_approval(new, "rollout.create", right_name="web")
    assert approval.rights == ["applications:update", "campaigns:create"]
    assert approval.shown.command is not None
    assert approval.shown.command["type"] == kind_of(LOAD) == "application"
    assert not is_dangerous(new)
    assert kind_of(ForceSync()) == "force_sync"
