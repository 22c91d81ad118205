"""`${NAME}`, as Compose has it."""

import pytest

from hub.workloads.filling import (
    BadVariable,
    Filler,
    MissingVariable,
    parsed,
    variables,
)

VALUES = {"A": "one", "EMPTY": "", "B_2": "two"}
FILLED = {
    "plain": "plain",
    "$A": "one",
    "${A}": "one",
    "x${A}y$B_2.z": "xoneytwo.z",
    "$$A $${A}": "$A ${A}",
    "${NONE:-word}": "word",
    "${EMPTY:-word}": "word",
    "${EMPTY-word}": "",
    "${NONE-word}": "word",
    "${A:-word}": "one",
    "${A-word}": "one",
    "${A:+word}": "word",
    "${EMPTY:+word}": "",
    "${EMPTY+word}": "word",
    "${NONE+word}": "",
    "${A:?no}": "one",
    "${A?no}": "one",
    "${EMPTY?no}": "",
    "${NONE:-${A}}": "one",
    "${NONE:-a${NONE:-b}c}": "abc",
    "${NONE:-}": "",
    "}": "}",
    "${NONE:-$$}": "$",
}
MISSING = {
    "${NONE}": "NONE is not set",
    "$NONE": "NONE is not set",
    "${NONE:?say $A}": "say one",
    "${EMPTY:?}": "EMPTY is not set",
    "${NONE?why}": "why",
}
BAD = ["$", "a $ b", "$1", "${", "${}", "${A", "${A:=x}", "${A:", "${A:-x", "${1}"]


@pytest.mark.parametrize("text", FILLED)
def test_filled(text: str) -> None:
    assert Filler(VALUES).document(text) == FILLED[text]


@pytest.mark.parametrize("text", MISSING)
def test_missing(text: str) -> None:
    with pytest.raises(MissingVariable) as caught:
        Filler(VALUES).document([text])
    assert caught.value.args[1] == MISSING[text]
    assert caught.value.args[0] in ("NONE", "EMPTY")


@pytest.mark.parametrize("text", BAD)
def test_bad(text: str) -> None:
    with pytest.raises(BadVariable):
        parsed(text)


def test_words_are_no_deeper_than_eight_levels() -> None:
    assert parsed("${A:-" * 8 + "x" + "}" * 8)
    with pytest.raises(BadVariable):
        parsed("${A:-" * 9 + "x" + "}" * 9)


def test_a_document_is_filled_in_its_values_only() -> None:
    document = {"$A": ["$A", 1, None, {"b": "x${NONE:-${B_2}}"}], "c": True}
    assert Filler(VALUES).document(document) == {"$A": ["one", 1, None, {"b": "xtwo"}], "c": True}
    assert variables(document) == {"A", "NONE", "B_2"}


def test_what_is_filled_in_is_bounded() -> None:
    with pytest.raises(MissingVariable) as caught:
        Filler({"A": "x" * 4096}).document("$A " * 200)
    assert "characters" in caught.value.args[1]
