"""The hub's side of a line and the device's, joined back to back without a socket.

Frames wait in two queues until `deliver` carries them over, so that a test decides what is on its
way when something happens. Nothing here knows what a frame means.
"""

from collections import deque
from typing import Any

import msgspec

from device.commands.book import Book, Send, WriteJournal
from device.line.hub_clock import HubClock
from device.line.session import Session, SessionEffect
from hub.lines.session import LineSession
from protocol.frames import Hello
from protocol.ids import Generation
from tests.factories import FakeContext, Wire, make_line


class Pair:
    """A device with a journal in memory, on one line after another."""

    def __init__(self, *, boot_id: str = "b", journal_id: str | None = "j") -> None:
        self.around = FakeContext()
        self.clock = HubClock()
        self.book = Book(self.clock.is_past)
        self._boot_id = boot_id
        self._journal_id = journal_id
        self._generation = 0
        self.effects: list[SessionEffect] = []
        """What the device's shell is asked for, besides what is done here (journal, frames)."""
        self.connect()

    def connect(self) -> None:
        """A new line; what was on its way on the last one is lost."""
        self._generation += 1
        self.down = Wire()
        self._up: deque[bytes] = deque()
        self.hub: LineSession = make_line(
            self.down, self.around, generation=Generation(self._generation)
        )
        self.device = Session(
            send=self._up.append,
            book=self.book,
            clock=self.clock,
            hello=self._hello,
            now=0.0,
        )
        self.hub.welcome()

    def _hello(self) -> Hello:
        return Hello(
            boot_id=self._boot_id,
            journal_id=self._journal_id,
            unfinished=self.book.unfinished(),
        )

    def send_down(self, **frame: Any) -> None:
        self.hub.send(msgspec.json.encode(frame))

    def send_up(self, frame: msgspec.Struct) -> None:
        self.device.send(frame)

    def deliver(self) -> None:
        """Carry frames both ways until none is on its way."""
        while self.down.raw or self._up:
            self.deliver_down()
            while self._up:
                self.hub.text(self._up.popleft())

    def deliver_down(self) -> None:
        frames, self.down.raw = self.down.raw, []
        for frame in frames:
            self.perform(self.device.receive(frame, 0.0))

    def perform(self, effects: "list[Any]") -> None:
        """What the device's shell does: the journal first, then what follows from it."""
        todo: deque[Any] = deque(effects)
        while todo:
            effect = todo.popleft()
            match effect:
                case WriteJournal():
                    todo.extendleft(reversed(self.book.recorded(effect.mark, 0.0)))
                case Send():
                    self.device.send(effect.frame)
                case _:
                    self.effects.append(effect)

    def replies(self) -> list[Any]:
        """What reached the hub's listener as replies, since the last look."""
        heard = self.around.heard.happened
        found = [what for kind, what in heard if kind == "reply"]
        heard[:] = [entry for entry in heard if entry[0] != "reply"]
        return found
