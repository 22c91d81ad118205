import pytest

from device.workloads.units import nanoseconds, size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1m30s", 90), ("1.5s", 1.5), ("200ms", 0.2), ("1h", 3600), ("0", 0), (10, 10), (0.5, 0.5)],
)
def test_durations_are_read(text: str | float, seconds: float) -> None:
    assert nanoseconds(text) == seconds * 10**9


@pytest.mark.parametrize("text", ["", "10", "ten", "1x", "-1s", "9" * 400 + "s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        nanoseconds(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [("64m", 64 * 2**20), ("1.5gb", 3 * 2**29), ("10", 10), (7, 7), ("1KiB", 1024), ("2 t", 2**41)],
)
def test_sizes_are_read(text: str | int, found: int) -> None:
    assert size(text) == found


@pytest.mark.parametrize("text", ["much", "9" * 400])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no size"):
        size(text)
