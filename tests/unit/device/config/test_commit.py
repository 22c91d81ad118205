from device.config.commit import ConfigTrial, StoredConfig, begun, confirmed, undone

GOOD = StoredConfig(version=3, document={"a": 1})


def test_a_configuration_is_on_trial_until_it_is_confirmed() -> None:
    trial = begun(GOOD, {"a": 2}, "c1")
    assert (trial.version, trial.document) == (4, {"a": 2})
    assert trial.trial == ConfigTrial(3, {"a": 1}, "c1")
    assert confirmed(trial) == StoredConfig(version=4, document={"a": 2})


def test_what_is_undone_is_remembered_and_its_version_not_given_again() -> None:
    back = undone(begun(GOOD, {"a": 2}, "c1"))
    assert back == StoredConfig(version=3, document={"a": 1}, highest=4, rolled_back="c1")
    again = begun(back, {"a": 3}, "c2")
    assert again.version == 5
    assert undone(again).highest == 5
    assert confirmed(again).rolled_back is None


def test_without_a_trial_there_is_nothing_to_undo() -> None:
    assert undone(GOOD) is GOOD
