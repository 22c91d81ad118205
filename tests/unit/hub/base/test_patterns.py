"""A part of a text as a LIKE pattern."""

from hub.base.patterns import containing


def test_what_means_something_in_a_pattern_stands_for_itself() -> None:
    assert containing("a") == "%a%"
    assert containing("100%_\\") == "%100\\%\\_\\\\%"
