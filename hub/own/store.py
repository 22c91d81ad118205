"""The rows of descriptions, and what devices said of their own commands when their lines began."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

import sql
from hub.base.database import Database
from hub.own.asking import DescriptionKey
from hub.own.description import Description, as_text, from_text
from protocol.ids import DeviceId, OrgId
from protocol.own import OwnCommand

_Q = sql.queries("own")

MOST_OF_AN_ORG: Final = 1000
"""Descriptions. Those of which no device speaks go after a day."""


Whose = list[DeviceId] | str | None
"""Of these devices, of the group of this id, or of all."""


class OwnSaid(Struct, frozen=True):
    """`awaited`: it is on a line whose hello has not come yet, or is not noted."""

    hash: str | None
    online: bool
    awaited: bool


class OwnStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def known(self, keys: Sequence[DescriptionKey]) -> set[DescriptionKey]:
        """Those that there are."""
        columns = [org for org, _ in keys], [digest for _, digest in keys]
        rows = await self._database.fetch(_Q["known"], *columns)
        return {(row["org_id"], row["hash"]) for row in rows}

    async def add(
        self, key: DescriptionKey, commands: list[OwnCommand], device_id: DeviceId
    ) -> None:
        text = as_text(commands)
        await self._database.execute(_Q["add"], *key, text, device_id, MOST_OF_AN_ORG)

    async def forget(self) -> None:
        await self._database.execute(_Q["forget"])

    async def said(self, org: OrgId, device_ids: Sequence[DeviceId]) -> dict[DeviceId, OwnSaid]:
        rows = await self._database.tenant(org).fetch(_Q["said"], org, list(device_ids))
        return {
            row["device_id"]: OwnSaid(row["own_hash"], row["online"], row["awaited"])
            for row in rows
        }

    async def descriptions(self, org: OrgId, hashes: Sequence[str]) -> dict[str, Description]:
        rows = await self._database.tenant(org).fetch(_Q["descriptions"], org, list(hashes))
        return {row["hash"]: from_text(row["commands"]) for row in rows}

    async def types(self, org: OrgId, whose: Whose) -> list[tuple[list[str] | None, str | None]]:
        """(types, hash) of devices, each combination once."""
        tenant = self._database.tenant(org)
        match whose:
            case None:
                rows = await tenant.fetch(_Q["types_of_all"], org)
            case str():
                rows = await tenant.fetch(_Q["types_of_group"], org, whose)
            case _:
                rows = await tenant.fetch(_Q["types"], org, list(whose))
        return [(row["commands"], row["own_hash"]) for row in rows]
