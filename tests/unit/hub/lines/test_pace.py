import pytest

from hub.lines.pace import BURST, Pace, PaceVerdict, Rates

LIMITS = Rates(frames=1000, bytes=1_000_000)


def speak(
    pace: Pace, *, windows: int, frames: int, size: int = 10, start: float = 0.0
) -> PaceVerdict:
    """`frames` in each of so many windows; the verdict on the last."""
    verdict = PaceVerdict.TAKE
    for window in range(windows):
        for _ in range(frames):
            verdict = pace.frame(size, start + window)
    return verdict


@pytest.mark.parametrize(
    ("windows", "frames", "size", "verdict"),
    [
        (30, 1000, 10, PaceVerdict.TAKE),
        (5, 2500, 10, PaceVerdict.TAKE),
        (6, 2500, 10, PaceVerdict.SHED),
        (10, 2500, 10, PaceVerdict.SHED),
        (11, 2500, 10, PaceVerdict.CLOSE),
        (6, 2, 600_000, PaceVerdict.SHED),
        (6, 2, 400_000, PaceVerdict.TAKE),
    ],
)
def test_over_the_limit_for_five_seconds_is_a_flood(
    windows: int, frames: int, size: int, verdict: PaceVerdict
) -> None:
    assert speak(Pace(LIMITS, 0.0), windows=windows, frames=frames, size=size) is verdict


def test_a_burst_is_always_taken_and_ends_with_a_quiet_second() -> None:
    pace = Pace(LIMITS, 0.0)
    for start in range(0, 100, 10):
        assert speak(pace, windows=5, frames=2500, start=start) is PaceVerdict.TAKE
    assert speak(Pace(LIMITS, 0.0), windows=20, frames=BURST) is PaceVerdict.TAKE


def test_after_a_burst_the_rate_counts() -> None:
    pace = Pace(LIMITS, 0.0)
    speak(pace, windows=1, frames=BURST + 1)
    assert speak(pace, windows=5, frames=1001, start=1.0) is PaceVerdict.SHED


def test_zero_is_no_limit() -> None:
    pace = Pace(Rates(frames=0, bytes=0), 0.0)
    assert speak(pace, windows=20, frames=3000, size=10_000) is PaceVerdict.TAKE
