"""The rows of `replica`: leases, ends, and what replicas tell of themselves."""

from datetime import datetime

import msgspec
from msgspec import Struct

import sql
from hub.base.database import Database, Row
from hub.base.roles import DatabaseUser, login_of
from hub.lines.store import LineRef, columns_of, refs_of
from hub.replicas.figures import ReplicaReport
from hub.replicas.lease import Held
from protocol.ids import OrgId, ReplicaId

_Q = sql.queries("replicas")


class ReplicaEnd(Struct, frozen=True):
    """The end of a replica that said no goodbye."""

    replica_id: ReplicaId
    at: datetime


class ReplicaRow(Struct, frozen=True, kw_only=True):
    replica_id: ReplicaId
    address: str
    version: str | None
    started_at: datetime
    last_seen: datetime
    told: ReplicaReport | None
    """None before it first told, or when another version tells otherwise."""

    @classmethod
    def from_row(cls, row: Row) -> "ReplicaRow":
        try:
            told = (
                None if row["figures"] is None else msgspec.convert(row["figures"], ReplicaReport)
            )
        except msgspec.ValidationError:
            told = None
        return cls(
            replica_id=ReplicaId(row["replica_id"]),
            address=row["address"],
            version=row["version"],
            started_at=row["started_at"],
            last_seen=row["last_seen"],
            told=told,
        )


class FleetCounts(Struct, frozen=True, kw_only=True):
    devices: int
    connected: int
    unfinished: int
    now: datetime
    """By the database's clock."""


class ReplicaStore:
    """`reserved` is a small pool of its own, so that leases are renewed however busy the other
    connections are."""

    def __init__(self, reserved: Database) -> None:
        self._database = reserved

    async def start(
        self, replica_id: ReplicaId, address: str, version: str, *, lease: float
    ) -> None:
        await self._database.execute(_Q["start_replica"], replica_id, address, version, lease)

    async def renew(self, replica_id: ReplicaId, lease: float, told: ReplicaReport) -> bool:
        """False: somebody has declared this replica dead."""
        return await self._database.fetchval(_Q["renew"], replica_id, lease, told) is not None

    async def revive(
        self, replica_id: ReplicaId, lease: float, lines: list[LineRef]
    ) -> dict[LineRef, bool]:
        """Alive again, with its lines: those that are still the newest of their device, and whether
        they had been closed."""
        async with self._database.transaction() as connection:
            await connection.execute(_Q["revive"], replica_id, lease)
            rows = await connection.fetch(_Q["reopen"], *columns_of(lines))
        return dict(zip(refs_of(rows), [row["was_closed"] for row in rows], strict=True))

    async def others(self, replica_id: ReplicaId) -> list[Held]:
        """The leases of all replicas but this one that have not ended."""
        rows = await self._database.fetch(_Q["leases"], replica_id)
        return [Held(row["replica_id"], row["lease_until"]) for row in rows]

    async def bury(self, unrenewed: list[Held]) -> tuple[list[ReplicaId], list[LineRef]]:
        """Declare these dead, once, if their leases still stand as they were seen; their lines end
        too."""
        async with self._database.transaction() as connection:
            rows = await connection.fetch(
                _Q["end_dead"],
                [held.replica_id for held in unrenewed],
                [held.until for held in unrenewed],
            )
            dead = [ReplicaId(row["replica_id"]) for row in rows]
            lines = await connection.fetch(_Q["close_all"], dead) if dead else []
        return dead, refs_of(lines)

    async def untold(self) -> list[tuple[ReplicaEnd, OrgId]]:
        """The streams in which the end of a replica is still to be told."""
        rows = await self._database.fetch(_Q["untold"])
        return [(ReplicaEnd(row["replica_id"], row["ended_at"]), row["org_id"]) for row in rows]

    async def told(self, ends: list[ReplicaEnd]) -> None:
        await self._database.execute(
            _Q["told"], [end.replica_id for end in ends], [end.at for end in ends]
        )

    async def takeovers(self, replica_id: ReplicaId) -> list[LineRef]:
        """Newer lines, on other replicas, of devices that had one here; each is told once."""
        return refs_of(await self._database.fetch(_Q["takeovers"], replica_id))

    async def close_all(self, replica_id: ReplicaId) -> list[LineRef]:
        """End every line of a replica."""
        return refs_of(await self._database.fetch(_Q["close_all"], [replica_id]))

    async def goodbye(self, replica_id: ReplicaId, *, complete: bool) -> None:
        """`complete`: there is nothing that dashboards were not told."""
        async with self._database.transaction() as connection:
            untold = await connection.fetch(_Q["close_all"], [replica_id])
            await connection.execute(_Q["goodbye"], replica_id, complete and not untold)

    async def forget(self) -> None:
        await self._database.execute(_Q["forget_replicas"])


class HealthStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def replicas(self, lease: float) -> list[ReplicaRow]:
        """Those that have not ended, the oldest first."""
        rows = await self._database.fetch(_Q["replicas"], lease)
        return [ReplicaRow.from_row(row) for row in rows]

    async def counts(self, org: OrgId) -> FleetCounts:
        (row,) = await self._database.fetch(_Q["counts"], org)
        return FleetCounts(**dict(row))

    async def login(self) -> DatabaseUser:
        """As whom the hub is signed in."""
        return await login_of(self._database)
