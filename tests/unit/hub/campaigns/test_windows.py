from datetime import UTC, datetime, timedelta

import pytest

from hub.campaigns.windows import Window, cancels, fault_of, follow_devices, is_open, was_open_for

DAY = datetime(2026, 11, 28, tzinfo=UTC)
NIGHT = Window(cron="0 2 * * *", minutes=60)
HERE = Window(cron="0 2 * * *", minutes=60, timezone="device")
UTC_ZONE = "UTC"
BERLIN = Window(cron="30 3 * * *", minutes=60, timezone="Europe/Berlin")  # 02:30 in UTC


def at(hours: float) -> datetime:
    return DAY + timedelta(hours=hours)


def test_without_windows_it_is_always_open() -> None:
    assert is_open((), DAY, UTC_ZONE)
    assert not was_open_for((), DAY, at(1), zone=UTC_ZONE, seconds=3601)
    assert was_open_for((), DAY, at(1), zone=UTC_ZONE, seconds=3600)


@pytest.mark.parametrize(
    ("hours", "opened"),
    [(1.99, False), (2, True), (2.99, True), (3, True), (3.49, True), (3.5, False)],
)
def test_it_is_open_while_one_of_them_is(hours: float, opened: bool) -> None:
    assert is_open((NIGHT, BERLIN), at(hours), UTC_ZONE) is opened


@pytest.mark.parametrize(
    ("zone", "hours"), [("UTC", 2), ("Europe/Berlin", 1), ("America/New_York", 7)]
)
def test_one_that_follows_the_devices_is_open_at_their_time(zone: str, hours: float) -> None:
    assert follow_devices((NIGHT, HERE))
    assert not follow_devices((NIGHT, BERLIN))
    assert fault_of((HERE,)) is None
    opened = [is_open((HERE,), at(at_), zone) for at_ in (hours - 0.01, hours, hours + 1)]
    assert opened == [False, True, False]
    assert was_open_for((HERE,), DAY, at(hours + 0.5), zone=zone, seconds=1800)
    assert not was_open_for((HERE,), DAY, at(hours + 0.5), zone=zone, seconds=1801)


def test_only_the_time_in_windows_counts_and_each_moment_once() -> None:
    def was_open(since: datetime, now: datetime, seconds: float) -> bool:
        return was_open_for((NIGHT, BERLIN), since, now, zone=UTC_ZONE, seconds=seconds)

    # an hour and a half each night
    assert not was_open(DAY, at(24), 5401)
    assert was_open(DAY, at(24), 5400)
    assert was_open(DAY, at(48), 10_800)
    assert not was_open(at(4), at(24), 1)


def test_one_of_them_may_cancel_what_it_cuts_off() -> None:
    assert not cancels((NIGHT,))
    assert cancels((NIGHT, Window(cron="0 5 * * *", minutes=5, at_end="cancel")))


def test_what_is_wrong_with_them_is_said() -> None:
    assert fault_of((NIGHT, BERLIN)) is None
    assert fault_of((Window(cron="@daily", minutes=5),)) is not None
    zone = fault_of((Window(cron="0 5 * * *", minutes=5, timezone="Berlin"),))
    assert zone == "Berlin is no time zone of the IANA database"
