import pytest

from dashboard_ws.core.filters import Matcher, Members, Predicate, predicate_of, seen_by
from protocol.commands import Level
from protocol.dashboard import Filter
from protocol.stream import RESTRICTED, StreamEvent

GROUP = frozenset({"g"})
MEMBERS: Members = {
    GROUP: frozenset({"edge-7"}),
    "label.site = berlin": frozenset({"edge-1", "edge-7"}),
}


def takes(predicate: Predicate, event: StreamEvent) -> bool:
    return Matcher(frozenset({predicate}), MEMBERS).takes(event)


def make_event(*, device: str = "edge-1", kind: str = "scan", level: str = "") -> StreamEvent:
    return StreamEvent(device, kind, level, b"{}")


def test_an_absent_filter_means_all() -> None:
    assert takes(predicate_of(Filter(id="s")), make_event())


@pytest.mark.parametrize(
    "filter_",
    [Filter(id="s", device_ids=[]), Filter(id="s", group_ids=[]), Filter(id="s", types=[])],
)
def test_an_empty_list_matches_nothing(filter_: Filter) -> None:
    assert not takes(predicate_of(filter_), make_event())


def test_devices_and_groups_are_or_the_rest_is_and() -> None:
    predicate = predicate_of(Filter(id="s", device_ids=["edge-1"], group_ids=["g"], types=["scan"]))
    assert takes(predicate, make_event(device="edge-1"))
    assert takes(predicate, make_event(device="edge-7"))
    assert not takes(predicate, make_event(device="edge-2"))
    assert not takes(predicate, make_event(device="edge-1", kind="status"))


def test_an_unknown_group_is_empty() -> None:
    predicate = predicate_of(Filter(id="s", group_ids=["other"]))
    assert not takes(predicate, make_event(device="edge-7"))


@pytest.mark.parametrize(
    ("min_level", "level", "wanted"),
    [
        ("WARN", "INFO", False),
        ("WARN", "WARN", True),
        ("WARN", "CRITICAL", True),
        ("ERROR", "CRITICAL", True),
        ("ERROR", "WARN", False),
        ("DEBUG", "DEBUG", True),
        ("ERROR", "SOMETHING NEW", True),
        ("ERROR", "", True),
    ],
)
def test_a_level_lets_pass_what_is_as_high(min_level: Level, level: str, wanted: bool) -> None:
    predicate = predicate_of(Filter(id="s", min_level=min_level))
    assert takes(predicate, make_event(kind="log_line", level=level)) is wanted


def test_the_same_wishes_are_equal_whatever_they_are_called() -> None:
    one = predicate_of(Filter(id="a", device_ids=["x", "y"]))
    other = predicate_of(Filter(id="b", device_ids=["y", "x", "x"]))
    assert one == other
    assert hash(one) == hash(other)


def test_a_record_is_told_to_whoever_names_it() -> None:
    event = make_event(kind="record_changed")
    assert not takes(predicate_of(Filter(id="s")), event)
    assert takes(predicate_of(Filter(id="s", types=["record_changed"])), event)


@pytest.mark.parametrize(
    ("kind", "level", "cleared", "seen"),
    [
        ("command_result", RESTRICTED, True, b'{"output":"s3cret"}'),
        ("command_result", RESTRICTED, False, b'{"output":"hidden","hidden":["output"]}'),
        ("command_result", "", False, b'{"output":"s3cret"}'),
        ("record_changed", RESTRICTED, True, b'{"output":"s3cret"}'),
        ("record_changed", RESTRICTED, False, None),
    ],
)
def test_what_is_restricted_is_seen_by_the_cleared(
    kind: str, level: str, *, cleared: bool, seen: bytes | None
) -> None:
    event = StreamEvent("d", kind, level, b'{"output":"s3cret"}')
    assert seen_by(event, cleared=cleared) == seen


def test_a_query_narrows_what_devices_and_groups_name() -> None:
    query = "label.site = berlin"
    assert takes(Predicate(query=query), make_event())
    assert not takes(Predicate(query=query), make_event(device="edge-2"))
    both = Predicate(query=query, devices=frozenset({"edge-2", "edge-7"}), groups=GROUP)
    assert takes(both, make_event(device="edge-7"))
    assert not takes(both, make_event(device="edge-2"))
    assert not takes(both, make_event(device="edge-1"))
    assert both.named() == {GROUP, query}
    assert not takes(Predicate(query="of nobody"), make_event())


def test_whom_a_query_means_may_be_others_later() -> None:
    matcher = Matcher(frozenset({Predicate(query="q")}), {"q": frozenset({"edge-1"})})
    assert matcher.takes(make_event())
    matcher.renew({"q": frozenset({"edge-2"})})
    assert not matcher.takes(make_event())
