"""What is sealed opens under its key and in its place, and nowhere else."""

import base64
import itertools
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.base.master_key import (
    BadKeyFile,
    KeyMissing,
    Keyring,
    MasterKey,
    NotOpened,
    key_of,
    new_line,
    open_sealed,
    parse,
    plain,
    seal,
    under,
    wrapped_anew,
)

OLD = MasterKey("old", b"o" * 32)
NEW = MasterKey("new", b"n" * 32)
ONE = Keyring((OLD,))
BOTH = Keyring((NEW, OLD))
PLACE = ("account", "u1")
GOOD = base64.b64encode(bytes(range(200, 232))).decode()
"""With both characters in which the alphabets differ."""

places = st.lists(st.text(), min_size=1, max_size=4).map(tuple)


@given(place=places, value=st.text())
def test_what_is_sealed_opens_in_its_place(place: tuple[str, ...], value: str) -> None:
    stored = seal(ONE, place, value, os.urandom)
    assert key_of(stored) == "old"
    assert stored.startswith(under("old"))
    assert open_sealed(BOTH, place, stored) == value


@given(places, places)
def test_it_opens_in_no_other_place(mine: tuple[str, ...], other: tuple[str, ...]) -> None:
    stored = seal(ONE, mine, "s3cret", os.urandom)
    if mine != other:
        with pytest.raises(NotOpened):
            open_sealed(ONE, other, stored)


@given(st.integers(min_value=0), st.sampled_from(range(1, 64)))
def test_a_changed_character_is_noticed(where: int, step: int) -> None:
    """But for the unused bits of the last one, which say nothing."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    stored = seal(ONE, PLACE, "s3cret!", os.urandom)
    first = len(under("old"))
    at = first + where % (len(stored) - first)
    if stored[at] == "." or at + 1 == len(stored) or stored[at + 1] == ".":
        return
    changed = alphabet[(alphabet.index(stored[at]) + step) % 64]
    with pytest.raises(NotOpened):
        open_sealed(ONE, PLACE, stored[:at] + changed + stored[at + 1 :])


def test_the_value_and_its_key_do_not_stand_for_each_other() -> None:
    one, two = (seal(ONE, PLACE, value, os.urandom) for value in ("s3cret", "another"))
    swapped = ".".join([*one.split(".")[:3], two.split(".")[3]])
    with pytest.raises(NotOpened):
        open_sealed(ONE, PLACE, swapped)


def test_nothing_of_the_value_is_to_be_seen_and_two_of_one_differ() -> None:
    one, two = (seal(ONE, PLACE, "s3cret", os.urandom) for _ in range(2))
    assert "s3cret" not in one
    assert one != two


def test_a_new_master_key_wraps_the_key_and_leaves_the_value() -> None:
    stored = seal(ONE, PLACE, "s3cret", os.urandom)
    anew = wrapped_anew(BOTH, PLACE, stored, os.urandom)
    assert key_of(anew) == "new"
    assert anew.split(".")[3] == stored.split(".")[3]
    assert open_sealed(Keyring((NEW,)), PLACE, anew) == "s3cret"
    with pytest.raises(KeyMissing, match="new"):
        open_sealed(ONE, PLACE, anew)
    with pytest.raises(NotOpened):
        wrapped_anew(BOTH, ("account", "u2"), stored, os.urandom)


def test_another_key_of_the_same_id_opens_nothing() -> None:
    stored = seal(ONE, PLACE, "s3cret", os.urandom)
    with pytest.raises(NotOpened):
        open_sealed(Keyring((MasterKey("old", b"x" * 32),)), PLACE, stored)


def test_what_lies_open_is_read_and_sealed_at_the_first_chance() -> None:
    stored = plain("sealed.not.at.all")
    assert key_of(stored) is None
    assert open_sealed(ONE, PLACE, stored) == "sealed.not.at.all"
    anew = wrapped_anew(ONE, PLACE, stored, os.urandom)
    assert open_sealed(ONE, PLACE, anew) == "sealed.not.at.all"


@pytest.mark.parametrize(
    "stored",
    ["", "s3cret", "sealed.old.x", "sealed.old.A.A", "sealed.old.AAAA.AAAA", "sealed.old.é.A"],
)
def test_what_this_program_never_stored_does_not_open(stored: str) -> None:
    with pytest.raises(NotOpened):
        open_sealed(ONE, PLACE, stored)


def test_a_file_has_the_newest_first() -> None:
    count = itertools.count()
    lines = [new_line(lambda size: bytes([next(count)]) * size) for _ in range(2)]
    ring = parse("\n".join(lines) + "\n\n")
    assert ring.ids == ["0000000000000000", "0202020202020202"]
    assert ring.newest.key == bytes([1]) * 32
    assert "\\x" not in repr(ring)


@pytest.mark.parametrize("key", [GOOD, GOOD.rstrip("="), GOOD.replace("+", "-").replace("/", "_")])
def test_a_key_is_base64_of_either_alphabet(key: str) -> None:
    assert parse(f'{{"id":"a","key":"{key}"}}').newest.key == bytes(range(200, 232))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no key"),
        ("\n \n", "no key"),
        ("s3cret", "line 1"),
        (f'\n{{"id":"a","key":"{GOOD}","more":1}}', "line 2"),
        (f'{{"id":"a.b","key":"{GOOD}"}}', "line 1"),
        ('{"id":"a","key":"s3cret"}', "line 1"),
        ('{"id":"a","key":"s3cr!t"}', "line 1"),
        ('{"id":"a","key":"é"}', "line 1"),
        (f'{{"id":"a\udc80","key":"{GOOD}"}}', "line 1"),
        (f'{{"id":"a","key":"{GOOD}"}}\n' * 2, "same id"),
    ],
)
def test_another_file_is_refused_without_showing_what_is_in_it(text: str, said: str) -> None:
    with pytest.raises(BadKeyFile) as found:
        parse(text)
    assert said in str(found.value)
    assert "s3cr" not in str(found.value)
