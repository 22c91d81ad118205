from device.commands.lanes import CommandLanes
from protocol.ids import CommandId


def ids(text: str) -> list[CommandId]:
    return [CommandId(letter) for letter in text]


def test_one_at_a_time_in_order() -> None:
    lanes = CommandLanes()
    for command_id in ids("abc"):
        lanes.join(command_id, concurrent=False)
    assert lanes.start() == ["a"]
    assert lanes.start() == []
    lanes.leave(CommandId("b"))
    lanes.leave(CommandId("a"))
    assert lanes.start() == ["c"]


def test_four_beside_each_other_and_beside_the_serial_one() -> None:
    lanes = CommandLanes()
    lanes.join(CommandId("s"), concurrent=False)
    for command_id in ids("abcdef"):
        lanes.join(command_id, concurrent=True)
    assert lanes.start() == [*"abcd", "s"]
    lanes.leave(CommandId("c"))
    assert lanes.start() == ["e"]
    lanes.leave(CommandId("nobody"))
    assert lanes.start() == []
