from hub.lines.stall import BEAT_SECONDS, STALL_SECONDS, Stall


def test_g6_a_process_that_beats_does_not_stand_still() -> None:
    stall, now = Stall(100.0), 100.0
    for _ in range(20):
        now += BEAT_SECONDS
        assert not stall.noticed(now)
        stall.beat(now)
    assert not stall.noticed(now + STALL_SECONDS)
    assert stall.count == 0


def test_g6_a_stall_is_noticed_before_the_next_beat_and_lasts_until_it_is_over() -> None:
    stall = Stall(100.0)
    assert stall.noticed(120.0)
    stall.beat(120.1)
    assert stall.noticed(120.2)
    stall.over(120.3)
    assert not stall.noticed(120.4)
    assert stall.count == 1


def test_g6_a_beat_notices_a_stall_as_well() -> None:
    stall = Stall(100.0)
    stall.beat(120.0)
    assert stall.noticed(120.0)
    assert stall.count == 1
