"""The queue of a line by cases, and with `plan` and a ledger against a naive model."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hub.commands.decisions import plan
from hub.commands.line_queue import LinePhase, LineQueue
from hub.commands.records import CommandRow
from hub.lines.session import LineSession
from protocol.commands import COMMANDS, UNNAMED_COMMANDS
from protocol.ids import Generation
from protocol.lifecycle import State
from tests.factories import make_command, make_line


def ready_line(sent_up_to: int = 0) -> LineQueue:
    queue = LineQueue(make_line())
    queue.claimed(sent_up_to, wrote=False, held=False)
    return queue


def test_a_new_line_is_not_written_to_before_its_first_claim() -> None:
    queue = LineQueue(make_line())
    assert queue.ready() is None
    assert not queue.accepted(1)
    assert not queue.wants_claim()
    queue.claimed(0, wrote=False, held=False)
    assert queue.wants_claim()
    assert queue.phase is LinePhase.CLAIMING


def test_a_line_knows_by_itself_how_long_a_frame_it_takes() -> None:
    queue = ready_line()
    long = make_command(State.SENT, type="push_config", params={"patch": {"a": "x" * 5_000}})
    assert queue.takes(long)
    queue.line.max_frame = 4_096  # hello, after the line had been taken for one without
    assert not queue.takes(long)
    assert queue.takes(make_command(State.SENT))


def test_a_line_that_said_nothing_yet_is_ready_and_says_so() -> None:
    queue = ready_line()
    for settled in (False, True):
        ready = queue.ready()
        assert ready is not None
        assert ready.settled is settled
        queue.settle()


def test_a_line_in_quarantine_is_neither_ready_nor_claims() -> None:
    queue = ready_line()
    queue.line.quarantine()
    assert queue.ready() is None
    queue.hinted()
    assert not queue.wants_claim()


def test_the_next_number_is_written_at_once_and_a_gap_is_claimed() -> None:
    queue = ready_line(4)
    ready = queue.ready()
    assert ready is not None
    assert (ready.generation, ready.journal_id, ready.commands) == (1, None, UNNAMED_COMMANDS)
    assert queue.accepted(5)
    assert not queue.accepted(7)
    assert queue.sent_up_to == 5
    assert queue.wants_claim()
    assert not queue.wants_claim()
    assert queue.claim().sent_up_to == 5


def test_a_number_that_is_never_written_makes_no_gap() -> None:
    queue = ready_line()
    queue.skipped(1)
    assert queue.accepted(2)
    queue.skipped(4)
    assert queue.sent_up_to == 2


def test_a_line_has_written_what_its_claims_and_its_own_numbers_brought() -> None:
    queue = LineQueue(make_line())
    two, three = make_command(State.SENT, seq=2), make_command(State.SENT, seq=3)
    assert not queue.has_written(two)  # however often it was written on an older line
    queue.claimed(2, wrote=True, held=False)
    assert queue.has_written(two)
    assert not queue.has_written(three)
    assert queue.accepted(3)
    assert queue.has_written(three)


def test_a_hint_causes_a_claim_also_when_one_is_under_way() -> None:
    queue = ready_line()
    queue.hinted()
    assert queue.wants_claim()
    queue.hinted()
    assert not queue.wants_claim()
    queue.claimed(3, wrote=True, held=False)
    assert queue.wants_claim()


def test_a_claim_never_moves_back() -> None:
    queue = ready_line(9)
    queue.claimed(0, wrote=False, held=False)
    assert queue.sent_up_to == 9


def test_a_held_line_goes_on_when_it_is_settled() -> None:
    queue = LineQueue(make_line())
    queue.claimed(2, wrote=True, held=True)
    assert queue.phase is LinePhase.HELD
    assert queue.ready() is None
    queue.hinted()
    assert not queue.wants_claim()
    queue.settle()
    assert queue.claim().settled
    assert queue.wants_claim()


def test_a_line_that_was_settled_during_a_claim_claims_again() -> None:
    queue = LineQueue(make_line())
    queue.settle()
    assert not queue.wants_claim()
    queue.claimed(0, wrote=False, held=True)
    assert queue.wants_claim()


def test_a_failed_claim_is_made_again() -> None:
    queue = LineQueue(make_line())
    queue.failed()
    assert queue.wants_claim()


def test_what_was_written_before_the_journal_was_known_is_remembered() -> None:
    line = make_line()
    queue = LineQueue(line)
    queue.claimed(1, wrote=True, held=False)
    assert queue.sent_without_journal
    line.journal_id = "j"
    fresh = LineQueue(line)
    fresh.claimed(1, wrote=True, held=False)
    assert fresh.accepted(2)
    assert not fresh.sent_without_journal


class Replica(RuleBasedStateMachine):
    """One device, its lines, the ledger (a list) and the sender, of which every step is one rule.

    What other replicas accept is PENDING until a hint (which may be lost) or the sweep comes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ledger: list[CommandRow] = []
        self.line: LineSession
        self.queue: LineQueue
        self.generation = 0
        self.claiming = False
        self.journal: str | None = None
        self.age = 0
        """How much has come since the line opened."""
        self.written: list[int] = []
        """On the present line."""
        self.ever: dict[int, list[str | None]] = {}
        """The journals of the lines on which a number was written."""

    @initialize()
    def first_line(self) -> None:
        self._open(None)

    def _open(self, journal: str | None) -> None:
        self.generation += 1
        self.journal = journal
        self.line = make_line(generation=Generation(self.generation))
        self.queue = LineQueue(self.line)
        self.claiming = True
        self.written = []
        self.age = 0

    def _write(self, command: CommandRow) -> None:
        assert command.status in (State.SENT, State.ACKED, State.RUNNING)
        assert command.seq not in self.written, "twice on one line"
        assert not self.written or command.seq > self.written[-1], "out of order"
        spec = COMMANDS[command.type]
        before = self.ever.setdefault(command.seq, [])
        if before and not spec.redeliverable:
            assert self.line.journal_id is not None, "unsafe, and nobody remembers"
            assert before[-1] == self.line.journal_id, "unsafe, and another journal"
        before.append(self.line.journal_id)
        self.written.append(command.seq)

    def _update(self, seq: int, **changes: object) -> CommandRow:
        kept = self.ledger[seq - 1]
        self.ledger[seq - 1] = make_command(
            **{
                **{name: getattr(kept, name) for name in kept.__struct_fields__},
                **changes,
            }  # pyright: ignore[reportArgumentType]
        )
        return self.ledger[seq - 1]

    def _begin_claim_if_wanted(self) -> None:
        if self.queue.wants_claim():
            assert not self.claiming
            self.claiming = True

    @rule(
        what=st.sampled_from(["accept here", "accept elsewhere", "refuse here", "hint"]),
        kind=st.sampled_from(["force_sync", "restart_service"]),
    )
    def something_comes(self, what: str, kind: str) -> None:
        """One rule, so that claims and lines are as likely as commands."""
        self.age += 1
        match what:
            case "accept here":
                self._accept_here(kind)
            case "accept elsewhere":
                self._accept_elsewhere(kind)
            case "refuse here":
                self._refuse_here()
            case _:
                self._hint()

    def _accept_here(self, kind: str) -> None:
        ready = self.queue.ready()
        command = make_command(
            State.SENT if ready else State.PENDING,
            seq=len(self.ledger) + 1,
            command_id=f"c{len(self.ledger) + 1}",
            type=kind,
            sent_generation=ready.generation if ready else None,
            journal_id=ready.journal_id if ready else None,
        )
        self.ledger.append(command)
        if command.status is State.PENDING:
            self.queue.hinted()
        elif self.queue.accepted(command.seq):
            self._write(command)
        self._begin_claim_if_wanted()

    def _accept_elsewhere(self, kind: str) -> None:
        number = len(self.ledger) + 1
        self.ledger.append(
            make_command(State.PENDING, seq=number, command_id=f"c{number}", type=kind)
        )

    def _refuse_here(self) -> None:
        number = len(self.ledger) + 1
        self.ledger.append(
            make_command(State.REJECTED, seq=number, command_id=f"c{number}", sent_generation=None)
        )
        self.queue.skipped(number)
        self._begin_claim_if_wanted()

    def _hint(self) -> None:
        self.queue.hinted()
        self._begin_claim_if_wanted()

    @precondition(lambda self: self.claiming)
    @rule(works=st.sampled_from([True, True, False]))
    def claim(self, works: bool) -> None:
        self.claiming = False
        if not works:
            self.queue.failed()
            self._begin_claim_if_wanted()
            return
        claim = self.queue.claim()
        unsent = [
            c for c in self.ledger
            if not c.ended
            and (
                c.status is State.PENDING
                or c.sent_generation != claim.generation
                or c.seq > claim.sent_up_to
            )
        ]  # fmt: skip
        planned = plan(claim, unsent)
        for step in planned.steps:
            changes: dict[str, object] = {"status": step.status}
            if step.sent:
                journal = claim.journal_id or step.command.journal_id
                changes |= {"sent_generation": claim.generation, "journal_id": journal}
            command = self._update(step.command.seq, **changes)
            if step.sent:
                self._write(command)
        last = len(self.ledger)
        if planned.held:
            last = planned.steps[-1].command.seq if planned.steps else 0
        self.queue.claimed(last, wrote=any(step.sent for step in planned.steps), held=planned.held)
        self._note_journal()
        self._begin_claim_if_wanted()

    def _note_journal(self) -> None:
        if self.queue.sent_without_journal and self.line.journal_id is not None:
            for command in list(self.ledger):
                if not command.ended and command.sent_generation == self.line.generation:
                    self._update(command.seq, journal_id=self.line.journal_id)
                    if command.seq in self.ever:  # committed as sent is not yet written
                        self.ever[command.seq][-1:] = [self.line.journal_id]
            self.queue.sent_without_journal = False

    @precondition(lambda self: not self.queue.settled)
    @rule(says_hello=st.booleans())
    def settle(self, says_hello: bool) -> None:
        if says_hello:
            self.line.journal_id = self.journal
        self._note_journal()
        self.queue.settle()
        self._begin_claim_if_wanted()

    @precondition(lambda self: self.written)
    @rule(data=st.data())
    def result(self, data: st.DataObject) -> None:
        command = self.ledger[data.draw(st.sampled_from(self.written)) - 1]
        if not command.ended:
            self._update(command.seq, status=State.SUCCESS)

    @precondition(lambda self: self.age >= 3)
    @rule(journal=st.sampled_from([None, "j"]))
    def new_line(self, journal: str | None) -> None:
        self._open(journal)

    @invariant()
    def nothing_unsafe_is_lost_silently(self) -> None:
        for command in self.ledger:
            if command.status is State.UNKNOWN:
                assert command.type == "restart_service"
                assert command.seq in self.ever or command.sent_generation is not None

    def teardown(self) -> None:
        """When the claims go through and the sweep comes, everything is written or has ended."""
        if self.generation == 0:
            return
        for _ in range(3):
            if not self.queue.settled:
                self.settle(says_hello=True)
            self._hint()
            while self.claiming:
                self.claim(works=True)
        for command in self.ledger:
            assert command.ended or command.seq in self.written, "lost"


Replica.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestAnyInterleaving = Replica.TestCase
