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
    groups = islice(world(7, short=False), 2 * len(WORLD))
    names = [fault.name for together in groups for fault in together][: 2 * len(WORLD)]
    assert sorted(names[: len(WORLD)]) == sorted(WORLD)
    assert sorted(names[len(WORLD) :]) == sorted(WORLD)


def test_some_come_in_twos_that_hurt_different_parts() -> None:
    groups = list(islice(world(7, short=False), 200))
    pairs = [together for together in groups if len(together) == 2]
    assert 20 < len(pairs) < 100
    for one, other in pairs:
        assert one.name.split()[0] != other.name.split()[0]


def test_a_short_run_is_a_hand_of_them_held_for_less_long() -> None:
    hand = [fault for (fault,) in world(7, short=True)]
    assert len({fault.name for fault in hand}) == len(hand) == HAND
    assert sum(fault.seconds for fault in hand) < 75


def test_all_kinds_of_bad_peers_come() -> None:
    assert {fault.name for _, fault in islice(peers(7), 500)} == set(PEERS)
