"""The rows of schedules and of their runs."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

import msgspec
from msgspec import Struct

import sql
from hub.base.database import Connection, Database, Row
from hub.base.principal import Principal
from hub.campaigns.service import Target
from hub.schedules.deciding import NewRun
from hub.schedules.records import (
    GivenSchedule,
    Reason,
    RunCounts,
    RunStatus,
    Schedule,
    ScheduleRun,
    Work,
    rights_for,
    run_id_of,
)
from hub.schedules.timing import Timing
from protocol.ids import CommandId, DeviceId, OrgId
from protocol.replies import ErrorObject

_Q = sql.queries("schedules")

RunName = tuple[OrgId, str]
"""Of a run: its organisation and id."""


class DueSchedule(Struct, frozen=True):
    """With the database's time."""

    schedule: Schedule
    now: datetime


class DrivenRun(Struct, frozen=True):
    """`seconds`: for how long it has been under way."""

    run: ScheduleRun
    schedule: Schedule
    seconds: float


class ScheduleOwner(Struct, frozen=True):
    org: OrgId
    schedule_id: str
    kind: Literal["user", "api_key", "hub"]
    id: str
    key: str | None
    rights: list[str]


class ScheduleStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    # What callers want

    async def change_alone(self, connection: Connection, org: OrgId) -> int:
        """Nobody else makes one before this transaction ends; how many there are."""
        await connection.execute(_Q["change_alone"], org)
        return int(await connection.fetchval(_Q["count"], org))

    async def add(
        self, connection: Connection, by: Principal, schedule_id: str, given: GivenSchedule
    ) -> Schedule | None:
        """None where it is there already."""
        row = await connection.fetchrow(
            _Q["add"], by.org, schedule_id, *_columns(given), *_owner_of(by)
        )
        return None if row is None else _schedule(row)

    async def put(
        self, connection: Connection, by: Principal, schedule_id: str, given: GivenSchedule
    ) -> Schedule:
        (row,) = await connection.fetch(
            _Q["put"], by.org, schedule_id, *_columns(given), *_owner_of(by)
        )
        return _schedule(row)

    async def get(self, org: OrgId, schedule_id: str) -> Schedule | None:
        row = await self.database.tenant(org).fetchrow(_Q["get"], org, schedule_id)
        return None if row is None else _schedule(row)

    async def lock(
        self, connection: Connection, org: OrgId, schedule_id: str
    ) -> DueSchedule | None:
        return _due(await connection.fetchrow(_Q["lock"], org, schedule_id))

    async def list(
        self,
        org: OrgId,
        *,
        of: tuple[str, str | None] | None,
        before: tuple[datetime, str] | None,
        limit: int,
    ) -> "list[Schedule]":
        """Those of an owner (user and key); None: all."""
        rows = await self.database.tenant(org).fetch(
            _Q["list"], org, *(of or (None, None)), *(before or (None, None)), limit
        )
        return [_schedule(row) for row in rows]

    async def put_owner(
        self, connection: Connection, schedule: Schedule, user_id: str, name: str
    ) -> Schedule:
        (row,) = await connection.fetch(
            _Q["put_owner"], schedule.org, schedule.schedule_id, user_id, name
        )
        return _schedule(row)

    async def member_name(self, connection: Connection, org: OrgId, user_id: str) -> str | None:
        return await connection.fetchval(_Q["member_name"], org, user_id)

    async def delete(self, connection: Connection, org: OrgId, schedule_id: str) -> str | None:
        """The name that it had."""
        return await connection.fetchval(_Q["delete"], org, schedule_id)

    async def wake(self, connection: Connection, kind: str, org: OrgId, key: str) -> None:
        """Its job is due now, and made where it is missing."""
        await connection.execute(_Q["wake"], org, kind, key)

    async def runs(
        self,
        org: OrgId,
        schedule_id: str,
        *,
        before: tuple[datetime, str] | None,
        limit: int,
    ) -> "list[ScheduleRun]":
        rows = await self.database.tenant(org).fetch(
            _Q["runs"], org, schedule_id, *(before or (None, None)), limit
        )
        return [_run(row) for row in rows]

    async def wants_signature(
        self, org: OrgId, kind: str, device_ids: Sequence[DeviceId]
    ) -> DeviceId | None:
        """One of these devices that runs this type only when a person has signed it, as far as it
        has said so."""
        return await self.database.tenant(org).fetchval(
            _Q["wants_signature"], org, kind, list(device_ids)
        )

    # When one is due

    async def due(self, org: OrgId, schedule_id: str) -> DueSchedule | None:
        """For who looks whether it is due; not locked."""
        return _due(await self.database.fetchrow(_Q["due"], org, schedule_id))

    async def lock_due(
        self, connection: Connection, org: OrgId, schedule_id: str
    ) -> Schedule | None:
        row = await connection.fetchrow(_Q["lock_due"], org, schedule_id)
        return None if row is None else _schedule(row)

    async def begin(
        self, connection: Connection, schedule: Schedule, new: NewRun, *, by_hand: bool = False
    ) -> ScheduleRun | None:
        """None where the due time has a run."""
        row = await connection.fetchrow(
            _Q["begin"],
            schedule.org,
            schedule.schedule_id,
            run_id_of(schedule.schedule_id, new.due),
            new.due,
            by_hand,
            str(new.status),
            new.stands_for,
            new.error,
        )
        return None if row is None else _run(row)

    async def under_way(self, connection: Connection, schedule: Schedule) -> "list[str]":
        rows = await connection.fetch(_Q["under_way"], schedule.org, schedule.schedule_id)
        return [row["run_id"] for row in rows]

    async def end(
        self, connection: Connection, org: OrgId, run_ids: Sequence[str], error: ErrorObject
    ) -> "list[ScheduleRun]":
        """Those of these that were not over."""
        rows = await connection.fetch(_Q["end"], org, list(run_ids), error)
        return [_run(row) for row in rows]

    async def looked(
        self, connection: Connection, schedule: Schedule, now: datetime, *, ended: bool
    ) -> None:
        """`now`: up to when."""
        await connection.execute(_Q["looked"], schedule.org, schedule.schedule_id, now, ended)

    async def owners(self) -> "list[ScheduleOwner]":
        return [
            ScheduleOwner(
                row["org_id"],
                row["schedule_id"],
                row["owner_kind"],
                row["owner_id"],
                row["owner_key"],
                row["rights"],
            )
            for row in await self.database.fetch(_Q["owners"])
        ]

    async def suspend(
        self, connection: Connection, owner: ScheduleOwner, reason: Reason
    ) -> Schedule | None:
        """None where it is another's by now, or over."""
        row = await connection.fetchrow(
            _Q["suspend"], owner.org, owner.schedule_id, reason, owner.id, owner.key
        )
        return None if row is None else _schedule(row)

    async def set_back(self) -> int:
        """How many come again, by the clock as it is."""
        return int(await self.database.fetchval(_Q["set_back"]))

    # Zones

    async def zones(self, connection: Connection, org: OrgId) -> "list[str]":
        """In which the devices of an organisation are."""
        return [row["zone"] for row in await connection.fetch(_Q["zones"], org)]

    async def zones_of(self, org: OrgId, device_ids: Sequence[DeviceId]) -> dict[DeviceId, str]:
        rows = await self.database.fetch(_Q["zones_of"], org, list(device_ids))
        return {row["device_id"]: row["zone"] for row in rows}

    # What a run does

    async def drop(self, connection: Connection, name: RunName) -> None:
        """One that is for nobody."""
        await connection.execute(_Q["drop"], *name)

    async def driven(self, connection: Connection, name: RunName) -> DrivenRun | None:
        """None for one that is gone, with its schedule."""
        row = await connection.fetchrow(_Q["driven"], *name)
        if row is None:
            return None
        schedule = await connection.fetchrow(_Q["schedule_of"], name[0], row["schedule_id"])
        if schedule is None:
            return None
        return DrivenRun(_run(row), _schedule(schedule), row["seconds"] or 0.0)

    async def look_up(
        self,
        connection: Connection,
        name: RunName,
        device_ids: Sequence[DeviceId],
        skipped: Mapping[str, int],
    ) -> None:
        refused = sum(skipped.values())
        await connection.execute(_Q["look_up"], *name, list(device_ids), refused, dict(skipped))

    async def awaits(self, connection: Connection, name: RunName, approval_id: str | None) -> None:
        """It waits for this approval; None: for none, it may go on."""
        await connection.execute(_Q["await"], *name, approval_id)

    async def admit(self, connection: Connection, name: RunName) -> bool:
        return await connection.fetchval(_Q["admit"], *name) is not None

    async def turns(self, connection: Connection, name: RunName, most: int) -> "list[DeviceId]":
        return await connection.fetchval(_Q["turns"], *name, most) or []

    async def sent(
        self, connection: Connection, run: ScheduleRun, count: int, skipped: Mapping[str, int]
    ) -> None:
        """So many more have had their turn; `skipped` are those of all."""
        await connection.execute(_Q["sent"], run.org, run.run_id, run.sent, count, dict(skipped))

    async def commands(self, connection: Connection, name: RunName) -> dict[str, int]:
        rows = await connection.fetch(_Q["commands"], *name)
        return {row["status"]: row["count"] for row in rows}

    async def unfinished(
        self, connection: Connection, name: RunName, most: int
    ) -> "list[tuple[DeviceId, CommandId]]":
        """Those that nobody has asked to stop."""
        rows = await connection.fetch(_Q["unfinished"], *name, most)
        return [(row["device_id"], row["command_id"]) for row in rows]

    async def counted(self, connection: Connection, name: RunName, counts: RunCounts) -> None:
        await connection.execute(_Q["counted"], *name, msgspec.to_builtins(counts))

    async def close(
        self,
        connection: Connection,
        name: RunName,
        status: RunStatus,
        counts: RunCounts,
        error: ErrorObject | None,
    ) -> None:
        await connection.execute(
            _Q["close"], *name, str(status), msgspec.to_builtins(counts), error
        )

    # What is kept

    async def forget(self, days: int) -> None:
        await self.database.execute(_Q["forget_runs"], days)
        await self.database.execute(_Q["forget"], days)

    async def status_counts(self) -> dict[str, int]:
        rows = await self.database.fetch(_Q["status_counts"])
        return {row["status"]: row["count"] for row in rows}


