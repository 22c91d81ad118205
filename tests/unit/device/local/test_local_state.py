"""What a watcher is sent: the newest state, once, and of it what it watches."""

import json
from typing import Any

import pytest
from msgspec import structs

from device.local.local_state import SECTIONS, LocalState, Section, Watch, changed, line_of
from device.update.installed import SoftwareVersions
from tests.unit.device.local.states import PAUSED, PUSHED, STATE


def read(line: bytes | None) -> dict[str, Any]:
    assert line is not None
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_line_has_every_section() -> None:
    assert read(line_of(STATE)) == {
        "type": "state",
        "config": {"scanner": {"baud": 9600}},
        "configVersion": 1,
        "configTrial": False,
        "production": {"enabled": True, "reason": None},
        "mode": "VIA_LOCAL_SERVER",
        "versions": {"agent": {"current": "1.0", "staged": None}},
        "tokensDir": None,
    }


@pytest.mark.parametrize(
    ("section", "members"),
    [
        ("config", {"config", "configVersion", "configTrial"}),
        ("production", {"production"}),
        ("mode", {"mode"}),
        ("versions", {"versions"}),
        ("tokens", {"tokensDir"}),
    ],
)
def test_a_line_of_one_section_has_its_members_alone(section: Section, members: set[str]) -> None:
    assert set(read(line_of(STATE, [section]))) == {"type", *members}


@pytest.mark.parametrize(
    ("after", "section"),
    [
        (PUSHED, "config"),
        (structs.replace(STATE, config_trial=True), "config"),
        (PAUSED, "production"),
        (structs.replace(STATE, mode="DIRECT_CLOUD"), "mode"),
        (structs.replace(STATE, versions={"agent": SoftwareVersions("1.0", "1.1")}), "versions"),
        (structs.replace(STATE, tokens_dir="/t"), "tokens"),
    ],
)
def test_a_change_is_of_its_section(after: LocalState, section: Section) -> None:
    assert changed(STATE, after) == {section}


def test_nothing_has_changed_in_an_equal_state() -> None:
    assert changed(STATE, structs.replace(STATE)) == frozenset()


def test_a_watcher_is_owed_the_state_at_once_and_once() -> None:
    watch = Watch()

    assert read(watch.owed(STATE))["configVersion"] == 1
    assert watch.owed(STATE) is None


def test_a_watcher_that_missed_changes_is_owed_the_newest() -> None:
    watch = Watch()
    watch.owed(STATE)
    newest = structs.replace(PUSHED, production=PAUSED.production)

    line = read(watch.owed(newest))

    assert (line["configVersion"], line["production"]["reason"]) == (2, "jam")


def test_what_was_taken_back_before_it_was_sent_is_not_owed() -> None:
    watch = Watch()
    watch.owed(STATE)

    assert watch.owed(STATE) is None


def test_a_watcher_is_not_owed_what_it_does_not_watch() -> None:
    watch = Watch(frozenset({"production"}))
    watch.owed(STATE)

    assert watch.owed(PUSHED) is None
    assert set(read(watch.owed(PAUSED))) == {"type", "production"}


def test_there_are_five_sections() -> None:
    assert {"config", "production", "mode", "versions", "tokens"} == SECTIONS
