"""What a rule would have raised."""

from datetime import UTC, datetime, timedelta

from hub.rules.judging import RuleTerms, WatchSignal
from hub.rules.records import EventCondition, MetricCondition
from hub.rules.replaying import replay, silences

T0 = datetime(2026, 11, 30, 12, tzinfo=UTC)
HOT = MetricCondition("cpu", True, 90, 90)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def says(*pairs: tuple[float, int]) -> list[tuple[datetime, WatchSignal]]:
    return [(at(second), WatchSignal(matches)) for second, matches in pairs]


def test_each_time_that_it_fired() -> None:
    terms = RuleTerms(HOT, 0, 0)
    found = replay(says((0, 1), (1, 1), (2, 0), (5, 1)), terms, at(60))
    assert found == [(at(0), 1), (at(5), 1)]


def test_what_lasted_fires_when_it_had() -> None:
    terms = RuleTerms(HOT, 10, 0)
    assert replay(says((0, 1), (20, 0), (30, 1), (35, 0)), terms, at(60)) == [(at(10), 1)]
    assert replay(says((0, 1)), terms, at(60)) == [(at(10), 1)]


def test_events_count_up_until_it_is_over() -> None:
    terms = RuleTerms(EventCondition("scan", None, 2, 60), 0, 60)
    found = replay(says((0, 1), (1, 1), (2, 1), (90, 1), (91, 1)), terms, at(100))
    assert found == [(at(1), 3), (at(91), 2)]


def test_silences_that_lasted() -> None:
    signs = [(at(0), True), (at(5), True), (at(50), False), (at(60), True)]
    assert silences(signs, 30, at(95)) == [(at(35), 1), (at(90), 1)]
    assert silences([], 30, at(95)) == []
