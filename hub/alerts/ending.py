"""Ends alerts that nobody ends: those of which nothing came for long, and of deleted devices."""

from collections.abc import Awaitable, Callable
from typing import Final

from hub.alerts.records import Alert
from hub.alerts.service import AlertService
from hub.alerts.store import AT_ONCE, AlertStore
from hub.base import metrics
from hub.base.database import Connection

LOOK_SECONDS: Final = 2.0
Ends = Callable[[Connection], Awaitable[list[Alert]]]


class AlertEnding:
    def __init__(self, store: AlertStore, service: AlertService) -> None:
        self._store = store
        self._service = service

    async def look(self) -> None:
        """A job, of one replica. Raises `Unavailable`."""
        for ends in (self._store.time_out, self._store.of_deleted_devices):
            while await self._end(ends) == AT_ONCE:
                pass

    async def _end(self, ends: Ends) -> int:
        async with self._store.database.transaction(deadline=10) as connection:
            ended = await ends(connection)
            await self._service.tell(connection, ended)
        metrics.alerts.labels("ended").inc(len(ended))
        return len(ended)
