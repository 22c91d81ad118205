"""What a rule asks for."""

from typing import Any

import msgspec
import pytest

from hub.base.errors import Invalid
from hub.queries.language import parse_members
from hub.rules.records import (
    AbsentCondition,
    Condition,
    EventCondition,
    MetricCondition,
    OfflineCondition,
    When,
    clear_after,
    condition_of,
    kind_of,
    message_of,
    require_log_members,
    seconds_of,
)


def when(**fields: Any) -> When:
    return msgspec.convert(fields, When)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"metric": "cpu", "above": 90}, MetricCondition("cpu", True, 90, 90)),
        ({"metric": "cpu", "above": 90, "clearBelow": 80}, MetricCondition("cpu", True, 90, 80)),
        ({"metric": "cpu", "below": 0}, MetricCondition("cpu", False, 0, 0)),
        ({"metric": "cpu", "below": 5, "clearAbove": 9}, MetricCondition("cpu", False, 5, 9)),
        ({"event": "scan"}, EventCondition("scan", None, 1, None)),
        (
            {"event": "jam", "count": 5, "withinSeconds": 60},
            EventCondition("event:jam", None, 5, 60),
        ),
        ({"log": "level = ERROR"}, EventCondition("log_line", None, 1, None)),
        (
            {"log": "level = ERROR", "count": 1, "withinSeconds": 9},
            EventCondition("log_line", None, 1, 9),
        ),
        ({"offline": True}, OfflineCondition()),
        ({"absent": "print"}, AbsentCondition("print")),
    ],
)
def test_what_it_is_about(given: dict[str, Any], found: Condition) -> None:
    assert condition_of(when(**given), None) == found


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "when"),
        ({"offline": True, "absent": "scan"}, "when"),
        ({"offline": False}, "when.offline"),
        ({"offline": True, "count": 2}, "when.count"),
        ({"metric": "cpu"}, "when.above"),
        ({"metric": "cpu", "above": 1, "below": 1}, "when.above"),
        ({"metric": "cpu", "above": 1, "clearAbove": 1}, "when.clearAbove"),
        ({"metric": "cpu", "above": 1, "clearBelow": 2}, "when.clearBelow"),
        ({"metric": "cpu", "below": 1, "clearBelow": 1}, "when.clearBelow"),
        ({"metric": "cpu", "below": 1, "clearAbove": 0}, "when.clearAbove"),
        ({"event": "scan", "count": 2}, "when.withinSeconds"),
        ({"event": "scan", "count": 1}, "when.withinSeconds"),
        ({"log": "level = ERROR", "count": 1}, "when.withinSeconds"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        condition_of(when(**given), None)
    assert [each.field for each in caught.value.errors] == [field]


@pytest.mark.parametrize(
    ("condition", "fires", "clears"),
    [
        (MetricCondition("m", True, 9, 9), [9.1], [9, 8]),
        (MetricCondition("m", True, 9, 5), [9.1], [4]),
        (MetricCondition("m", False, 9, 9), [8], [9, 10]),
        (MetricCondition("m", False, 9, 12), [8], [13]),
    ],
)
def test_a_metric_is_beyond_a_limit_or_back(
    condition: MetricCondition, fires: list[float], clears: list[float]
) -> None:
    values = [4, 8, 9, 9.1, 10, 12, 13]
    assert {v for v in values if condition.fires(v)} >= set(fires)
    assert {v for v in values if condition.clears(v)} >= set(clears)
    assert not any(condition.fires(v) and condition.clears(v) for v in values)


EVENT = EventCondition("scan", None, 5, 60)
METRIC = MetricCondition("cpu", True, 90, 90)


def test_how_long_it_must_be_so() -> None:
    assert seconds_of(METRIC, None) == 0
    assert seconds_of(EVENT, 7) == 7
    assert seconds_of(OfflineCondition(), None) == 60
    assert seconds_of(AbsentCondition("scan"), 5) == 5
    for condition, given in (
        (OfflineCondition(), 59),
        (AbsentCondition("scan"), 4),
        (AbsentCondition("scan"), None),
    ):
        with pytest.raises(Invalid, match="forSeconds"):
            seconds_of(condition, given)


def test_how_long_it_must_be_over() -> None:
    assert clear_after(METRIC, None) == 0
    assert clear_after(METRIC, 9) == 9
    assert clear_after(EVENT, None) == 60
    assert clear_after(EventCondition("scan", None, 1, None), None) == 300


def test_what_is_said_of_it() -> None:
    assert message_of(METRIC, 0, 95.5) == "cpu is 95.5, above 90"
    assert message_of(MetricCondition("cpu", False, 9, 9), 0, None) == "cpu is below 9"
    assert message_of(EVENT, 0, None) == "5 of scan within 60 s"
    assert message_of(EventCondition("event:jam", None, 1, None), 0, None) == "1 of jam"
    assert message_of(EventCondition("log_line", None, 2, 3), 0, None).startswith("2 of lines")
    assert message_of(OfflineCondition(), 60, None) == "no line for 60 s"
    assert message_of(AbsentCondition("event:x"), 9, None) == "no x for 9 s"


def test_a_line_of_the_log_has_three_members() -> None:
    require_log_members(parse_members("level = ERROR and line ~ x and source = y"))
    with pytest.raises(Invalid, match="code"):
        require_log_members(parse_members("code = 1"))


@pytest.mark.parametrize("where", ["level in (INFO, WARN)", 'level ~ "w*"', "has level"])
def test_a_level_is_one_that_there_is(where: str) -> None:
    require_log_members(parse_members(where))


@pytest.mark.parametrize(
    "where",
    ["level >= WARNING", "level = error", "line ~ x or level in (WARN, FATAL)", "level > 2"],
)
def test_a_level_that_never_is_is_refused(where: str) -> None:
    with pytest.raises(Invalid) as caught:
        require_log_members(parse_members(where))
    (error,) = caught.value.errors
    assert (error.field, error.expected) == ("when.log", ["DEBUG", "INFO", "WARN", "ERROR"])


def test_kinds_of_events() -> None:
    assert [kind_of(each) for each in ("scan", "print", "jam")] == ["scan", "print", "event:jam"]
