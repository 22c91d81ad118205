"""Callers that wait for commands to end.

A caller is told by whoever commits the end on this replica. For an end that another replica
committed there is a backstop: what still waits is looked up in the ledger every second.
"""

import asyncio
from collections import defaultdict
from collections.abc import Generator, Sequence
from contextlib import contextmanager

from hub.commands.records import CommandRow
from protocol.ids import CommandKey


class Stopped(Exception):
    """This replica ends: whoever waits is told how things stand."""


class Waiters:
    def __init__(self) -> None:
        self._stopped = False
        self._futures: defaultdict[CommandKey, set[asyncio.Future[CommandRow]]] = defaultdict(set)

    def names(self) -> list[CommandKey]:
        return list(self._futures)

    def expects(self, name: CommandKey) -> bool:
        return name in self._futures

    def stop(self) -> None:
        """Let go of everybody, now and later."""
        self._stopped = True
        for futures in self._futures.values():
            for future in futures:
                _let_go(future)

    def ended(self, command: CommandRow) -> None:
        for future in self._futures.get((command.org, command.command_id), ()):
            if not future.done():
                future.set_result(command)

    @contextmanager
    def expect(
        self, names: Sequence[CommandKey]
    ) -> Generator[dict[CommandKey, asyncio.Future[CommandRow]]]:
        """Futures for the ends of these; begun before the commands are accepted, so that no end
        is missed."""
        loop = asyncio.get_running_loop()
        futures: dict[CommandKey, asyncio.Future[CommandRow]] = {
            n: loop.create_future() for n in names
        }
        for name, future in futures.items():
            self._futures[name].add(future)
            if self._stopped:
                _let_go(future)
        try:
            yield futures
        finally:
            for name, future in futures.items():
                self._forget(name, future)

    def _forget(self, name: CommandKey, future: asyncio.Future[CommandRow]) -> None:
        waiting = self._futures[name]
        waiting.discard(future)
        if not waiting:
            del self._futures[name]


def _let_go(future: asyncio.Future[CommandRow]) -> None:
    if not future.done():
        future.set_exception(Stopped())
        future.exception()  # not everybody looks
