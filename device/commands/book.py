"""The commands of this device from delivery to `result_ack`: what to do when something happens.

A command is written down before anything is done about it, so every step that matters is a
`WriteJournal` and waits for `recorded`, which the shell calls once the journal has it on disk:

    RECEIVING ─recorded→ WAITING ─its turn→ STARTING ─recorded→ RUNNING ─finished→ FINISHING
        │                   │                  │                                      │ recorded
        └ the journal refuses: rejected, and never run                            ANSWERED
    DORMANT ─delivered again→ WAITING                                     result_ack → forgotten

The result is sent from ANSWERED, on every new line and every fifteen seconds, until `result_ack`.
DORMANT is a command that an earlier process received and did not start: it may run, but only when
the hub still wants it and sends it again. What an earlier process started and did not finish is
never run again (`device.commands.recovery` says what is reported).

A cancel that comes while a record is being written takes effect when it is there. A cancel of a
command that never arrived is written down as well, so that the command cannot run afterwards.

The book lives as long as the agent; lines come and go. Nothing here waits or does I/O: methods
take what happened and the time, and return effects, to be carried out in order.
"""

from collections.abc import Callable, Iterable
from enum import Enum, auto
from typing import Final, assert_never

import msgspec
from msgspec import Struct, field

from device.commands.lanes import CommandLanes
from device.commands.own import OwnTable
from device.commands.recovery import Expects, JournalRow, verdict
from device.commands.signed import SignatureCheck
from protocol.commands import Command, Delivery, type_of, with_values
from protocol.ids import CommandId
from protocol.replies import Ack, Outcome, Progress, Result, ResultError
from protocol.secret_values import Redactor, SecretMissing, Values
from protocol.signing import BAD_SIGNATURE, SignatureRefused

REPEAT_SECONDS: Final = 15.0
MOST_COMMANDS: Final = 200
"""Known at one time; the hub allows 50 unfinished ones a device."""


class Received(Struct, frozen=True):
    """`signed_until`: when the signature of a signed one ends, in seconds since 1970."""

    id: CommandId
    kind: str
    signed_until: float | None = None


class Started(Struct, frozen=True):
    id: CommandId
    expects: Expects | None


class Finished(Struct, frozen=True):
    id: CommandId
    result: Result


class Forgotten(Struct, frozen=True):
    """The hub has the result. It is written with the mark, should `Finished` not have been."""

    id: CommandId
    result: Result


Mark = Received | Started | Finished | Forgotten


class WriteJournal(Struct, frozen=True):
    """Write `mark` to the journal, then call `recorded` or `not_recorded`."""

    mark: Mark


class Send(Struct, frozen=True):
    """Give `frame` to the present line; without one it is dropped."""

    frame: Ack | Progress | Result


class Run(Struct, frozen=True):
    id: CommandId
    command: Command
    """As it was delivered."""
    secrets: Values = field(default_factory=Values)
    """What its parameters name."""


class Stop(Struct, frozen=True):
    """Cancel the run of `id`, if it can still be cancelled."""

    id: CommandId


BookEffect = WriteJournal | Send | Run | Stop


class Phase(Enum):
    DORMANT = auto()
    RECEIVING = auto()
    WAITING = auto()
    STARTING = auto()
    RUNNING = auto()
    FINISHING = auto()
    ANSWERED = auto()


class _Entry:
    __slots__ = ("answer", "delivery", "phase", "sent_at")

    def __init__(
        self, phase: Phase, *, delivery: Delivery | None = None, answer: Result | None = None
    ) -> None:
        self.phase = phase
        self.delivery = delivery
        self.answer = answer
        """The result, or before the end the reason why it will not run."""
        self.sent_at = 0.0


