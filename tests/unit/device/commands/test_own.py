import msgspec

from device.base.own_commands import OwnCommandSettings
from device.commands.book import MOST_COMMANDS, Book, Finished, Received, Started
from device.commands.own import OwnTable
from device.commands.recovery import JournalRow
from protocol.codec import encode
from protocol.commands import COMMANDS, Custom, Delivery, EnableDevice, PullLogs, RebootOs
from protocol.frames import Hello
from protocol.ids import CommandId
from tests.unit.device.factories import error_of, marks, recorded, runs, sent

C1 = CommandId("c1")
SCHEMA = {"required": ["axis"], "properties": {"axis": {"enum": ["x", "y"]}}}
DECLARED = {
    "calibrate": {"argv": ["calibrate", "{axis}"], "schema": SCHEMA},
    "measure": {"argv": ["measure"], "redeliver": True, "concurrent": True},
}


def make_table() -> OwnTable:
    return OwnTable(msgspec.convert(DECLARED, dict[str, OwnCommandSettings]))


def make_book() -> Book:
    return Book(lambda _deadline, _now: False, make_table())


def test_hello_says_nothing_where_none_is_declared() -> None:
    table = OwnTable({})
    assert (table.said(), table.types(), table.accepts()) == (None, [], [])
    assert table.describe("custom") is None


def test_hello_names_them_and_describe_describes_them() -> None:
    table = make_table()
    said, described = table.said(), table.describe("custom")
    assert said is not None
    assert described is not None
    assert (table.types(), table.accepts()) == (["custom"], ["describe"])
    assert said.names == [each.name for each in described.commands] == ["calibrate", "measure"]
    assert said.hash == described.hash
    assert table.describe("weather") is None


def test_what_it_has_runs() -> None:
    book = make_book()
    command = Custom(name="calibrate", args={"axis": "x"})
    effects = recorded(book, book.deliver(Delivery(id=C1, deadline=None, command=command), 0.0))
    assert marks(effects) == [Received(C1, "custom.calibrate"), Started(C1, None)]
    assert runs(effects) == ["c1"]


def test_an_unknown_name_is_rejected_and_wrong_arguments_are() -> None:
    for name, args, code in (
        ("paint", {}, "unsupported"),
        ("calibrate", {"axis": "w"}, "invalid_command"),
        ("calibrate", {}, "invalid_command"),
    ):
        book = make_book()
        effects = recorded(
            book,
            book.deliver(Delivery(id=C1, deadline=None, command=Custom(name=name, args=args)), 0.0),
        )
        assert runs(effects) == []
        assert error_of(sent(effects)[-1]).code == code
        (answer,) = [mark for mark in marks(effects) if isinstance(mark, Finished)]
        assert answer.result.outcome == "rejected"


def test_one_that_may_runs_again_after_a_crash_when_it_comes_again() -> None:
    book = make_book()
    command = Custom(name="measure")
    effects = recorded(book, book.deliver(Delivery(id=C1, deadline=None, command=command), 0.0))
    assert Started(C1, "again") in marks(effects)

    after = make_book()
    row = JournalRow(id=C1, kind="custom.measure", os_boot_id="b", expects="again")
    assert after.load([row], "b") == []
    assert after.unfinished() == [C1]
    again = after.deliver(Delivery(id=C1, deadline=None, command=command), 1.0)
    assert runs(recorded(after, again)) == ["c1"]


def test_one_that_is_gone_by_then_is_rejected() -> None:
    after = Book(lambda _deadline, _now: False)
    after.load([JournalRow(id=C1, kind="custom.measure", os_boot_id="b", expects="again")], "b")
    effects = recorded(
        after, after.deliver(Delivery(id=C1, deadline=None, command=Custom(name="measure")), 1.0)
    )
    (answer,) = sent(effects)
    assert error_of(answer).code == "unsupported"


def test_which_lane_they_take() -> None:
    table = make_table()
    assert table.is_concurrent(Custom(name="measure"))
    assert not table.is_concurrent(Custom(name="calibrate"))
    assert not table.is_concurrent(Custom(name="paint"))
    assert table.is_concurrent(PullLogs())
    assert not table.is_concurrent(EnableDevice())
    assert table.expects(RebootOs()) == "boot"
    assert table.refusal(RebootOs()) is None


def test_hello_is_short_however_much_there_is_to_say() -> None:
    table = OwnTable({f"c{n:039}": OwnCommandSettings(argv=("p",)) for n in range(32)})
    hello = Hello(
        boot_id="b" * 64,
        agent_version="v" * 128,
        journal_id="j" * 64,
        commands=[*COMMANDS, *table.types()],
        unfinished=[CommandId(f"{n:064}") for n in range(MOST_COMMANDS)],
        config_version=2**53,
        config_hash="h" * 64,
        config_rolled_back=CommandId("c" * 64),
        accepts=["connection_mode", *table.accepts()],
        custom=table.said(),
    )
    assert len(encode(hello)) <= 16 * 1024
