"""The rows of `job`, and the fence that a job's writes stand behind."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

import sql
from hub.base.database import Connection, Database, Row, as_json
from hub.base.jobs import HeldJob, JobKind, JobRenewal, LeaseLost, Room, RunEnd
from protocol.ids import OrgId, ReplicaId

_Q = sql.queries("jobs")

MOST_ERROR: Final = 500


class ClaimedJob(Struct, frozen=True):
    """`late`: seconds after it was due."""

    job: HeldJob
    late: float


class JobStore:
    """The jobs of one replica. Each method is one statement, however many jobs there are."""

    def __init__(self, database: Database, replica_id: ReplicaId) -> None:
        self._database = database
        self._replica_id = replica_id

    async def prepare(self, kinds: Sequence[JobKind]) -> None:
        """Make the jobs of those kinds that have one only."""
        only = [(kind.name, kind.every) for kind in kinds if kind.every is not None]
        names, waits = [name for name, _ in only], [wait for _, wait in only]
        await self._database.execute(_Q["add_only"], names, waits)

    async def claim(self, rooms: Sequence[Room]) -> list[ClaimedJob]:
        names = [room.kind for room in rooms]
        jobs, leases = [room.jobs for room in rooms], [room.lease for room in rooms]
        rows = await self._database.fetch(_Q["claim"], self._replica_id, names, jobs, leases)
        return [ClaimedJob(_held(row), row["late"]) for row in rows]

    async def renew(self, renewals: Sequence[JobRenewal]) -> list[int]:
        """The ids of those that this replica still had."""
        rows = await self._database.fetch(_Q["renew"], self._replica_id, as_json(renewals))
        return [row["job_id"] for row in rows]

    async def end_runs(self, ends: Sequence[RunEnd]) -> None:
        """Give these back."""
        rows = as_json(_end_row(end) for end in ends)
        await self._database.execute(_Q["end_runs"], self._replica_id, rows)

    async def give_back(self) -> None:
        """Whatever this replica holds."""
        await self._database.execute(_Q["give_back"], self._replica_id)

    async def release_others(self) -> None:
        """Whatever other replicas hold: they are dead."""
        await self._database.execute(_Q["release_others"], self._replica_id)


async def add_jobs(
    connection: Connection, kind: str, org: OrgId | None, keys: Sequence[str]
) -> None:
    """Those that are not there yet; they are due at once."""
    await connection.execute(_Q["add"], kind, org, keys)


async def fence(connection: Connection, job: HeldJob) -> None:
    """Until the end of this transaction no other replica takes the job. Raises `LeaseLost` when one
    has."""
    if await connection.fetchval(_Q["fence"], job.job_id, job.epoch, job.holder) is None:
        raise LeaseLost


async def go_on(connection: Connection, job: HeldJob, lease: float) -> bool:
    """Hold on to a job that goes well; False when another replica has it."""
    held = await connection.fetchval(_Q["go_on"], job.job_id, job.epoch, job.holder, lease)
    return held is not None


async def remove_job(connection: Connection, job: HeldJob) -> None:
    """It is over."""
    await connection.execute(_Q["remove"], job.job_id, job.epoch, job.holder)


def storable(error: str) -> str:
    """As Postgres takes it: what a peer says must not keep all jobs from being given back."""
    text = error[:MOST_ERROR].encode("utf-8", "replace").decode()
    return text.replace("\0", "\ufffd")


def _held(row: Row) -> HeldJob:
    return HeldJob(
        job_id=row["job_id"],
        kind=row["kind"],
        org=row["org_id"],
        key=row["key"],
        holder=row["holder"],
        epoch=row["epoch"],
        due=row["next_run"],
        failures=row["failures"],
    )


def _end_row(end: RunEnd) -> dict[str, object]:
    job, outcome = end.job, end.outcome
    return {
        "job_id": job.job_id,
        "epoch": job.epoch,
        "due": job.due,
        "wait": outcome.wait,
        "at": outcome.at,
        "error": None if outcome.error is None else storable(outcome.error),
    }