def _columns(given: GivenSchedule) -> tuple[object, ...]:
    timing = given.timing
    return (
        given.name,
        timing.cron,
        timing.at,
        timing.timezone,
        timing.ends_at,
        msgspec.to_builtins(given.target),
        msgspec.to_builtins(given.work),
        given.missed,
        given.overlap,
        given.jitter_seconds,
        given.enabled,
        rights_for(given.work),
    )


def _owner_of(by: Principal) -> tuple[str, str, str | None, str]:
    return by.kind, by.subject, by.key_id, by.actor


def _due(row: Row | None) -> DueSchedule | None:
    return None if row is None else DueSchedule(_schedule(row), row["now"])


def _schedule(row: Row) -> Schedule:
    return Schedule(
        org=row["org_id"],
        schedule_id=row["schedule_id"],
        given=GivenSchedule(
            name=row["name"],
            timing=Timing(
                cron=row["cron"],
                at=row["at"],
                timezone=row["timezone"],
                ends_at=row["ends_at"],
            ),
            target=msgspec.convert(row["target"], Target),
            work=msgspec.convert(row["work"], Work),
            missed=row["missed"],
            overlap=row["overlap"],
            jitter_seconds=row["jitter_seconds"],
            enabled=row["enabled"],
        ),
        revision=row["revision"],
        reason=row["reason"],
        since=row["since"],
        ended_at=row["ended_at"],
        owner_kind=row["owner_kind"],
        owner_id=row["owner_id"],
        owner_key=row["owner_key"],
        owner_name=row["owner_name"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        updated_at=row["updated_at"],
    )


def _run(row: Row) -> ScheduleRun:
    return ScheduleRun(
        org=row["org_id"],
        schedule_id=row["schedule_id"],
        run_id=row["run_id"],
        due=row["due"],
        by_hand=row["by_hand"],
        revision=row["revision"],
        status=RunStatus(row["status"]),
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        stands_for=row["stands_for"],
        is_campaign=row["is_campaign"],
        approval_id=row["approval_id"],
        admitted=row["admitted"],
        total=row["total"],
        sent=row["sent"],
        skipped=row["skipped"],
        counts=msgspec.convert(row["counts"], RunCounts),
        error=row["error"],
    )
