from typing import Any

import pytest
from msgspec import structs

from device.update.bars import Bar
from device.update.trial import (
    MOST_CRASHES,
    MOST_STARTS,
    REPLACED,
    Slot,
    SlotStanding,
    StartConditions,
    StartDecision,
    UpdateRecord,
    UpdateState,
    at_start,
    confirmed,
    ended_by_package,
    ended_well,
    failed,
    free_slot,
    given_up,
    instead,
    is_on_trial,
    kept,
    replaced_update,
    standing,
    to_tell,
)

BOTH: frozenset[Slot] = frozenset(("a", "b"))


def make_record(**changes: Any) -> UpdateRecord:
    """Version 2 in slot b is on trial; 1 in slot a ran before."""
    fields: dict[str, Any] = {
        "slot": "b", "previous": "a", "version": "2", "from_version": "1", "installed": "0",
        "release_id": "r", "command_id": "c",
    }  # fmt: skip
    return UpdateRecord(**{**fields, **changes})


def place(**changes: Any) -> StartConditions:
    fields: dict[str, Any] = {
        "linked": "a", "usable": BOTH, "installed": "0", "now": 100.0, "trial_seconds": 60.0,
    }  # fmt: skip
    return StartConditions(**{**fields, **changes})


def test_without_a_record_the_link_counts_if_it_leads_to_a_version() -> None:
    assert at_start(None, place()).slot == "a"
    assert at_start(None, place(linked=None)).slot is None
    assert at_start(None, place(usable=frozenset("b"))).slot is None


def test_each_start_of_a_trial_is_counted_before_it_is_made() -> None:
    record = make_record()
    for number in range(1, MOST_STARTS + 1):
        start = at_start(record, place())
        assert (start.slot, start.on_trial) == ("b", True)
        assert start.record is not None
        record = start.record
        assert (record.starts, record.started, record.state) == (number, 100.0, UpdateState.TRIAL)
    back = at_start(record, place())
    assert (back.slot, back.on_trial) == ("a", False)
    assert back.record is not None
    assert (back.record.state, back.record.reason) == (
        UpdateState.FAILED, f"it did not come up in {MOST_STARTS} starts",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("started", "hung"), [(None, False), (41.0, False), (40.0, True), (500.0, False)]
)
def test_a_start_that_took_the_whole_time_is_the_last(started: float | None, hung: bool) -> None:
    start = at_start(make_record(starts=1, started=started), place())

    assert start.record is not None
    assert start.record.state is (UpdateState.FAILED if hung else UpdateState.TRIAL)


def test_half_a_version_is_never_run() -> None:
    start = at_start(make_record(), place(usable=frozenset("a")))

    assert start.slot == "a"
    assert start.record is not None
    assert start.record.reason == "the new version is not complete"


@pytest.mark.parametrize(
    ("state", "previous", "usable", "slot"),
    [
        (UpdateState.CONFIRMED, "a", "ab", "b"),
        (UpdateState.CONFIRMED, "a", "a", "a"),
        (UpdateState.CONFIRMED, None, "a", None),
        (UpdateState.FAILED, "a", "ab", "a"),
        (UpdateState.FAILED, "a", "b", None),
        (UpdateState.FAILED, None, "ab", None),
    ],
)
def test_the_record_says_what_runs(
    state: UpdateState, previous: Slot | None, usable: str, slot: Slot | None
) -> None:
    record = make_record(state=state, previous=previous)

    assert at_start(record, place(usable=frozenset(usable))) == StartDecision(slot=slot)


def test_what_was_installed_since_runs() -> None:
    for state in UpdateState:
        assert at_start(make_record(state=state), place(installed="9")) == StartDecision(slot=None)


def test_a_start_that_cannot_be_counted_is_of_the_version_before() -> None:
    assert instead(make_record(), usable=BOTH) == "a"
    assert instead(make_record(previous="b"), usable=frozenset[Slot]()) is None
    assert instead(make_record(previous=None), usable=BOTH) is None
    assert instead(None, usable=BOTH) is None


def test_a_version_is_unpacked_where_nothing_runs_and_nothing_is_tried() -> None:
    assert free_slot(None, running=None) == "a"
    assert free_slot(make_record(state=UpdateState.CONFIRMED), running="b") == "a"
    assert free_slot(make_record(state=UpdateState.FAILED), running="a") == "b"
    assert free_slot(make_record(), running="a") is None


def test_only_the_new_version_is_on_trial() -> None:
    assert is_on_trial(make_record(), running="b")
    assert not is_on_trial(make_record(), running="a")
    assert not is_on_trial(make_record(state=UpdateState.CONFIRMED), running="b")
    assert not is_on_trial(None, running=None)


def test_a_failure_is_told_once_and_nothing_else_is() -> None:
    over = failed(make_record(), "no hub")

    assert to_tell(over) == "version 2 was rolled back: no hub"
    for quiet in (None, make_record(), confirmed(make_record()), structs.replace(over, told=True)):
        assert to_tell(quiet) is None


def test_what_a_failed_version_said_last_goes_with_the_reason() -> None:
    worn_out = make_record(starts=MOST_STARTS)
    failure = at_start(worn_out, place(said="no such module")).record
    assert failure is not None
    assert to_tell(failure) == (
        "version 2 was rolled back: it did not come up in 3 starts\nno such module"
    )
    assert at_start(failure, place(said="again")).record is None


