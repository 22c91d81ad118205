import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard_ws.core.filters import Matcher, Predicate, Selection
from dashboard_ws.core.index import Index
from protocol.stream import StreamEvent

GROUP = frozenset({"g"})
ALL = frozenset({Predicate()})
TYPES = ["scan", "status", "log_line"]
DEVICES = ["a", "b", "c"]


def found(index: Index[str], device: str, kind: str = "scan", level: str = "") -> list[str]:
    return sorted(
        member for audience in index.match(device, kind, level) for member in audience.members
    )


def test_the_same_selection_is_one_audience() -> None:
    index = Index[str]()
    index.join(ALL, "one")
    index.join(ALL, "two")
    assert len(list(index.audiences())) == 1
    assert found(index, "a") == ["one", "two"]


def test_who_left_is_not_found() -> None:
    index = Index[str]()
    index.join(ALL, "one")
    assert found(index, "a") == ["one"]
    index.join(ALL, "two")
    index.leave(ALL, "one")
    assert found(index, "a") == ["two"]
    index.leave(ALL, "two")
    index.leave(ALL, "two")
    assert found(index, "a") == []


def test_an_audience_with_two_matching_predicates_is_found_once() -> None:
    index = Index[str]()
    index.join(
        frozenset(
            {
                Predicate(),
                Predicate(devices=frozenset({"a"})),
                Predicate(types=frozenset({"scan"})),
            }
        ),
        "one",
    )
    assert len(index.match("a", "scan", "")) == 1


def test_a_group_follows_its_members() -> None:
    index = Index[str]()
    selection = frozenset({Predicate(groups=GROUP)})
    index.resolve(GROUP, frozenset({"a"}))
    index.join(selection, "one")
    assert index.groups_in_use() == {GROUP}
    assert found(index, "a") == ["one"]
    index.resolve(GROUP, frozenset({"b"}))
    index.resolve(GROUP, frozenset({"b"}))
    assert found(index, "a") == []
    assert found(index, "b") == ["one"]
    index.leave(selection, "one")
    assert index.members_of == {}


def test_answers_are_forgotten_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard_ws.core.index.REMEMBERED", 2)
    index = Index[str]()
    index.join(ALL, "one")
    for device in DEVICES:
        assert found(index, device) == ["one"]


sets = st.none() | st.frozensets(st.sampled_from(DEVICES))
predicates = st.builds(
    Predicate,
    devices=sets,
    groups=st.none() | st.just(GROUP),
    types=st.none() | st.frozensets(st.sampled_from(TYPES)),
    min_rank=st.integers(0, 3),
)
selections = st.frozensets(predicates, min_size=1, max_size=3)


@given(st.lists(selections, max_size=6), st.frozensets(st.sampled_from(DEVICES)))
def test_it_finds_whom_asking_each_would_find(
    chosen: list[Selection], members: frozenset[str]
) -> None:
    index = Index[int]()
    index.resolve(GROUP, members)
    for number, selection in enumerate(chosen):
        index.join(selection, number)
    for device in DEVICES:
        for kind, level in (("scan", ""), ("status", ""), ("log_line", "INFO")):
            event = StreamEvent(device, kind, level, b"")
            asked = {
                number
                for number, selection in enumerate(chosen)
                if Matcher(selection, {GROUP: members}).takes(event)
            }
            audiences = index.match(device, kind, level)
            assert {member for audience in audiences for member in audience.members} == asked
