"""What a rule makes of a device."""

from datetime import UTC, datetime, timedelta

import pytest

from hub.rules.judging import (
    RuleTerms,
    RuleVerdict,
    WatchSignal,
    WatchState,
    cleared,
    is_idle,
    judged,
    lived_before,
    matched,
    passed,
)
from hub.rules.records import AbsentCondition, EventCondition, MetricCondition, OfflineCondition

T0 = datetime(2026, 11, 30, 12, tzinfo=UTC)
METRIC = MetricCondition("cpu", True, 90, 80)
FIVE = EventCondition("scan", None, 5, 60)
ONE = EventCondition("scan", None, 1, None)
FIRES, OVER = WatchSignal(1, 95.0), WatchSignal(0)
NOTHING = WatchState()


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def test_a_metric_opens_at_once_and_is_resolved_at_once() -> None:
    terms = RuleTerms(METRIC, 0, 0)
    opened = matched(NOTHING, FIRES, terms, T0)
    assert opened == RuleVerdict(WatchState(held_since=T0, value=95.0), opens=1)
    state = WatchState(held_since=T0, value=95.0, is_open=True)
    assert matched(state, FIRES, terms, at(1)).counts == 0
    assert cleared(state, terms, at(1)) == RuleVerdict(None, resolves=True)
    assert cleared(NOTHING, terms, at(1)) == RuleVerdict(None)


def test_it_clears_for_a_while_and_fires_again_in_between() -> None:
    terms = RuleTerms(METRIC, 0, 10)
    state = WatchState(held_since=T0, is_open=True)
    clearing = cleared(state, terms, at(1)).state
    assert clearing is not None
    assert (clearing.cleared_at, cleared(clearing, terms, at(5)).state) == (at(1), clearing)
    again = matched(clearing, FIRES, terms, at(2))
    assert again.counts == 1
    assert again.state is not None
    assert again.state.cleared_at is None
    assert passed(clearing, terms, at(10.9)) is None
    assert passed(clearing, terms, at(11)) == RuleVerdict(None, resolves=True)
    assert passed(state, terms, at(99)) is None


def test_it_must_last() -> None:
    terms = RuleTerms(METRIC, 10, 0)
    held = matched(NOTHING, FIRES, terms, T0)
    assert (held.opens, held.state) == (0, WatchState(held_since=T0, value=95.0))
    assert held.state is not None
    assert passed(held.state, terms, at(9)) is None
    assert passed(held.state, terms, at(10)) == RuleVerdict(held.state, opens=1)
    assert passed(NOTHING, terms, at(10)) is None
    again = matched(held.state, FIRES, terms, at(5))
    assert again.state is not None
    assert again.state.held_since == T0


@pytest.mark.parametrize("condition", [OfflineCondition(), AbsentCondition("scan")])
def test_what_time_says_has_waited_already(condition: OfflineCondition) -> None:
    assert matched(NOTHING, WatchSignal(1), RuleTerms(condition, 60, 0), T0).opens == 1


def test_of_what_may_be_absent_the_last_sign_stays_noted() -> None:
    terms = RuleTerms(AbsentCondition("scan"), 60, 0)
    state = WatchState(matched_at=T0, held_since=at(60), is_open=True)
    assert cleared(state, terms, at(70)) == RuleVerdict(
        WatchState(matched_at=at(70)), resolves=True
    )
    assert cleared(WatchState(), terms, at(70)) == RuleVerdict(WatchState(matched_at=at(70)))
    assert passed(WatchState(matched_at=T0), terms, at(999)) is None


def test_events_count_within_their_time() -> None:
    terms = RuleTerms(FIVE, 0, 60)
    state = NOTHING
    for second in (0, 1, 2, 3):
        verdict = matched(state, WatchSignal(1), terms, at(second))
        assert (verdict.opens, verdict.state is None) == (0, False)
        state = verdict.state or NOTHING
    assert matched(state, WatchSignal(1), terms, at(59)).opens == 5
    assert matched(state, WatchSignal(3), terms, at(59)).opens == 7
    late = matched(state, WatchSignal(1), terms, at(60.5))
    assert late.opens == 0
    assert late.state is not None
    assert len(late.state.hits) == 4


def test_each_further_event_counts_and_quiet_ends_it() -> None:
    terms = RuleTerms(FIVE, 0, 60)
    state = WatchState(held_since=T0, matched_at=at(5), is_open=True)
    assert matched(state, WatchSignal(2), terms, at(6)).counts == 2
    assert passed(state, terms, at(64)) is None
    assert passed(state, terms, at(65)) == RuleVerdict(None, resolves=True)


def test_events_that_are_not_enough_are_forgotten() -> None:
    terms = RuleTerms(FIVE, 0, 60)
    state = WatchState(hits=(T0,), matched_at=T0)
    assert passed(state, terms, at(59)) is None
    assert passed(state, terms, at(61)) == RuleVerdict(None)
    without = RuleTerms(ONE, 10, 300)
    assert passed(WatchState(), without, at(61)) is None


def test_enough_events_must_last_too() -> None:
    terms = RuleTerms(ONE, 10, 30)
    held = matched(NOTHING, WatchSignal(2), terms, T0)
    assert held.opens == 0
    assert held.state is not None
    assert passed(held.state, terms, at(9)) is None
    verdict = passed(held.state, terms, at(10))
    assert verdict is not None
    assert verdict.opens == 1
    assert passed(held.state, terms, at(30)) == RuleVerdict(None)


def test_one_after_the_other() -> None:
    terms = RuleTerms(METRIC, 0, 0)
    verdicts = judged(NOTHING, [FIRES, OVER, FIRES, FIRES], terms, T0)
    assert [(v.opens, v.resolves) for v in verdicts] == [(1, 0), (0, 1), (1, 0), (0, 0)]


@pytest.mark.parametrize(
    ("state", "signal", "idle"),
    [
        (None, OVER, True),
        (None, FIRES, False),
        (WatchState(held_since=T0), FIRES, True),
        (WatchState(held_since=T0), OVER, False),
        (WatchState(held_since=T0, is_open=True), OVER, False),
        (WatchState(held_since=T0, cleared_at=T0, is_open=True), OVER, True),
        (WatchState(held_since=T0, cleared_at=T0, is_open=True), FIRES, False),
        (WatchState(), FIRES, False),
    ],
)
def test_what_changes_nothing(state: WatchState | None, signal: WatchSignal, *, idle: bool) -> None:
    assert is_idle(state, signal, RuleTerms(METRIC, 0, 9)) is idle
    assert not is_idle(state, signal, RuleTerms(FIVE, 0, 9))


def test_time_in_which_the_hub_was_away_does_not_count() -> None:
    now = at(100)
    assert lived_before(now, 60, []) == at(40)
    assert lived_before(now, 60, [(at(50), at(70))]) == at(20)
    assert lived_before(now, 20, [(at(50), at(70))]) == at(80)
    assert lived_before(now, 60, [(at(90), at(130))]) == at(30)
    assert lived_before(now, 60, [(at(120), at(130))]) == at(40)
    assert lived_before(now, 60, [(at(50), at(70)), (at(60), at(80))]) == at(10)
