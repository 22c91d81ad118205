"""The cores of a few lines each: clock, pace, renewal, text, update."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.core import renewal, text, update
from device.core.hub_clock import HubClock
from device.core.pace import BURST_SECONDS, FRAMES_A_SECOND, Pace
from protocol.answers import WEB_PAGE
from protocol.codec import encode
from tests.unit.device.core.factories import make_update

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
UPDATE = make_update()


def test_the_hub_clock_counts_from_what_the_hub_said() -> None:
    clock = HubClock()
    deadline = "2030-01-01T12:00:10Z"
    assert not clock.is_past(deadline, 1e9)
    for nonsense in ("yesterday", "2030-01-01T12:00:00"):
        clock.set(nonsense, 100.0)
    assert not clock.is_past(deadline, 1e9)
    clock.set("2030-01-01T12:00:00Z", 100.0)
    assert not clock.is_past(deadline, 110.0)
    assert clock.is_past(deadline, 110.1)
    assert not clock.is_past(None, 1e9)
    assert not clock.is_past("soon", 1e9)


def test_pace_lets_a_burst_go_and_then_holds_the_rate() -> None:
    pace = Pace(0.0)
    burst = int(BURST_SECONDS * FRAMES_A_SECOND)
    assert [pace.wait(10, 0.0) for _ in range(burst - 1)] == [0.0] * (burst - 1)
    for _ in range(burst):
        wait = pace.wait(10, 0.0)
    assert wait == pytest.approx(BURST_SECONDS, abs=0.01)  # pyright: ignore[reportPossiblyUnboundVariable, reportUnknownMemberType]
    assert pace.wait(10, 100.0) == 0.0


def test_a_token_is_renewed_at_two_thirds_of_its_life() -> None:
    after = renewal.renew_after(issued=NOON, expires=NOON + timedelta(hours=3))
    assert after == 2 * 3600
    assert renewal.renew_after(issued=NOON, expires=NOON) == renewal.SHORTEST_SECONDS

    def left(now: datetime) -> float:
        return renewal.remaining(received=NOON, renew_after_seconds=after, now=now)

    assert left(NOON + timedelta(hours=1)) == 3600
    assert left(NOON - timedelta(days=900)) == after
    assert left(NOON + timedelta(days=900)) == renewal.SHORTEST_SECONDS


@given(st.text(), st.integers(0, 50))
def test_cut_text_fits_and_is_a_beginning(value: str, limit: int) -> None:
    whole = text.clean(value)
    kept = text.cut(whole, limit)
    assert whole.startswith(kept)
    assert len(encode([kept])) - 4 <= limit
    assert kept == whole or text.encoded_length(whole[: len(kept) + 1]) > limit


def test_what_no_frame_may_carry_is_replaced() -> None:
    assert text.clean("a\0\ud800b") == "a\N{REPLACEMENT CHARACTER}?b"
    assert text.decode(b"a\xff\0") == "a\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}"
    assert text.log_line("line\r\n") == "line"
    assert len(text.log_line("\N{EURO SIGN}" * 9000).encode()) == 8190


def test_a_staged_name_is_never_a_path() -> None:
    assert update.staged_name("1.2.3-rc+1") == "longline-device-1.2.3-rc+1"
    assert update.staged_name("../../etc") == "longline-device-.._.._etc"


def test_where_a_download_begins_and_when_it_cannot() -> None:
    def begin(*, part: int = 0, free: int = 10**9, most: int = 10**9) -> int:
        return update.resume_at(UPDATE, part_size=part, free_bytes=free, most_bytes=most)

    assert begin() == 0
    assert begin(part=400) == 400
    assert begin(part=1000) == 0
    for wrong, code in (({"most": 999}, "too_large"), ({"free": 999}, "disk_full")):
        with pytest.raises(update.UpdateRefused) as refused:
            begin(**wrong)
        assert refused.value.code == code


def test_what_the_hub_answered_says_where_the_body_begins() -> None:
    assert update.accepted_offset(400, status=206) == 400
    assert update.accepted_offset(400, status=200) == 0
    for offset, status in ((0, 206), (400, 416), (0, 404)):
        with pytest.raises(update.UpdateRefused, match=str(status)):
            update.accepted_offset(offset, status=status)


def test_an_artifact_is_right_when_size_and_digest_are() -> None:
    update.verify(UPDATE, size=1000, sha256="a" * 64)
    with pytest.raises(update.UpdateRefused, match="999 bytes"):
        update.verify(UPDATE, size=999, sha256="a" * 64)
    with pytest.raises(update.UpdateRefused, match="SHA-256"):
        update.verify(UPDATE, size=1000, sha256="b" * 64)


def test_what_is_no_word_of_the_hub_about_an_artifact() -> None:
    assert update.doubt_of_answer(200, "application/octet-stream") is None
    assert update.doubt_of_answer(206, None) is None
    assert update.doubt_of_answer(404, "application/problem+json") is None
    assert update.doubt_of_answer(200, "text/html; charset=utf-8") == WEB_PAGE
    for status in (302, 407, 503):
        assert update.doubt_of_answer(status, None) == f"the hub answered {status}"
