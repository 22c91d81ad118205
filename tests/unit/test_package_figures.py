"""Rooms, arrows, circles and names with two homes, of a small package."""

from pathlib import Path
from textwrap import dedent

import pytest

from longline.packages import OURS
from scripts.figures import ROOT, Figures, circles_of, figures, lines, main


def package(folder: Path, **modules: str) -> Figures:
    """A package `house` of modules by name, `__` for a dot."""
    house = folder / "house"
    for name, source in {"__init__": "", **modules}.items():
        path = house.joinpath(*(name if name == "__init__" else name.replace("__", "/")).split("/"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".py").write_text(dedent(source))
    return figures(house)


def test_modules_and_folders_at_the_top_are_rooms(tmp_path: Path) -> None:
    found = package(tmp_path, hall="", cellar__wine="", cellar__coal="")

    assert found.rooms == ["cellar", "hall"]


def test_an_import_of_another_room_is_one_arrow_however_often(tmp_path: Path) -> None:
    found = package(
        tmp_path,
        hall="""
            import json
            from house import stairs
            from house.cellar.wine import Bottle, Cork

            def late():
                import house.cellar.coal
        """,
        stairs="",
        cellar__wine="from house.cellar import coal",
        cellar__coal="",
    )

    assert found.arrows == [("hall", "cellar"), ("hall", "stairs")]
    assert found.circles == []


def test_rooms_that_reach_each_other_are_a_circle(tmp_path: Path) -> None:
    found = package(
        tmp_path,
        hall="from house.stairs import Step",
        stairs="from house.attic import Trunk",
        attic="from house.hall import Door",
        shed="from house.hall import Door",
    )

    assert found.circles == [["attic", "hall", "stairs"]]


def test_two_circles_are_told_apart() -> None:
    arrows = [("a", "b"), ("b", "a"), ("b", "c"), ("c", "d"), ("d", "c")]

    assert circles_of("abcd", arrows) == [["a", "b"], ["c", "d"]]


def test_a_public_class_of_two_modules_has_two_homes(tmp_path: Path) -> None:
    found = package(
        tmp_path,
        hall="class Key: ...\nclass _Inner: ...",
        cellar__wine="class Key: ...\nclass _Inner: ...\nclass Bottle: ...",
    )

    assert found.homes == {"Key": ["house.cellar.wine", "house.hall"]}


def test_lines_say_all_of_it(tmp_path: Path) -> None:
    found = package(tmp_path, hall="from house.stairs import Step", stairs="")

    assert list(lines("house", found)) == [
        "house: 2 rooms: hall stairs",
        "1 arrows",
        "  hall → stairs",
        "0 circles",
        "0 class names with more than one home",
        "0 protocols: ",
        "0 modules of more than 300 lines",
    ]


def test_protocols_and_long_modules_are_named(tmp_path: Path) -> None:
    found = package(tmp_path, hall="class Guest(Protocol): ...\n", cellar="\n" * 301)

    assert found.protocols == ["house.hall.Guest"]
    assert found.long == {"house.cellar": 301}


def test_a_package_that_is_not_there_is_a_mistake_of_usage(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["nowhere"]) == main([]) == 2
    assert "which package?" in capsys.readouterr().err


@pytest.mark.parametrize("package", sorted(OURS))
def test_no_package_of_ours_has_a_circle(package: str) -> None:
    assert figures(ROOT / package).circles == []


@pytest.mark.parametrize("package", ["hub", "device"])
def test_a_public_class_has_one_home(package: str) -> None:
    """A name says whose it is: who reads it somewhere does not have to look where it came from."""
    assert figures(ROOT / package).homes == {}
