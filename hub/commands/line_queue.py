"""The order in which one line is written its commands. Pure.

The commands of a device are numbered without gaps. A line that is READY has been written
everything up to `sent_up_to`, so the next number may be written at once. Anything else (a new line,
a gap, a hint that another replica has accepted something) means a *claim*: one look into the
ledger for whatever this line has not been written. While one is under way nothing else is written,
and what comes meanwhile causes another. A line is HELD when a command is in doubt, or too long for
a device that has not said yet how long a frame it takes; it goes on when the line is settled. One
whose device is in quarantine is written nothing more.
"""

from enum import Enum

from hub.commands.decisions import Claim, ReadyLine
from hub.commands.records import CommandRow
from hub.lines.session import LineSession


class LinePhase(Enum):
    CLAIMING = "claiming"
    HELD = "held"
    READY = "ready"


class LineQueue:
    __slots__ = ("_again", "line", "phase", "sent_up_to", "sent_without_journal", "settled")

    def __init__(self, line: LineSession) -> None:
        """A line that has just opened; the caller begins the first claim."""
        self.line = line
        self.phase = LinePhase.CLAIMING
        self.sent_up_to = 0
        self.settled = line.settled
        self.sent_without_journal = False
        self._again = False

    def ready(self) -> ReadyLine | None:
        line = self.line
        if self.phase is not LinePhase.READY or line.quarantined:
            return None
        return ReadyLine(
            line.generation, line.journal_id, line.commands, line.max_frame, self.settled,
            line.installers, line.updates_itself,
        )  # fmt: skip

    def takes(self, command: CommandRow) -> bool:
        """Whether the line takes so long a frame: `hello` may come after all was decided."""
        most = self.line.max_frame
        return most is None or command.frame_bytes() <= most

    def has_written(self, command: CommandRow) -> bool:
        """Whether the line has been written the command, or whatever became of its number."""
        return command.seq <= self.sent_up_to

    def claim(self) -> Claim:
        """What to ask the ledger for."""
        line = self.line
        return Claim(
            org=line.org,
            device_id=line.device_id,
            generation=line.generation,
            journal_id=line.journal_id,
            commands=line.commands,
            settled=self.settled,
            sent_up_to=self.sent_up_to,
            max_frame=line.max_frame,
            installers=line.installers,
            updates_itself=line.updates_itself,
        )

    def accepted(self, seq: int) -> bool:
        """A command was committed as sent on this line: whether it may be written now. If not, a
        claim will bring it (`wants_claim`)."""
        if self.phase is LinePhase.READY and seq == self.sent_up_to + 1:
            self.sent_up_to = seq
            self.sent_without_journal |= self.line.journal_id is None
            return True
        self._again = True
        return False

    def skipped(self, seq: int) -> None:
        """A number of this device that is never written (refused at its birth)."""
        if self.phase is LinePhase.READY and seq == self.sent_up_to + 1:
            self.sent_up_to = seq

    def hinted(self) -> None:
        """There may be something in the ledger."""
        self._again = True

    def wants_claim(self) -> bool:
        """Whether a claim must begin now; answering True begins it."""
        if self._again and self.phase is LinePhase.READY and not self.line.quarantined:
            self._again = False
            self.phase = LinePhase.CLAIMING
            return True
        return False

    def claimed(self, sent_up_to: int, *, wrote: bool, held: bool) -> None:
        """A claim is over, and what it brought was written."""
        self.sent_up_to = max(self.sent_up_to, sent_up_to)
        self.sent_without_journal |= wrote and self.line.journal_id is None
        if not held:
            self.phase = LinePhase.READY
        elif self.settled:
            self.phase = LinePhase.READY
            self._again = True
        else:
            self.phase = LinePhase.HELD

    def failed(self) -> None:
        """A claim could not be made; the next sweep tries again."""
        self.phase = LinePhase.READY
        self._again = True

    def settle(self) -> None:
        """It is known now whether the device keeps a journal."""
        self.settled = True
        if self.phase is LinePhase.HELD:
            self.phase = LinePhase.READY
            self._again = True
