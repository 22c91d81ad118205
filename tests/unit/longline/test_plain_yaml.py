"""The YAML that is read here is read as every YAML reads it, and the rest is refused."""

import io
from pathlib import Path
from typing import Any, cast

import pytest
from ruamel.yaml import YAML

from longline.plain_yaml import MOST_DEPTH, NotPlain, Value, read
from tests.plain_http import Json

SAMPLES = [
    (Path(__file__).parent / "imported" / "node-agent.yaml").read_text(),
    "a: b\n",
    "a:\n  b:\n    c: d\n  e: f\n",
    "- a\n- b\n",
    "a:\n- b\n- c\nd: e\n",
    "a:\n  - b: c\n    d: e\n  - f: g\n",
    "- - a\n  - b\n-\n  - c\n",
    "a: [b, 'c, d', \"e]\", [f]]\n",
    "a: {b: c, d: [e], f: {}}\n",
    "a: []\n",
    "a: 'it''s'  # it is\n",
    'a: "line\\n\\"two\\""\n',
    "a: b#c\nd: http://x:80/y#z\n",
    "'a b': c\n\"d\": e\n",
    "a:\nb: ~\nc: null\n",
    "# only a comment\n",
    "",
    "a: 10s\nb: 'yes'\n",
    "a: x'y\nb: it's # c\n",
]


@pytest.mark.parametrize("text", SAMPLES)
def test_it_is_read_as_others_read_it(text: str) -> None:
    assert read(text) == texts(as_others(text))


def as_others(text: str) -> Any:
    yaml = YAML(typ="safe", pure=True)
    return yaml.load(io.StringIO(text))  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def texts(value: Any) -> Value:
    """Scalars as they stand in the samples."""
    if isinstance(value, dict):
        return {str(name): texts(each) for name, each in cast("Json", value).items()}
    if isinstance(value, list):
        return [texts(each) for each in cast("list[Any]", value)]
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: b\n---\nc: d\n", 2),
        ("a: &x b\n", 1),
        ("a: *x\n", 1),
        ("a: !!str b\n", 1),
        ("a: |\n  b\n", 1),
        ("a: [b\n", 1),
        ("a: [b, c]d\n", 1),
        ("a: {b}\n", 1),
        ("a: 'b\n", 1),
        ('a: "\\x41"\n', 1),
        ("a: b\na: c\n", 2),
        ("a: b\n  c: d\n", 2),
        ("a: b: c\n", 1),
        ("\ta: b\n", 1),
        ("a: b\nc\n", 2),
        ("a: " + "[" * (MOST_DEPTH + 2) + "\n", 1),
        ("".join("  " * n + "a:\n" for n in range(MOST_DEPTH + 2)), MOST_DEPTH + 2),
    ],
)
def test_what_is_not_read_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(NotPlain) as raised:
        read(text)

    assert raised.value.message.startswith(f"line {line}: ")
