"""Tells devices where to send their records: after `hello`, and when somebody changes it.

A change may be made on any replica, so each looks for changes of the last seconds and tells those
of its own lines that understand. A line may be told more than once, which changes nothing."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

from hub.base.errors import Unavailable
from hub.edge.store import EdgeStore, ModeRow
from hub.lines.service import LineRef, LineService
from protocol.codec import encode
from protocol.frames import CONNECTION_MODE, ConnectionModeFrame, Hello

LOOK_SECONDS: Final = 2.0
BACK_SECONDS: Final = 10.0
"""Longer than a look takes, and than a line takes from its registration to its first frame."""


class Modes:
    def __init__(
        self, store: EdgeStore, lines: LineService, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._lines = lines
        self._clock = clock

    async def said_hello(self, said: list[tuple[LineRef, Hello]]) -> None:
        """Raises `Unavailable`."""
        places = [(line.org, line.device_id) for line, hello in said if _understands(hello)]
        if places:
            self._tell(await self._store.modes_of(places))

    async def watch(self) -> None:
        """For ever; however long the database is away, no change is missed."""
        seen = self._clock()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            began = self._clock()
            try:
                self._tell(await self._store.modes(began - seen + BACK_SECONDS))
            except Unavailable:
                continue
            seen = began

    def _tell(self, rows: Sequence[ModeRow]) -> None:
        for row in rows:
            line = self._lines.registry.get(row.org, row.device_id)
            if line is not None and CONNECTION_MODE in line.accepts:
                line.send(encode(ConnectionModeFrame(mode=row.mode)))


def _understands(hello: Hello) -> bool:
    return CONNECTION_MODE in (hello.accepts or ())
