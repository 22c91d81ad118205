"""The rows of devices, as far as plain agents have to do with them."""

from datetime import datetime
from typing import Final

import sql
from hub.base.database import Database
from protocol.ids import DeviceId, OrgId

_Q = sql.queries("plain")

MOST: Final = 10_000
"""Devices in one answer, which has no pages."""


class PlainStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def heartbeat(self, org: OrgId, device_id: DeviceId) -> None:
        await self._database.execute(_Q["heartbeat"], org, device_id)

    async def devices(self, org: OrgId) -> list[tuple[DeviceId, datetime | None]]:
        """(id, when it was heard of last), in the order of the ids."""
        rows = await self._database.tenant(org).fetch(_Q["devices"], org, MOST)
        return [(DeviceId(row["device_id"]), row["last_seen"]) for row in rows]
