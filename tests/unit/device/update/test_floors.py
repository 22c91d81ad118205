import pytest

from device.update.artifact import UpdateRefused
from device.update.floors import Floor, check_floor, raised, taken_up

AGENT = "agent"


def floor_of(version: str, in_file: str | None = None) -> dict[str, Floor]:
    return {AGENT: Floor(version=version, in_file=in_file)}


def test_the_file_sets_a_floor_by_type() -> None:
    assert taken_up({}, {AGENT: "2.0", "plc": "1"}) == {
        **floor_of("2.0", "2.0"),
        "plc": Floor(version="1", in_file="1"),
    }
    assert taken_up({}, {}) == {}


def test_a_signed_version_raises_it_and_the_same_file_does_not_lower_it() -> None:
    floors = raised(taken_up({}, {AGENT: "2.0"}), AGENT, "3.0")
    assert floors == floor_of("3.0", "2.0")
    assert taken_up(floors, {AGENT: "2.0"}) == floors


def test_only_a_changed_file_lowers_it() -> None:
    floors = floor_of("3.0", "2.0")
    assert taken_up(floors, {AGENT: "2.5"}) == floor_of("2.5", "2.5")
    assert taken_up(floors, {}) == floor_of("3.0")
    assert taken_up(taken_up(floors, {}), {AGENT: "2.0"}) == floor_of("2.0", "2.0")
    assert taken_up(floor_of("3.0"), {AGENT: "1"}) == floor_of("1", "1")


def test_nothing_but_the_file_lowers_it() -> None:
    assert raised(floor_of("3.0", "3.0"), AGENT, "2.0") == floor_of("3.0", "3.0")
    assert raised(floor_of("3.0"), AGENT, "3.0") == floor_of("3.0")
    assert raised({}, AGENT, "2.0") == floor_of("2.0")


@pytest.mark.parametrize("wanted", ["1.9", "0", "named"])
def test_below_the_floor_nothing_is_taken(wanted: str) -> None:
    with pytest.raises(UpdateRefused, match=r"no lower than 2\.0") as refused:
        check_floor(floor_of("2.0"), AGENT, wanted)
    assert refused.value.code == "below_floor"


def test_the_floor_itself_and_what_is_above_are_taken() -> None:
    for wanted in ("2.0", "2.0-rc1", "2", "10"):
        check_floor(floor_of("2.0"), AGENT, wanted)
    check_floor(floor_of("named"), AGENT, "named")
    check_floor(floor_of("2.0"), "plc", "1")
