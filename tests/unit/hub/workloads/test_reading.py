"""Compose text to a tree: YAML 1.2, counted before it grows, with the line of whatever is wrong."""

import time
from typing import Any

import pytest

from hub.workloads.faults import ComposeFault, FileFault, invalid_compose, text_of
from hub.workloads.reading import MOST_NODES, line_of, of_json, plain, read_yaml


def faults(text: str) -> tuple[FileFault, ...]:
    with pytest.raises(ComposeFault) as caught:
        read_yaml(text)
    return caught.value.faults


def value(text: str) -> Any:
    return plain(read_yaml(f"a: {text}"))["a"]


VALUES: dict[str, Any] = {
    "22:22": "22:22",
    "no": "no",
    "yes": "yes",
    "on": "on",
    "true": True,
    "FALSE": False,
    "~": None,
    "": None,
    "null": None,
    "12": 12,
    "-7": -7,
    "012": 12,
    "0o17": 15,
    "0xff": 255,
    "1.5": 1.5,
    ".5e1": 5.0,
    "1_000": "1_000",
    "1e3": 1000.0,
    '"12"': "12",
    "'true'": "true",
    "2026-01-01": "2026-01-01",
    ".inf": ".inf",
}


@pytest.mark.parametrize("text", VALUES)
def test_scalars_are_those_of_the_core_schema(text: str) -> None:
    assert value(text) == VALUES[text]
    assert type(value(text)) is type(VALUES[text])


def test_a_mode_that_begins_with_zero_is_octal() -> None:
    assert plain(read_yaml("mode: 0444")) == {"mode": 0o444}
    assert plain(read_yaml('mode: "0444"')) == {"mode": "0444"}
    assert plain(read_yaml("mode: 444")) == {"mode": 444}
    assert plain(read_yaml("uid: 0444")) == {"uid": 444}


def test_a_block_is_text() -> None:
    assert value("|\n  12\n") == "12\n"


def test_anchors_aliases_and_what_is_taken_in() -> None:
    text = """
one: &one {a: 1, b: 1}
two: &two {b: 2, c: 2}
both: {<<: [*one, *two], c: 3}
after: {c: 3, <<: *one}
again: *one
numbered: {22: x}
quoted: {"<<": x}
"""
    found = plain(read_yaml(text))
    assert found["both"] == {"a": 1, "b": 1, "c": 3}
    assert found["after"] == {"a": 1, "b": 1, "c": 3}
    assert found["again"] == found["one"]
    assert found["numbered"] == {"22": "x"}
    assert found["quoted"] == {"<<": "x"}


REFUSED = {
    "a: 1\nb: 2\na: 3\n": FileFault(("a",), "is there twice", 3),
    "a:\n  - !!str 1\n": FileFault(
        ("a", 0), "has the tag tag:yaml.org,2002:str: tags are not taken", 2
    ),
    "a: *x": FileFault(("a",), "there is no anchor x", 1),
    "a: &x [*x]": FileFault(("a", 0), "there is no anchor x", 1),
    "": FileFault((), "is empty", None),
    "a: 1\n---\nb: 1\n": FileFault((), "holds more than one document", 2),
    "? [a]\n: 1": FileFault((), "a name is a text", 1),
    "\ntrue: 1": FileFault((), "a name is a text: quote true", 2),
    "1.5: 1": FileFault((), "a name is a text: quote 1.5", 1),
    "~: 1": FileFault((), "a name is a text: quote ~", 1),
    "a:\n  <<: 5\n": FileFault(("a", "<<"), "takes in a mapping, or a list of mappings", 2),
    'a: 1\nb: "\\0"': FileFault(("b",), "holds U+0000, or half of a character", 2),
    'a: "\\ud800"': FileFault(("a",), "holds U+0000, or half of a character", 1),
    '"\\0": 1': FileFault((), "holds U+0000, or half of a character", 1),
    "a: 1\nb: \x01": FileFault((), "holds a character that YAML does not", 2),
    'a: "\\UFFFFFFFF"': FileFault((), "escapes a character that there is not", None),
    'a: "\\U00110000"': FileFault((), "escapes a character that there is not", None),
    "a: @b": FileFault((), "found character '@' that cannot start any token", 1),
    "a: [": FileFault((), "expected the node content, but found '<stream end>'", 1),
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_refused_has_its_line(text: str) -> None:
    assert faults(text) == (REFUSED[text],)


def test_depth_is_bounded_with_aliases_written_out() -> None:
    assert read_yaml("[" * 32 + "]" * 32).depth == 32
    assert "32 levels" in faults("[" * 33 + "]" * 33)[0].message
    deep = "a: &a " + "[" * 20 + "]" * 20 + "\nb: " + "[" * 15 + "*a" + "]" * 15
    assert faults(deep)[0].message == "is more than 32 levels deep"
    value: Any = []
    for _ in range(32):
        value = [value]
    with pytest.raises(ComposeFault):
        of_json(value)


def test_an_alias_bomb_is_refused_before_it_grows() -> None:
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    began = time.perf_counter()
    (fault,) = faults("\n".join(lines))
    assert fault.message == "more than 20000 values, with aliases written out"
    assert fault.line == 5
    assert time.perf_counter() - began < 0.1


def test_a_line_is_that_of_the_deepest_there_is() -> None:
    root = read_yaml("a:\n  b:\n    - x\n    - y\n  c: 1\n")
    assert line_of(root, ()) == 1
    assert line_of(root, ("a", "b", 1)) == 4
    assert line_of(root, ("a", "b", 7)) == 2
    assert line_of(root, ("a", "none", "below")) == 1
    assert line_of(root, ("a", "c", "below")) == 5
    assert line_of(of_json({"a": [1]}), ("a", 0)) is None


def test_the_answer_names_place_and_line() -> None:
    error = invalid_compose([FileFault(("services", "web", "ports", 0), "is no port", 4)])
    assert error.detail == "services.web.ports[0]: is no port"
    assert (error.errors[0].field, error.errors[0].line) == ("services.web.ports[0]", 4)
    assert invalid_compose([FileFault((), "is empty", None)]).errors[0].field == "compose"
    assert text_of(()) == ""


def test_json_has_no_more_values_than_yaml() -> None:
    assert of_json(["a"] * (MOST_NODES - 1)).size == MOST_NODES
    with pytest.raises(ComposeFault):
        of_json(["a"] * MOST_NODES)
