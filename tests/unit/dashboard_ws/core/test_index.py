import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard_ws.core.filters import Area, Matcher, Predicate, Selection, Sight
from dashboard_ws.core.index import Index
from dashboard_ws.core.wire import SSE, Frames
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
    assert index.named_in_use() == {GROUP}
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


HALL, YARD = Sight(Area(frozenset({"hall"}))), Sight(Area(frozenset({"yard"}), frozenset({"c"})))


def test_a_reader_with_a_sight_is_found_by_the_groups_of_a_device() -> None:
    index = Index[str]()
    index.join(ALL, "hall", HALL)
    index.join(frozenset({Predicate(devices=frozenset({"b", "c"}))}), "yard", YARD)
    index.join(ALL, "all")
    assert index.place({"hall": frozenset({"a", "b"}), "yard": frozenset({"b"})}) == {"a", "b"}
    assert found(index, "a") == ["all", "hall"]
    assert found(index, "b") == ["all", "hall", "yard"]
    assert found(index, "c") == ["all", "yard"]
    index.join(frozenset({Predicate(types=frozenset({"status"}))}), "typed", YARD)
    assert found(index, "c") == ["all", "yard"]
    assert found(index, "c", "status") == ["all", "typed", "yard"]
    index.leave(frozenset({Predicate(types=frozenset({"status"}))}), "typed", YARD)
    assert index.place({"hall": frozenset({"a", "b"})}) == set()
    assert index.place({"hall": frozenset({"c"})}) == {"a", "b", "c"}
    assert (found(index, "a"), found(index, "c")) == (["all"], ["all", "hall", "yard"])
    assert index.placed == {"hall", "yard"}
    index.leave(ALL, "hall", HALL)
    index.forget_groups(frozenset({"yard"}))
    assert index.placed == {"yard"}
    assert index.groups_of == {"b": frozenset({"yard"})}


@given(
    st.lists(
        st.tuples(st.sampled_from(["hall", "yard"]), st.frozensets(st.sampled_from(DEVICES))),
        max_size=8,
    )
)
def test_whatever_moves_a_reader_gets_what_its_sight_covers(
    moves: list[tuple[str, frozenset[str]]],
) -> None:
    index = Index[str]()
    sights = {"hall": HALL, "yard": YARD}
    for name, sight in sights.items():
        index.join(ALL, name, sight)
    for group, devices in moves:
        index.place({group: devices})
        for device in DEVICES:
            seen = [n for n, sight in sights.items() if sight.sees_device(device, index.groups_of)]
            assert found(index, device) == sorted(seen)


def test_a_group_that_nobody_is_in_is_known_too() -> None:
    index = Index[str]()
    assert index.place({"empty": frozenset()}) == set()
    assert set(index.placed) == {"empty"}
    index.forget_groups(frozenset())
    assert set(index.placed) == set()


def test_readers_of_two_kinds_are_two_audiences_that_stand_together() -> None:
    index = Index[str]()
    framed = Frames(bytes)
    for member, wire in (("a", framed), ("b", SSE), ("c", framed), ("d", SSE)):
        index.join(frozenset({Predicate(types=frozenset({"scan", member}))}), member, Sight(), wire)
    kinds = [audience.wire for audience in index.match("edge-1", "scan", "")]
    assert kinds in ([framed, framed, SSE, SSE], [SSE, SSE, framed, framed])


def test_whom_a_query_means_is_resolved_like_a_group() -> None:
    index = Index[str]()
    selection = frozenset({Predicate(query="q")})
    index.join(selection, "a")
    assert index.named_in_use() == {"q"}
    assert not index.match("edge-1", "scan", "")
    index.resolve("q", frozenset({"edge-1"}))
    assert index.match("edge-1", "scan", "")
    index.leave(selection, "a")
    assert index.members_of == {}
