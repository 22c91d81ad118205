"""`/devices/{id}/config` and its history."""

from typing import Any

from msgspec import Struct

from hub.config.service import ConfigRow, ConfigService, HistoryRow
from hub.web.envelope import Items
from hub.web.inputs import ListQuery
from hub.web.paging import decode_number_cursor, encode_cursor
from hub.web.route import Call
from protocol.codec import rfc3339
from protocol.ids import DeviceId


class Config(Struct, frozen=True, rename="camel", kw_only=True):
    desired: dict[str, Any]
    desired_version: int
    reported: dict[str, Any]
    reported_version: int | None
    status: str
    error: str | None


class ConfigChange(Struct, frozen=True, rename="camel", kw_only=True):
    version: int
    at: str
    actor: str
    command_id: str
    patch: dict[str, Any]
    outcome: str


class ConfigEndpoints:
    def __init__(self, service: ConfigService) -> None:
        self._service = service

    async def get(self, call: Call[None, None]) -> Config:
        return _config(await self._service.get(call.principal.org, DeviceId(call.path("id"))))

    async def history(self, call: Call[ListQuery, None]) -> Items[ConfigChange]:
        key = decode_number_cursor(call.query.cursor)
        limit = call.query.limit
        rows = await self._service.history(
            call.principal.org,
            DeviceId(call.path("id")),
            below=key[1] if key else None,
            limit=limit + 1,
        )
        shown = rows[:limit]
        more = len(rows) > limit
        following = encode_cursor((shown[-1].at, str(shown[-1].version))) if more else None
        return Items([_change(row) for row in shown], following)


def _config(row: ConfigRow) -> Config:
    return Config(
        desired=row.desired,
        desired_version=row.desired_version,
        reported=row.reported,
        reported_version=row.reported_version,
        status=row.status,
        error=row.error,
    )


def _change(row: HistoryRow) -> ConfigChange:
    return ConfigChange(
        version=row.version,
        at=rfc3339(row.at),
        actor=row.actor,
        command_id=row.command_id,
        patch=row.patch,
        outcome=row.outcome,
    )
