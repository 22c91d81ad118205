"""The rows of records, of the queue to the cloud, and of its lanes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg
import msgspec
from msgspec import Struct

import sql
from cloud.api import MOST_ITEMS, Item, fitting
from hub.base.database import Connection, Database, Row
from hub.edge.pushing import LEASE_SECONDS, Claimed, Lane, Settlement
from hub.edge.records import Judged
from protocol.codec import rfc3339
from protocol.edge import Kind
from protocol.frames import ConnectionMode
from protocol.ids import DeviceId, OrgId, ReplicaId

_Q = sql.queries("edge")


class Raced(Exception):
    """Another call has put one of these records there meanwhile."""


class Overview(Struct, frozen=True, kw_only=True):
    pending: int
    dead: int
    oldest: float | None
    error: str | None


class DeadRow(Struct, frozen=True, kw_only=True):
    record_id: str
    company_id: str
    kind: Kind
    device_id: DeviceId
    ts: datetime
    data: dict[str, Any]
    error: str
    attempts: int
    finished_at: datetime


class ModeRow(Struct, frozen=True):
    org: OrgId
    device_id: DeviceId
    mode: ConnectionMode


class EdgeStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    # Records

    async def existing(
        self, connection: Connection, org: OrgId, ids: Sequence[str]
    ) -> dict[str, bytes]:
        rows = await connection.fetch(_Q["existing"], org, ids)
        return {row["record_id"]: row["digest"] for row in rows}

    async def add(
        self, connection: Connection, org: OrgId, device_id: DeviceId, new: Sequence[Judged]
    ) -> None:
        """Into the tables and the queue. Raises `Raced`."""
        records = [each.record for each in new]
        ids = [record.id for record in records]
        companies = [record.company_id for record in records]
        kinds = [record.kind for record in records]
        try:
            added = await connection.fetch(
                _Q["add"],
                org,
                device_id,
                ids,
                kinds,
                companies,
                [record.ts for record in records],
                [record.data for record in records],
                [each.digest for each in new],
            )
            if len(added) < len(new):
                raise Raced
            await connection.execute(_Q["enqueue"], org, ids, companies, kinds)
        except asyncpg.UniqueViolationError:
            raise Raced from None
        await connection.execute(_Q["add_lanes"], org, companies, kinds)

    # Lanes

    async def claim(self, replica_id: ReplicaId, most: int) -> list[Claimed]:
        rows = await self.database.fetch(_Q["claim"], replica_id, LEASE_SECONDS, most)
        return [
            Claimed(Lane(row["org_id"], row["company_id"], row["kind"]), row["failures"])
            for row in rows
        ]

    async def next(self, lane: Lane) -> list[Item]:
        """The first records of the lane, as many as go into one request."""
        rows = await self.database.fetch(_Q["next"], *_key(lane), MOST_ITEMS)
        sizes = [len(msgspec.json.encode(row["data"])) for row in rows]
        return [
            Item(row["record_id"], rfc3339(row["ts"]), row["data"])
            for row in rows[: fitting(sizes)]
        ]

    async def settle(self, lane: Lane, replica_id: ReplicaId, settlement: Settlement) -> bool:
        """Write what an answer did; whether this replica goes on with the lane."""
        async with self.database.transaction() as connection:
            if settlement.done:
                await connection.execute(_Q["finish"], lane.org, settlement.done, None)
            if settlement.dead:
                await connection.execute(
                    _Q["finish"], lane.org, settlement.dead, settlement.error or "refused"
                )
            if settlement.wait is None:
                held = await connection.fetchval(_Q["hold"], *_key(lane), replica_id, LEASE_SECONDS)
                return held is not None
            await connection.execute(
                _Q["fail"],
                *_key(lane),
                replica_id,
                settlement.failures,
                settlement.wait,
                settlement.error,
            )
            return False

    async def release(self, lane: Lane, replica_id: ReplicaId) -> None:
        await self.database.execute(_Q["release"], *_key(lane), replica_id)

    # What people see

    async def pending(self) -> int:
        return int(await self.database.fetchval(_Q["pending"]))

    async def overview(self, org: OrgId) -> Overview:
        row = await self.database.fetchrow(_Q["overview"], org)
        if row is None:
            raise AssertionError("a query of subqueries has one row")
        return Overview(
            pending=row["pending"], dead=row["dead"], oldest=row["oldest"], error=row["error"]
        )

    async def dead_letters(
        self, org: OrgId, *, before: tuple[datetime, str] | None, limit: int
    ) -> list[DeadRow]:
        rows = await self.database.fetch(_Q["dead_letters"], org, *(before or (None, None)), limit)
        return [_dead(row) for row in rows]

    async def retry(self, connection: Connection, org: OrgId, record_id: str) -> bool:
        return await connection.fetchval(_Q["retry"], org, record_id) is not None

    # Retention

    async def forget(self, *, done_days: int, record_days: int, is_pushed: bool) -> int:
        """Some thousands at a time; how many waited in vain, which only happens without a cloud."""
        await self.database.fetchval(_Q["forget_done"], done_days)
        unsent = int(await self.database.fetchval(_Q["forget_unsent"], record_days, not is_pushed))
        await self.database.fetchval(_Q["forget_records"], record_days)
        return unsent

    async def modes(self, seconds: float) -> list[ModeRow]:
        return _modes(await self.database.fetch(_Q["modes"], seconds))

    async def modes_of(self, places: Sequence[tuple[OrgId, DeviceId]]) -> list[ModeRow]:
        orgs, device_ids = [org for org, _ in places], [device_id for _, device_id in places]
        return _modes(await self.database.fetch(_Q["modes_of"], orgs, device_ids))


def _modes(rows: Sequence[Row]) -> list[ModeRow]:
    return [ModeRow(row["org_id"], row["device_id"], row["connection_mode"]) for row in rows]


def _key(lane: Lane) -> tuple[str, str, str]:
    return (lane.org, lane.company_id, lane.kind)


def _dead(row: Row) -> DeadRow:
    return DeadRow(
        record_id=row["record_id"],
        company_id=row["company_id"],
        kind=row["kind"],
        device_id=DeviceId(row["device_id"]),
        ts=row["ts"],
        data=row["data"],
        error=row["error"],
        attempts=row["attempts"],
        finished_at=row["finished_at"],
    )
