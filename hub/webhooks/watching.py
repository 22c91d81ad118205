"""Sees to webhooks whose job sleeps: something has come for them, or their owner is gone."""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from hub.base.errors import Unavailable
from hub.webhooks.disabling import Disabling
from hub.webhooks.seeing import OwnerSight, may_have
from hub.webhooks.store import WebhookStore

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 1.0
GRAIN: Final = 0.05


class WebhookWatch:
    """`wake_jobs` is called when a job may be due."""

    def __init__(
        self,
        store: WebhookStore,
        sight: OwnerSight,
        disabling: Disabling,
        *,
        wake_jobs: Callable[[], None],
    ) -> None:
        self._store = store
        self._sight = sight
        self._disabling = disabling
        self._wake_jobs = wake_jobs
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Something was committed for a webhook here."""
        self._wake.set()

    async def run(self) -> None:
        """Wakes jobs as soon as something comes here; what nobody saw `look` finds. For ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._wake_all()
            except Unavailable as error:
                log.warning("webhooks_not_woken", error=error.detail)
            await asyncio.sleep(GRAIN)

    async def look(self) -> None:
        """A job, of one replica. Raises `Unavailable`."""
        await self._wake_all()
        for org, webhook_id, owner in await self._store.owners():
            if may_have(await self._sight.holding(org, owner)):
                continue
            async with self._store.database.transaction() as connection:
                await self._disabling.disable(connection, org, webhook_id, "owner_lacks_right")

    async def _wake_all(self) -> None:
        if await self._store.wake_all():
            self._wake_jobs()
