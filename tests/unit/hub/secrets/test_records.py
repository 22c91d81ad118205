"""What a secret may hold, what is told of it, and what a reference stands for."""

import pytest

from hub.base.errors import Invalid, TooLarge
from hub.secrets.records import MOST_BYTES, SecretContent, check, is_there, value_of


def test_a_hash_is_of_the_values_and_tells_nothing_without_the_salt() -> None:
    one = SecretContent("salt", {"a": "1", "b": "2"})
    assert one.hash == SecretContent("salt", {"b": "2", "a": "1"}).hash
    assert one.hash != SecretContent("salt", {"a": "1", "b": "3"}).hash
    assert one.hash != SecretContent("other", {"a": "1", "b": "2"}).hash
    assert "1" not in repr(one)


def test_bounds() -> None:
    check({"a": "é" * (MOST_BYTES // 2 - 1)})
    with pytest.raises(TooLarge):
        check({"a": "é" * (MOST_BYTES // 2)})
    for data in ({}, {"": "x"}, {".": "x"}, {"a/b": "x"}, {"a" * 129: "x"}, {"a\n": "x"}):
        with pytest.raises(Invalid):
            check(data)


def test_a_name_alone_stands_for_the_one_value_of_a_secret() -> None:
    contents = {
        "wifi": SecretContent("s", {"password": "w"}),
        "db": SecretContent("s", {"user": "u", "password": "p"}),
    }
    keys = {name: list(content.data) for name, content in contents.items()}
    expected = {
        "wifi": "w", "wifi/password": "w", "db/user": "u",
        "db": None, "db/key": None, "none": None, "none/key": None,
    }  # fmt: skip
    for reference, value in expected.items():
        assert value_of(reference, contents) == value
        assert is_there(reference, keys) is (value is not None)
