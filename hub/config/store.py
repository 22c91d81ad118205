"""The rows of configurations, of their history, and of the schema that rules them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

import sql
from hub.base.database import Connection, Database, Row
from hub.commands.service import CommandRow
from hub.config.defaults import GroupDefault
from hub.config.state import ConfigState, Fate
from hub.lines.service import LineRef
from protocol.ids import CommandId, DeviceId, DeviceKey, OrgId
from protocol.merge_patch import Document

_Q = sql.queries("config")


class HistoryRow(Struct, frozen=True, kw_only=True):
    version: int
    at: datetime
    actor: str
    command_id: str
    patch: dict[str, Any]
    outcome: str
    device_version: int | None
    error: str | None
    ended_at: datetime | None


class Push(Struct, frozen=True, kw_only=True):
    """One accepted `push_config`, and the version that it makes of another."""

    command: CommandRow
    base_version: int
    version: int
    document: Document
    """The device's own part with it."""


class Base(Struct, frozen=True):
    """The device's own part before a push."""

    version: int
    document: Document


class PushEnd(Struct, frozen=True, kw_only=True):
    """How a push ended, as the device tells it."""

    command: CommandRow
    fate: Fate
    without_effect: bool
    device_version: int | None
    device_hash: str | None
    error: str | None


class PushRow(Struct, frozen=True, kw_only=True):
    org: OrgId
    device_id: DeviceId
    version: int
    command_id: CommandId
    patch: Document
    outcome: str
    device_version: int | None


class Undone(Struct, frozen=True):
    """A device, and the push that it says it has undone."""

    org: OrgId
    device_id: DeviceId
    command_id: str | None


class SchemaRow(Struct, frozen=True, kw_only=True):
    org: OrgId
    schema: Document
    updated_at: datetime
    updated_by: str


class GroupDefaultRow(Struct, frozen=True, kw_only=True):
    document: Document
    priority: int
    updated_at: datetime
    updated_by: str


class ConfigStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def lock(
        self, connection: Connection, places: Sequence[DeviceKey]
    ) -> dict[DeviceKey, ConfigState]:
        return _standings(await connection.fetch(_Q["lock"], *_columns(places)))

    async def read(
        self, connection: Connection, places: Sequence[DeviceKey]
    ) -> dict[DeviceKey, ConfigState]:
        """As they are, locked by nobody."""
        return _standings(await connection.fetch(_Q["read"], *_columns(places)))

    async def lock_of_lines(
        self, connection: Connection, lines: Sequence[LineRef]
    ) -> dict[DeviceKey, ConfigState]:
        """Of those whose line is still the newest."""
        columns = _columns([(line.org, line.device_id) for line in lines])
        generations = [line.generation for line in lines]
        return _standings(await connection.fetch(_Q["lock_of_lines"], *columns, generations))

    async def want(
        self,
        connection: Connection,
        desired: Mapping[DeviceKey, ConfigState],
        pushes: Sequence[Push],
    ) -> None:
        await connection.execute(
            _Q["set_desired"],
            *_columns(list(desired)),
            [standing.desired for standing in desired.values()],
            [standing.desired_version for standing in desired.values()],
            [standing.own for standing in desired.values()],
        )
        await connection.execute(
            _Q["add_history"],
            [push.command.org for push in pushes],
            [push.command.device_id for push in pushes],
            [push.version for push in pushes],
            [push.command.actor for push in pushes],
            [push.command.command_id for push in pushes],
            [push.command.params["patch"] for push in pushes],
            [push.base_version for push in pushes],
            [push.document for push in pushes],
        )

    async def base(self, connection: Connection, place: DeviceKey, version: int) -> Base | None:
        """What was desired before a push that had no effect; None for another, or when that is not
        known any more."""
        row = await connection.fetchrow(_Q["base"], *place, version)
        return None if row is None else Base(row["version"], row["document"])

    async def document(self, org: OrgId, device_id: DeviceId, version: int) -> Document | None:
        found: Document | None = await self.database.tenant(org).fetchval(
            _Q["document"], org, device_id, version
        )
        return found

    async def note_ends(self, connection: Connection, ends: Sequence[PushEnd]) -> list[PushRow]:
        """Those pushes that had no end yet, in order."""
        rows = await connection.fetch(
            _Q["note_ends"],
            [end.command.org for end in ends],
            [end.command.command_id for end in ends],
            [end.fate for end in ends],
            [end.device_version for end in ends],
            [end.error for end in ends],
            [end.without_effect for end in ends],
        )
        return sorted(map(_push, rows), key=lambda push: push.version)

    async def pushes(self, connection: Connection, undone: Sequence[Undone]) -> list[PushRow]:
        """The last push of each device; and the one it has undone, of which that is noted."""
        rows = await connection.fetch(
            _Q["pushes"],
            [each.org for each in undone],
            [each.device_id for each in undone],
            [each.command_id for each in undone],
        )
        return [_push(row) for row in rows]

    async def report(
        self,
        connection: Connection,
        standings: Mapping[DeviceKey, ConfigState],
        *,
        hand_over: bool = False,
    ) -> None:
        """With `hand_over` each replica looks whether what is pending can be handed over."""
        if not standings:
            return
        rows = list(standings.values())
        await connection.execute(
            _Q["report"],
            *_columns(list(standings)),
            [row.reported for row in rows],
            [row.reported_version for row in rows],
            [row.reported_hash for row in rows],
            [row.status for row in rows],
            [row.error for row in rows],
            [row.desired for row in rows],
            [row.desired_version for row in rows],
            [row.refused for row in rows],
            [row.retried for row in rows],
            hand_over,
            [row.own for row in rows],
            [row.own_version for row in rows],
            [row.defaults for row in rows],
            [row.highest_version for row in rows],
        )

    async def differing(self, places: Sequence[DeviceKey]) -> dict[DeviceKey, ConfigState]:
        """Those among these that have another configuration than is desired, and no push under
        way."""
        return _standings(await self.database.fetch(_Q["differing"], *_columns(places)))

    # What groups give

    async def group_default(
        self, connection: Connection, org: OrgId, group_id: str
    ) -> GroupDefaultRow | None:
        row = await connection.fetchrow(_Q["group_default"], org, group_id)
        return None if row is None else GroupDefaultRow(**dict(row))

    async def is_trusted(self, connection: Connection, org: OrgId, group_id: str) -> bool | None:
        """Whether no device comes into the group by what it says; None when it is not there."""
        return await connection.fetchval(_Q["is_trusted"], org, group_id)

    async def set_group_default(
        self,
        connection: Connection,
        org: OrgId,
        group: GroupDefault,
        actor: str,
    ) -> bool:
        """Whether there is such a group."""
        columns = (org, group.group_id, group.document, group.priority, actor)
        return await connection.fetchval(_Q["set_group_default"], *columns) is not None

    async def delete_group_default(self, connection: Connection, org: OrgId, group_id: str) -> bool:
        return await connection.fetchval(_Q["delete_group_default"], org, group_id) is not None

    async def defaults(
        self, connection: Connection, org: OrgId, device_ids: Sequence[DeviceId]
    ) -> dict[DeviceId, list[GroupDefault]]:
        """What the groups of these devices give, of those that have some."""
        found: dict[DeviceId, list[GroupDefault]] = {}
        for row in await connection.fetch(_Q["defaults"], org, device_ids):
            group = GroupDefault(
                group_id=row["group_id"], priority=row["priority"], document=row["document"]
            )
            found.setdefault(DeviceId(row["device_id"]), []).append(group)
        return found

    async def members(
        self, connection: Connection, org: OrgId, group_id: str, *, behind: str, limit: int
    ) -> list[DeviceId]:
        rows = await connection.fetch(_Q["members_of_group"], org, group_id, behind, limit)
        return [DeviceId(row["device_id"]) for row in rows]

    async def go_stale(
        self,
        connection: Connection,
        org: OrgId,
        group_id: str,
        device_ids: Sequence[DeviceId] | None,
    ) -> None:
        """These devices, None for all in the group, have a turn before them."""
        if device_ids is None:
            await connection.execute(_Q["go_stale_all"], org, group_id)
        else:
            await connection.execute(_Q["go_stale"], org, group_id, device_ids)

    async def stale_groups(self) -> list[tuple[OrgId, str]]:
        rows = await self.database.fetch(_Q["stale_groups"])
        return [(OrgId(row["org_id"]), row["stale_for"]) for row in rows]

    async def take_turn(
        self, connection: Connection, org: OrgId, group_id: str, limit: int
    ) -> list[DeviceId]:
        rows = await connection.fetch(_Q["take_turn"], org, group_id, limit)
        return sorted(DeviceId(row["device_id"]) for row in rows)

    # Retention

    async def forget(self, *, pushes: int, documents: int) -> None:
        """Keep so many pushes of each device, and of so many what they made."""
        await self.database.execute(_Q["forget"], pushes)
        await self.database.execute(_Q["forget_documents"], documents)

    async def get(self, org: OrgId, device_id: DeviceId) -> ConfigState | None:
        row = await self.database.tenant(org).fetchrow(_Q["get"], org, device_id)
        return None if row is None else _standing(row)

    async def history(
        self, org: OrgId, device_id: DeviceId, *, below: int | None, limit: int
    ) -> list[HistoryRow]:
        rows = await self.database.tenant(org).fetch(_Q["history"], org, device_id, below, limit)
        return [
            HistoryRow(
                version=row["version"],
                at=row["at"],
                actor=row["actor"],
                command_id=row["command_id"],
                patch=row["patch"],
                outcome=row["outcome"],
                device_version=row["device_version"],
                error=row["error"],
                ended_at=row["ended_at"],
            )
            for row in rows
        ]

    # The schema

    async def schemas(self, connection: Connection, orgs: Sequence[OrgId]) -> list[SchemaRow]:
        return [
            SchemaRow(
                org=row["org_id"],
                schema=msgspec.json.decode(row["schema"]),
                updated_at=row["updated_at"],
                updated_by=row["updated_by"],
            )
            for row in await connection.fetch(_Q["schemas"], orgs)
        ]

    async def set_schema(
        self, connection: Connection, org: OrgId, schema: Document, actor: str
    ) -> None:
        await connection.execute(_Q["set_schema"], org, _text(schema), actor)

    async def remember_hidden(self, connection: Connection, org: OrgId, schema: Document) -> None:
        """What it hides stays hidden, whatever schema comes after it."""
        await connection.execute(_Q["remember_hidden"], org, _text(schema))

    async def hidden(self, org: OrgId) -> list[Document]:
        """The schemas, present and former, of what nobody reads back."""
        rows = await self.database.tenant(org).fetch(_Q["hidden"], org)
        return [msgspec.json.decode(row["schema"]) for row in rows]

    async def delete_schema(self, connection: Connection, org: OrgId) -> bool:
        return await connection.fetchval(_Q["delete_schema"], org) is not None


def _text(schema: Document) -> str:
    return msgspec.json.encode(schema).decode()


def _columns(places: Sequence[DeviceKey]) -> tuple[list[OrgId], list[DeviceId]]:
    return [org for org, _ in places], [device_id for _, device_id in places]


def _standings(rows: Sequence[Row]) -> dict[DeviceKey, ConfigState]:
    return {(row["org_id"], row["device_id"]): _standing(row) for row in rows}


def _standing(row: Row) -> ConfigState:
    return ConfigState(
        desired=row["desired"],
        desired_version=row["desired_version"],
        own=row["own"],
        own_version=row["own_version"],
        defaults=row["defaults"],
        highest_version=row["highest_version"],
        reported=row["reported"],
        reported_version=row["reported_version"],
        reported_hash=row["reported_hash"],
        status=row["status"],
        error=row["error"],
        refused=row["refused"],
        retried=row["retried"],
    )


def _push(row: Row) -> PushRow:
    return PushRow(
        org=row["org_id"],
        device_id=row["device_id"],
        version=row["version"],
        command_id=row["command_id"],
        patch=row["patch"],
        outcome=row["outcome"],
        device_version=row["device_version"],
    )
