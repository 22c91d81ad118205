from msgspec.structs import replace

from device.config.commit import (
    Handed,
    Origin,
    StoredConfig,
    Until,
    at_start,
    begun,
    confirmed,
    known,
    refusing,
    replaced,
    undone,
)
from device.config.patch import ConfigChange

GOOD = StoredConfig(version=3, document={"a": 1}, handed=Handed("7", "hash-7"))
PUSH = Origin(command_id="c1")
HANDED = Origin(handed=Handed("8", "hash-8"))
UNTIL = Until("boot-1", 100.0)
CHANGE = ConfigChange({"a": 2}, [], ["a"])
CUTTING = ConfigChange({"hub": "https://other"}, ["hub"], [])


def test_what_is_not_tried_is_taken_for_good() -> None:
    assert replaced(GOOD, CHANGE, PUSH) == StoredConfig(
        version=4, document={"a": 2}, handed=GOOD.handed
    )
    assert replaced(refusing(GOOD, "8"), CHANGE, HANDED) == StoredConfig(
        version=4, document={"a": 2}, handed=HANDED.handed
    )
    assert replaced(refusing(GOOD, "8"), CHANGE, PUSH).refused == "8"


def test_a_configuration_is_on_trial_until_it_is_confirmed() -> None:
    trial = begun(GOOD, CHANGE, PUSH, UNTIL)
    assert (trial.version, trial.document) == (4, {"a": 2})
    assert trial.trial is not None
    assert (trial.trial.version, trial.trial.document) == (3, {"a": 1})
    assert trial.trial.change == ConfigChange({"a": 1}, [], ["a"])
    assert confirmed(trial) == replaced(GOOD, CHANGE, PUSH)


def test_what_is_undone_is_remembered_and_its_version_not_given_again() -> None:
    back = undone(begun(GOOD, CHANGE, PUSH, UNTIL))
    assert back == replace(GOOD, highest=4, rolled_back="c1")
    again = begun(back, ConfigChange({"a": 3}, [], ["a"]), PUSH, UNTIL)
    assert again.version == 5
    assert undone(again).highest == 5
    assert confirmed(again).rolled_back is None


def test_what_was_handed_over_and_undone_is_refused() -> None:
    back = undone(begun(GOOD, CHANGE, HANDED, UNTIL))
    assert (back.handed, back.refused, back.rolled_back) == (GOOD.handed, "8", None)
    assert known(back, Handed("9", "hash-9")) == replace(
        back, handed=Handed("9", "hash-9"), refused=None
    )


def test_a_trial_goes_on_after_the_restart_that_it_needs_and_after_no_other() -> None:
    trial = begun(GOOD, CUTTING, PUSH, UNTIL)
    goes_on = at_start(trial, "boot-1")
    assert goes_on.document == CUTTING.document
    assert at_start(goes_on, "boot-1") == undone(trial)
    assert at_start(trial, "boot-2") == undone(trial)
    assert at_start(begun(GOOD, CHANGE, PUSH, UNTIL), "boot-1").document == GOOD.document
    assert at_start(GOOD, "boot-1") is GOOD


def test_without_a_trial_there_is_nothing_to_undo() -> None:
    assert undone(GOOD) is GOOD
