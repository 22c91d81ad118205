"""What is done next: every step, and that a step that was cut off is decided again."""

from typing import Any

import pytest

from device.workloads.bodies import Restart
from device.workloads.claims import ServiceKey
from device.workloads.reconcile import (
    CreateContainer,
    Halted,
    PullImage,
    RemoveContainer,
    RenameContainer,
    ServiceRefusal,
    StartContainer,
    Step,
    StopContainer,
    Surroundings,
    WantedService,
    reconcile,
    waits_for,
)
from tests.unit.device.workloads.factories import DB, WEB, make_container, make_wanted

THERE = Surroundings(images={"busy": "image-1"})
UNLESS = Restart("unless-stopped")


def steps(
    wanted: list[WantedService], found: list[Any], around: Surroundings = THERE
) -> list[Step]:
    return reconcile(wanted, found, around)


def test_a_service_is_pulled_created_and_started() -> None:
    wanted = make_wanted()
    assert steps([wanted], [], Surroundings()) == [PullImage(wanted)]
    assert steps([wanted], []) == [CreateContainer(wanted, "shop-web")]
    created = make_container(state="created")
    assert steps([wanted], [created]) == [StartContainer(wanted, created)]
    assert steps([wanted], [make_container()]) == []


def test_another_revision_is_made_beside_the_old_one_then_takes_its_place() -> None:
    wanted, old = make_wanted(spec="spec-2"), make_container()
    assert steps([wanted], [old], Surroundings()) == [PullImage(wanted)]
    assert steps([wanted], [old]) == [CreateContainer(wanted, "shop-web.new")]
    new = make_container(id="new", name="shop-web.new", spec="spec-2", state="created")
    assert steps([wanted], [old, new]) == [RemoveContainer(old)]
    assert steps([wanted], [new]) == [RenameContainer(new, "shop-web")]


def test_what_an_overtaken_revision_left_is_removed_first() -> None:
    old, left = make_container(), make_container(id="l", name="shop-web.new", spec="spec-2")
    assert steps([make_wanted(spec="spec-3")], [old, left]) == [RemoveContainer(left)]
    assert steps([make_wanted()], [old, left]) == [RemoveContainer(left)]


def test_a_container_of_another_image_is_not_the_right_one() -> None:
    wanted = make_wanted()
    around = Surroundings(images={"busy": "image-2"})
    assert steps([wanted], [make_container()], around) == [CreateContainer(wanted, "shop-web.new")]
    assert steps([wanted], [make_container(image_id="")], around) == []


def test_what_is_refused_or_rests_stays_as_it_is() -> None:
    refused = make_wanted(spec="spec-2", refusal=ServiceRefusal("conflict", "no"))
    assert steps([refused], [make_container()]) == []
    resting = Surroundings(images={"busy": "image-1"}, resting={WEB})
    assert steps([make_wanted(spec="spec-2")], [make_container()], resting) == []
    assert steps([], [make_container()], resting) == []


def test_what_waits_for_the_hub_is_neither_made_nor_started_nor_replaced() -> None:
    wanted = make_wanted(waits=True)
    old = make_container(id="old", spec="spec-0", name="shop-web.new")
    created = make_container(state="created")
    assert steps([wanted], []) == []
    assert steps([wanted], [created]) == []
    assert steps([wanted], [created, old]) == []


def test_a_stopped_service_is_stopped_and_replaced_but_not_started() -> None:
    wanted = make_wanted(stopped=True)
    up, old = make_container(), make_container(id="old", spec="spec-0", name="shop-web.new")
    assert steps([wanted], [up]) == [StopContainer(up)]
    assert steps([wanted], [make_container(state="restarting")]) != []
    assert steps([wanted], [make_container(state="exited")]) == []
    assert steps([wanted], [make_container(state="created"), old]) == [RemoveContainer(old)]


