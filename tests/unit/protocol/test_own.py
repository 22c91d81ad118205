from protocol.commands import Danger
from protocol.own import OwnCommand, OwnCommands, described, types_said

SAID = OwnCommands("h", ["calibrate", "measure"])
DESCRIBE = ["describe"]


def test_a_device_has_what_its_hello_names_and_its_own_by_their_names() -> None:
    assert types_said(["force_sync", "custom"], DESCRIBE, SAID) == [
        "force_sync", "custom.calibrate", "custom.measure",
    ]  # fmt: skip


def test_own_commands_that_nobody_could_describe_are_none() -> None:
    assert types_said(["force_sync", "custom"], None, SAID) == ["force_sync"]
    assert types_said(["force_sync", "custom"], DESCRIBE, None) == ["force_sync"]
    assert types_said(["force_sync"], DESCRIBE, SAID) == ["force_sync"]
    assert types_said(["custom.calibrate"], DESCRIBE, None) == []
    assert types_said(None, DESCRIBE, SAID) is None


def test_the_hash_is_of_all_that_is_said() -> None:
    one = OwnCommand(name="calibrate", schema={"type": "object", "title": "t"})
    same = OwnCommand(name="calibrate", schema={"title": "t", "type": "object"})
    other = OwnCommand(name="calibrate", danger=Danger.NO)
    assert described([one]).hash == described([same]).hash
    assert len({described([each]).hash for each in (one, other)}) == 2
