"""Scripts of faults for simulated devices."""

import re

import pytest

from longline.faults import (
    BadScript,
    Clock,
    Clone,
    Drop,
    Duplicate,
    Fault,
    Flap,
    Freeze,
    Late,
    Moment,
    Portal,
    Slow,
    numbers,
    read,
    said,
    timeline,
)
from scripts.docs import DOCS

EACH: list[tuple[str, Fault]] = [
    ('kind = "drop"', Drop(at=1)),
    ('kind = "flap"\nseconds = 4\nevery = 2', Flap(at=1, seconds=4, every=2)),
    ('kind = "clone"\nseconds = 4', Clone(at=1, seconds=4)),
    ('kind = "freeze"\nseconds = 4', Freeze(at=1, seconds=4)),
    ('kind = "slow"\nseconds = 4\ndelay = 0.5', Slow(at=1, seconds=4, delay=0.5)),
    (
        'kind = "slow"\nseconds = 4\nbytes_per_second = 100',
        Slow(at=1, seconds=4, bytes_per_second=100),
    ),
    ('kind = "portal"\nseconds = 4', Portal(at=1, seconds=4)),
    ('kind = "late"\nseconds = 4\ndelay = 2', Late(at=1, seconds=4, delay=2)),
    ('kind = "duplicate"\nseconds = 4', Duplicate(at=1, seconds=4)),
    ('kind = "clock"\nseconds = 4\nby = -3600', Clock(at=1, seconds=4, by=-3600)),
]


@pytest.mark.parametrize(("toml", "fault"), EACH, ids=[toml for toml, _ in EACH])
def test_each_kind(toml: str, fault: Fault) -> None:
    assert read(f"[[fault]]\nat = 1\n{toml}\n") == (fault,)


@pytest.mark.parametrize(
    "toml",
    [
        "at = 1",
        'kind = "fire"\nat = 1',
        'kind = "drop"',
        'kind = "drop"\nat = -1',
        'kind = "drop"\nat = 1\nseconds = 2',
        'kind = "freeze"\nat = 1',
        'kind = "late"\nat = 1\nseconds = 2',
        'kind = "flap"\nat = 1\nseconds = 2\nevery = 0',
        "kind =",
    ],
)
def test_what_is_no_fault_is_said_in_one_line(toml: str) -> None:
    with pytest.raises(BadScript) as raised:
        read(f"[[fault]]\n{toml}\n")

    assert raised.value.message
    assert "\n" not in raised.value.message


def test_which_devices() -> None:
    assert numbers(Drop(at=0), 3) == [1, 2, 3]
    assert numbers(Drop(at=0, devices="2"), 3) == [2]
    assert numbers(Drop(at=0, devices="1-3, 5,2-3"), 5) == [1, 2, 3, 5]


@pytest.mark.parametrize("devices", ["", "0", "4", "3-1", "a", "1-", "-1", "1,,2"])
def test_devices_that_are_not_there(devices: str) -> None:
    with pytest.raises(BadScript, match="devices"):
        numbers(Drop(at=0, devices=devices), 3)


def test_what_begins_and_ends_in_order() -> None:
    found = timeline([Freeze(at=2, seconds=3), Drop(at=4), Flap(at=0, seconds=1, every=0.5)])

    assert found == [
        Moment(0, 3), Moment(0.5, 3), Moment(1, 3), Moment(2, 1), Moment(4, 2),
        Moment(5, 1, begins=False),
    ]  # fmt: skip


def test_a_script_has_a_bound() -> None:
    with pytest.raises(BadScript, match="fault 1: more than"):
        timeline([Flap(at=0, seconds=86_400, every=0.001)])


def test_what_is_shown() -> None:
    assert said(Drop(at=0), 1, begins=True) == "drop of 1 device"
    assert said(Freeze(at=0, seconds=1), 5, begins=False) == "end of freeze of 5 devices"


def test_the_page_explains_each_kind_and_shows_what_is_taken() -> None:
    page = (DOCS / "operations.md").read_text("utf-8")
    part = page.partition("## Rehearsals")[2].partition("\n## ")[0]
    kinds = set(re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE))

    assert kinds == {type(fault).__name__.lower() for _, fault in EACH}
    assert len(read(part.partition("```toml\n")[2].partition("```")[0])) == 2
