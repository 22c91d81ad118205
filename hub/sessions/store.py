"""The rows of sessions, of their connections and of recordings."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

import sql
from hub.base.database import Connection, Database, Row
from hub.sessions.channels import Which
from hub.sessions.ending import EndReason
from hub.sessions.records import (
    MOST_CONNECTIONS,
    ByteSessionRow,
    ConnectionRow,
    SessionKey,
)
from protocol.ids import DeviceId, OrgId, ReplicaId
from protocol.sessions import SessionKind

_Q = sql.queries("sessions")


class DeviceSurvey(Struct, frozen=True):
    """What decides about a session of a device."""

    quarantined: bool
    replica_id: ReplicaId | None
    """That has its line."""
    of_device: int
    of_owner: int


class NewSession(Struct, frozen=True, kw_only=True):
    key: SessionKey
    device_id: DeviceId
    kind: SessionKind
    params: dict[str, Any]
    env: dict[str, str] | None
    owner_kind: str
    owner_id: str
    credential: str
    opened_by: str
    address: str | None
    seconds: int
    recorded: bool


class Unasked(Struct, frozen=True):
    """A device on a line here is to be asked for a session, or for a connection of one."""

    key: SessionKey
    device_id: DeviceId
    name: str | None
    age: float


class SessionRequest(Struct, frozen=True):
    kind: SessionKind
    params: dict[str, Any]
    expires_at: datetime


class SessionEnd(Struct, frozen=True, kw_only=True):
    """An end to be noted."""

    key: SessionKey
    reason: EndReason
    code: str | None = None
    message: str | None = None
    down: int = 0
    up: int = 0


class ByteSessionStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    # For a caller of one organisation

    async def lock(self, connection: Connection, org: OrgId) -> None:
        await connection.execute(_Q["lock"], org)

    async def survey(
        self,
        connection: Connection,
        org: OrgId,
        device_id: DeviceId,
        kind: SessionKind,
        owner_id: str,
    ) -> DeviceSurvey | None:
        row = await connection.fetchrow(_Q["device"], org, device_id, kind, owner_id)
        return None if row is None else DeviceSurvey(*row)

    async def add(self, connection: Connection, new: NewSession) -> ByteSessionRow:
        (row,) = await connection.fetch(
            _Q["add"],
            new.key.org,
            new.key.id,
            new.device_id,
            new.kind,
            new.params,
            new.env,
            new.owner_kind,
            new.owner_id,
            new.credential,
            new.opened_by,
            new.address,
            new.seconds,
            new.recorded,
        )
        return _session(row)

    async def get(self, org: OrgId, session_id: str) -> ByteSessionRow | None:
        row = await self.database.tenant(org).fetchrow(_Q["get"], org, session_id)
        return None if row is None else _session(row)

    async def list(
        self,
        org: OrgId,
        *,
        device_id: str | None,
        status: str | None,
        kinds: Sequence[str],
        before: tuple[datetime, str] | None,
        limit: int,
    ) -> list[ByteSessionRow]:
        rows = await self.database.tenant(org).fetch(
            _Q["list"], org, device_id, status, list(kinds), *(before or (None, None)), limit
        )
        return [_session(row) for row in rows]

    async def recording(
        self, org: OrgId, session_id: str, *, after: int, limit: int
    ) -> "list[tuple[int, str]]":
        rows = await self.database.tenant(org).fetch(_Q["recording"], org, session_id, after, limit)
        return [(row["number"], row["events"]) for row in rows]

    # For lines and sockets

    async def unasked(self, replica_id: ReplicaId) -> "list[Unasked]":
        rows = await self.database.fetch(_Q["unasked"], replica_id)
        return [
            Unasked(_key(row), DeviceId(row["device_id"]), row["name"], row["age"]) for row in rows
        ]

    async def ask(self, key: SessionKey, boot_id: str | None) -> SessionRequest | None:
        """With all its params; None when it was asked, or has ended."""
        row = await self.database.fetchrow(_Q["ask"], key.org, key.id, boot_id)
        if row is None:
            return None
        env = {} if row["given"] is None else {"env": row["given"]}
        return SessionRequest(row["kind"], row["params"] | env, row["expires_at"])

    async def ask_connection(self, key: SessionKey, name: str) -> bool:
        return await self.database.fetchval(_Q["ask_connection"], key.org, key.id, name) is not None

    async def lock_one(self, connection: Connection, key: SessionKey) -> ByteSessionRow | None:
        row = await connection.fetchrow(_Q["lock_one"], key.org, key.id)
        return None if row is None else _session(row)

    async def connection(
        self, connection: Connection, key: SessionKey, name: str
    ) -> ConnectionRow | None:
        row = await connection.fetchrow(_Q["connection"], key.org, key.id, name)
        return None if row is None else _connection(row)

    async def connect(self, connection: Connection, row: ByteSessionRow, name: str) -> bool:
        """False when there are as many as may be."""
        values = row.org, row.id, name, row.device_id, MOST_CONNECTIONS
        return await connection.fetchval(_Q["connect"], *values) is not None

    async def claim(
        self,
        connection: Connection,
        key: SessionKey,
        name: str,
        which: Which,
        replica_id: ReplicaId,
    ) -> bool:
        """False where somebody has it."""
        query = _Q["claim_person"] if which == "person" else _Q["claim_device"]
        return await connection.fetchrow(query, key.org, key.id, name, replica_id) is not None

    async def opened(
        self, key: SessionKey, device_id: DeviceId, connection: "Connection | None" = None
    ) -> None:
        where = self.database if connection is None else connection
        await where.execute(_Q["opened"], key.org, key.id, device_id)

    async def is_asked(self, key: SessionKey, device_id: DeviceId) -> bool:
        return bool(await self.database.fetchval(_Q["is_asked"], key.org, key.id, device_id))

    async def end(self, connection: Connection, ended: SessionEnd) -> ByteSessionRow | None:
        """None when it had ended."""
        row = await connection.fetchrow(
            _Q["end"],
            ended.key.org,
            ended.key.id,
            ended.reason,
            ended.code,
            ended.message,
            ended.down,
            ended.up,
        )
        return None if row is None else _session(row)

    async def end_connection(self, key: SessionKey, name: str) -> None:
        await self.database.execute(_Q["end_connection"], key.org, key.id, name)

    async def count(self, key: SessionKey, *, down: int, up: int) -> None:
        await self.database.execute(_Q["count"], key.org, key.id, down, up)

    async def here(self, keys: Sequence[SessionKey]) -> "list[ConnectionRow]":
        rows = await self.database.fetch(
            _Q["here"], [key.org for key in keys], [key.id for key in keys]
        )
        return [_connection(row) for row in rows]

    async def due(self) -> "list[SessionEnd]":
        """Sessions that are over."""
        rows = await self.database.fetch(_Q["due"])
        return [SessionEnd(key=_key(row), reason=EndReason(row["reason"])) for row in rows]

    async def end_lonely(self) -> None:
        await self.database.execute(_Q["end_lonely"])

    # Recordings

    async def add_chunk(
        self, key: SessionKey, number: int, events: str, size: tuple[int, int]
    ) -> None:
        await self.database.execute(_Q["add_chunk"], key.org, key.id, number, events, *size)

    async def recorded(self, key: SessionKey) -> None:
        await self.database.execute(_Q["recorded"], key.org, key.id)

    async def forget(self, days: int) -> None:
        await self.database.execute(_Q["forget"], days)


def _key(row: Row) -> SessionKey:
    return SessionKey(OrgId(row["org_id"]), row["session_id"])


def _connection(row: Row) -> ConnectionRow:
    return ConnectionRow(
        key=_key(row),
        name=row["name"],
        person=row["person_replica"],
        device=row["device_replica"],
        ended=row["ended_at"] is not None,
        session_ended=row["session_ended_at"] is not None,
        reason=row["reason"],
    )


def _session(row: Row) -> ByteSessionRow:
    return ByteSessionRow(
        org=OrgId(row["org_id"]),
        id=row["session_id"],
        device_id=DeviceId(row["device_id"]),
        kind=row["kind"],
        params=row["params"],
        status=row["status"],
        owner_kind=row["owner_kind"],
        owner_id=row["owner_id"],
        credential=row["credential"],
        opened_by=row["opened_by"],
        address=row["address"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        asked_at=row["asked_at"],
        opened_at=row["opened_at"],
        ended_at=row["ended_at"],
        reason=row["reason"],
        refusal_code=row["refusal_code"],
        refusal_message=row["refusal_message"],
        bytes_down=row["bytes_down"],
        bytes_up=row["bytes_up"],
        recorded=row["recorded"],
        recorded_bytes=row["recorded_bytes"],
        recorded_whole=row["recorded_whole"],
        width=row["width"],
        height=row["height"],
    )
