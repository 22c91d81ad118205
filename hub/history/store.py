"""Reads the tables of telemetry over all devices."""

from collections.abc import Sequence
from typing import Final

import sql
from hub.base.database import Database
from hub.base.paging import PageKey
from hub.history.records import (
    EventsFilter,
    HistoryFilter,
    LogsFilter,
    PastRow,
    event_row,
    log_row,
)
from hub.queries.compiled import condition_of_list
from protocol.ids import OrgId

_Q = sql.queries("history")
_QUERY: Final = "/*query*/ true"
_FEW: Final = "/*few*/ true"
FEW: Final = 20
"""Devices that are looked up one by one; of more, the rows of all are gone through."""


class HistoryStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def meant(self, org: OrgId, asked: HistoryFilter) -> list[str] | None:
        """The devices that it is about; None for all."""
        if asked.query is None:
            return None if asked.device_id is None else [asked.device_id]
        query = condition_of_list(asked.query, first=2)
        statement = _Q["meant"].replace(_FEW, query.few).replace(_QUERY, query.text)
        found: list[str] = await self._database.tenant(org).fetchval(
            statement, org, *query.parameters
        )
        if asked.device_id is None:
            return found
        return [asked.device_id] if asked.device_id in found else []

    async def events(
        self,
        org: OrgId,
        asked: EventsFilter,
        devices: Sequence[str] | None,
        before: PageKey | None,
        limit: int,
    ) -> list[PastRow]:
        rows = await self._database.tenant(org).fetch(
            _Q[_for(devices, "events")],
            org,
            asked.since,
            asked.until,
            asked.types,
            devices,
            *(before or (None, None)),
            limit,
        )
        return [
            event_row(row["received_at"], row["device_id"], row["type"], row["body"])
            for row in rows
        ]

    async def logs(
        self,
        org: OrgId,
        asked: LogsFilter,
        devices: Sequence[str] | None,
        before: PageKey | None,
        limit: int,
    ) -> list[PastRow]:
        rows = await self._database.tenant(org).fetch(
            _Q[_for(devices, "logs")],
            org,
            asked.since,
            asked.until,
            asked.lowest(),
            devices,
            *(before or (None, None)),
            limit,
            asked.source,
            asked.patterns(),
        )
        return [log_row(dict(row)) for row in rows]


def _for(devices: Sequence[str] | None, name: str) -> str:
    return name if devices is None or len(devices) > FEW else f"{name}_of"
