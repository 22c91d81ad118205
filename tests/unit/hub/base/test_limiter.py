"""How much somebody gets: of one replica, and of several that tell each other."""

import heapq
import itertools
import random
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import pytest

from hub.base.limiter import MOST_TOLD, Limiter, LimitState, LimitUse, Policy

QUOTA = 200
POLICY = Policy("requests", QUOTA, 1.0)
TELL_EVERY = 0.2
ON_THE_WAY = 0.005


def taken(limiter: Limiter, now: float, wanted: int = 1000) -> int:
    """How many of so many single ones are given at once."""
    return sum(limiter.take("k", now).wait == 0 for _ in range(wanted))


class Replicas:
    """Some limiters, joined by a list of what happens next: messages are sent and arrive."""

    def __init__(self, count: int, *, joined: bool = True) -> None:
        self._limiters = [Limiter(POLICY) for _ in range(count)]
        self._joined = joined
        self._may_tell = [0.0] * count
        self._waits = [False] * count
        self._coming: list[tuple[float, int, Callable[[float], None]]] = []
        self._order = itertools.count()

    def take(self, at: int, now: float) -> bool:
        while self._coming and self._coming[0][0] <= now:
            when, _, happen = heapq.heappop(self._coming)
            happen(when)
        given = self._limiters[at].take("k", now).wait == 0
        if self._joined and self._limiters[at].is_due and not self._waits[at]:
            self._waits[at] = True
            self._put(max(now, self._may_tell[at]), partial(self._tell, at))
        return given

    def _tell(self, at: int, now: float) -> None:
        self._waits[at], self._may_tell[at] = False, now + TELL_EVERY
        rows = self._limiters[at].due(now)
        for row, to in itertools.product(rows, range(len(self._limiters))):
            if to != at:
                self._put(now + ON_THE_WAY, partial(self._limiters[to].told, row))

    def _put(self, when: float, happen: Callable[[float], None]) -> None:
        heapq.heappush(self._coming, (when, next(self._order), happen))


def given_by_second(replicas: Replicas, rates: Iterable[float], seconds: int) -> list[int]:
    """Of calls that come evenly, at these rates to each replica."""
    calls = heapq.merge(*(every(1 / rate, seconds, at) for at, rate in enumerate(rates)))
    given = Counter(int(now) for now, at in calls if replicas.take(at, now))
    return [given[second] for second in range(seconds)]


def every(pause: float, seconds: int, at: int) -> Iterator[tuple[float, int]]:
    return ((n * pause, at) for n in range(int(seconds / pause)))


# One replica


def test_a_quota_may_be_taken_at_once_and_comes_back_once_a_window() -> None:
    limiter = Limiter(POLICY)
    assert taken(limiter, 5.0) == QUOTA
    assert taken(limiter, 5.49) == 0
    assert taken(limiter, 5.5) == QUOTA // 4
    assert taken(limiter, 6.0) == QUOTA * 3 // 4
    assert taken(limiter, 7.0) == QUOTA


def test_who_keeps_to_the_limit_by_another_clock_is_never_refused() -> None:
    limiter = Limiter(POLICY)
    draws = random.Random(1)  # noqa: S311
    for number in range(20 * QUOTA):
        now = number / QUOTA + draws.uniform(0, 0.05)
        assert limiter.take("k", now).wait == 0


def test_an_answer_says_what_is_left_and_when_it_is_whole() -> None:
    limiter = Limiter(Policy("wrong_keys", 50, 60.0))
    assert limiter.look("k", 0.0) == LimitState(50, 0)
    assert limiter.take("k", 0.0) == LimitState(49, 30)
    assert limiter.take("k", 10.0, 20) == LimitState(29, 50)
    assert limiter.take("k", 10.0, 29) == LimitState(0, 50)
    assert limiter.take("k", 10.5) == LimitState(0, 50, wait=20)
    assert limiter.look("k", 10.5) == LimitState(0, 50, wait=20)
    assert limiter.take("k", 10.5, 13) == LimitState(0, 50, wait=50)
    assert limiter.take("k", 30.0, 12) == LimitState(0, 60)
    assert limiter.look("k", 60.0) == LimitState(38, 30)
    assert limiter.look("k", 90.0) == LimitState(50, 0)


def test_keys_do_not_share() -> None:
    limiter = Limiter(POLICY)
    taken(limiter, 0.0)
    assert limiter.take("other", 0.0) == LimitState(QUOTA - 1, 1)


def test_more_than_a_quota_is_taken_out_of_a_full_one_and_owed() -> None:
    limiter = Limiter(POLICY)
    limiter.take("k", 0.0)
    assert limiter.take("k", 0.0, 500) == LimitState(199, 1, wait=1)
    assert limiter.take("k", 0.6, 500) == LimitState(0, 3)
    assert limiter.look("k", 2.5) == LimitState(0, 2, wait=1)
    assert limiter.look("k", 2.6) == LimitState(100, 1)


def test_of_a_larger_sum_the_first_part_may_have_been_taken() -> None:
    limiter = Limiter(POLICY)
    limiter.take("k", 0.0)
    assert limiter.take("k", 0.0, 499, held=1).wait == 0
    assert limiter.take("k", 0.0, 1, held=1).wait == 2


def test_full_ones_are_forgotten_and_then_those_that_are_nearly_full() -> None:
    limiter = Limiter(POLICY, most=100)
    for number in range(90):
        limiter.take(f"idle-{number}", 0.0)
    limiter.take("busy", 10.0, 150)
    for number in range(9):
        limiter.take(f"idle-again-{number}", 10.0)
    assert len(limiter) == 100
    limiter.take("one more", 10.0)
    assert len(limiter) == 11
    for number in range(1000):
        limiter.take(f"flood-{number}", 10.0)
        assert len(limiter) <= 100
    assert limiter.look("busy", 10.0).left == 50


