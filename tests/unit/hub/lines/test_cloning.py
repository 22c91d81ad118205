from hub.lines.cloning import is_told


def test_somebody_is_told_at_the_third_take_over_and_then_now_and_then() -> None:
    assert [count for count in range(301) if is_told(count)] == [3, 100, 200, 300]
