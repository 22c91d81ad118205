"""What is done again and again, by one replica at a time: which jobs this one holds, when it runs,
renews and gives them back. Pure.

A job is a row: its kind, what it is about, when it is due, and a lease. A replica claims what is
due, which raises the job's `epoch`, and runs it. A job of a kind that runs often stays with its
replica, which times it from here; any other is given back, and waits in its row for the replica
that comes first. All that is held is renewed together. A replica that dies leaves its jobs when
their leases end.

Leases run by the database's clock, and only there. What is counted here are monotonic seconds since
the last renewal was asked for: whoever has heard of none for a whole lease holds nothing any more.
He may not know it in time, so what two could spoil is fenced: a transaction asks for the epoch
first (`hub.base.job_store`).
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from msgspec import Struct

from protocol.ids import OrgId, ReplicaId

LEASE_SECONDS: Final = 9.0
RENEW_SECONDS: Final = 3.0
CLAIM_SECONDS: Final = 1.0
"""Between two looks at what is due."""
KEEP_SECONDS: Final = 5.0
"""What runs as often as this stays with its replica."""
LONGEST_PAUSE: Final = 60.0


class LeaseLost(Exception):
    """Another replica may have the job: write nothing more for it."""


class HeldJob(Struct, frozen=True, kw_only=True):
    """A job that this replica holds. `key` is what it is about, for its kind; `org` is None for
    one of the whole installation."""

    job_id: int
    kind: str
    org: OrgId | None
    key: str
    holder: ReplicaId
    epoch: int
    due: datetime
    """The moment for which it was claimed."""
    failures: int
    """Runs in a row that failed before this one."""


class RunOutcome(Struct, frozen=True, kw_only=True):
    """Of a run. It is due again in `wait` seconds, or `at` a moment of the calendar; with neither
    it sleeps until somebody has something for it."""

    wait: float | None = None
    at: datetime | None = None
    error: str | None = None
    """It failed."""


class JobKind(Struct, frozen=True, kw_only=True):
    name: str
    run: Callable[[HeldJob], Awaitable[RunOutcome]]
    every: float | None = None
    """Seconds between the runs of a kind that has one job only; None: who needs jobs adds them."""
    at_once: int = 1
    """Runs of one replica at the same time."""
    most: int = 1
    """Jobs that one replica holds."""
    lease: float = LEASE_SECONDS
    keeps: bool = False
    """A job stays with its replica from one run to the next, while they go well."""


def every(seconds: float, name: str, call: Callable[[HeldJob], Awaitable[object]]) -> JobKind:
    """One job, so many seconds from the end of a run to the next."""

    async def run(job: HeldJob) -> RunOutcome:
        await call(job)
        return RunOutcome(wait=seconds)

    return JobKind(name=name, run=run, every=seconds, keeps=seconds <= KEEP_SECONDS)


def failed(kind: JobKind, job: HeldJob, error: str) -> RunOutcome:
    """What comes after a run that raised: again soon, later each time, no later than regularly."""
    pause = min(2.0 ** min(job.failures, 10), LONGEST_PAUSE)
    return RunOutcome(wait=min(pause, kind.every or pause), error=error)


class Room(NamedTuple):
    """How many more jobs of a kind this replica takes, and for how many seconds."""

    kind: str
    jobs: int
    lease: float


class JobRenewal(Struct, frozen=True):
    job_id: int
    epoch: int
    lease: float
    ran: bool
    """Since the last renewal."""


class RunEnd(Struct, frozen=True):
    """A job to be given back."""

    job: HeldJob
    outcome: RunOutcome


class _Entry(Struct):
    job: HeldJob
    confirmed_at: float
    """When the lease that is known here was asked for."""
    next_at: float
    running: bool = False
    ran: bool = False


class JobBook:
    """The jobs of one replica. Seconds are monotonic."""

    def __init__(self, kinds: Iterable[JobKind]) -> None:
        self.kinds = {kind.name: kind for kind in kinds}
        self._held: dict[int, _Entry] = {}
        self._ends: list[RunEnd] = []
        self._renewed_at = float("-inf")
        self._stopped = False

    # Taking

    def rooms(self) -> list[Room]:
        """What may be claimed now."""
        if self._stopped:
            return []
        held = self.held()
        rooms = [Room(k.name, k.most - held[k.name], k.lease) for k in self.kinds.values()]
        return [room for room in rooms if room.jobs > 0]

    def claimed(self, jobs: Sequence[HeldJob], asked_at: float) -> None:
        for job in jobs:
            self._held[job.job_id] = entry = _Entry(job, asked_at, asked_at)
            if self._stopped:
                self._give_back(entry, RunOutcome(wait=0.0))

    def held(self) -> dict[str, int]:
        """How many of each kind."""
        count = dict.fromkeys(self.kinds, 0)
        for entry in self._held.values():
            count[entry.job.kind] += 1
        return count

    # Running

    def startable(self, now: float) -> list[HeldJob]:
        """What begins to run now, the one that waited longest first."""
        if self._stopped:
            return []
        started: list[HeldJob] = []
        for entry in self._idle():
            if entry.next_at <= now and self._slots(entry.job.kind) > 0:
                entry.running = True
                started.append(entry.job)
        return started

    def next_start(self) -> float | None:
        """When the next of the jobs that are held is to run, if anything does not wait for others
        of its kind."""
        return next((e.next_at for e in self._idle() if self._slots(e.job.kind) > 0), None)

    def ended(self, job: HeldJob, outcome: RunOutcome, now: float) -> None:
        """A run is over. What was lost meanwhile is not ours to give back."""
        entry = self._of(job)
        if entry is None:
            return
        stays = self.kinds[job.kind].keeps and not self._stopped and outcome.error is None
        if not stays or outcome.wait is None:
            self._give_back(entry, outcome)
            return
        entry.running, entry.ran, entry.next_at = False, True, now + outcome.wait

    def lost(self, job: HeldJob) -> bool:
        """Another replica may have it: whether this one thought that it held it."""
        entry = self._of(job)
        if entry is None:
            return False
        del self._held[job.job_id]
        return True

    def is_running(self) -> bool:
        return any(entry.running for entry in self._held.values())

    # Renewing

    def renewals(self, now: float) -> list[JobRenewal]:
        """What is to be renewed, all together, when it is time."""
        if now - self._renewed_at < RENEW_SECONDS:
            return []
        return [
            JobRenewal(e.job.job_id, e.job.epoch, self.kinds[e.job.kind].lease, e.ran)
            for e in self._held.values()
        ]

    def renewed(
        self, asked: Sequence[JobRenewal], confirmed: Iterable[int], asked_at: float
    ) -> list[HeldJob]:
        """Those of them that are held no longer. `confirmed`: the ids that the database knew."""
        self._renewed_at = asked_at
        known = set(confirmed)
        gone: list[HeldJob] = []
        for renewal in asked:
            entry = self._held.get(renewal.job_id)
            if entry is None or entry.job.epoch != renewal.epoch:
                continue
            if renewal.job_id in known:
                entry.confirmed_at = asked_at
                entry.ran = entry.ran and not renewal.ran
            else:
                gone.append(entry.job)
                del self._held[renewal.job_id]
        return gone

    def overdue(self, now: float) -> list[HeldJob]:
        """Those that were not renewed for a whole lease, and are held no longer."""
        gone = [
            entry.job
            for entry in self._held.values()
            if now - entry.confirmed_at >= self.kinds[entry.job.kind].lease
        ]
        for job in gone:
            del self._held[job.job_id]
        return gone

    # Giving back

    def stop(self, now: float) -> None:
        """Claim and begin nothing more; what runs is given back when it ends."""
        self._stopped = True
        for entry in self._idle():
            self._give_back(entry, RunOutcome(wait=max(entry.next_at - now, 0.0)))

    def ends(self) -> list[RunEnd]:
        """What is still to be given back."""
        return list(self._ends)

    def noted(self, ends: Sequence[RunEnd]) -> None:
        """These are given back."""
        self._ends = self._ends[len(ends) :]

    def _give_back(self, entry: _Entry, outcome: RunOutcome) -> None:
        del self._held[entry.job.job_id]
        self._ends.append(RunEnd(entry.job, outcome))

    def _of(self, job: HeldJob) -> _Entry | None:
        entry = self._held.get(job.job_id)
        return entry if entry is not None and entry.job.epoch == job.epoch else None

    def _idle(self) -> list[_Entry]:
        """Those that do not run, the next one first."""
        idle = [entry for entry in self._held.values() if not entry.running]
        return sorted(idle, key=lambda entry: entry.next_at)

    def _slots(self, kind: str) -> int:
        running = sum(e.running for e in self._held.values() if e.job.kind == kind)
        return self.kinds[kind].at_once - running
