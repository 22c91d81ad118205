"""Numbers and credit between replicas."""

from hypothesis import given
from hypothesis import strategies as st

from hub.sessions.flow import CREDIT_STEP, OVERHEAD, ReceiveWindow, SendWindow, weight

MESSAGE = bytes(1000)


def test_no_more_goes_out_than_there_is_credit_for() -> None:
    window = SendWindow(3 * (1000 + OVERHEAD))
    for _ in range(5):
        window.put(MESSAGE)
    assert window.take() == [MESSAGE] * 3
    assert window.take() == []
    assert (window.number, window.in_flight, bool(window)) == (1, 3 * (1000 + OVERHEAD), True)
    window.credit(1000 + OVERHEAD)
    assert window.take() == [MESSAGE]
    window.credit(1)  # an old word
    assert window.take() == []
    window.credit(10**9)  # not more than was sent
    assert window.in_flight == 0
    assert window.take() == [MESSAGE]
    assert (window.number, window.waiting, bool(window)) == (3, 0, False)


def test_a_hole_is_seen() -> None:
    window = ReceiveWindow()
    assert window.takes(1, [MESSAGE])
    assert not window.takes(3, [MESSAGE])
    assert not window.takes(1, [MESSAGE])
    assert window.takes(2, [])


def test_credit_is_given_in_steps() -> None:
    window = ReceiveWindow()
    window.takes(1, [MESSAGE])
    assert window.credit() is None
    window.takes(2, [bytes(CREDIT_STEP)])
    assert window.credit() == 1000 + CREDIT_STEP + 2 * OVERHEAD
    assert window.credit() is None


@given(st.lists(st.binary(max_size=500), max_size=60), st.integers(600, 4000))
def test_all_arrives_in_order_whatever_the_window(messages: list[bytes], size: int) -> None:
    out, back = SendWindow(size), ReceiveWindow()
    for message in messages:
        out.put(message)
    arrived: list[bytes] = []
    passed_on = 0
    while taken := out.take():
        assert out.in_flight <= size
        assert back.takes(out.number, taken)
        arrived += taken
        passed_on += weight(taken)
        out.credit(passed_on)
    assert arrived == messages
    assert weight(messages) == sum(len(each) + OVERHEAD for each in messages)
