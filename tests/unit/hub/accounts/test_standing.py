from hypothesis import given
from hypothesis import strategies as st

from hub.accounts.standing import Standings, Subject, VersionChange, VersionRange, VersionVerdict
from protocol.ids import DEFAULT_ORG

D1 = Subject(DEFAULT_ORG, "device", "d1")
D2 = Subject(DEFAULT_ORG, "device", "d2")


def test_a_version_is_good_between_the_two_numbers() -> None:
    standings = Standings()
    assert standings.judge(D1, 1) is VersionVerdict.UNKNOWN
    standings.learn(D1, VersionRange(lowest=2, highest=3))
    judged = [standings.judge(D1, version) for version in range(1, 5)]
    assert judged == [
        VersionVerdict.ENDED,
        VersionVerdict.GOOD,
        VersionVerdict.GOOD,
        VersionVerdict.UNKNOWN,
    ]
    assert standings.judge(D2, 2) is VersionVerdict.UNKNOWN


def test_what_has_ended_covers_nothing() -> None:
    ended = VersionRange(lowest=4, highest=3)
    assert not any(ended.covers(version) for version in range(6))
    assert VersionRange(lowest=3, highest=3).covers(3)


@given(st.permutations([(0, 1), (1, 1), (1, 2), (2, 2), (3, 2), (3, 3)]))
def test_the_order_in_which_it_learns_does_not_matter(order: list[tuple[int, int]]) -> None:
    standings = Standings()
    for lowest, highest in order:
        standings.learn(D1, VersionRange(lowest, highest))
    assert [standings.judge(D1, version) for version in (2, 3, 4)] == [
        VersionVerdict.ENDED, VersionVerdict.GOOD, VersionVerdict.UNKNOWN,
    ]  # fmt: skip


def test_an_end_outlives_what_was_read_before_it() -> None:
    standings = Standings()
    standings.learn(D1, VersionRange(lowest=4, highest=3))
    standings.learn(D1, VersionRange(lowest=1, highest=3))  # a look that was slow
    assert standings.judge(D1, 3) is VersionVerdict.ENDED


def test_memory_is_bounded_and_what_is_used_stays() -> None:
    standings = Standings(remembered=2)
    d3 = Subject(DEFAULT_ORG, "device", "d3")
    for subject in (D1, D2):
        standings.learn(subject, VersionRange(1, 1))
    standings.judge(D1, 1)
    standings.learn(d3, VersionRange(1, 1))
    assert standings.judge(D2, 1) is VersionVerdict.UNKNOWN
    assert standings.judge(D1, 1) is VersionVerdict.GOOD


def test_a_change_says_whether_all_has_ended() -> None:
    subject = Subject(DEFAULT_ORG, "certificate", "d1/0a")
    assert VersionChange(subject, VersionRange(2, 1)).has_ended
    assert not VersionChange(subject, VersionRange(1, 1)).has_ended