@pytest.mark.parametrize(
    ("restart", "fields", "starts"),
    [
        (Restart("no"), {}, False),
        (Restart("no"), {"state": "created"}, True),
        (Restart("on-failure"), {"exit_code": 0}, False),
        (Restart("on-failure"), {"exit_code": 255, "restarts": 100}, True),
        (Restart("on-failure", 3), {"exit_code": 1, "restarts": 2}, True),
        (Restart("on-failure", 3), {"exit_code": 1, "restarts": 3}, False),
        (UNLESS, {"exit_code": 0}, True),
    ],
)
def test_what_has_ended_is_started_as_its_kind_of_restart_says(
    restart: Restart, fields: dict[str, Any], starts: bool
) -> None:
    fields = {"state": "exited", **fields}
    wanted, ended = make_wanted(restart=restart), make_container(WEB, **fields)
    assert steps([wanted], [ended]) == ([StartContainer(wanted, ended)] if starts else [])


def test_what_the_hub_had_stopped_starts_when_it_says_so_however_it_ended() -> None:
    wanted, ended = make_wanted(), make_container(state="exited")
    halted = Surroundings(images={"busy": "image-1"}, halted=Halted({ended.id: "t1"}))
    assert steps([wanted], [ended], halted) == [StartContainer(wanted, ended)]
    again = make_container(state="exited", started_at="t2")
    assert steps([wanted], [again], halted) == []


@pytest.mark.parametrize(
    ("condition", "needed", "is_met"),
    [
        ("service_started", {"state": "created"}, False),
        ("service_started", {"state": "exited"}, True),
        ("service_healthy", {"health": "starting"}, False),
        ("service_healthy", {"health": "healthy"}, True),
        ("service_healthy", {"health": "healthy", "state": "exited"}, False),
        ("service_completed_successfully", {"state": "exited", "exit_code": 1}, False),
        ("service_completed_successfully", {"state": "exited"}, True),
        ("service_started", None, False),
    ],
)
def test_a_service_starts_when_what_it_needs_is_as_it_shall_be(
    condition: str, needed: dict[str, Any] | None, is_met: bool
) -> None:
    web = make_wanted(needs={"db": condition})
    db = make_wanted(DB, image_key="other")
    created = make_container(state="created")
    found = [created, *([] if needed is None else [make_container(DB, **needed)])]
    assert (StartContainer(web, created) in steps([web, db], found)) is is_met
    assert waits_for(web, [web, db], found, THERE) == ([] if is_met else ["db"])


def test_nobody_waits_for_what_is_stopped_or_gone() -> None:
    web, created = make_wanted(needs={"db": "service_healthy"}), make_container(state="created")
    assert steps([web], [created]) == [StartContainer(web, created)]
    stopped = make_wanted(DB, stopped=True, waits=True)
    assert steps([web, stopped], [created]) == [StartContainer(web, created)]


def test_what_is_no_more_wanted_goes_and_first_what_needs_others() -> None:
    web, db = make_container(needs=frozenset({"db"})), make_container(DB)
    assert steps([], [db, web]) == [RemoveContainer(web)]
    assert steps([], [db]) == [RemoveContainer(db)]
    down = make_container(needs=frozenset({"db"}), state="exited")
    assert steps([], [db, down]) == [RemoveContainer(db), RemoveContainer(down)]
    circle = make_container(DB, needs=frozenset({"web"}))
    assert steps([], [web, circle]) == [RemoveContainer(web), RemoveContainer(circle)]


def test_what_the_engine_removes_already_counts_as_gone() -> None:
    wanted = make_wanted()
    removing = make_container(state="removing")
    assert steps([wanted], [removing]) == [CreateContainer(wanted, "shop-web")]
    assert steps([], [removing]) == []


def test_services_do_not_wait_for_each_other() -> None:
    web, db = make_wanted(), make_wanted(ServiceKey("other", "db"))
    assert steps([web, db], []) == [
        CreateContainer(web, "shop-web"),
        CreateContainer(db, "other-db"),
    ]
