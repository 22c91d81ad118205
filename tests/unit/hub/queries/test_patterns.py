"""What fits a pattern, here and for the database."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.queries.patterns import matches, regex


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("press-*", "Press-7", True),
        ("press-*", "a press-7", False),
        ("*", "", True),
        ("", "", True),
        ("", "a", False),
        ("?", "", False),
        ("?", "é", True),
        ("a?c", "abc", True),
        ("*a*b", "xaxab", True),
        ("*a*b", "xaxac", False),
        (r"\*", "*", True),
        (r"\*", "a", False),
        (r"a\\", "a\\", True),
        ("a\\", "a\\", True),
        ("É", "é", True),
        ("ß", "SS", False),
        ("a**b", "a\nb", True),
        ("ab", "a", False),
    ],
)
def test_a_pattern_fits_the_whole_text(pattern: str, text: str, fits: bool) -> None:
    assert matches(pattern, text) is fits
    assert bool(re.match(regex(pattern)[:-1] + r"\Z", text, re.DOTALL)) is fits


@given(st.text("ab*?\\Aé", max_size=12), st.text("abAé*", max_size=12))
def test_both_forms_agree(pattern: str, text: str) -> None:
    is_so = bool(re.match(regex(pattern)[:-1] + r"\Z", text, re.DOTALL))
    assert matches(pattern, text) is is_so


def test_a_pattern_of_many_runs_costs_little() -> None:
    assert not matches("*a" * 500, "a" * 499 + "b" * 500)
