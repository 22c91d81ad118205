"""The rows of `usage_day`."""

from collections.abc import Mapping
from datetime import date

from msgspec import Struct

import sql
from hub.base.database import Database, as_json
from hub.base.usage import Used
from protocol.ids import OrgId

_Q = sql.queries("usage")


class UsageDay(Struct, frozen=True, kw_only=True):
    day: date
    """By UTC."""
    devices: int
    """At the end of the day, or now."""
    events: int
    commands: int
    bytes: int
    """Of what devices sent and was stored."""
    calls: int
    """Of the REST API."""


class UsageStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, counted: Mapping[OrgId, Mapping[Used, int]]) -> None:
        """To the present day, with the number of devices."""
        rows = as_json({"org_id": org, **used} for org, used in counted.items())
        await self._database.execute(_Q["add"], rows)

    async def days(self, org: OrgId, since: date | None, until: date | None) -> list[UsageDay]:
        """The oldest first."""
        rows = await self._database.tenant(org).fetch(_Q["days"], org, since, until)
        return [
            UsageDay(
                day=row["day"],
                devices=row["devices"],
                events=row["events"],
                commands=row["commands"],
                bytes=row["bytes"],
                calls=row["calls"],
            )
            for row in rows
        ]
