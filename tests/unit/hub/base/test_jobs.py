"""Which jobs a replica holds, and when it runs, renews and gives them back."""

from datetime import UTC, datetime

import pytest

from hub.base.jobs import (
    KEEP_SECONDS,
    LEASE_SECONDS,
    RENEW_SECONDS,
    HeldJob,
    JobBook,
    JobKind,
    JobRenewal,
    Room,
    RunEnd,
    RunOutcome,
    every,
    failed,
)
from protocol.ids import DEFAULT_ORG, ReplicaId

DUE = datetime(2026, 1, 2, tzinfo=UTC)


async def nothing(_: HeldJob) -> RunOutcome:
    return RunOutcome()


KEPT = JobKind(name="kept", run=nothing, most=3, keeps=True)
LANE = JobKind(name="lane", run=nothing, at_once=2, most=2, lease=15.0)


def make_job(job_id: int = 1, kind: str = "kept", *, epoch: int = 1, failures: int = 0) -> HeldJob:
    return HeldJob(
        job_id=job_id, kind=kind, org=DEFAULT_ORG, key=f"k{job_id}", holder=ReplicaId("r-1"),
        epoch=epoch, due=DUE, failures=failures,
    )  # fmt: skip


def make_book(*jobs: HeldJob, asked_at: float = 0.0) -> JobBook:
    book = JobBook([KEPT, LANE])
    book.claimed(jobs, asked_at)
    return book


def test_there_is_room_for_what_is_not_held_yet() -> None:
    book = make_book(make_job(), make_job(2, "lane"), make_job(3, "lane"))
    assert book.rooms() == [Room("kept", 2, LEASE_SECONDS)]
    assert book.held() == {"kept": 1, "lane": 2}


def test_runs_of_a_kind_begin_one_after_the_other() -> None:
    one, two = make_job(), make_job(2)
    book = make_book(one, two)
    assert book.startable(0.0) == [one]
    assert book.next_start() is None, "the other waits for it"
    book.ended(one, RunOutcome(wait=0.5), 1.0)
    assert book.next_start() == 0.0
    assert book.startable(1.0) == [two], "who waited longest is first"
    book.ended(two, RunOutcome(wait=0.5), 1.0)
    assert book.startable(1.4) == []
    assert book.next_start() == 1.5
    assert book.startable(1.5) == [one]


def test_as_many_run_at_once_as_may() -> None:
    lanes = [make_job(n, "lane") for n in (1, 2)]
    book = make_book(*lanes, make_job(3))
    assert book.startable(0.0) == [*lanes, make_job(3)]


def test_a_job_is_given_back_unless_its_kind_keeps_it_and_it_goes_well() -> None:
    for job, outcome in (
        (make_job(1, "lane"), RunOutcome(wait=0.0)),
        (make_job(), RunOutcome()),
        (make_job(), RunOutcome(at=DUE)),
        (make_job(), RunOutcome(wait=1.0, error="no")),
    ):
        book = make_book(job)
        assert book.startable(0.0) == [job]
        assert book.is_running()
        book.ended(job, outcome, 1.0)
        assert book.ends() == [RunEnd(job, outcome)]
        assert not any(book.held().values())
        book.noted(book.ends())
        assert book.ends() == []


def test_what_ends_while_others_are_given_back_is_given_back_next() -> None:
    one, two = make_job(1, "lane"), make_job(2, "lane")
    book = make_book(one, two)
    book.startable(0.0)
    book.ended(one, RunOutcome(), 1.0)
    given = book.ends()
    book.ended(two, RunOutcome(), 1.0)
    book.noted(given)
    assert book.ends() == [RunEnd(two, RunOutcome())]


