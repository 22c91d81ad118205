from hub.base.tail import BACKOFF, backoff, resume
from protocol.dashboard import Position

HEAD = Position(epoch="b", offset=9)


def test_a_tail_begins_at_the_head() -> None:
    assert resume(None, HEAD) == HEAD


def test_within_an_epoch_it_goes_on_where_it_was() -> None:
    assert resume(Position(epoch="b", offset=4), HEAD) == Position(epoch="b", offset=4)


def test_a_new_epoch_is_read_from_its_start() -> None:
    assert resume(Position(epoch="a", offset=40), HEAD) == Position(epoch="b", offset=0)


def test_the_backoff_ends_in_its_last_step() -> None:
    assert backoff(0) == BACKOFF[0]
    assert backoff(100) == BACKOFF[-1]
