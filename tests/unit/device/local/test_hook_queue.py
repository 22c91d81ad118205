"""Hooks wait in order, and each once."""

from device.local.hook_queue import HookQueue
from device.settings import Hook
from tests.unit.device.local.states import PAUSED, PUSHED, STATE

ON_CONFIG = Hook(on=frozenset({"config"}), argv=("config",))
ON_PAUSE = Hook(on=frozenset({"production"}), argv=("pause",))
ON_BOTH = Hook(on=frozenset({"production", "config"}), argv=("both",))


def queue() -> HookQueue:
    return HookQueue([ON_CONFIG, ON_PAUSE, ON_BOTH])


def test_nothing_waits_at_first() -> None:
    assert queue().next() is None


def test_a_change_concerns_the_hooks_that_name_its_section() -> None:
    hooks = queue()
    hooks.changed(frozenset({"production"}), PAUSED)

    assert [hooks.next(), hooks.next(), hooks.next()] == [
        (ON_PAUSE, PAUSED),
        (ON_BOTH, PAUSED),
        None,
    ]


def test_a_change_that_concerns_no_hook_runs_none() -> None:
    hooks = queue()
    hooks.changed(frozenset({"mode"}), STATE)

    assert hooks.next() is None


def test_only_the_newest_change_waits() -> None:
    hooks = queue()
    hooks.changed(frozenset({"config"}), PUSHED)
    assert hooks.next() == (ON_CONFIG, PUSHED)
    hooks.changed(frozenset({"config"}), STATE)
    hooks.changed(frozenset({"config", "production"}), PAUSED)

    assert [hooks.next(), hooks.next(), hooks.next(), hooks.next()] == [
        (ON_BOTH, PAUSED),
        (ON_CONFIG, PAUSED),
        (ON_PAUSE, PAUSED),
        None,
    ]
