from typing import Any

from hub.own.common import Can, types_in_common
from hub.own.description import Description
from protocol.commands import UNNAMED_COMMANDS, Danger
from protocol.own import OwnCommand


def can(*commands: OwnCommand, types: list[str] | None = None) -> Can:
    own = [f"custom.{each.name}" for each in commands]
    return Can(["force_sync", *own] if types is None else types, Description(list(commands)))


def make_own(name: str = "calibrate", **fields: Any) -> OwnCommand:
    return OwnCommand(name=name, **fields)


def names(*fleet: Can) -> list[str]:
    return [each.type for each in types_in_common(fleet, Danger.NO)]


def test_a_device_that_said_nothing_has_the_eleven() -> None:
    assert set(names(Can(None, None))) == UNNAMED_COMMANDS


def test_of_no_device_there_are_none() -> None:
    assert names() == []


def test_what_all_have_is_theirs() -> None:
    assert names(can(make_own())) == ["force_sync", "custom.calibrate"]
    assert names(can(make_own()), can(make_own())) == ["force_sync", "custom.calibrate"]
    assert names(can(make_own()), can()) == ["force_sync"]
    assert names(can(make_own()), Can(None, None)) == ["force_sync"]
    assert names(Can(None, None), can(make_own())) == ["force_sync"]
    assert names(can(make_own()), can(types=["pull_logs"])) == []


def test_what_is_not_described_is_not_offered() -> None:
    assert names(Can(["custom.calibrate"], None)) == []


def test_one_form_must_do_for_all() -> None:
    other = make_own(schema={"type": "object"})
    assert names(can(make_own()), can(other)) == ["force_sync"]


def test_the_most_dangerous_counts_and_the_longest_time() -> None:
    one = make_own(title="Calibrate", danger=Danger.NO, redeliver=True, timeout_ms=5)
    two = make_own(title="Other", danger=Danger.MEDIUM, redeliver=False, timeout_ms=9)
    (_, own) = types_in_common([can(one), can(two)], Danger.NO)
    assert (own.title, own.danger, own.redeliver, own.timeout_ms) == (
        "Calibrate",
        "medium",
        False,
        9,
    )
    (_, own) = types_in_common([can(one), can(two)], Danger.YES)
    assert own.danger == "yes"
    (_, own) = types_in_common([can(make_own(redeliver=True))], Danger.NO)
    assert (own.title, own.redeliver) == ("calibrate", True)


def test_the_eleven_say_what_they_take() -> None:
    every = {each.type: each for each in types_in_common([Can(None, None)], Danger.YES)}
    shell = every["exec_shell"]
    assert (shell.danger, shell.timeout_ms, shell.redeliver) == (Danger.MEDIUM, 60_000, False)
    assert shell.schema["required"] == ["template"]
    assert set(shell.schema["properties"]) == {"template", "args"}
    assert every["update_firmware"].schema["properties"]["sha256"]["pattern"] == "^[0-9a-f]{64}$"
    assert shell.title == "Run an allow-listed template of the device; never a shell"
