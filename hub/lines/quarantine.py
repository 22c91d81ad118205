"""Which lines of this replica are in quarantine, as the database has it.

It is looked at every second, and at once where a hint says that it has changed: so no order of
registrations, changes and lost hints leaves a line as it should not be for long. A line that is in
quarantine when it begins says so by its registration.

A line that is released has let things by, so it is not gone on with: its device is asked to come
back, and the line closed when it has not.
"""

import asyncio
import random
from typing import Final

from hub.lines.registry import Registry
from hub.lines.session import LineSession
from hub.lines.store import LineRef, LineStore, ref_of
from protocol.closing import CloseCode
from protocol.codec import encode
from protocol.frames import Reconnect
from protocol.ids import ReplicaId

LOOK_SECONDS: Final = 1.0
JITTER_MS: Final = 1000
"""The longest wish of a device's `afterMs`: many may be released at once."""
LEAVE_SECONDS: Final = 1.0
"""How long a device that was asked to come back may take to close its line."""


class QuarantineWatch:
    def __init__(
        self, store: LineStore, registry: Registry[LineSession], replica_id: ReplicaId
    ) -> None:
        self._store = store
        self._registry = registry
        self._replica_id = replica_id
        self._asked: set[LineRef] = set()

    async def look(self) -> None:
        """Raises `Unavailable`."""
        found = await self._store.quarantined(self._replica_id)
        for ref in found:
            line = self._registry.get(ref.org, ref.device_id)
            if line is not None and line.generation == ref.generation:
                line.quarantine()
        released = [
            line for line in self._registry if line.quarantined and ref_of(line) not in found
        ]
        for line in released:
            if ref_of(line) not in self._asked:
                self._ask_back(line)
        self._asked = {ref_of(line) for line in released}

    def _ask_back(self, line: LineSession) -> None:
        line.send(encode(Reconnect(after_ms=random.randint(0, JITTER_MS))))  # noqa: S311
        loop = asyncio.get_running_loop()
        loop.call_later(LEAVE_SECONDS, line.close, CloseCode.SERVICE_RESTART)
