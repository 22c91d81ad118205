from typing import Any

import msgspec

from protocol.commands import Danger
from protocol.frames import Hello, own_of, types_of
from protocol.own import OwnCommand, OwnCommands, described

SAID = {"hash": "h", "names": ["calibrate", "measure"]}


def hello(**fields: Any) -> Hello:
    given = {"commands": ["force_sync", "custom"], "accepts": ["describe"], "custom": SAID}
    return msgspec.convert({"type": "hello", "bootId": "b", **given, **fields}, Hello)


def test_a_device_has_what_its_hello_names_and_its_own_by_their_names() -> None:
    assert types_of(hello()) == ["force_sync", "custom.calibrate", "custom.measure"]
    assert own_of(hello()) == OwnCommands("h", ["calibrate", "measure"])


def test_own_commands_that_nobody_could_describe_are_none() -> None:
    for said in (
        hello(accepts=None),
        hello(accepts=["connection_mode"]),
        hello(custom=None),
        hello(commands=["force_sync"]),
        hello(commands=["force_sync", "custom.calibrate"]),
    ):
        assert types_of(said) == ["force_sync"]
        assert own_of(said) is None
    assert types_of(hello(commands=None)) is None
    assert own_of(hello(commands=None)) is None


def test_the_hash_is_of_all_that_is_said() -> None:
    one = OwnCommand(name="calibrate", schema={"type": "object", "title": "t"})
    same = OwnCommand(name="calibrate", schema={"title": "t", "type": "object"})
    other = OwnCommand(name="calibrate", danger=Danger.NO)
    assert described([one]).hash == described([same]).hash
    assert len({described([each]).hash for each in (one, other)}) == 2
