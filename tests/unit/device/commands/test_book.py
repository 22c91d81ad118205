from device.commands.book import (
    MOST_COMMANDS,
    REPEAT_SECONDS,
    Book,
    Finished,
    Forgotten,
    Received,
    Run,
    Send,
    Started,
    Stop,
    WriteJournal,
)
from device.commands.recovery import JournalRow
from protocol.commands import (
    Command,
    Delivery,
    EnableDevice,
    ExecShell,
    ForceSync,
    RebootOs,
    SecretReference,
)
from protocol.ids import CommandId
from protocol.replies import Ack, Progress, Result
from protocol.secret_values import Values
from tests.unit.device.factories import (
    error_of,
    make_result,
    marks,
    recorded,
    runs,
    sent,
)

C1, C2 = CommandId("c1"), CommandId("c2")
LATE = "late"
BOOT = "boot-1"


def make_book() -> Book:
    return Book(lambda deadline, _now: deadline == LATE)


def delivery(
    command_id: CommandId = C1, command: Command | None = None, deadline: str | None = None
) -> Delivery:
    return Delivery(id=command_id, deadline=deadline, command=command or ForceSync())


def running_book(command: Command | None = None) -> Book:
    book = make_book()
    assert runs(recorded(book, book.deliver(delivery(command=command), 0.0))) == ["c1"]
    return book


def answered_book() -> Book:
    book = running_book()
    recorded(book, book.finished(make_result()))
    return book


def test_nothing_is_sent_or_run_before_it_is_recorded() -> None:
    book = make_book()
    assert book.deliver(delivery(), 0.0) == [WriteJournal(Received(C1, "force_sync"))]
    effects = book.recorded(Received(C1, "force_sync"), 0.0)
    assert sent(effects) == [Ack(command_id=C1)]
    assert marks(effects) == [Started(C1, None)]
    assert runs(book.recorded(Started(C1, None), 0.0)) == ["c1"]
    assert book.running == 1
    assert marks(book.finished(make_result())) == [Finished(C1, make_result())]
    assert sent(book.recorded(Finished(C1, make_result()), 0.0)) == [make_result()]
    assert book.result_ack(C1) == [WriteJournal(Forgotten(C1, make_result()))]
    assert book.unfinished() == []


def test_a_reboot_is_recorded_as_expecting_one() -> None:
    book = make_book()
    effects = recorded(book, book.deliver(delivery(command=RebootOs()), 0.0))
    assert Started(C1, "boot") in marks(effects)


def test_a_result_is_said_again_on_a_new_line_and_after_a_while() -> None:
    book = answered_book()
    assert sent(book.tick(REPEAT_SECONDS - 1)) == []
    assert sent(book.tick(REPEAT_SECONDS)) == [make_result()]
    assert sent(book.tick(REPEAT_SECONDS + 1)) == []
    assert sent(book.new_line(REPEAT_SECONDS + 1)) == [make_result()]
    assert sent(book.deliver(delivery(), 20.0)) == [make_result()]
    assert sent(book.cancel(C1, 20.0)) == [make_result()]
    assert book.reject(C1, "x", "y") == []


def test_a_command_that_comes_again_is_not_run_again() -> None:
    book = make_book()
    book.deliver(delivery(), 0.0)
    assert book.deliver(delivery(), 0.0) == []
    effects = book.recorded(Received(C1, "force_sync"), 0.0)
    assert sent(book.deliver(delivery(), 0.0)) == [Ack(command_id=C1)]
    recorded(book, effects[1:])
    assert runs(book.deliver(delivery(), 0.0)) == []
    book.finished(make_result())
    assert book.deliver(delivery(), 0.0) == []
    assert book.cancel(C1, 0.0) == []
    assert book.result_ack(C1) == []


def test_a_command_that_the_journal_knows_is_answered_from_it() -> None:
    book = make_book()
    book.deliver(delivery(), 0.0)
    done = JournalRow(id=C1, result=make_result())
    assert sent(book.recorded(Received(C1, ""), 0.0, done)) == [make_result()]
    book.deliver(delivery(C2), 0.0)
    (answer,) = sent(book.recorded(Received(C2, ""), 0.0, JournalRow(id=C2, os_boot_id=BOOT)))
    assert isinstance(answer, Result)
    assert answer.outcome == "unknown"


def test_a_command_past_its_deadline_is_not_started() -> None:
    book = make_book()
    effects = recorded(book, book.deliver(delivery(deadline=LATE), 0.0))
    assert runs(effects) == []
    assert error_of(sent(effects)[-1]).code == "deadline_passed"
    assert runs(recorded(book, book.deliver(delivery(C2), 0.0))) == ["c2"]


def test_serial_commands_wait_for_each_other_and_concurrent_ones_do_not_wait_for_them() -> None:
    book = running_book(EnableDevice())
    waiting = recorded(book, book.deliver(delivery(C2, EnableDevice()), 0.0))
    assert sent(waiting) == [Ack(command_id=C2)]
    assert runs(waiting) == []
    beside = recorded(book, book.deliver(delivery(CommandId("c3")), 0.0))
    assert runs(beside) == ["c3"]
    assert runs(recorded(book, book.finished(make_result()))) == ["c2"]


