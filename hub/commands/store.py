"""The ledger: rows of `command`, one method for each step that it takes."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import asyncpg
from msgspec import Struct
from msgspec.structs import replace

import sql
from hub.audit.entries import AuditEntry
from hub.base.database import Connection, Database, Raced, Row, as_json, hexed
from hub.commands.acceptance import Submission
from hub.commands.decisions import Claim, ClaimStep, CommandTarget, Insert
from hub.commands.records import (
    CommandFilter,
    CommandRow,
    IdempotencyKey,
    IdempotencyRow,
    RepliedCommand,
)
from hub.commands.rights import CommandOwner
from hub.lines.session import LineSession
from protocol.ids import CommandId, CommandKey, DeviceId, DeviceKey, OrgId, ReplicaId
from protocol.lifecycle import State
from protocol.replies import ErrorObject

_Q = sql.queries("commands")


class Unsent(Struct, frozen=True):
    """A command that a line has not been written; `owner` of one that was never sent."""

    command: CommandRow
    owner: CommandOwner | None


class Named(Struct, frozen=True):
    """What there is of the ids that callers chose."""

    commands: dict[CommandKey, CommandRow] = {}
    reserved: dict[CommandKey, str] = {}
    """For which call that waits for an approval."""


class CommandStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    # Acceptance

    async def keys(
        self, connection: Connection, keys: Sequence[IdempotencyKey]
    ) -> dict[IdempotencyKey, IdempotencyRow]:
        rows = await connection.fetch(
            _Q["keys"], *_columns((key.org, key.path, key.key) for key in keys)
        )
        return {
            IdempotencyKey(row["org_id"], row["path"], row["key"]): IdempotencyRow(
                row["request_hash"], row["subject"], row["refused"]
            )
            for row in rows
        }

    async def add_keys(
        self, connection: Connection, keys: Sequence[tuple[IdempotencyKey, IdempotencyRow]]
    ) -> None:
        """Raises `Raced`."""
        rows = as_json(_key_row(key, row) for key, row in keys)
        if await connection.fetchval(_Q["add_keys"], rows) != len(keys):
            raise Raced

    async def lock(self, connection: Connection, places: Sequence[DeviceKey]) -> None:
        await connection.execute(_Q["lock_devices"], *_columns(places))

    async def targets(
        self, connection: Connection, places: Sequence[DeviceKey]
    ) -> dict[DeviceKey, CommandTarget]:
        """What acceptance must know of devices; unknown ones are left out."""
        return {
            (row["org_id"], row["device_id"]): CommandTarget(
                seq=row["command_seq"],
                online=row["online"],
                generation=row["generation"],
                commands=row["commands"],
                unfinished=row["unfinished"],
                owner=row["replica_id"] if row["online"] else None,
                max_frame=row["max_frame"],
                installers=row["installers"],
                updates_itself=row["updates_itself"],
                quarantined=row["quarantined"],
            )
            for row in await connection.fetch(_Q["targets"], *_columns(places))
        }

    async def existing(self, connection: Connection, names: Sequence[CommandKey]) -> "Named":
        rows = await connection.fetch(_Q["existing"], *_columns(names))
        return Named(
            _by_name([row for row in rows if row["command_id"] is not None]),
            {
                (row["named_org"], row["named_id"]): row["reserved_for"]
                for row in rows
                if row["reserved_for"] is not None
            },
        )

    async def is_known(self, submission: Submission) -> bool:
        """Whether something came of this very call before: by its key, or by an id that its caller
        chose."""
        names = [(new.org, new.command_id) for new in submission.commands if new.chosen]
        async with self.database.connection() as connection:
            if submission.key and await self.keys(connection, [submission.key[0]]):
                return True
            return bool(names and (await self.existing(connection, names)).commands)

    async def waiting(
        self, connection: Connection, requests: Sequence[tuple[OrgId, DeviceId, bytes]]
    ) -> dict[tuple[OrgId, DeviceId, bytes], CommandRow]:
        """Of each the command that waits for just this."""
        rows = await connection.fetch(_Q["waiting"], *_columns(requests))
        found = [from_row(row) for row in rows]
        return {(each.org, each.device_id, each.request_hash): each for each in found}

    async def insert(
        self,
        connection: Connection,
        inserts: Sequence[Insert],
        entries: Sequence[AuditEntry],
        *,
        by: ReplicaId,
        locked: bool,
    ) -> dict[CommandKey, CommandRow]:
        """Write the rows, move the counters of their devices, record the entries: in one statement.
        Raises `Raced` when a device is not as `targets` found it (`locked` ones are)."""
        commands, devices = as_json(map(_command_row, inserts)), as_json(_device_rows(inserts))
        try:
            rows = await connection.fetch(
                _Q["insert"], commands, by, devices, locked, as_json(entries)
            )
        except asyncpg.UniqueViolationError:
            raise Raced from None
        if not rows:
            raise Raced
        written = {(row["org_id"], row["command_id"]): row for row in rows}
        return {
            (insert.new.org, insert.new.command_id): _born(
                insert, written[insert.new.org, insert.new.command_id], by
            )
            for insert in inserts
        }

    # Sending

    async def lock_unsent(self, connection: Connection, claims: Sequence[Claim]) -> None:
        await connection.execute(_Q["lock_unsent"], *_columns((c.org, c.device_id) for c in claims))

    async def unsent(
        self, connection: Connection, claims: Sequence[Claim]
    ) -> tuple[dict[DeviceKey, int], dict[DeviceKey, list[Unsent]]]:
        """(the last number of each device whose line is still the newest, what the lines have not
        been written, in order)."""
        columns = _columns((c.org, c.device_id, c.generation, c.sent_up_to) for c in claims)
        seqs: dict[DeviceKey, int] = {}
        found: defaultdict[DeviceKey, list[Unsent]] = defaultdict(list)
        for row in await connection.fetch(_Q["unsent"], *columns):
            place = (row["line_org"], row["line_device"])
            seqs[place] = row["command_seq"]
            if row["command_id"] is not None:
                found[place].append(Unsent(from_row(row), _owner_of(row)))
        return seqs, found

    async def channel_of(self, org: OrgId, release_id: str) -> str | None:
        """The channel of a release of the organisation."""
        return await self.database.tenant(org).fetchval(_Q["channel_of"], org, release_id)

    async def claim(
        self, connection: Connection, steps: Sequence[tuple[Claim, ClaimStep]]
    ) -> dict[CommandKey, CommandRow]:
        """Those that are not as they were read are left alone, and out of the answer."""
        rows = as_json(
            {
                "org_id": step.command.org,
                "command_id": step.command.command_id,
                "line_device": step.command.device_id,
                "status_read": step.command.status,
                "generation_read": step.command.sent_generation,
                "status": step.status,
                "error": step.error,
                "sent": step.sent,
                "generation": claim.generation,
                "journal_id": claim.journal_id,
            }
            for claim, step in steps
        )
        return _by_name(await connection.fetch(_Q["claim"], rows))

    async def note_journal(self, lines: Sequence[LineSession]) -> None:
        rows = [(line.org, line.device_id, line.generation, line.journal_id) for line in lines]
        await self.database.execute(_Q["note_journal"], *_columns(rows))

    async def too_large(
        self, connection: Connection, lines: Sequence[LineSession], error: ErrorObject
    ) -> list[CommandRow]:
        """End the largest command that each of these lines was written and has not answered."""
        columns = _columns((line.org, line.device_id, line.generation) for line in lines)
        return [from_row(row) for row in await connection.fetch(_Q["too_large"], *columns, error)]

    # Replies

    async def lock_replied(self, connection: Connection, names: Sequence[CommandKey]) -> None:
        await connection.execute(_Q["lock_replied"], *_columns(names))

    async def replied(
        self, connection: Connection, names: Sequence[CommandKey]
    ) -> dict[CommandKey, RepliedCommand]:
        return {
            (row["org_id"], row["command_id"]): RepliedCommand(
                from_row(row), row["line_generation"]
            )
            for row in await connection.fetch(_Q["replied"], *_columns(names))
        }

    async def apply(
        self, connection: Connection, changes: Sequence[tuple[State, CommandRow]]
    ) -> dict[CommandKey, CommandRow]:
        """(the state in which each was read, what became of it); those that are in another state by
        now are left alone, and out of the answer."""
        if not changes:
            return {}
        commands = {(command.org, command.command_id): command for _, command in changes}
        rows = as_json(
            {
                "org_id": command.org,
                "command_id": command.command_id,
                "status_read": read,
                "status": command.status,
                "progress": command.progress,
                "output": command.output,
                "data": command.data,
                "error": command.error,
                "late_result": command.late_result,
            }
            for read, command in changes
        )
        return {
            (row["org_id"], row["command_id"]): replace(
                commands[row["org_id"], row["command_id"]], finished_at=row["finished_at"]
            )
            for row in await connection.fetch(_Q["apply"], rows)
        }

    # Cancelling, and what the clock ends

    async def lock_one(
        self, connection: Connection, org: OrgId, device_id: DeviceId, command_id: CommandId
    ) -> tuple[CommandRow, ReplicaId | None] | None:
        """The command, and the replica that has its device's line."""
        row = await connection.fetchrow(_Q["lock_one"], org, device_id, command_id)
        return None if row is None else (from_row(row), row["owner"])

    async def withdraw(
        self, connection: Connection, command: CommandRow, *, by: str, error: ErrorObject
    ) -> CommandRow:
        rows = await connection.fetch(_Q["withdraw"], command.org, command.command_id, by, error)
        return from_row(rows[0])

    async def lock_pending(
        self, connection: Connection, org: OrgId, device_id: DeviceId, kind: str | None
    ) -> list[CommandRow]:
        """What waits for a device; of one type, or all."""
        rows = await connection.fetch(_Q["lock_pending"], org, device_id, kind)
        return [from_row(row) for row in rows]

    async def ask_cancel(
        self, connection: Connection, command: CommandRow, *, by: str
    ) -> CommandRow:
        rows = await connection.fetch(_Q["ask_cancel"], command.org, command.command_id, by)
        return from_row(rows[0])

    async def time_out(
        self, connection: Connection, *, not_delivered: ErrorObject, late: ErrorObject
    ) -> list[CommandRow]:
        rows = await connection.fetch(_Q["time_out"], not_delivered, late)
        return [from_row(row) for row in rows]

    async def expire(self, connection: Connection, error: ErrorObject) -> list[CommandRow]:
        return [from_row(row) for row in await connection.fetch(_Q["expire"], error)]

    async def unwritten_here(self, replica_id: ReplicaId) -> list[DeviceKey]:
        rows = await self.database.fetch(_Q["unwritten_here"], replica_id)
        return [(row["org_id"], row["device_id"]) for row in rows]

    async def cancels_here(self, replica_id: ReplicaId) -> list[CommandRow]:
        """What devices on lines of this replica are to be asked to stop."""
        rows = await self.database.fetch(_Q["cancels_here"], replica_id)
        return [from_row(row) for row in rows]

    async def forget(self, days: int) -> int:
        return int(await self.database.fetchval(_Q["forget"], days))

    # Reading

    async def get(
        self, org: OrgId, device_id: DeviceId, command_id: CommandId
    ) -> CommandRow | None:
        row = await self.database.tenant(org).fetchrow(_Q["get"], org, device_id, command_id)
        return None if row is None else from_row(row)

    async def by_names(self, names: Sequence[CommandKey]) -> dict[CommandKey, CommandRow]:
        """Those that there are: a device or a replica may name what was forgotten."""
        return _by_name(await self.database.fetch(_Q["by_names"], *_columns(names)))

    async def finished(self, names: Sequence[CommandKey]) -> list[CommandRow]:
        rows = await self.database.fetch(_Q["finished"], *_columns(names))
        return [from_row(row) for row in rows]

    async def on_line(self, places: Sequence[DeviceKey]) -> set[DeviceKey]:
        """Which of these devices have a live line, on any replica."""
        rows = await self.database.fetch(_Q["on_line"], *_columns(places))
        return {(row["org_id"], row["device_id"]) for row in rows}

    async def batch(self, org: OrgId, batch_id: str) -> list[CommandRow]:
        return [
            from_row(row)
            for row in await self.database.tenant(org).fetch(_Q["batch"], org, batch_id)
        ]

    async def list(
        self,
        org: OrgId,
        wanted: CommandFilter,
        *,
        before: tuple[datetime, str] | None,
        limit: int,
        offset: int = 0,
    ) -> "list[CommandRow]":
        rows = await self.database.tenant(org).fetch(
            _Q["list"],
            org,
            wanted.device_id,
            wanted.status,
            wanted.type,
            wanted.batch_id,
            *(before or (None, None)),
            limit,
            offset,
            wanted.actor,
            wanted.finished,
            wanted.since,
            wanted.until,
            wanted.index,
            wanted.ended_since,
        )
        return [from_row(row) for row in rows]


