from hub.own.asking import ANSWER_SECONDS, MOST_ASKED, MOST_SPARE, Asking
from protocol.ids import OrgId

ONE, OTHER = (OrgId("a"), "h"), (OrgId("b"), "h")


def test_one_line_is_asked_of_all_that_name_a_hash() -> None:
    asking: Asking[str] = Asking()
    assert asking.asks(ONE, "l1", 0.0)
    assert not asking.asks(ONE, "l2", 0.0)
    assert asking.asks(OTHER, "l3", 0.0)


def test_the_next_is_asked_when_the_answer_is_overdue_each_once() -> None:
    asking: Asking[str] = Asking()
    asking.asks(ONE, "l1", 0.0)
    for line in ("l2", "l2", "l3"):
        asking.asks(ONE, line, 1.0)
    assert asking.overdue(ANSWER_SECONDS - 0.1) == []
    assert asking.overdue(ANSWER_SECONDS) == [(ONE, "l2")]
    assert asking.overdue(ANSWER_SECONDS + 1) == []
    assert asking.overdue(2 * ANSWER_SECONDS) == [(ONE, "l3")]


def test_where_nobody_is_left_whoever_comes_next_is_asked() -> None:
    asking: Asking[str] = Asking()
    asking.asks(ONE, "l1", 0.0)
    assert asking.overdue(ANSWER_SECONDS) == []
    assert asking.asks(ONE, "l1", ANSWER_SECONDS)


def test_an_answer_ends_it() -> None:
    asking: Asking[str] = Asking()
    asking.asks(ONE, "l1", 0.0)
    asking.asks(ONE, "l2", 0.0)
    asking.answered(ONE)
    asking.answered(OTHER)
    assert asking.overdue(100.0) == []


def test_it_is_bounded() -> None:
    asking: Asking[str] = Asking()
    for number in range(MOST_ASKED):
        assert asking.asks((OrgId("a"), str(number)), "l", 0.0)
    assert not asking.asks((OrgId("a"), "one more"), "l", 0.0)
    for number in range(MOST_SPARE + 5):
        asking.asks((OrgId("a"), "0"), f"l{number}", 0.0)
    told = [line for n in range(1, 50) for key, line in asking.overdue(n * 10.0) if key[1] == "0"]
    assert len(told) == MOST_SPARE