def test_cancelling_what_waits_what_runs_and_what_never_came() -> None:
    book = running_book(EnableDevice())
    recorded(book, book.deliver(delivery(C2, EnableDevice()), 0.0))
    (waiting,) = sent(recorded(book, book.cancel(C2, 0.0)))
    assert book.cancel(C1, 0.0) == [Stop(C1)]
    effects = book.cancel(CommandId("c9"), 0.0)
    assert marks(effects) == [Received(CommandId("c9"), "")]
    (absent,) = sent(recorded(book, effects))
    for result in (waiting, absent):
        assert isinstance(result, Result)
        assert result.outcome == "cancelled"
    assert runs(recorded(book, book.finished(make_result()))) == []


def test_a_cancel_during_a_record_takes_effect_after_it() -> None:
    for mark in (Received(C1, "force_sync"), Started(C1, None)):
        book = make_book()
        book.deliver(delivery(), 0.0)
        if isinstance(mark, Started):
            book.recorded(Received(C1, "force_sync"), 0.0)
        assert book.cancel(C1, 0.0) == []
        effects = recorded(book, book.recorded(mark, 0.0))
        assert runs(effects) == []
        assert error_of(sent(effects)[-1]).code == "cancelled"


def test_without_a_journal_nothing_runs() -> None:
    book = make_book()
    book.deliver(delivery(), 0.0)
    (result,) = sent(book.not_recorded(Received(C1, ""), 0.0))
    assert error_of(result).code == "journal_unavailable"
    book.deliver(delivery(C2), 0.0)
    book.recorded(Received(C2, ""), 0.0)
    (result,) = sent(book.not_recorded(Started(C2, None), 0.0))
    assert error_of(result).code == "journal_unavailable"
    assert runs(book.recorded(Started(C2, None), 0.0)) == []


def test_a_result_that_could_not_be_recorded_is_sent_all_the_same() -> None:
    book = running_book()
    book.finished(make_result())
    assert sent(book.not_recorded(Finished(C1, make_result()), 0.0)) == [make_result()]
    (forgotten,) = marks(book.result_ack(C1))
    assert book.not_recorded(forgotten, 0.0) == []
    assert book.recorded(forgotten, 0.0) == []


def test_an_undecodable_command_is_rejected_once_it_is_recorded() -> None:
    book = make_book()
    (result,) = sent(recorded(book, book.reject(C1, "invalid_command", "x" * 5000)))
    assert error_of(result).code == "invalid_command"
    assert len(error_of(result).message) == 4096


def test_progress_counts_while_it_runs() -> None:
    frame = Progress(command_id=C1, percent=5)
    assert make_book().progress(frame) == []
    assert sent(running_book().progress(frame)) == [frame]
    assert answered_book().progress(frame) == []


def test_too_many_commands_are_refused_unrecorded() -> None:
    book = make_book()
    for number in range(MOST_COMMANDS):
        book.deliver(delivery(CommandId(f"n{number}")), 0.0)
    (effect,) = sent(book.deliver(delivery(), 0.0))
    assert error_of(effect).code == "too_many_commands"


def test_what_an_earlier_process_left_behind() -> None:
    book = make_book()
    effects = book.load(
        [
            JournalRow(id=CommandId("waiting")),
            JournalRow(id=CommandId("also-waiting")),
            JournalRow(id=CommandId("done"), os_boot_id=BOOT, result=make_result("done")),
            JournalRow(id=CommandId("cut-off"), os_boot_id=BOOT),
        ],
        BOOT,
    )
    assert [mark.id for mark in marks(effects)] == ["cut-off"]
    assert book.unfinished() == ["waiting", "also-waiting", "done", "cut-off"]
    assert sent(book.new_line(0.0)) == [make_result("done")]
    assert runs(recorded(book, book.deliver(delivery(CommandId("waiting")), 0.0))) == ["waiting"]
    (result,) = sent(recorded(book, book.cancel(CommandId("also-waiting"), 0.0)))
    assert error_of(result).code == "cancelled"


def test_what_goes_on_in_this_process_keeps_its_turn() -> None:
    book = make_book()
    row = JournalRow(id=CommandId("push"), os_boot_id=BOOT)
    assert book.load([row], BOOT, going_on="push") == []
    assert sent(book.deliver(delivery(CommandId("push")), 0.0)) == [Ack(command_id=row.id)]
    behind = Delivery(id=CommandId("c2"), deadline=None, command=EnableDevice())
    assert runs(recorded(book, book.deliver(behind, 0.0))) == []
    assert runs(recorded(book, book.finished(make_result("push")))) == ["c2"]


def test_what_a_command_names_goes_to_its_run_and_is_judged_before() -> None:
    def delivered(**secrets: str) -> list[object]:
        command = ExecShell(id=C1, template="t", args={"a": SecretReference("wifi")})
        delivery = Delivery(
            id=CommandId("c1"), deadline=None, command=command, secrets=Values(secrets)
        )
        book = Book(lambda _deadline, _now: False)
        todo: list[object] = list(book.deliver(delivery, 0.0))
        seen: list[object] = []
        while todo:
            effect = todo.pop(0)
            seen.append(effect)
            if isinstance(effect, WriteJournal):
                todo += book.recorded(effect.mark, 0.0)
        return seen

    (run,) = [each for each in delivered(wifi="s3cret") if isinstance(each, Run)]
    assert (run.secrets, run.command) == (
        {"wifi": "s3cret"},
        ExecShell(id=C1, template="t", args={"a": SecretReference("wifi")}),
    )
    assert "s3cret" not in repr(delivered(wifi="s3cret"))
    for secrets, code in (({}, "secret_missing"), ({"wifi": "x" * 4097}, "bad_argument")):
        answers = [each.frame for each in delivered(**secrets) if isinstance(each, Send)]
        codes = [each.error.code for each in answers if isinstance(each, Result) and each.error]
        assert codes == [code]
