import copy
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.config.patch import NotPushable, changed_paths, plan
from protocol.merge_patch import merge

Leaf = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3)
Json = st.recursive(
    Leaf,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=2), inner),
    max_leaves=8,
)
Document = st.dictionaries(st.text("abc", min_size=1, max_size=2), Json, max_size=4)

PUSHABLE = ("metrics", "logs", "outbox", "queue")

RFC_7396: list[tuple[Any, Any, Any]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


@pytest.mark.parametrize(("target", "patch", "merged"), RFC_7396)
def test_the_examples_of_the_rfc(target: object, patch: object, merged: object) -> None:
    assert merge(target, patch) == merged


@given(Document, Document)
def test_merging_changes_neither_side_and_a_second_time_nothing(
    target: dict[str, Any], patch: dict[str, Any]
) -> None:
    before = copy.deepcopy((target, patch))
    merged = merge(target, patch)
    assert (target, patch) == before
    assert merge(merged, patch) == merged


@given(Document, Document)
def test_paths_are_reported_exactly_when_something_differs(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    before, after = merge({}, before), merge({}, after)
    assert bool(list(changed_paths(before, after))) is (encoded(before) != encoded(after))


def encoded(document: dict[str, Any]) -> bytes:
    return msgspec.json.encode(document, order="sorted")


def test_hot_keys_are_applied_and_the_others_need_a_restart() -> None:
    change = plan(
        {"metrics": {"intervalSeconds": 5}, "port": 1},
        {"metrics": {"intervalSeconds": 9}, "port": {"name": "x"}, "logs": {"level": "DEBUG"}},
        PUSHABLE,
    )
    assert change.applied == ["logs.level", "metrics.intervalSeconds"]
    assert change.restart_required == ["port.name"]
    assert change.document["port"] == {"name": "x"}


def test_what_is_the_same_already_is_not_reported() -> None:
    change = plan({"a": {"b": 1}}, {"a": {"b": 1}}, PUSHABLE)
    assert (change.applied, change.restart_required) == ([], [])


def test_a_value_that_the_agent_cannot_use_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        plan({}, {"logs": {"level": "LOUD"}}, PUSHABLE)


def test_what_can_cut_the_line_is_applied_by_a_restart_where_the_file_lets_it() -> None:
    patch = {"hub": "https://other", "tls": {"caFile": "/ca.pem", "other": 1}}
    change = plan({}, patch, ("hub", "tls"))
    assert (change.applied, change.restart_required) == (["hub", "tls.caFile"], ["tls.other"])
    assert change.cuts
    assert change.changes_anything
    with pytest.raises(NotPushable, match=r"tls\.caFile"):
        plan({}, patch, ("hub",))
    other = plan({}, {"tls": {"other": 1}}, ())
    assert (other.restart_required, other.cuts) == (["tls.other"], False)
