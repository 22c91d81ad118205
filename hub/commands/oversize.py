"""Commands that their device closed its line over (1009) end, instead of breaking every line."""

import asyncio
from typing import Final

from hub.base.batch import Batcher
from hub.base.errors import Unavailable
from hub.commands.announce import Announcer
from hub.commands.ledger import Listeners
from hub.commands.records import error_of
from hub.commands.store import CommandStore
from hub.lines.session import LineSession
from protocol.errors import CommandErrorCode

RETRY_SECONDS: Final = 0.5

_ERROR: Final = error_of(
    CommandErrorCode.TOO_LARGE, "the device closed its line because the frame is too large for it"
)


class Oversize:
    def __init__(self, store: CommandStore, announcer: Announcer, listeners: Listeners) -> None:
        self._store = store
        self._announcer = announcer
        self._listeners = listeners
        self._batcher = Batcher(self._end, limit=100, bound=100_000)

    def put(self, line: LineSession) -> None:
        self._batcher.put(line)

    async def run(self) -> None:
        await self._batcher.run()

    def waiting(self) -> int:
        return len(self._batcher)

    async def _end(self, lines: list[LineSession]) -> list[None]:
        """However long the database is away: else the next line is broken as well."""
        while True:
            try:
                await self._end_once(lines)
            except Unavailable:
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return [None] * len(lines)

    async def _end_once(self, lines: list[LineSession]) -> None:
        async with self._store.database.transaction() as connection:
            ended = await self._store.too_large(connection, lines, _ERROR)
            await self._listeners.ended(connection, ended)
        for command in ended:
            self._announcer.ended(command)