# What replicas tell each other


def test_told_is_who_has_taken_more_than_a_tenth_and_only_that() -> None:
    limiter = Limiter(POLICY)
    for _ in range(20):
        limiter.take("k", 1.0)
    assert not limiter.is_due
    limiter.take("other", 1.0)
    limiter.take("k", 1.125)
    assert limiter.is_due
    assert limiter.due(1.25) == [LimitUse("requests", "k", 21, age=0.25)]
    assert not limiter.is_due
    assert limiter.due(1.25) == []
    limiter.take("k", 1.25, 30)
    assert limiter.due(1.375) == [LimitUse("requests", "k", 30, age=0.125)]


def test_what_has_come_back_since_is_not_told() -> None:
    limiter = Limiter(POLICY)
    limiter.take("k", 0.0, 20)
    limiter.take("k", 5.0, 21)
    assert limiter.due(5.0) == [LimitUse("requests", "k", 21, 0.0)]


def test_who_was_forgotten_is_not_told() -> None:
    limiter = Limiter(POLICY, most=10)
    limiter.take("k", 0.0, 150)
    for number in range(10):
        limiter.take(f"later-{number}", 9.0)
    assert limiter.is_due
    assert limiter.due(9.0) == []


def test_a_message_has_a_bound_and_the_rest_is_told_next() -> None:
    limiter = Limiter(POLICY)
    for number in range(MOST_TOLD + 5):
        limiter.take(f"k-{number}", 0.0, 30)
    assert (len(limiter.due(0.0)), len(limiter.due(0.2))) == (MOST_TOLD, 5)
    assert not limiter.is_due


def test_what_another_gave_away_is_taken_here_and_is_as_old_as_there() -> None:
    limiter = Limiter(POLICY)
    limiter.told(LimitUse("requests", "k", 150, age=0.2), 10.0)
    assert limiter.look("k", 10.0).left == 50
    assert limiter.look("k", 10.7).left == 100
    assert limiter.look("k", 10.8).left == 200
    assert limiter.due(11.0) == []


def test_what_was_taken_there_before_here_counts_from_then() -> None:
    limiter = Limiter(POLICY)
    limiter.take("k", 10.0)
    limiter.told(LimitUse("requests", "k", 199, age=0.15), 10.1)
    assert limiter.look("k", 10.89).left == 50
    assert limiter.look("k", 10.91).left == 200
    limiter.take("k", 11.0, 200)
    limiter.look("k", 11.6)
    limiter.told(LimitUse("requests", "k", 100, age=0.5), 11.6)
    assert limiter.look("k", 11.99).left == 0
    assert limiter.look("k", 12.01).left == 100


def test_what_a_message_cannot_mean_does_no_harm() -> None:
    limiter = Limiter(POLICY)
    limiter.told(LimitUse("requests", "k", -1000, age=-1000.0), 0.0)
    assert taken(limiter, 0.0) == QUOTA


@pytest.mark.parametrize("rates", [(600,), (150, 150), (250, 250), (400, 400), (300, 10)])
def test_over_the_limit_little_more_is_given_and_only_at_first(rates: tuple[float, ...]) -> None:
    first, *others = given_by_second(Replicas(len(rates)), rates, 20)
    assert QUOTA <= first <= 1.5 * QUOTA
    assert sum(others) <= 1.1 * QUOTA * len(others)
    assert sum(others) >= 0.95 * QUOTA * len(others)


@pytest.mark.parametrize("rate", [1000, 3000])
def test_a_flood_of_both_is_over_before_the_first_message_and_is_owed(rate: int) -> None:
    """A burst that is quicker than Redis takes what each replica has; then all is as above."""
    first, *others = given_by_second(Replicas(2), (rate, rate), 20)
    assert first <= 2.25 * QUOTA
    assert first + sum(others) <= 1.1 * QUOTA * 20


def test_replicas_that_do_not_hear_each_other_give_a_limit_each() -> None:
    alone = given_by_second(Replicas(1), [1000], 10)
    apart = given_by_second(Replicas(2, joined=False), (1000, 1000), 10)
    assert apart == [2 * count for count in alone]
    assert apart[1:] == [2 * QUOTA] * 9


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("pauses", ["even", "uneven", "bursts", "switching bursts"])
def test_at_the_limit_nobody_is_refused(pauses: str, count: int) -> None:
    """At most a quota in any second, on replicas that are drawn or change every third of one."""
    for seed in range(3):
        draws = random.Random(seed)  # noqa: S311
        replicas, now = Replicas(count), 0.0
        last: deque[float] = deque(maxlen=QUOTA)
        while now < 9:
            at = int(now * 3) % count if pauses == "switching bursts" else draws.randrange(count)
            assert replicas.take(at, now), (seed, now)
            last.append(now)
            now += pause(pauses, draws)
            if len(last) == QUOTA:
                now = max(now, last[0] + 1.0001)


def pause(kind: str, draws: random.Random) -> float:
    match kind:
        case "even":
            return 1 / QUOTA
        case "uneven":
            return draws.expovariate(QUOTA)
        case "bursts":
            return 0.0 if draws.random() < 0.995 else draws.uniform(0, 0.7)
        case _:
            return 0.0 if draws.random() < 0.99 else draws.uniform(0, 0.3)