def from_row(row: Row) -> CommandRow:
    return CommandRow(
        org=row["org_id"],
        command_id=row["command_id"],
        device_id=row["device_id"],
        seq=row["seq"],
        type=row["type"],
        params=row["params"],
        status=State(row["status"]),
        delivery=row["delivery"],
        timeout_ms=row["timeout_ms"],
        actor=row["actor"],
        batch_id=row["batch_id"],
        request_hash=row["request_hash"],
        created_at=row["created_at"],
        deadline=row["deadline"],
        expires_at=row["expires_at"],
        sent_at=row["sent_at"],
        sent_generation=row["sent_generation"],
        journal_id=row["journal_id"],
        cancelled_by=row["cancelled_by"],
        progress=row["progress"],
        finished_at=row["finished_at"],
        output=row["output"],
        data=row["data"],
        error=row["error"],
        late_result=row["late_result"],
        accepted_by=row["accepted_by"],
        owner_id=row["owner_id"],
        redeliver=row["redeliver"],
        signature=row["signature"],
    )


def _owner_of(row: Row) -> CommandOwner | None:
    """Of a command that was not sent yet."""
    if State(row["status"]) is not State.PENDING:
        return None
    return CommandOwner(
        row["org_id"], row["owner_kind"], row["owner_id"], row["owner_key"], tuple(row["groups"])
    )


