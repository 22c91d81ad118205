"""The rows of records, of the queue to the cloud, and of its lanes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg
import msgspec
from msgspec import Struct, structs

import sql
from cloud.api import MOST_ITEMS, Item, fitting
from hub.base.database import Connection, Database, Raced, Row
from hub.base.job_store import add_jobs, go_on
from hub.base.jobs import HeldJob
from hub.edge.pushing import LANE, LEASE_SECONDS, Lane, Settlement, WaitingRecord, of_one_kind
from hub.edge.records import Judged
from protocol.codec import rfc3339
from protocol.edge import Kind
from protocol.ids import DeviceId, OrgId

_Q = sql.queries("edge")


class Overview(Struct, frozen=True, kw_only=True):
    pending: int
    dead: int
    oldest: float | None
    error: str | None


class Which(Struct, frozen=True, kw_only=True):
    """Dead letters that match all of it; None matches any."""

    kind: Kind | None = None
    company_id: str | None = None
    ids: Sequence[str] | None = None
    """Of records."""


class Settled(Struct, frozen=True):
    """What an answer has come to: whether the replica goes on with the lane, and what is a dead
    letter now. A refused record that is none waits behind an older one of its company."""

    holds: bool
    dead: list[WaitingRecord]


class DeadRow(Struct, frozen=True, kw_only=True):
    queue_id: int
    record_id: str
    company_id: str
    kind: Kind
    device_id: DeviceId
    ts: datetime
    data: dict[str, Any]
    error: str
    attempts: int
    finished_at: datetime


class EdgeStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    # Records

    async def standing(
        self, connection: Connection, org: OrgId, device_id: DeviceId
    ) -> tuple[str | None, bool]:
        """(the company that it belongs to, whether it is in quarantine)."""
        row = await connection.fetchrow(_Q["standing"], org, device_id)
        return (None, False) if row is None else (row["company_id"], row["quarantined"])

    async def existing(
        self, connection: Connection, org: OrgId, device_id: DeviceId, ids: Sequence[str]
    ) -> dict[str, bytes]:
        rows = await connection.fetch(_Q["existing"], org, device_id, ids)
        return {row["record_id"]: row["digest"] for row in rows}

    async def share(
        self, connection: Connection, org: OrgId, device_id: DeviceId, most: int
    ) -> int:
        """How many records of a device wait, counted up to `most`."""
        return int(await connection.fetchval(_Q["share"], org, device_id, most))

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
            await connection.execute(_Q["enqueue"], org, device_id, ids, companies, kinds)
        except asyncpg.UniqueViolationError:
            raise Raced from None
        await add_jobs(connection, LANE, org, companies)

    # Lanes

    async def wake_lanes(self) -> int:
        """Those that sleep although something waits in them; how many."""
        return len(await self.database.fetch(_Q["wake_lanes"]))

    async def next(self, lane: Lane) -> list[WaitingRecord]:
        """The first records of the lane, as many as go into one request."""
        rows = await self.database.fetch(_Q["next"], *_key(lane), MOST_ITEMS)
        waiting = of_one_kind([_waiting(row) for row in rows])
        sizes = [len(msgspec.json.encode(each.item.data)) for each in waiting]
        return waiting[: fitting(sizes)]

    async def settle(self, job: HeldJob, settlement: Settlement) -> Settled:
        """Write what an answer did. That stands whoever holds the lane now: the cloud has it."""
        buried: set[int] = set()
        async with self.database.transaction() as connection:
            if settlement.done:
                await connection.execute(_Q["finish"], _places(settlement.done))
            if settlement.dead:
                reason = settlement.error or "refused"
                rows = await connection.fetch(_Q["bury"], _places(settlement.dead), reason)
                buried = {row["queue_id"] for row in rows}
            holds = settlement.wait is None and await go_on(connection, job, LEASE_SECONDS)
        return Settled(holds, [each for each in settlement.dead if each.queue_id in buried])

    # What people see

    async def pending(self) -> int:
        return int(await self.database.fetchval(_Q["pending"]))

    async def overview(self, org: OrgId, *, dead_since: datetime | None = None) -> Overview:
        row = await self.database.tenant(org).fetchrow(_Q["overview"], org, dead_since)
        if row is None:
            raise AssertionError("a query of subqueries has one row")
        return Overview(
            pending=row["pending"], dead=row["dead"], oldest=row["oldest"], error=row["error"]
        )

    async def dead_letters(
        self,
        org: OrgId,
        *,
        before: tuple[datetime, int] | None,
        limit: int,
        since: datetime | None = None,
    ) -> list[DeadRow]:
        rows = await self.database.tenant(org).fetch(
            _Q["dead_letters"], org, *(before or (None, None)), limit, since
        )
        return [_dead(row) for row in rows]

    async def retry(self, connection: Connection, org: OrgId, which: Which) -> int:
        return int(await connection.fetchval(_Q["retry"], org, *structs.astuple(which)))

    async def discard(self, connection: Connection, org: OrgId, which: Which) -> int:
        return int(await connection.fetchval(_Q["discard"], org, *structs.astuple(which)))

    # Retention

    async def forget(self, *, done_days: int, record_days: int, is_pushed: bool) -> int:
        """Some thousands at a time; how many waited in vain, which only happens without a cloud."""
        await self.database.fetchval(_Q["forget_done"], done_days)
        unsent = int(await self.database.fetchval(_Q["forget_unsent"], record_days, not is_pushed))
        await self.database.fetchval(_Q["forget_records"], record_days)
        return unsent


def _key(lane: Lane) -> tuple[str, str]:
    return (lane.org, lane.company_id)


def _places(waiting: Sequence[WaitingRecord]) -> list[int]:
    return [each.queue_id for each in waiting]


def _waiting(row: Row) -> WaitingRecord:
    return WaitingRecord(
        queue_id=row["queue_id"],
        device_id=DeviceId(row["device_id"]),
        kind=row["kind"],
        item=Item(row["record_id"], rfc3339(row["ts"]), row["data"]),
    )


def _dead(row: Row) -> DeadRow:
    return DeadRow(
        queue_id=row["queue_id"],
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
