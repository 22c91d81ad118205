"""For how long an organisation is shown what the installation keeps."""

from datetime import UTC, datetime, timedelta

from hub.base.retention import (
    EVERYTHING,
    Retention,
    ShownFor,
    days,
    everything,
    everything_since,
    hours,
    not_before,
    shortened,
    shown_since,
    too_long,
)
from protocol.ids import DEFAULT_ORG, OrgId

NOW = datetime(2026, 1, 31, tzinfo=UTC)
KEPT = Retention(raw_hours=48, log_days=30)


async def test_an_organisation_is_shown_everything_unless_it_says_so() -> None:
    assert await everything(DEFAULT_ORG) == EVERYTHING
    assert shortened(KEPT, EVERYTHING) == KEPT


def test_the_shorter_counts() -> None:
    assert shortened(KEPT, ShownFor(log_days=3, raw_hours=72)) == Retention(
        raw_hours=48, log_days=3
    )


def test_an_organisation_keeps_nothing_longer() -> None:
    assert too_long(KEPT, {"log_days": 30, "raw_hours": 1, "command_days": 1}) is None
    assert too_long(KEPT, {"log_days": 31}) == "log_days"


def test_whatever_is_kept_may_be_shown_shorter() -> None:
    assert set(ShownFor.__struct_fields__) == set(Retention.__struct_fields__)


async def test_what_ended_is_shown_since_so_many_days() -> None:
    async def shown_of(_: OrgId) -> ShownFor:
        return ShownFor(command_days=3)

    of_commands = shown_since(shown_of, NOW.timestamp, "command_days")
    of_records = shown_since(shown_of, NOW.timestamp, "edge_days")
    assert await of_commands(DEFAULT_ORG) == NOW - timedelta(days=3)
    assert await of_records(DEFAULT_ORG) is None
    assert await everything_since(DEFAULT_ORG) is None


def test_what_is_read_begins_where_it_is_shown() -> None:
    early, late = NOW - timedelta(days=9), NOW - timedelta(days=1)
    assert not_before(early, days(None), NOW) == early
    assert not_before(None, hours(None), NOW) is None
    assert not_before(None, days(3), NOW) == NOW - timedelta(days=3)
    assert not_before(early, hours(72), NOW) == NOW - timedelta(days=3)
    assert not_before(late, days(3), NOW) == late
