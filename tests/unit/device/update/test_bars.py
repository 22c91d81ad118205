import pytest

from device.update.artifact import UpdateRefused
from device.update.bars import MOST_BARS, Bar, check_bar, with_bar, without_bars


def make_bar(sha256: str) -> Bar:
    return Bar(sha256=sha256, version="2", reason="it crashed")


def test_what_is_barred_is_refused_and_nothing_else() -> None:
    bars = with_bar([], make_bar("a" * 64))
    check_bar(bars, "b" * 64)
    with pytest.raises(UpdateRefused, match="version 2 is barred: it crashed") as refused:
        check_bar(bars, "a" * 64)
    assert refused.value.code == "barred"


def test_the_list_is_short_and_names_each_once() -> None:
    bars: list[Bar] = []
    for number in range(MOST_BARS + 1):
        bars = with_bar(bars, make_bar(str(number)))
    bars = with_bar(bars, make_bar("3"))
    assert [bar.sha256 for bar in bars] == ["1", "2", "4", "5", "6", "7", "8", "3"]


def test_what_is_pardoned_is_barred_no_more() -> None:
    bars = [make_bar("a" * 64), make_bar("b" * 64)]
    assert without_bars(bars, ["b" * 64, "c" * 64]) == [make_bar("a" * 64)]
