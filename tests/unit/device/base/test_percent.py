import pytest

from device.base.percent import PercentLines, percent_of, without_percents


@pytest.mark.parametrize(
    ("line", "percent"),
    [
        (b"percent 0", 0.0),
        (b"percent 42\r", 42.0),
        (b"percent  12.5 ", 12.5),
        (b"percent 100", 100.0),
        (b"percent 101", None),
        (b"percent -1", None),
        (b"percent", None),
        (b"50 percent", None),
        (b"percent 1e2", None),
        (b"", None),
    ],
)
def test_a_line_says_how_far_it_is(line: bytes, percent: float | None) -> None:
    assert percent_of(line) == percent


def test_lines_may_come_in_pieces_and_each_percent_once() -> None:
    said: list[float] = []
    lines = PercentLines(said.append, lambda: 0.0)
    for chunk in (b"perc", b"ent 1", b"0\nx\npercent 10\npercent 20", b"\n" + b"y" * 500, b"\n"):
        lines.take(chunk)
    assert said == [10.0, 20.0]


def test_a_program_that_counts_fast_is_reported_now_and_then() -> None:
    said: list[float] = []
    now = 0.0
    lines = PercentLines(said.append, lambda: now)
    for number in range(1000):
        lines.take(b"percent %d.%d\n" % (number // 10, number % 10))
    assert said == [n / 10 for n in range(10)]
    now = 1.0
    for number in range(100):
        lines.take(b"percent %d\n" % number)
    assert said[10:] == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_the_rest_is_what_the_program_wrote() -> None:
    assert without_percents(b'percent 5\n{"a":1}\npercent 100\n') == b'{"a":1}\n'
