"""The rows of channels, of what they are to tell, and of silences."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import asyncpg
import msgspec
from msgspec import Struct

import sql
from hub.alerts.service import Alert, alert_of
from hub.base.database import Connection, Database, Row, as_json
from hub.base.errors import invalid
from hub.base.holding import Reach
from hub.base.job_store import add_jobs, fence, remove_job
from hub.base.jobs import HeldJob
from hub.base.master_key import Place
from hub.base.vault import Vault
from hub.channels.records import (
    JOB,
    ChannelKind,
    Message,
    NotificationChannel,
    SealedChannel,
    Silence,
    SilenceOwner,
    WaitingAlert,
)
from hub.queries.compiled import condition
from hub.queries.records import Tree
from protocol.ids import OrgId, uuid7

_Q = sql.queries("channels")
_QUERY: Final = "/*query*/ true"
_DECODE = msgspec.json.Decoder(SealedChannel).decode
MOST_AT_ONCE: Final = 100_000
"""Alerts of one message."""


class ChannelContent(Struct, frozen=True, kw_only=True):
    """What somebody gives of a channel."""

    name: str
    kind: ChannelKind
    url: str | None
    recipients: list[str] | None
    sealed: SealedChannel | None
    group_seconds: int
    repeat_minutes: int


class DueChannel(Struct, frozen=True, kw_only=True):
    """`quiet`: for how many seconds it has sent nothing; None: it never has."""

    channel: NotificationChannel
    sealed: SealedChannel | None
    quiet: float | None


class SilenceContent(Struct, frozen=True, kw_only=True):
    query: str
    words: Mapping[str, str]
    rule_id: str | None
    until: datetime
    comment: str


class ChannelStore:
    def __init__(self, database: Database, vault: Vault) -> None:
        self.database = database
        self._vault = vault

    # Channels

    async def change_alone(self, connection: Connection, org: OrgId) -> None:
        """Until the commit nobody else makes one."""
        await connection.execute(_Q["change_alone"], org)

    async def count(self, connection: Connection, org: OrgId) -> int:
        return int(await connection.fetchval(_Q["count"], org))

    async def is_taken(self, connection: Connection, org: OrgId, name: str, but: str) -> bool:
        return bool(await connection.fetchval(_Q["is_taken"], org, name, but))

    async def add(
        self, connection: Connection, org: OrgId, content: ChannelContent, by: str
    ) -> NotificationChannel:
        """With its job. Raises `MasterKeyMissing`."""
        channel_id = uuid7()
        row = await connection.fetchrow(
            _Q["add"], org, channel_id, content.name, content.kind,
            *self._columns(org, channel_id, content), by,
        )  # fmt: skip
        await add_jobs(connection, JOB, org, [channel_id])
        return _channel(_there(row))

    async def get(self, org: OrgId, channel_id: str) -> NotificationChannel | None:
        row = await self.database.tenant(org).fetchrow(_Q["get"], org, channel_id)
        return None if row is None else _channel(row)

    async def lock(
        self, connection: Connection, org: OrgId, channel_id: str
    ) -> tuple[NotificationChannel, SealedChannel | None] | None:
        """Raises `Unavailable` when it does not open."""
        row = await connection.fetchrow(_Q["lock"], org, channel_id)
        return None if row is None else (_channel(row), self._opened(row))

    async def list(
        self, org: OrgId, *, before: tuple[datetime, str] | None, limit: int
    ) -> list[NotificationChannel]:
        rows = await self.database.tenant(org).fetch(
            _Q["list"], org, *(before or (None, None)), limit
        )
        return [_channel(row) for row in rows]

    async def put(
        self, connection: Connection, was: NotificationChannel, content: ChannelContent
    ) -> NotificationChannel:
        """What waits for it is tried at once. Raises `MasterKeyMissing`."""
        row = await connection.fetchrow(
            _Q["put"], was.org, was.channel_id, content.name,
            *self._columns(was.org, was.channel_id, content),
        )  # fmt: skip
        await connection.execute(_Q["wake"], was.org, was.channel_id)
        return _channel(_there(row))

    async def named_by(self, connection: Connection, org: OrgId, channel_id: str) -> str | None:
        """A rule that names it."""
        return await connection.fetchval(_Q["named_by"], org, channel_id)

    async def delete(self, connection: Connection, org: OrgId, channel_id: str) -> None:
        await connection.execute(_Q["wake"], org, channel_id)
        await connection.execute(_Q["delete"], org, channel_id)

    # What waits

    async def queue(self, connection: Connection, alerts: Sequence[Alert]) -> None:
        given = [{"org_id": each.org, "alert_id": each.alert_id} for each in alerts]
        await connection.execute(_Q["queue"], as_json(given))

    async def queue_again(self) -> None:
        await self.database.execute(_Q["queue_again"])
        await self.database.execute(_Q["forget_told"])

    async def wake_all(self) -> bool:
        """The jobs that sleep although something waits are due: whether there are any."""
        return bool(await self.database.fetch(_Q["wake_all"]))

    async def due(self, org: OrgId, channel_id: str) -> DueChannel | None:
        """Raises `Unavailable` when its secret does not open."""
        row = await self.database.fetchrow(_Q["one"], org, channel_id)
        if row is None:
            return None
        return DueChannel(channel=_channel(row), sealed=self._opened(row), quiet=row["quiet"])

    async def waiting(self, org: OrgId, channel_id: str) -> "list[WaitingAlert]":
        return [
            WaitingAlert(row["number"], alert_of(row), row["age"], row["held"], row["is_inhibited"])
            for row in await self.database.fetch(_Q["waiting"], org, channel_id, MOST_AT_ONCE)
        ]

    async def set_aside(self, job: HeldJob, hold: Sequence[int], drop: Sequence[int]) -> None:
        """Raises `LeaseLost`."""
        async with self.database.transaction() as connection:
            await fence(connection, job)
            await connection.execute(_Q["hold"], job.org, job.key, hold)
            await connection.execute(_Q["drop"], job.org, job.key, drop)

    async def open(
        self, job: HeldJob, told: Sequence[WaitingAlert], *, subject: str, body: str
    ) -> None:
        """A message, in the place of what it tells of. Raises `LeaseLost`."""
        async with self.database.transaction(deadline=10) as connection:
            await fence(connection, job)
            numbers = [each.number for each in told]
            await connection.execute(_Q["open"], job.org, job.key, uuid7(), subject, body)
            await connection.execute(_Q["drop"], job.org, job.key, numbers)
            ids = [each.alert.alert_id for each in told]
            await connection.execute(_Q["note_told"], job.org, job.key, ids)

    async def pending(self, org: OrgId, channel_id: str) -> Message | None:
        row = await self.database.fetchrow(_Q["pending"], org, channel_id)
        if row is None:
            return None
        return Message(
            message_id=row["message_id"],
            subject=row["subject"],
            body=row["body"],
            attempts=row["attempts"],
            age=row["age"],
        )

    async def taken(
        self, connection: "Connection | Database", org: OrgId, channel_id: str, message_id: str
    ) -> None:
        """It is sent, or given up."""
        await connection.execute(_Q["taken"], org, channel_id, message_id)

    async def refused(
        self, connection: Connection, org: OrgId, channel_id: str, message_id: str
    ) -> tuple[int, float]:
        """(attempts, for how many seconds it has been tried)."""
        row = await connection.fetchrow(_Q["refused"], org, channel_id, message_id)
        return (1, 0.0) if row is None else (row["attempts"], row["age"])

    async def remove(self, job: HeldJob) -> None:
        """The job of a channel that is gone. Raises `LeaseLost`."""
        async with self.database.transaction() as connection:
            await fence(connection, job)
            await remove_job(connection, job)

    # Silences

    async def count_silences(self, connection: Connection, org: OrgId) -> int:
        return int(await connection.fetchval(_Q["count_silences"], org))

    async def rule_named(self, connection: Connection, org: OrgId, name: str) -> str | None:
        return await connection.fetchval(_Q["rule_named"], org, name)

    async def add_silence(
        self,
        connection: Connection,
        org: OrgId,
        content: SilenceContent,
        owner: SilenceOwner,
        by: str,
        *,
        days: int,
    ) -> str | None:
        """Its id; None for one that would be over, or lasts longer than so many days."""
        row = await connection.fetchrow(
            _Q["add_silence"], org, uuid7(), content.query, dict(content.words), content.rule_id,
            content.until, content.comment, owner.kind, owner.id, owner.key, days, by,
        )  # fmt: skip
        return None if row is None else row["silence_id"]

    async def silence(self, org: OrgId, silence_id: str) -> Silence | None:
        row = await self.database.tenant(org).fetchrow(_Q["silence"], org, silence_id)
        return None if row is None else _silence(row)

    async def silences(
        self,
        org: OrgId,
        *,
        of: SilenceOwner | None,
        before: tuple[datetime, str] | None,
        limit: int,
    ) -> "list[Silence]":
        """`of`: those of one owner only."""
        whose = (None, None) if of is None else (of.id, of.key)
        rows = await self.database.tenant(org).fetch(
            _Q["silences"], org, *whose, *(before or (None, None)), limit
        )
        return [_silence(row) for row in rows]

    async def delete_silence(self, connection: Connection, org: OrgId, silence_id: str) -> None:
        await connection.execute(_Q["delete_silence"], org, silence_id)

    async def active(self, org: OrgId | None) -> "list[Silence]":
        """Of an organisation; None: of all."""
        return [_silence(row) for row in await self.database.fetch(_Q["active"], org)]

    async def silence_alerts(self, silence: Silence, tree: Tree, reach: Reach | None) -> None:
        """Raises `Invalid` for a query that the database does not take."""
        asked = condition(tree, first=6)
        try:
            await self.database.execute(
                _Q["silence_alerts"].replace(_QUERY, asked.text),
                silence.org,
                silence.silence_id,
                silence.rule_id,
                None if reach is None else list(reach.groups),
                None if reach is None else list(reach.devices),
                *asked.parameters,
            )
        except asyncpg.DataError as error:
            raise invalid("query", str(error)) from error

    async def unsilence_alerts(self) -> None:
        await self.database.execute(_Q["unsilence_alerts"])

    async def forget_silences(self) -> None:
        await self.database.execute(_Q["forget_silences"])

    def _columns(self, org: OrgId, channel_id: str, content: ChannelContent) -> tuple[Any, ...]:
        sealed = content.sealed
        return (
            content.url, content.recipients, [] if sealed is None else list(sealed.headers),
            None if sealed is None else self._sealed(org, channel_id, sealed),
            content.group_seconds, content.repeat_minutes,
        )  # fmt: skip

    def _sealed(self, org: OrgId, channel_id: str, sealed: SealedChannel) -> str:
        return self._vault.seal(_place(org, channel_id), msgspec.json.encode(sealed).decode())

    def _opened(self, row: Row) -> SealedChannel | None:
        if row["sealed"] is None:
            return None
        return _DECODE(self._vault.open(_place(row["org_id"], row["channel_id"]), row["sealed"]))


def _place(org: str, channel_id: str) -> Place:
    return ("notification_channel", f"{org}/{channel_id}")


def _there(row: Row | None) -> Row:
    if row is None:
        raise AssertionError("a statement that always answers a row")
    return row


def _channel(row: Row) -> NotificationChannel:
    return NotificationChannel(
        org=OrgId(row["org_id"]),
        channel_id=row["channel_id"],
        version=row["version"],
        name=row["name"],
        kind=row["kind"],
        url=row["url"],
        recipients=row["recipients"],
        header_names=row["header_names"],
        group_seconds=row["group_seconds"],
        repeat_minutes=row["repeat_minutes"],
        sent_at=row["sent_at"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        updated_at=row["updated_at"],
    )


def _silence(row: Row) -> Silence:
    return Silence(
        org=OrgId(row["org_id"]),
        silence_id=row["silence_id"],
        query=row["query"],
        words=row["words"],
        rule_id=row["rule_id"],
        rule=row["rule_name"],
        until=row["until"],
        is_active=row["is_active"],
        comment=row["comment"],
        owner=SilenceOwner(row["owner_kind"], row["owner_id"], row["owner_key"]),
        created_at=row["created_at"],
        created_by=row["created_by"],
    )