def test_all_that_is_held_is_renewed_together() -> None:
    book = make_book(make_job(), make_job(2, "lane"))
    asked = book.renewals(1.0)
    assert asked == [JobRenewal(1, 1, LEASE_SECONDS, False), JobRenewal(2, 1, 15.0, False)]
    assert book.renewed(asked, [1, 2], 1.0) == []
    assert book.renewals(1.0 + RENEW_SECONDS - 0.1) == []
    assert len(book.renewals(1.0 + RENEW_SECONDS)) == 2


def test_a_renewal_says_that_a_job_ran_since_the_last() -> None:
    job = make_job()
    book = make_book(job)
    book.startable(0.0)
    book.ended(job, RunOutcome(wait=9.0), 0.5)
    asked = book.renewals(1.0)
    assert [renewal.ran for renewal in asked] == [True]
    book.renewed(asked, [1], 1.0)
    assert [renewal.ran for renewal in book.renewals(5.0)] == [False]


def test_a_job_that_the_database_does_not_know_as_ours_is_lost() -> None:
    one, two = make_job(), make_job(2)
    book = make_book(one, two)
    book.startable(0.0)
    assert book.renewed(book.renewals(1.0), [2], 1.0) == [one]
    book.ended(one, RunOutcome(wait=0.0), 2.0)
    assert book.ends() == [], "it is not ours to give back"
    assert book.startable(2.0) == [two]


def test_a_renewal_says_nothing_of_a_job_that_was_taken_anew_meanwhile() -> None:
    book = make_book(make_job())
    asked = book.renewals(1.0)
    book.claimed([make_job(epoch=2)], 1.5)
    assert book.renewed(asked, [], 1.0) == []
    assert book.lost(make_job(epoch=2))
    assert book.renewed(asked, [1], 2.0) == []


def test_what_was_not_renewed_for_a_whole_lease_is_held_no_longer() -> None:
    short, long = make_job(), make_job(2, "lane")
    book = make_book(short, long, asked_at=100.0)
    assert book.overdue(100.0 + LEASE_SECONDS - 0.1) == []
    assert book.overdue(100.0 + LEASE_SECONDS) == [short]
    book.renewed(book.renewals(110.0), [2], 110.0)
    assert book.overdue(124.9) == []
    assert book.overdue(125.0) == [long]


def test_a_job_is_lost_once() -> None:
    job = make_job(epoch=2)
    book = make_book(job)
    assert not book.lost(make_job(epoch=1))
    assert book.lost(job)
    assert not book.lost(job)


def test_who_stops_begins_nothing_and_gives_back_what_waits() -> None:
    waiting, running = make_job(), make_job(2)
    book = make_book(running, waiting)
    assert book.startable(0.0) == [running]
    book.stop(0.0)
    assert book.ends() == [RunEnd(waiting, RunOutcome(wait=0.0))]
    assert (book.startable(1.0), book.rooms()) == ([], [])
    book.ended(running, RunOutcome(wait=0.5), 1.0)
    book.claimed([make_job(3)], 1.0)
    assert [end.job.job_id for end in book.ends()] == [1, 2, 3]


async def test_a_job_that_runs_often_stays_with_its_replica() -> None:
    called: list[HeldJob] = []

    async def call(job: HeldJob) -> None:
        called.append(job)

    often, seldom = every(KEEP_SECONDS, "often", call), every(60.0, "seldom", call)
    assert (often.keeps, seldom.keeps) == (True, False)
    assert await seldom.run(make_job()) == RunOutcome(wait=60.0)
    assert called == [make_job()]


@pytest.mark.parametrize(
    ("kind", "failures", "wait"),
    [
        (LANE, 0, 1.0),
        (LANE, 3, 8.0),
        (LANE, 99, 60.0),
        (every(10.0, "x", nothing), 3, 8.0),
        (every(10.0, "x", nothing), 4, 10.0),
    ],
)
def test_a_run_that_raised_is_repeated_later_each_time(
    kind: JobKind, failures: int, wait: float
) -> None:
    outcome = failed(kind, make_job(failures=failures), "no")
    assert outcome == RunOutcome(wait=wait, error="no")
