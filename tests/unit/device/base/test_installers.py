from typing import Any

import msgspec
import pytest

from device.base.installers import (
    MOST_TYPES,
    InstallerSettings,
    ProofSettings,
    filled,
    problem_of,
    takes_unsigned,
)


def make_installer(**changes: Any) -> InstallerSettings:
    fields: dict[str, Any] = {"argv": ("install",), "proof": ProofSettings(report="plc")}
    return InstallerSettings(**{**fields, **changes})


@pytest.mark.parametrize(
    "proof",
    [
        ProofSettings(version_file="/etc/plc/version"),
        ProofSettings(argv=("plc", "--version")),
        ProofSettings(report="plc"),
    ],
)
def test_a_version_is_proven_in_one_of_three_ways(proof: ProofSettings) -> None:
    assert problem_of({"plc-image": make_installer(proof=proof)}) is None


@pytest.mark.parametrize(
    ("name", "proof", "said"),
    [
        ("plc", ProofSettings(), "its proof is one of"),
        ("plc", ProofSettings(report="a", version_file="/v"), "its proof is one of"),
        ("plc", ProofSettings(version_file="v"), "v is not an absolute path"),
        ("agent", ProofSettings(report="a"), "installed by its launcher"),
        ("../plc", ProofSettings(report="a"), "a type has letters"),
    ],
)
def test_what_makes_no_sense_is_named(name: str, proof: ProofSettings, said: str) -> None:
    problem = problem_of({name: make_installer(proof=proof)})
    assert problem is not None
    assert problem.startswith(f"installers.{name}: ")
    assert said in problem


def test_there_are_not_too_many() -> None:
    many = {f"t{n}": make_installer() for n in range(MOST_TYPES + 1)}
    assert problem_of(many) == f"installers: {MOST_TYPES + 1} types; a device has at most 32"


def test_what_is_not_known_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"argv": ["x"], "proof": {}, "shell": True}, InstallerSettings)


def test_a_value_is_filled_in_once_and_stays_one_argument() -> None:
    argv = ["install", "{file}", "--to={version}", "{other}", "; {version}"]
    assert filled(argv, file="/a {version}", version="1; rm") == [
        "install", "/a {version}", "--to=1; rm", "{other}", "; 1; rm",
    ]  # fmt: skip


def test_unsigned_is_taken_without_keys_or_where_an_installer_says_so() -> None:
    signed, unsigned = {"a": make_installer()}, {"b": make_installer(unsigned=True)}
    assert takes_unsigned({}, has_keys=False)
    assert not takes_unsigned(signed, has_keys=True)
    assert takes_unsigned({**signed, **unsigned}, has_keys=True)
