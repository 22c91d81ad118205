from datetime import UTC, datetime, timedelta

import pytest

from hub.base.cron import (
    NotACron,
    NotAZone,
    check,
    spans,
    upcoming,
    zone_of,
)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "cron",
    [
        "* * * * *", "*/15 8-18 * * 1-5", "0 0 1,15 * *", "0 0 L * *", "0 0 15,L * *",
        "0 0 * * 5#2", "0 0 * jan-MAR Mon,fri", "0 0 * * 7", "0 0 29 2 *", "30 1 13 * 5",
    ],
)  # fmt: skip
def test_these_are_expressions(cron: str) -> None:
    check(cron)


@pytest.mark.parametrize(
    "cron",
    [
        "", "* * * *", "0 * * * * *", "@daily", "61 * * * *", "* 24 * * *", "0 0 LW * *",
        "0 0 * * 5L", "0 0 * * L", "0 0 * L *", "0 0 * * 5#6", "0 0 31 2 *", "0 0 * foo *",
        "0 0 ? * *", "0 0 * * " + "1," * 130 + "1", "jan * * * *", "5-1 * * * *", "0 0 1#2 * *",
        "*/0 * * * *",
    ],
)  # fmt: skip
def test_these_are_none(cron: str) -> None:
    with pytest.raises(NotACron):
        check(cron)


def test_a_zone_has_a_name_of_the_database() -> None:
    assert zone_of("Europe/Berlin").key == "Europe/Berlin"
    for name in ("Mars/Olympus", "", "../etc/passwd", "device", "Europe"):
        with pytest.raises(NotAZone, match="time zone"):
            zone_of(name)


@pytest.mark.parametrize(
    ("cron", "zone", "after", "expected"),
    [
        # Berlin: 02:30 is skipped on 29 March, and doubled on 25 October.
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00",
         ["2026-03-29T01:00", "2026-03-30T00:30"]),
        ("0,30 2 * * *", "Europe/Berlin", "2026-03-28T12:00",
         ["2026-03-29T01:00", "2026-03-30T00:00"]),
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00",
         ["2026-10-25T00:30", "2026-10-26T01:30"]),
        ("*/30 * * * *", "Europe/Berlin", "2026-10-25T00:00",
         ["2026-10-25T00:30", "2026-10-25T01:00", "2026-10-25T01:30", "2026-10-25T02:00"]),
        ("15 * * * *", "Europe/Berlin", "2026-03-29T00:00",
         ["2026-03-29T00:15", "2026-03-29T01:15"]),
        # New York: 02:30 is skipped on 8 March, and 01:30 doubled on 1 November.
        ("30 2 * * *", "America/New_York", "2026-03-07T12:00",
         ["2026-03-08T07:00", "2026-03-09T06:30"]),
        ("30 1 * * *", "America/New_York", "2026-10-31T12:00",
         ["2026-11-01T05:30", "2026-11-02T06:30"]),
        # Lord Howe moves by half an hour: 02:15 is skipped on 4 October, 01:45 doubled on 5 April.
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00",
         ["2026-10-03T15:30", "2026-10-04T15:15"]),
        ("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T12:00",
         ["2026-04-04T14:45", "2026-04-05T15:15"]),
        ("0 0 * * 0", "UTC", "2026-11-28T12:00", ["2026-11-29T00:00", "2026-12-06T00:00"]),
        ("0 0 13 * 5", "UTC", "2026-11-10T00:00", ["2026-11-13T00:00", "2026-11-20T00:00"]),
    ],
)  # fmt: skip
def test_times_are_as_debians_cron_has_them(
    cron: str, zone: str, after: str, expected: list[str]
) -> None:
    found = upcoming(cron, zone_of(zone), moment(after), len(expected))
    assert [each.isoformat()[:16] for each in found] == expected


@pytest.mark.parametrize(
    ("cron", "zone", "after", "expected"),
    [
        # Lord Howe repeats 01:30 to 02:00 on 4 April, and skips 02:00 to 02:30 on 4 October.
        ("45 * * * *", "Australia/Lord_Howe", "2027-04-03T14:00", ["14:45", "15:15", "16:15"]),
        ("30 * * * *", "Australia/Lord_Howe", "2027-04-03T14:00", ["14:30", "15:00", "16:00"]),
        ("5 */2 * * *", "Australia/Lord_Howe", "2027-04-03T14:00", ["15:35", "17:35"]),
        ("45 * * * *", "Australia/Lord_Howe", "2026-10-03T15:00", ["15:15", "15:45", "16:45"]),
        ("30 * * * *", "Australia/Lord_Howe", "2026-10-03T14:59", ["15:00", "15:30", "16:30"]),
        # Chatham repeats 02:45 to 03:45 on 4 April: an hour that begins at a quarter to.
        ("*/10 1,2 * * *", "Pacific/Chatham", "2027-04-03T13:50", ["14:05", "12:15"]),
    ],
)  # fmt: skip
def test_no_time_is_lost_where_the_clock_changes_by_half_an_hour_or_within_one(
    cron: str, zone: str, after: str, expected: list[str]
) -> None:
    found = upcoming(cron, zone_of(zone), moment(after), len(expected))
    assert [f"{each:%H:%M}" for each in found] == expected


def test_times_are_strictly_after_a_moment() -> None:
    midnight = moment("2026-11-28T00:00")
    assert upcoming("0 0 * * *", zone_of("UTC"), midnight, 1) == [midnight + timedelta(days=1)]
    before = midnight - timedelta(microseconds=1)
    assert upcoming("0 0 * * *", zone_of("UTC"), before, 1) == [midnight]


def test_a_window_is_as_long_as_time_passes() -> None:
    berlin, begins = zone_of("Europe/Berlin"), moment("2026-03-29T00:30")  # 01:30, the clock jumps
    night = begins - timedelta(hours=12), begins + timedelta(hours=12)
    assert list(spans("30 1 * * *", berlin, 120, *night)) == [(begins, begins + timedelta(hours=2))]


def test_of_windows_only_what_lies_between_counts() -> None:
    utc, day = zone_of("UTC"), moment("2026-11-28T00:00")

    def hours(since: float, until: float) -> list[tuple[float, float]]:
        found = spans(
            "0 2 * * *", utc, 60, day + timedelta(hours=since), day + timedelta(hours=until)
        )
        return [tuple((each - day) / timedelta(hours=1) for each in pair) for pair in found]  # pyright: ignore[reportReturnType]

    assert hours(0, 48) == [(2, 3), (26, 27)]
    assert hours(2.5, 26.5) == [(2.5, 3), (26, 26.5)]
    assert hours(0, 2) == hours(3, 26) == []
