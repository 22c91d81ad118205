"""What stands for a secret is found, filled in, and taken out of what is reported."""

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from protocol.secret_values import (
    HIDDEN,
    Found,
    Redactor,
    SecretMissing,
    filled,
    found_in,
    name_of,
    references_in,
)

DOCUMENT = {
    "wifi": {"password": {"$secret": "wifi"}, "ssid": "hall"},
    "list": [{"$secret": "db/user"}, 1, None],
}
REFERENCES = st.from_regex(
    r"[A-Za-z0-9][A-Za-z0-9._-]{0,10}(/[A-Za-z0-9_-]{1,10})?", fullmatch=True
)
DOCUMENTS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | REFERENCES.map(lambda r: {"$secret": r}),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text().filter(lambda n: n != "$secret"), inner)
    ),
    max_leaves=20,
)


def test_what_stands_for_a_secret_is_found_with_its_place() -> None:
    assert sorted(found_in(DOCUMENT, "command"), key=lambda found: found.path) == [
        Found("command.list.0", "db/user"),
        Found("command.wifi.password", "wifi"),
    ]
    assert references_in(DOCUMENT) == {"wifi", "db/user"}
    assert (name_of("wifi"), name_of("db/user")) == ("wifi", "db")


@pytest.mark.parametrize(
    "odd",
    [
        {"$secret": 1},
        {"$secret": ""},
        {"$secret": "a/b/c"},
        {"$secret": "a/.."},
        {"$secret": "../a"},
        {"$secret": "a\n"},
        {"$secret": "a", "more": 1},
        {"$secret": {"$secret": "a"}},
    ],
)
def test_what_cannot_be_a_reference_is_found_as_such(odd: object) -> None:
    assert list(found_in({"a": odd}, "x")) == [Found("x.a", None)]
    assert references_in([odd]) == set()
    with pytest.raises(SecretMissing):
        filled(odd, {"a": "value"})


def test_values_are_filled_in() -> None:
    values = {"wifi": "s3cret", "db/user": "u", "more": "x"}
    assert filled(DOCUMENT, values) == {
        "wifi": {"password": "s3cret", "ssid": "hall"},
        "list": ["u", 1, None],
    }
    with pytest.raises(SecretMissing, match="wifi"):
        filled(DOCUMENT, {"db/user": "u"})


@given(DOCUMENTS)
def test_filling_in_leaves_nothing_and_changes_nothing_else(document: object) -> None:
    references = references_in(document)
    full = filled(document, {each: f"<{each}>" for each in references})
    assert references_in(full) == set()
    if not references:
        assert full == document


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    chunks: list[bytes] = []
    for size in sizes:
        chunks.append(data[:size])
        data = data[size:]
    return [*chunks, data]


@given(
    st.lists(st.text(alphabet='ab\n"é', min_size=1, max_size=12), min_size=1, max_size=4),
    st.lists(st.text(alphabet='abc\n"é', max_size=30), max_size=6),
    st.lists(st.integers(0, 9), max_size=40),
)
def test_however_a_stream_is_cut_no_value_comes_through(
    values: list[str], between: list[str], sizes: list[int]
) -> None:
    assume(all(value not in HIDDEN for value in values))
    data = values[0].join([*between, ""]).encode()
    redactor = Redactor(values)
    out = b"".join([*map(redactor.take, cut(data, sizes)), redactor.end()]).decode()
    # Only what a mark and what stands beside it happen to make is left.
    for part in out.split(HIDDEN):
        assert not any(value in part for value in values)


@given(st.binary(max_size=200), st.lists(st.integers(0, 20), max_size=20))
def test_a_stream_without_values_comes_through_as_it_is(data: bytes, sizes: list[int]) -> None:
    redactor = Redactor(["s3cret-and-long-enough-not-to-be-met"])
    assert b"".join([*map(redactor.take, cut(data, sizes)), redactor.end()]) == data
    assert Redactor([""]).take(data) == data


def test_a_value_that_is_another_ones_beginning_is_not_found_too_early() -> None:
    redactor = Redactor(["pass", "password"])
    assert redactor.take(b"my pass") == b"my "
    assert redactor.take(b"word, my pass ") == b"[secret], my [secret] "


def test_nobody_waits_for_the_end_of_what_is_known() -> None:
    redactor = Redactor(["aba"])
    assert redactor.take(b"aba") == b"[secret]"


def test_a_value_is_found_as_json_has_it_and_line_by_line() -> None:
    key = "-----BEGIN KEY-----\nMC4CAQAwBQYDK2Vw\n-----END KEY-----\n"
    redactor = Redactor([key])
    assert redactor.text(f"it is {key}!") == "it is [secret]!"
    assert redactor.text("MC4CAQAwBQYDK2Vw") == HIDDEN
    assert redactor.text(msgspec.json.encode({"key": key}).decode()) == '{"key":"[secret]"}'
    assert Redactor(["\ud800x"]).text("a \ud800x") == "a [secret]"


def test_a_document_is_redacted_in_all_its_texts() -> None:
    found = Redactor(["s3cret"]).value({"a s3cret": ["s3cret", 1, None], "b": {"c": "no s3cret"}})
    assert found == {"a [secret]": ["[secret]", 1, None], "b": {"c": "no [secret]"}}


def test_a_number_is_redacted_as_it_is_written() -> None:
    found = Redactor(["4711"]).value({"pin": 4711, "other": 47, "ok": True, "half": 0.5})
    assert found == {"pin": "[secret]", "other": 47, "ok": True, "half": 0.5}


def test_short_values_are_found_beside_long_ones() -> None:
    assert Redactor(["ab", "abcdefgh-long", "xyz"]).text("ab abcdefgh-long xyz") == (
        "[secret] [secret] [secret]"
    )
