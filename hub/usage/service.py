"""Writes what this process has counted, and reads it back."""

from datetime import date

import structlog

from hub.base import usage
from hub.base.errors import Unavailable
from hub.usage.store import UsageDay, UsageStore
from protocol.ids import OrgId

log = structlog.get_logger(__name__)

__all__ = ["UsageDay", "UsageService"]


class UsageService:
    def __init__(self, store: UsageStore) -> None:
        self._store = store

    async def write(self) -> None:
        taken = usage.take()
        if not taken:
            return
        try:
            await self._store.add(taken)
        except Unavailable:
            usage.put_back(taken)
            log.info("usage_waits")

    async def days(self, org: OrgId, since: date | None, until: date | None) -> list[UsageDay]:
        return await self._store.days(org, since, until)
