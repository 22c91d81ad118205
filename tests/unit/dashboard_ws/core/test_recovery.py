import pytest

from dashboard_ws.core.recovery import (
    StreamGap,
    gap_before_entries,
    gap_before_live,
    gap_of,
    is_level,
)
from protocol.dashboard import GapReason, Position
from protocol.stream import StreamEntry

LIVE = Position(epoch="b", offset=10)


def at(offset: int, epoch: str = "b") -> Position:
    return Position(epoch=epoch, offset=offset)


def make_entry(first: int, last: int, *, gap: GapReason | None = None) -> StreamEntry:
    return StreamEntry(epoch="b", first=first, last=last, at_ms=0, events=[], gap=gap)


@pytest.mark.parametrize("offset", [0, 9, 10])
def test_a_place_in_the_stream_can_be_read_from(offset: int) -> None:
    assert gap_before_live(at(offset), LIVE) is None


@pytest.mark.parametrize("since", [at(11), at(3, "a"), at(10, "")])
def test_no_place_in_the_stream_is_a_gap_from_nobody_knows_where(since: Position) -> None:
    assert gap_before_live(since, LIVE) == StreamGap("b", None, 10, "epoch")


@pytest.mark.parametrize(
    ("position", "entries", "gap"),
    [
        (4, [make_entry(5, 8)], None),
        (6, [make_entry(5, 8)], None),
        (4, [make_entry(7, 8)], StreamGap("b", 4, 6, "expired")),
        (4, [], StreamGap("b", 4, 10, "expired")),
        (10, [], None),
        (4, [make_entry(15, 18)], StreamGap("b", 4, 10, "expired")),
        (10, [make_entry(11, 12)], None),
    ],
)
def test_what_was_trimmed_is_a_gap_with_exact_ends(
    position: int, entries: list[StreamEntry], gap: StreamGap | None
) -> None:
    assert gap_before_entries(at(position), entries, LIVE) == gap


def test_a_marker_is_a_gap_over_its_own_offset() -> None:
    assert gap_of(make_entry(5, 5, gap="bus")) == StreamGap("b", 4, 5, "bus")
    assert gap_of(make_entry(5, 8)) is None


def test_level_is_there_or_beyond_in_the_same_epoch() -> None:
    assert is_level(at(10), LIVE)
    assert not is_level(at(9), LIVE)
    assert not is_level(at(10, "a"), LIVE)


def test_a_gap_says_null_where_it_does_not_know() -> None:
    text = StreamGap("b", None, 10, "epoch").text()
    assert text == b'{"type":"gap","epoch":"b","from":null,"to":10,"reason":"epoch"}'