def test_a_version_that_gave_up_by_itself_has_its_words_added_once() -> None:
    gave_up = failed(make_record(), "no hub within 3 s")
    assert at_start(gave_up, place()).record is None
    added = at_start(gave_up, place(said="no route")).record
    assert added is not None
    assert to_tell(added) == "version 2 was rolled back: no hub within 3 s\nno route"
    told = structs.replace(gave_up, told=True)
    assert at_start(told, place(said="no route")).record is None


# Crashes of a confirmed version


def make_confirmed(**changes: Any) -> UpdateRecord:
    return make_record(state=UpdateState.CONFIRMED, boot="boot", sha256="a" * 64, **changes)


def crash(record: UpdateRecord, now: float, boot: str = "boot") -> StartDecision:
    """The start that follows."""
    return at_start(record, place(now=now, boot=boot))


def after(start: StartDecision) -> UpdateRecord:
    assert start.record is not None
    return start.record


def test_a_confirmed_version_that_crashes_five_times_goes_back_and_is_barred() -> None:
    record = make_confirmed()
    for number in range(1, MOST_CRASHES):
        start = crash(record, 100.0 * number)
        assert (start.slot, start.on_trial, start.bar) == ("b", False, None)
        assert start.has_crashed
        record = after(start)
    back = at_start(record, place(now=599.0, boot="boot", said="its last words"))

    assert back.slot == "a"
    assert after(back).state is UpdateState.FAILED
    assert after(back).reason == "it crashed 5 times within 10 min"
    assert to_tell(after(back)) == (
        "version 2 was rolled back: it crashed 5 times within 10 min\nits last words"
    )
    assert back.bar == Bar(sha256="a" * 64, version="2", reason="it crashed 5 times within 10 min")


def test_crashes_long_ago_do_not_count() -> None:
    record = make_confirmed()
    for number in range(50):
        start = crash(record, 150.0 * number)
        assert start.slot == "b"
        record = after(start)


def test_neither_a_boot_nor_an_end_in_order_is_a_crash() -> None:
    record = make_confirmed(crashes=(1.0, 2.0, 3.0, 4.0))
    assert after(crash(record, 5.0)).state is UpdateState.FAILED

    assert not crash(record, 5.0, "another").has_crashed
    booted = after(crash(record, 5.0, "another"))
    assert (booted.state, booted.crashes, booted.boot) == (UpdateState.CONFIRMED, (), "another")
    assert len(after(crash(booted, 6.0, "another")).crashes) == 1

    ended = ended_well(record, running="b")
    assert ended is not None
    started = after(crash(ended, 5.0))
    assert (len(started.crashes), started.ended_well) == (4, False)
    assert after(crash(started, 6.0)).state is UpdateState.FAILED


def test_without_a_name_of_the_boot_nothing_is_counted() -> None:
    record = make_confirmed(crashes=(1.0, 2.0, 3.0, 4.0))
    unknown = structs.replace(record, boot="")
    assert after(crash(unknown, 5.0, "")).crashes == ()


def test_the_start_of_a_trial_says_in_which_boot_it_was() -> None:
    start = at_start(make_record(), place(boot="boot"))
    record = confirmed(after(start))
    assert len(after(crash(record, 101.0)).crashes) == 1


def test_an_artifact_of_which_no_digest_is_known_is_not_barred() -> None:
    record = structs.replace(make_confirmed(crashes=(1.0, 2.0, 3.0, 4.0)), sha256="")
    back = crash(record, 5.0)
    assert (back.slot, back.bar) == ("a", None)


def test_an_end_counts_of_a_confirmed_version_that_runs() -> None:
    assert ended_well(None, running="b") is None
    assert ended_well(make_record(), running="b") is None
    assert ended_well(make_confirmed(), running="a") is None


def test_a_package_ends_a_trial_and_nothing_else() -> None:
    ended = ended_by_package(make_record())

    assert ended is not None
    assert (ended.state, ended.reason) == (UpdateState.FAILED, REPLACED)
    assert replaced_update(ended) == "c"
    assert to_tell(ended) is None, "nothing is wrong"
    for other in (None, confirmed(make_record()), failed(make_record(), "it hung")):
        assert ended_by_package(other) is None
        assert replaced_update(other) is None
    assert replaced_update(make_record()) is None


def test_what_stands_is_what_was_confirmed_last() -> None:
    assert standing(None) is None
    assert standing(confirmed(make_record())) == SlotStanding("b", "2")
    assert standing(failed(make_record(), REPLACED)) == SlotStanding("a", "1")
    assert standing(failed(make_record(previous=None), REPLACED)) is None


@pytest.mark.parametrize(("installed", "stays"), [("1.9", True), ("2", False), ("3", False)])
def test_a_package_older_than_the_confirmed_version_leaves_it_running(
    installed: str, *, stays: bool
) -> None:
    record = kept(confirmed(make_record()), installed=installed)

    assert (record is not None) is stays
    if record is not None:
        assert at_start(record, place(installed=installed)).slot == "b"
        assert at_start(given_up(record), place(installed=installed)).slot is None


def test_a_package_takes_the_place_of_what_was_installed() -> None:
    assert kept(None, installed="1") is None
    assert kept(failed(make_record(previous=None), REPLACED), installed="0.1") is None
