"""What becomes of a device's labels."""

import pytest

from hub.base.errors import Conflict, Invalid
from hub.devices.labels import MOST, filled, merged, tagged, tags_of


def test_a_patch_is_merged_and_null_takes_away() -> None:
    labels = {"site": "north", "line": "3", "spare": ""}
    assert merged(labels, {"line": "4", "site": None, "new": ""}) == {
        "line": "4",
        "spare": "",
        "new": "",
    }


def test_tags_are_the_labels_without_a_value() -> None:
    assert tags_of({"z": "", "site": "north", "a": ""}) == ["a", "z"]
    assert tagged({"z": "", "site": "north"}, ["b", "a"]) == {"site": "north", "b": "", "a": ""}


def test_a_tag_does_not_overwrite_a_value() -> None:
    with pytest.raises(Conflict, match="site has a value"):
        tagged({"site": "north"}, ["site"])


def test_there_are_as_many_as_there_may_be() -> None:
    full = {f"k{n}": "v" for n in range(MOST)}
    assert merged(full, {"k0": None, "more": "v"})
    with pytest.raises(Invalid, match="64 labels"):
        merged(full, {"more": "v"})
    with pytest.raises(Invalid, match="tags"):
        tagged(full, ["more"])


def test_further_labels_take_the_room_that_is_left() -> None:
    assert filled({"a": "1"}, {"a": "2", "b": "3"}) == {"a": "1", "b": "3"}
    full = {f"k{n}": "v" for n in range(MOST - 1)}
    assert filled(full, {"x": "", "y": ""}) == {**full, "x": ""}
