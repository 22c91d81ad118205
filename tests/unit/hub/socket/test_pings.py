import pytest

from hub.socket.pings import PingVerdict, Progress, Reading, Wheel, verdict


def judged(
    *, silent: bool = False, paused: bool = False, unsent: bool = False, forgiving: bool = False
) -> PingVerdict:
    return verdict(silent=silent, paused=paused, unsent=unsent, forgiving=forgiving)


def wheel(now: float = 100.0) -> Wheel[str]:
    return Wheel(period=10.0, slots=50, now=now)


def test_a_peer_that_was_heard_is_pinged_and_a_silent_one_is_dead() -> None:
    assert judged() is PingVerdict.PING
    assert judged(silent=True) is PingVerdict.DEAD


def test_silence_that_we_caused_is_forgiven() -> None:
    assert judged(silent=True, paused=True) is PingVerdict.PING
    assert judged(silent=True, forgiving=True) is PingVerdict.PING


@pytest.mark.parametrize("silent", [True, False])
def test_a_peer_with_unsent_bytes_is_judged_by_progress(*, silent: bool) -> None:
    assert judged(silent=silent, unsent=True) is PingVerdict.WATCH


def test_everything_is_due_once_in_a_period() -> None:
    turning = wheel()
    names = [f"line {number}" for number in range(120)]
    for name in names:
        turning.add(name)
    seen: list[str] = []
    for turn in range(1, 51):
        due = turning.turn(100.0 + turn * 0.2 + 0.01)
        assert len(due) in (2, 3)
        seen += due
    assert sorted(seen) == sorted(names)


def test_nothing_is_due_before_a_tick_is_over() -> None:
    turning = wheel()
    for number in range(50):
        turning.add(f"line {number}")
    assert turning.turn(100.1) == []
    assert len(turning.turn(100.25)) == 1
    assert turning.turn(100.3) == []
    assert len(turning.turn(100.45)) == 1


def test_what_was_discarded_is_not_due() -> None:
    turning = wheel()
    slot = turning.add("line")
    assert turning
    turning.discard("line", slot)
    turning.discard("line", slot)
    assert not turning
    assert turning.turn(105.0) == []


def test_after_standing_still_all_are_due_once_and_forgiven_for_a_period() -> None:
    turning = wheel()
    turning.add("a")
    turning.add("b")
    assert not turning.forgiving(100.0)
    assert sorted(turning.turn(160.0)) == ["a", "b"]
    assert turning.forgiving(160.0)
    assert turning.forgiving(169.9)
    assert not turning.forgiving(170.1)


def test_a_tick_that_is_a_little_late_forgives_nobody() -> None:
    turning = wheel()
    turning.turn(101.0)
    assert not turning.forgiving(101.0)


def test_a_rest_is_not_standing_still() -> None:
    turning = wheel()
    turning.rest(500.0)
    turning.add("line")
    turning.turn(500.2)
    assert not turning.forgiving(500.2)


def test_no_progress_for_the_time_is_a_stall() -> None:
    progress = Progress(sent=1000, now=0.0)
    assert not stalled(progress, 1000, 9.9)
    assert stalled(progress, 1000, 10.0)


def test_one_more_byte_is_progress() -> None:
    progress = Progress(sent=1000, now=0.0)
    assert not stalled(progress, 1001, 9.9)
    assert not stalled(progress, 1001, 19.8)
    assert stalled(progress, 1001, 20.0)


def test_while_we_stood_still_ourselves_nobody_stalled() -> None:
    progress = Progress(sent=1000, now=0.0)
    assert not stalled(progress, 1000, 60.0, forgiving=True)
    assert not stalled(progress, 1000, 69.9)
    assert stalled(progress, 1000, 70.0)


def stalled(progress: Progress, sent: int, now: float, *, forgiving: bool = False) -> bool:
    return progress.stalled(sent, now, forgiving=forgiving, seconds=10.0)


def test_a_pong_says_how_much_was_read() -> None:
    reading = Reading()
    assert not reading.is_behind
    reading.sent(100)
    first = reading.ping()
    reading.sent(50)
    second = reading.ping()
    reading.pong(first)
    assert reading.is_behind
    reading.pong(second)
    assert not reading.is_behind
    reading.pong(first)
    assert not reading.is_behind


@pytest.mark.parametrize("payload", [b"", b"hello", b"\xff" * 125])
def test_a_pong_that_answers_no_ping_of_ours_says_nothing(payload: bytes) -> None:
    reading = Reading()
    reading.sent(1)
    reading.pong(payload)
    assert reading.is_behind