def _born(insert: Insert, row: Row, by: ReplicaId) -> CommandRow:
    """What was inserted: the database adds the moments, all else is known."""
    new = insert.new
    return CommandRow(
        org=new.org,
        command_id=new.command_id,
        device_id=new.device_id,
        seq=insert.seq,
        type=new.type,
        params=new.params,
        status=insert.status,
        delivery=new.delivery,
        timeout_ms=new.timeout_ms,
        actor=new.by.actor,
        batch_id=new.batch_id,
        request_hash=new.request_hash,
        created_at=row["created_at"],
        deadline=row["deadline"],
        expires_at=new.expires_at,
        sent_at=row["sent_at"],
        sent_generation=insert.sent_generation,
        journal_id=insert.journal_id,
        cancelled_by=None,
        progress=None,
        finished_at=row["finished_at"],
        output=None,
        data=None,
        error=insert.error,
        late_result=None,
        accepted_by=by,
        owner_id=new.by.subject,
        redeliver=new.redeliver,
        signature=new.signature.text if new.signature else None,
    )


def _by_name(rows: "list[Row]") -> dict[CommandKey, CommandRow]:
    commands = [from_row(row) for row in rows]
    return {(command.org, command.command_id): command for command in commands}


def _command_row(insert: Insert) -> dict[str, Any]:
    new = insert.new
    return {
        "org_id": new.org,
        "command_id": new.command_id,
        "device_id": new.device_id,
        "seq": insert.seq,
        "type": new.type,
        "params": new.params,
        "status": insert.status,
        "delivery": new.delivery,
        "timeout_ms": new.timeout_ms,
        "actor": new.by.actor,
        "batch_id": new.batch_id,
        "request_hash": hexed(new.request_hash),
        "expires_at": new.expires_at,
        "error": insert.error,
        "sent_generation": insert.sent_generation,
        "journal_id": insert.journal_id,
        "owner_kind": new.by.kind,
        "owner_id": new.by.subject,
        "owner_key": new.by.key_id,
        "redeliver": new.redeliver,
        "signature": new.signature.text if new.signature else None,
    }


def _device_rows(inserts: Sequence[Insert]) -> Iterable[dict[str, Any]]:
    """Of each device the number that was read, and that of its last command from now on."""
    rows: dict[DeviceKey, dict[str, Any]] = {}
    for insert in inserts:
        org, device_id = place = (insert.new.org, insert.new.device_id)
        row = rows.setdefault(
            place, {"org_id": org, "device_id": device_id, "seq_read": insert.seq - 1}
        )
        row |= {"seq": insert.seq, "generation": insert.generation_read}
    return rows.values()


def _key_row(key: IdempotencyKey, row: IdempotencyRow) -> dict[str, Any]:
    return {
        "org_id": key.org,
        "path": key.path,
        "key": key.key,
        "request_hash": hexed(row.request_hash),
        "subject": row.subject,
        "refused": row.refused,
    }


def _columns(rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
    """Rows turned into the column arrays that `unnest` takes."""
    return [list(column) for column in zip(*rows, strict=True)]
