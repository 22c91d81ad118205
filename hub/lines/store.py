"""The rows of lines and of replicas."""

import msgspec
from msgspec import Struct

import sql
from hub.base.database import Database
from protocol.frames import Hello
from protocol.ids import DeviceId, Generation, OrgId, ReplicaId

_Q = sql.queries("lines")


class Opening(Struct, frozen=True):
    """A line that wants to be registered."""

    org: OrgId
    device_id: DeviceId
    session_id: str


class LineRef(Struct, frozen=True):
    """A line by name: everything that the fence needs."""

    org: OrgId
    device_id: DeviceId
    generation: Generation


class LineStore:
    """`reserved` is a small pool of its own, so that leases are renewed however busy the other
    connections are."""

    def __init__(self, database: Database, reserved: Database) -> None:
        self._database = database
        self._reserved = reserved

    async def register(
        self, replica_id: ReplicaId, openings: list[Opening]
    ) -> dict[tuple[OrgId, DeviceId], Generation]:
        """The generation of each device that may have a line; no device twice in a call."""
        rows = await self._database.fetch(
            _Q["register"],
            replica_id,
            [opening.org for opening in openings],
            [opening.device_id for opening in openings],
            [opening.session_id for opening in openings],
        )
        return {
            (OrgId(row["org_id"]), DeviceId(row["device_id"])): Generation(row["generation"])
            for row in rows
        }

    async def close(self, lines: list[LineRef]) -> set[LineRef]:
        """Note the end of lines; those that were still the newest of their device."""
        lines = sorted(lines, key=lambda line: (line.org, line.device_id))
        orgs = [line.org for line in lines]
        device_ids = [line.device_id for line in lines]
        async with self._database.transaction() as connection:
            rows = await connection.fetch(
                _Q["close"], orgs, device_ids, [line.generation for line in lines]
            )
            await connection.execute(_Q["seen"], orgs, device_ids)
        return {LineRef(row["org_id"], row["device_id"], row["generation"]) for row in rows}

    async def hello(self, said: list[tuple[LineRef, Hello]]) -> None:
        await self._database.execute(
            _Q["hello"],
            [line.org for line, _ in said],
            [line.device_id for line, _ in said],
            [line.generation for line, _ in said],
            [hello.journal_id for _, hello in said],
            [hello.agent_version for _, hello in said],
            [None if h.commands is None else _as_json(h.commands) for _, h in said],
            [hello.config_version for _, hello in said],
        )

    # Replicas

    async def start_replica(self, replica_id: ReplicaId, address: str, lease: float) -> None:
        await self._reserved.execute(_Q["start_replica"], replica_id, address, lease)

    async def renew(self, replica_id: ReplicaId, lease: float) -> bool:
        """False: somebody has declared this replica dead."""
        return await self._reserved.fetchval(_Q["renew"], replica_id, lease) is not None

    async def revive(self, replica_id: ReplicaId, lease: float) -> None:
        await self._reserved.execute(_Q["revive"], replica_id, lease)

    async def end_dead(self, replica_id: ReplicaId) -> list[ReplicaId]:
        """Declare dead, once, whoever's lease has ended without a goodbye."""
        rows = await self._reserved.fetch(_Q["end_dead"], replica_id)
        return [ReplicaId(row["replica_id"]) for row in rows]

    async def goodbye(self, replica_id: ReplicaId) -> None:
        await self._reserved.execute(_Q["goodbye"], replica_id)

    async def close_all(self, replicas: list[ReplicaId]) -> list[LineRef]:
        """End every line of replicas that are gone."""
        rows = await self._database.fetch(_Q["close_all"], replicas)
        return [LineRef(row["org_id"], row["device_id"], row["generation"]) for row in rows]

    async def forget_replicas(self) -> None:
        await self._database.execute(_Q["forget_replicas"])


def _as_json(names: list[str]) -> str:
    """As text: a list in an array parameter would be one more dimension."""
    return msgspec.json.encode(names).decode()
