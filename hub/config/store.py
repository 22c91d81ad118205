"""The rows of configurations and their history."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

import sql
from hub.base.database import Connection, Database
from hub.commands.service import Ledgered
from protocol.ids import DeviceId, OrgId

_Q = sql.queries("config")

Place = tuple[OrgId, DeviceId]


class Desired(Struct):
    """What the hub wants of a device; moved on by each push."""

    document: dict[str, Any]
    version: int


class ConfigRow(Struct, frozen=True, kw_only=True):
    desired: dict[str, Any]
    desired_version: int
    reported: dict[str, Any]
    reported_version: int | None
    status: str
    error: str | None


class HistoryRow(Struct, frozen=True, kw_only=True):
    version: int
    at: datetime
    actor: str
    command_id: str
    patch: dict[str, Any]
    outcome: str


class Push(Struct, frozen=True):
    """One accepted `push_config` and the version that it wants."""

    command: Ledgered
    version: int


class PushOutcome(Struct, frozen=True):
    command: Ledgered
    applied: bool
    reported_version: int | None
    error: str | None


class ConfigStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def lock(self, connection: Connection, places: Sequence[Place]) -> dict[Place, Desired]:
        rows = await connection.fetch(
            _Q["lock"], [org for org, _ in places], [device_id for _, device_id in places]
        )
        return {
            (row["org_id"], row["device_id"]): Desired(row["desired"], row["desired_version"])
            for row in rows
        }

    async def want(
        self, connection: Connection, desired: dict[Place, Desired], pushes: Sequence[Push]
    ) -> None:
        await connection.execute(
            _Q["set_desired"],
            [org for org, _ in desired],
            [device_id for _, device_id in desired],
            [wanted.document for wanted in desired.values()],
            [wanted.version for wanted in desired.values()],
        )
        await connection.execute(
            _Q["add_history"],
            [push.command.org for push in pushes],
            [push.command.device_id for push in pushes],
            [push.version for push in pushes],
            [push.command.actor for push in pushes],
            [push.command.command_id for push in pushes],
            [push.command.params["patch"] for push in pushes],
        )

    async def note_outcomes(self, connection: Connection, outcomes: Sequence[PushOutcome]) -> None:
        await connection.execute(
            _Q["note_outcome"],
            [outcome.command.org for outcome in outcomes],
            [outcome.command.command_id for outcome in outcomes],
            ["applied" if outcome.applied else "failed" for outcome in outcomes],
            [outcome.reported_version for outcome in outcomes],
            [outcome.error for outcome in outcomes],
        )

    async def forget(self, keep: int) -> None:
        """Keep so many pushes of each device."""
        await self._database.execute(_Q["forget"], keep)

    async def get(self, org: OrgId, device_id: DeviceId) -> ConfigRow | None:
        row = await self._database.fetchrow(_Q["get"], org, device_id)
        if row is None:
            return None
        return ConfigRow(
            desired=row["desired"],
            desired_version=row["desired_version"],
            reported=row["reported"],
            reported_version=row["reported_version"],
            status=row["status"],
            error=row["error"],
        )

    async def history(
        self, org: OrgId, device_id: DeviceId, *, below: int | None, limit: int
    ) -> list[HistoryRow]:
        rows = await self._database.fetch(_Q["history"], org, device_id, below, limit)
        return [
            HistoryRow(
                version=row["version"],
                at=row["at"],
                actor=row["actor"],
                command_id=row["command_id"],
                patch=row["patch"],
                outcome=row["outcome"],
            )
            for row in rows
        ]
