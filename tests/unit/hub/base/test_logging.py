"""What strangers can make the log hold."""

from hub.base.logging import LONGEST_FIELD, MOST_OF_ANY_FIELD, Sample, redact_fields, shortened


def test_a_field_that_a_peer_fills_is_cut() -> None:
    assert LONGEST_FIELD == 256
    assert shortened("x" * 256) == "x" * 256
    assert shortened("x" * 15_000) == "x" * 256 + "…"


def test_of_many_lines_some_a_second_are_written_and_the_next_says_how_many_were_not() -> None:
    sample = Sample(per_second=2)
    assert [sample.take(5.0) for _ in range(5)] == [0, 0, None, None, None]
    assert sample.take(5.9) is None
    assert [sample.take(6.0) for _ in range(3)] == [4, 0, None]
    assert sample.take(60.0) == 1


def test_no_field_is_endless_but_a_traceback() -> None:
    line = redact_fields(None, "info", {"agent": "x" * 50_000, "exception": "y" * 5000})
    assert line == {"agent": "x" * MOST_OF_ANY_FIELD + "…", "exception": "y" * 5000}
