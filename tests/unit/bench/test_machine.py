"""What the bench reads of /proc."""

import os
from typing import Final

import pytest

from tests.bench import machine
from tests.bench.machine import Cores

TICKS: Final = os.sysconf("SC_CLK_TCK")
STAT: Final = (
    "4711 (post gres) (x)) S 17 4711 4711 0 -1 4194560 100 200 0 0 "
    "250 50 1000 200 20 0 5 0 12345 1000000 300 18446744073709551615"
)
"""A name may hold anything. 250 + 50 ticks of its own, 1,000 + 200 of children that have ended."""


def test_cpu_time_counts_children_that_have_ended() -> None:
    assert machine.parse_stat(STAT) == (17, 1500 / TICKS)


def test_cpu_time_of_a_process_alone() -> None:
    assert machine.own_seconds(STAT) == 300 / TICKS


def test_a_tree_is_all_below_its_roots_once() -> None:
    parents = {1: 0, 2: 1, 3: 2, 4: 2, 5: 1, 9: 0}

    assert sorted(machine.tree([2, 3], parents)) == [2, 3, 4]
    assert sorted(machine.tree([1], parents)) == [1, 2, 3, 4, 5]
    assert machine.tree([77], parents) == []


@pytest.mark.parametrize(
    ("available", "places"),
    [([3], (3, 3, {3})), ([0, 1], (0, 1, {1})), ([0, 1, 2, 3], (0, 1, {2, 3}))],
)
def test_places_by_the_number_of_cores(
    available: list[int], places: tuple[int, int, set[int]]
) -> None:
    cores = Cores(available)

    assert (cores.server, cores.generator, cores.stores) == places


def test_this_process_has_used_time_and_memory() -> None:
    me = os.getpid()

    alone = machine.cpu_seconds(me)
    assert machine.tree_seconds([me]) >= alone > 0
    assert machine.resident_kib(me) > 1000
    assert machine.descriptors(me) > 2
    assert machine.load() >= 0
