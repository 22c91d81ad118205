from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.base.cron import NotACron, NotAZone, zone_of
from hub.schedules import timing as timing_module
from hub.schedules.timing import (
    Come,
    Timing,
    come,
    comes_at,
    dues,
    interval,
    offset_of,
    require,
    upcoming,
    zones_for,
)
from protocol.ids import DeviceId

UTC_ZONE = [zone_of("UTC")]
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def test_a_timing_names_an_expression_and_a_zone() -> None:
    require(Timing(cron="0 3 * * *", timezone="Europe/Berlin"))
    require(Timing(cron="0 3 * * *", timezone="device"))
    require(Timing(at=NOON))
    with pytest.raises(NotACron):
        require(Timing(cron="@daily"))
    with pytest.raises(NotAZone):
        require(Timing(at=NOON, timezone="Mars/Olympus"))


def test_a_moment_comes_once() -> None:
    timing = Timing(at=NOON)
    assert upcoming(timing, UTC_ZONE, NOON - minutes(1)) == [NOON]
    assert upcoming(timing, UTC_ZONE, NOON) == []
    assert upcoming(Timing(), UTC_ZONE, NOON) == []


def test_what_comes_very_seldom_is_shown_for_fifty_years() -> None:
    seldom = Timing(cron="0 0 * 2 1#5")
    assert upcoming(seldom, UTC_ZONE, NOON, 100) == [at("2044-02-29T00:00"), at("2072-02-29T00:00")]
    far = datetime(2900, 1, 1, tzinfo=UTC)
    assert upcoming(Timing(at=far), UTC_ZONE, NOON) == [far]


def test_nothing_comes_from_the_end_on() -> None:
    timing = Timing(cron="0 * * * *", ends_at=NOON + minutes(120))
    assert upcoming(timing, UTC_ZONE, NOON) == [NOON + minutes(60)]


def test_in_the_zones_of_devices_it_comes_in_each() -> None:
    timing = Timing(cron="0 3 * * *", timezone="device")
    zones = zones_for(timing, {"Europe/Berlin", "Europe/Rome", "Asia/Tokyo"})
    assert upcoming(timing, zones, at("2026-06-01T00:00"), 3) == [
        at("2026-06-01T01:00"), at("2026-06-01T18:00"), at("2026-06-02T01:00"),
    ]  # fmt: skip
    assert zones_for(timing, ()) == UTC_ZONE
    assert zones_for(Timing(cron="* * * * *", timezone="Asia/Tokyo"), {"UTC"}) == [
        ZoneInfo("Asia/Tokyo")
    ]


def test_what_has_come_is_on_time_or_missed() -> None:
    timing = Timing(cron="*/5 * * * *")
    assert come(timing, UTC_ZONE, NOON, NOON + minutes(4)) == Come([], [])
    now = NOON + minutes(11)
    assert come(timing, UTC_ZONE, NOON, now) == Come([NOON + minutes(5)], [NOON + minutes(10)])
    later = now + timedelta(microseconds=1)
    both = [NOON + minutes(5), NOON + minutes(10)]
    assert come(timing, UTC_ZONE, NOON, later) == Come(both, [])


def test_of_too_many_the_newest_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing_module, "MOST_COUNTED", 10)
    now = NOON + timedelta(days=3)
    found = come(Timing(cron="* * * * *"), UTC_ZONE, NOON, now)
    assert found.missed[9] == NOON + minutes(10)
    assert found.missed[10] == now - timedelta(days=1) + minutes(1)
    assert found.on_time == [now - minutes(1), now]


def test_the_bound_of_a_look_is_over_all_zones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing_module, "MOST_COUNTED", 10)
    zones = [zone_of("UTC"), zone_of("Asia/Kathmandu")]
    found = come(Timing(cron="* * * * *"), zones, NOON, NOON + timedelta(days=3))
    assert found.missed[4] == NOON + minutes(5)
    assert found.missed[5] == NOON + timedelta(days=2) + minutes(1)


@pytest.mark.parametrize(
    ("cron", "shortest"),
    [("0 3 * * *", timedelta(days=1)), ("0,1 3 * * *", minutes(1)), ("0 0 29 2 *", None)],
)
def test_the_interval_is_the_shortest(cron: str, shortest: timedelta | None) -> None:
    found = interval(Timing(cron=cron), UTC_ZONE, NOON)
    if shortest is None:
        assert found is not None
        assert found > timedelta(days=1400)
    else:
        assert found == shortest
    assert interval(Timing(at=NOON), UTC_ZONE, NOON - minutes(1)) is None


ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]
CRONS = ["30 2 * * *", "*/15 * * * *", "0 3 * * 0", "15 1,2,3 * * *", "0 0 1 * *"]


@given(
    st.sampled_from(CRONS),
    st.sampled_from(ZONES),
    st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_what_comes_is_known_again_by_its_moment(cron: str, zone: str, after: datetime) -> None:
    """Whoever carries out a run asks of each zone whether it is meant."""
    for due in upcoming(Timing(cron=cron, timezone=zone), [zone_of(zone)], after):
        assert comes_at(cron, zone_of(zone), due)
        assert not comes_at(cron, zone_of(zone), due + timedelta(seconds=7))


@pytest.mark.parametrize(
    ("zone", "cron", "after", "expected"),
    [
        (
            "Europe/Berlin",
            "30 2 * * *",
            "2026-03-28T12:00",
            ["2026-03-29T01:00", "2026-03-30T00:30"],
        ),
        (
            "Europe/Berlin",
            "30 2 * * *",
            "2026-10-24T12:00",
            ["2026-10-25T00:30", "2026-10-26T01:30"],
        ),
        (
            "America/New_York",
            "30 2 * * *",
            "2026-03-07T12:00",
            ["2026-03-08T07:00", "2026-03-09T06:30"],
        ),
        (
            "America/New_York",
            "30 1 * * *",
            "2026-10-31T12:00",
            ["2026-11-01T05:30", "2026-11-02T06:30"],
        ),
        (
            "Australia/Lord_Howe",
            "15 2 * * *",
            "2026-10-02T20:00",
            ["2026-10-03T15:30", "2026-10-04T15:15"],
        ),
        (
            "Australia/Lord_Howe",
            "45 1 * * *",
            "2026-04-03T20:00",
            ["2026-04-04T14:45", "2026-04-05T15:15"],
        ),
    ],
)
def test_both_nights_of_the_change(zone: str, cron: str, after: str, expected: list[str]) -> None:
    timing = Timing(cron=cron, timezone=zone)
    found = upcoming(timing, zones_for(timing, ()), at(after), 2)
    assert found == [at(each) for each in expected]


@given(st.text(min_size=1), st.integers(0, 3600))
def test_a_device_has_the_same_place_in_the_jitter_always(device: str, jitter: int) -> None:
    first = offset_of("s1", DeviceId(device), jitter)
    assert first == offset_of("s1", DeviceId(device), jitter)
    assert 0 <= first < max(jitter, 1)


def test_devices_are_spread_over_the_jitter() -> None:
    found = [offset_of("s1", DeviceId(f"d{n}"), 1000) for n in range(1000)]
    tenths = [sum(1 for each in found if each // 100 == n) for n in range(10)]
    assert all(60 < count < 140 for count in tenths), tenths


def test_due_times_are_in_utc() -> None:
    found = next(dues(Timing(at=NOON.astimezone(ZoneInfo("Asia/Tokyo"))), (), NOON - minutes(1)))
    assert found.tzinfo is UTC
