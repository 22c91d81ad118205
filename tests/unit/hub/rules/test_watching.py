"""What the events of a batch say to rules."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from hub.queries.language import parse_members
from hub.rules.judging import RuleTerms, WatchSignal
from hub.rules.records import (
    AbsentCondition,
    Condition,
    EventCondition,
    MetricCondition,
    OfflineCondition,
    RuleOwner,
)
from hub.rules.watching import MOST_TURNS, RulesOfOrg, WatchedRule, WatchedRules
from hub.telemetry.rows import EventRow, Stamps, make_row
from protocol.ids import DEFAULT_ORG, DeviceId, OrgId
from protocol.telemetry import Event, LogLine, Scan, Status, Telemetry
from tests.factories import Wire, make_line

HOT = MetricCondition("cpu", True, 90, 80)
STAMPS = Stamps()


class Row(NamedTuple):
    rule: str
    device: str
    signals: list[WatchSignal]


def rule(name: str, condition: Condition, org: OrgId = DEFAULT_ORG) -> WatchedRule:
    return WatchedRule(
        org=org,
        rule_id=name,
        version=1,
        name=name,
        severity="WARN",
        terms=RuleTerms(condition, 0, 0),
        owner=RuleOwner("user", "u", None),
        since=datetime(2026, 11, 30, tzinfo=UTC),
        tree=None,
        reaches=(),
    )


def row(message: Telemetry, device: str = "d1") -> EventRow:
    line = make_line(Wire(), device_id=DeviceId(device))
    return make_row(line, message, STAMPS.next(1.0))


def said(rules: list[WatchedRule], *messages: Telemetry) -> list[Row]:
    watched = WatchedRules()
    watched.put(DEFAULT_ORG, rules)
    found = watched.signals([row(each) for each in messages])
    return [Row(rule.name, device, signals) for (rule, device), signals in found.items()]


def status(**metrics: float) -> Status:
    return Status(status="ONLINE", metrics=metrics)


def test_a_metric_is_looked_up_by_its_name() -> None:
    found = said([rule("hot", HOT)], status(cpu=95), status(cpu=85), status(other=99))
    assert found == [Row("hot", "d1", [WatchSignal(1, 95)])]
    assert said([rule("hot", HOT)], status(other=1)) == []
    assert said([rule("hot", HOT)], Status(status="ONLINE")) == []


def test_what_follows_each_other_and_says_the_same_is_one() -> None:
    values = [status(cpu=value) for value in (95, 97, 70, 60, 99)]
    (found,) = said([rule("hot", HOT)], *values)
    assert found.signals == [WatchSignal(2, 97), WatchSignal(0), WatchSignal(1, 99)]


@pytest.mark.parametrize("count", [8, 9, 10, 4_001, 4_002])
def test_who_changes_again_and_again_gets_few_turns_and_the_last_counts(count: int) -> None:
    values = [status(cpu=95 if number % 2 == 0 else 5) for number in range(count)]
    (found,) = said([rule("hot", HOT)], *values)
    assert len(found.signals) in {MOST_TURNS - 1, MOST_TURNS}
    assert bool(found.signals[-1].matches) is (count % 2 == 1)
    assert [bool(each.matches) for each in found.signals[:4]] == [True, False, True, False]
    assert sum(each.matches for each in found.signals) == (count + 1) // 2


def test_events_by_kind_name_and_members() -> None:
    bad = EventCondition("scan", parse_members("valid = false and data.n > 1"), 1, None)
    rules = [
        rule("bad", bad),
        rule("jam", EventCondition("event:jam", None, 1, None)),
        rule("quiet", AbsentCondition("scan")),
    ]
    data: dict[str, Any] = {"n": 2}
    found = said(
        rules,
        Scan(code="a", valid=False, data=data),
        Scan(code="b", valid=True),
        Event(name="jam"),
        Event(name="other"),
        LogLine(line="x", level="ERROR"),
    )
    assert found == [
        Row("bad", "d1", [WatchSignal(1)]),
        Row("quiet", "d1", [WatchSignal(0)]),
        Row("jam", "d1", [WatchSignal(1)]),
    ]


def test_lines_of_the_log_by_level_and_text() -> None:
    errors = EventCondition("log_line", parse_members('level >= WARN and line ~ "*x*"'), 1, None)
    lines = [LogLine(line=text, level=level) for text, level in _LINES]
    assert said([rule("log", errors)], *lines) == [Row("log", "d1", [WatchSignal(2)])]


_LINES: Any = [("x", "INFO"), ("axb", "WARN"), ("y", "ERROR"), ("x", "ERROR")]


def test_nothing_is_asked_of_an_organisation_without_rules() -> None:
    watched = WatchedRules()
    assert watched.kinds == frozenset()
    assert watched.signals([row(status(cpu=99))]) == {}
    watched.put(DEFAULT_ORG, [rule("hot", HOT), rule("away", OfflineCondition())])
    assert watched.kinds == {"status"}
    watched.put(OrgId("other"), [rule("quiet", AbsentCondition("event:x"), OrgId("other"))])
    assert watched.kinds == {"status", "event"}
    watched.put(DEFAULT_ORG, [])
    assert set(watched.by_org) == {"other"}
    assert RulesOfOrg([rule("hot", HOT)]).kinds == {"status"}