class Book:
    def __init__(
        self,
        is_past: Callable[[str | None, float], bool],
        own: OwnTable | None = None,
        signed: SignatureCheck | None = None,
    ) -> None:
        """`is_past(deadline, now)` compares hub time, see `device.line.hub_clock`. Without `signed`
        nothing has to be, and nobody looks at a signature."""
        self._is_past = is_past
        self.own: Final = own or OwnTable({})
        self._signed = signed
        self._entries: dict[CommandId, _Entry] = {}
        self._lanes = CommandLanes()

    def unfinished(self) -> list[CommandId]:
        """For `hello`: journaled here, and no acknowledged result."""
        return list(self._entries)

    @property
    def running(self) -> int:
        return sum(entry.phase is Phase.RUNNING for entry in self._entries.values())

    def load(
        self, rows: Iterable[JournalRow], os_boot_id: str, *, going_on: str | None = None
    ) -> list[BookEffect]:
        """Take over what an earlier process left behind. `going_on` runs on in this process."""
        effects: list[BookEffect] = []
        for row in rows:
            if row.id == going_on and row.result is None:
                self._go_on(row.id)
                continue
            answer = verdict(row, os_boot_id)
            if answer is None:
                self._entries[row.id] = _Entry(Phase.DORMANT)
            elif row.result is not None:
                self._entries[row.id] = _Entry(Phase.ANSWERED, answer=answer)
            else:
                self._entries[row.id] = entry = _Entry(Phase.FINISHING)
                effects += self._finish(row.id, entry, answer)
        return effects

    def _go_on(self, command_id: CommandId) -> None:
        """In its turn: whatever comes after it waits."""
        self._entries[command_id] = _Entry(Phase.RUNNING)
        self._lanes.join(command_id, concurrent=False)
        self._lanes.start()

    # What comes down the line.

    def deliver(self, delivery: Delivery, now: float) -> list[BookEffect]:
        entry = self._entries.get(delivery.id)
        if entry is None:
            new = self._judged(_Entry(Phase.RECEIVING), delivery, now)
            return self._admit(delivery.id, type_of(delivery.command), new)
        match entry.phase:
            case Phase.DORMANT:
                refused = self._judged(entry, delivery, now).answer
                if refused is not None:
                    return self._finish(delivery.id, entry, refused)
                return self._wait(delivery.id, entry, now)
            case Phase.WAITING | Phase.STARTING | Phase.RUNNING:
                return [Send(Ack(command_id=delivery.id))]
            case Phase.RECEIVING | Phase.FINISHING:
                return []
            case Phase.ANSWERED:
                return self._say(entry, now)
            case _:
                assert_never(entry.phase)

    def _judged(self, entry: _Entry, delivery: Delivery, now: float) -> _Entry:
        """With the command that may run, or the answer to what may not."""
        try:
            entry.delivery = self._signed.judge(delivery, now) if self._signed else delivery
        except SignatureRefused as error:
            entry.delivery = delivery
            entry.answer = refusal(delivery.id, "rejected", BAD_SIGNATURE, str(error))
        else:
            entry.answer = self._refused(entry.delivery)
        return entry

    def _refused(self, delivery: Delivery) -> Result | None:
        """The answer to what this device cannot run, with what its parameters name."""
        try:
            command = with_values(delivery.command, delivery.secrets)
        except SecretMissing as error:
            message = f"the secret {error} did not come along"
            return refusal(delivery.id, "rejected", "secret_missing", message)
        except msgspec.ValidationError:
            message = "a secret does not fit where it is named"
            return refusal(delivery.id, "rejected", "bad_argument", message)
        why = self.own.refusal(command)
        if why is None:
            return None
        message = Redactor(delivery.secrets.values()).text(why.message)
        return refusal(delivery.id, "rejected", why.code, message)

    def reject(self, command_id: CommandId, code: str, message: str) -> list[BookEffect]:
        """A command that does not decode; its id could be read."""
        if command_id in self._entries:
            return []
        answer = refusal(command_id, "rejected", code, message)
        return self._admit(command_id, "", _Entry(Phase.RECEIVING, answer=answer))

    def cancel(self, command_id: CommandId, now: float) -> list[BookEffect]:
        cancelled = refusal(command_id, "cancelled", "cancelled", "cancelled before it started")
        entry = self._entries.get(command_id)
        if entry is None:
            return self._admit(command_id, "", _Entry(Phase.RECEIVING, answer=cancelled))
        match entry.phase:
            case Phase.DORMANT | Phase.WAITING:
                return self._finish(command_id, entry, cancelled)
            case Phase.RECEIVING | Phase.STARTING:
                entry.answer = entry.answer or cancelled
                return []
            case Phase.RUNNING:
                return [Stop(command_id)]
            case Phase.FINISHING:
                return []
            case Phase.ANSWERED:
                return self._say(entry, now)
            case _:
                assert_never(entry.phase)

    def result_ack(self, command_id: CommandId) -> list[BookEffect]:
        entry = self._entries.get(command_id)
        if entry is None or entry.phase is not Phase.ANSWERED or entry.answer is None:
            return []
        del self._entries[command_id]
        return [WriteJournal(Forgotten(command_id, entry.answer))]

    def new_line(self, now: float) -> list[BookEffect]:
        return [
            effect
            for entry in self._entries.values()
            if entry.phase is Phase.ANSWERED
            for effect in self._say(entry, now)
        ]

    def tick(self, now: float) -> list[BookEffect]:
        """Results that were not acknowledged in time, once more."""
        return [
            effect
            for entry in self._entries.values()
            if entry.phase is Phase.ANSWERED and now - entry.sent_at >= REPEAT_SECONDS
            for effect in self._say(entry, now)
        ]

    # What the journal says.

    def recorded(
        self, mark: Mark, now: float, stored: JournalRow | None = None
    ) -> list[BookEffect]:
        """`mark` is on disk. `stored` is what the journal had of a `Received` before."""
        entry = self._entries.get(mark.id)
        if entry is None or isinstance(mark, Forgotten):
            return []
        match mark:
            case Received():
                return self._received(mark.id, entry, now, stored)
            case Started():
                return self._started(mark.id, entry)
            case Finished():
                return self._answered(mark.id, entry, now)
            case _:
                assert_never(mark)

    def not_recorded(self, mark: Mark, now: float) -> list[BookEffect]:
        """The journal could not take `mark`: what has not started does not start."""
        entry = self._entries.get(mark.id)
        if entry is None or isinstance(mark, Forgotten):
            return []
        if not isinstance(mark, Finished):
            entry.answer = entry.answer or refusal(
                mark.id, "rejected", "journal_unavailable", "the journal cannot be written"
            )
        return self._answered(mark.id, entry, now)

    # What the executors say.

    def progress(self, frame: Progress) -> list[BookEffect]:
        entry = self._entries.get(frame.command_id)
        return [Send(frame)] if entry is not None and entry.phase is Phase.RUNNING else []

    def finished(self, result: Result) -> list[BookEffect]:
        entry = self._entries[result.command_id]
        return self._finish(result.command_id, entry, result)

    # Steps.

    def _admit(self, command_id: CommandId, kind: str, entry: _Entry) -> list[BookEffect]:
        if len(self._entries) >= MOST_COMMANDS:
            message = f"more than {MOST_COMMANDS} unfinished commands"
            return [Send(refusal(command_id, "rejected", "too_many_commands", message))]
        self._entries[command_id] = entry
        until = entry.delivery.signed_until if entry.delivery else None
        return [WriteJournal(Received(command_id, kind, until))]

    def _received(
        self, command_id: CommandId, entry: _Entry, now: float, stored: JournalRow | None
    ) -> list[BookEffect]:
        if stored is not None:
            entry.answer = (
                _without_signature(entry)
                or stored.result
                or refusal(
                    command_id, "unknown", "unknown", "started before; its outcome is unknown"
                )
            )
            return self._answered(command_id, entry, now)
        if entry.answer is not None:
            return self._finish(command_id, entry, entry.answer)
        return self._wait(command_id, entry, now)

    def _wait(self, command_id: CommandId, entry: _Entry, now: float) -> list[BookEffect]:
        entry.phase = Phase.WAITING
        self._lanes.join(command_id, concurrent=self.own.is_concurrent(_command(entry)))
        return [Send(Ack(command_id=command_id)), *self._turns(now)]

    def _turns(self, now: float) -> list[BookEffect]:
        effects: list[BookEffect] = []
        for command_id in self._lanes.start():
            entry = self._entries[command_id]
            if entry.delivery is not None and self._is_past(entry.delivery.deadline, now):
                late = refusal(command_id, "rejected", "deadline_passed", "its deadline has passed")
                effects += self._finish(command_id, entry, late)
            else:
                entry.phase = Phase.STARTING
                effects.append(WriteJournal(Started(command_id, self.own.expects(_command(entry)))))
        return effects

    def _started(self, command_id: CommandId, entry: _Entry) -> list[BookEffect]:
        if entry.answer is not None:
            return self._finish(command_id, entry, entry.answer)
        entry.phase = Phase.RUNNING
        secrets = entry.delivery.secrets if entry.delivery is not None else Values()
        return [Run(command_id, _command(entry), secrets)]

    def _finish(self, command_id: CommandId, entry: _Entry, result: Result) -> list[BookEffect]:
        if entry.phase is Phase.WAITING:
            self._lanes.leave(command_id)
        entry.phase = Phase.FINISHING
        entry.answer = result
        return [WriteJournal(Finished(command_id, result))]

    def _answered(self, command_id: CommandId, entry: _Entry, now: float) -> list[BookEffect]:
        entry.phase = Phase.ANSWERED
        self._lanes.leave(command_id)
        return [*self._say(entry, now), *self._turns(now)]

    def _say(self, entry: _Entry, now: float) -> list[BookEffect]:
        entry.sent_at = now
        return [Send(entry.answer)] if entry.answer is not None else []


def _without_signature(entry: _Entry) -> Result | None:
    """What is answered whatever came of this id before, which the hub has heard: to what has no
    signature that counts, and to one that was good once."""
    if entry.answer and entry.answer.error and entry.answer.error.code == BAD_SIGNATURE:
        return entry.answer
    if entry.delivery is None or entry.delivery.signed_until is None:
        return None
    return refusal(
        entry.delivery.id, "rejected", BAD_SIGNATURE, "a command of this id was here before"
    )


def _command(entry: _Entry) -> Command:
    if entry.delivery is None:
        raise AssertionError("only a delivered command can wait or run")
    return entry.delivery.command


def refusal(command_id: CommandId, outcome: Outcome, code: str, message: str) -> Result:
    """The result of a command that did not run, or of which nothing is known."""
    return Result(
        command_id=command_id,
        success=False,
        outcome=outcome,
        error=ResultError(code=code, message=message[:4096]),
    )
