"""The order in which commands run: two lanes that do not wait for each other.

In the *concurrent* lane four commands may run at once; in the *serial* lane one. Within a lane
commands start in the order they came. Which lane a type belongs to is `concurrent` in
`protocol.commands.COMMANDS`.
"""

from collections import deque
from typing import Final

from protocol.ids import CommandId

CONCURRENT_AT_ONCE: Final = 4


class CommandLane:
    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._waiting: deque[CommandId] = deque()
        self._running: set[CommandId] = set()

    def join(self, command_id: CommandId) -> None:
        self._waiting.append(command_id)

    def leave(self, command_id: CommandId) -> None:
        """The command ended, or will never start."""
        if command_id in self._running:
            self._running.remove(command_id)
            self._free += 1
        elif command_id in self._waiting:
            self._waiting.remove(command_id)

    def start(self) -> list[CommandId]:
        """Those whose turn it is now; each is given out once."""
        turn: list[CommandId] = []
        while self._free and self._waiting:
            self._free -= 1
            turn.append(self._waiting.popleft())
        self._running.update(turn)
        return turn


class CommandLanes:
    def __init__(self) -> None:
        self._concurrent = CommandLane(CONCURRENT_AT_ONCE)
        self._serial = CommandLane(1)

    def join(self, command_id: CommandId, *, concurrent: bool) -> None:
        (self._concurrent if concurrent else self._serial).join(command_id)

    def leave(self, command_id: CommandId) -> None:
        self._concurrent.leave(command_id)
        self._serial.leave(command_id)

    def start(self) -> list[CommandId]:
        return self._concurrent.start() + self._serial.start()
