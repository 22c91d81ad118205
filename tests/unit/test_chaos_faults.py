"""The schedule of the chaos suite comes from its seed."""

from itertools import islice

from tests.acceptance.chaos.faults import HAND, PEERS, WORLD, peers, world


def test_a_seed_repeats_its_schedule() -> None:
    assert list(islice(world(7, short=False), 50)) == list(islice(world(7, short=False), 50))
    assert list(islice(peers(7), 50)) == list(islice(peers(7), 50))


def test_seeds_differ() -> None:
    assert list(islice(world(7, short=False), 50)) != list(islice(world(8, short=False), 50))
    assert list(islice(peers(7), 50)) != list(islice(peers(8), 50))


def test_each_kind_comes_once_before_any_comes_again() -> None:
    names = [fault.name for fault in islice(world(7, short=False), 2 * len(WORLD))]
    assert sorted(names[: len(WORLD)]) == sorted(WORLD)
    assert sorted(names[len(WORLD) :]) == sorted(WORLD)


def test_a_short_run_is_a_hand_of_them_held_for_less_long() -> None:
    hand = list(world(7, short=True))
    assert len({fault.name for fault in hand}) == len(hand) == HAND
    assert sum(fault.seconds for fault in hand) < 60


def test_all_kinds_of_bad_peers_come() -> None:
    assert {fault.name for _, fault in islice(peers(7), 500)} == set(PEERS)
