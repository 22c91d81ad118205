import pytest

from device.line.pace import BURST_SECONDS, FRAMES_A_SECOND, Pace


def test_pace_lets_a_burst_go_and_then_holds_the_rate() -> None:
    pace = Pace(0.0)
    burst = int(BURST_SECONDS * FRAMES_A_SECOND)
    assert [pace.wait(10, 0.0) for _ in range(burst - 1)] == [0.0] * (burst - 1)
    for _ in range(burst):
        wait = pace.wait(10, 0.0)
    assert wait == pytest.approx(BURST_SECONDS, abs=0.01)  # pyright: ignore[reportPossiblyUnboundVariable, reportUnknownMemberType]
    assert pace.wait(10, 100.0) == 0.0
