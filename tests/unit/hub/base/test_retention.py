"""For how long an organisation is shown what the installation keeps."""

from datetime import UTC, datetime, timedelta

from hub.base.retention import (
    EVERYTHING,
    Retention,
    ShownFor,
    days,
    everything,
    hours,
    not_before,
    shortened,
    too_long,
)
from protocol.ids import DEFAULT_ORG

NOW = datetime(2026, 1, 31, tzinfo=UTC)
KEPT = Retention(raw_hours=48, log_days=30)


async def test_an_organisation_is_shown_everything_unless_it_says_so() -> None:
    assert await everything(DEFAULT_ORG) == EVERYTHING
    assert shortened(KEPT, EVERYTHING) == KEPT


def test_the_shorter_counts() -> None:
    assert shortened(KEPT, ShownFor(log_days=3, raw_hours=72)) == Retention(
        raw_hours=48, log_days=3
    )


def test_an_organisation_keeps_nothing_longer_and_nothing_that_cannot_be_hidden() -> None:
    assert too_long(KEPT, {"log_days": 30, "raw_hours": 1}) is None
    assert too_long(KEPT, {"log_days": 31}) == "log_days"
    assert too_long(KEPT, {"command_days": 1}) == "command_days"


def test_what_is_read_begins_where_it_is_shown() -> None:
    early, late = NOW - timedelta(days=9), NOW - timedelta(days=1)
    assert not_before(early, days(None), NOW) == early
    assert not_before(None, hours(None), NOW) is None
    assert not_before(None, days(3), NOW) == NOW - timedelta(days=3)
    assert not_before(early, hours(72), NOW) == NOW - timedelta(days=3)
    assert not_before(late, days(3), NOW) == late
