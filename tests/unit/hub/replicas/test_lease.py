from datetime import UTC, datetime, timedelta

from hub.replicas.lease import LEASE_SECONDS, RENEW_SECONDS, Held, Lease
from protocol.ids import ReplicaId

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def held(until: datetime = MOMENT, name: str = "r-2") -> Held:
    return Held(ReplicaId(name), until)


def test_a_lease_is_renewed_every_three_seconds() -> None:
    lease = Lease(100.0)
    assert not lease.is_due(100.0 + RENEW_SECONDS - 0.1)
    assert lease.is_due(100.0 + RENEW_SECONDS)
    lease.renewed(103.0)
    assert not lease.is_due(104.0)
    assert lease.age(104.5) == 1.5


def test_g7_whose_lease_does_not_change_for_a_whole_lease_is_dead() -> None:
    lease = Lease(0.0)
    assert lease.dead([held()], 1.0) == []
    assert lease.dead([held()], 1.0 + LEASE_SECONDS - 0.1) == []
    assert lease.dead([held()], 1.0 + LEASE_SECONDS) == [held()]


def test_g7_whoever_renews_is_alive() -> None:
    lease = Lease(0.0)
    for second in range(60):
        renewed = MOMENT + timedelta(seconds=second // 3)
        assert lease.dead([held(renewed), held(name="r-3")][: 1 if second < 50 else 2], second) == (
            [held(name="r-3")] if second == 59 else []
        )


def test_g18_no_clock_makes_a_lease_longer_or_shorter() -> None:
    """The database's clock is set to and fro: neither the far future nor the past says anything."""
    lease = Lease(0.0)
    future, past = held(MOMENT + timedelta(days=3650)), held(datetime.min.replace(tzinfo=UTC), "r")
    assert lease.dead([future, past], 0.0) == []
    assert lease.dead([future, past], LEASE_SECONDS) == [future, past]


def test_g7_after_a_stall_nobody_is_declared_dead_for_one_lease() -> None:
    lease = Lease(0.0)
    assert lease.dead([held()], 0.0) == []
    now = LEASE_SECONDS + 0.1
    lease.renewed(now)
    assert lease.dead([held()], now) == []
    assert lease.dead([held()], now + LEASE_SECONDS - 0.1) == []
    assert lease.dead([held()], now + LEASE_SECONDS) == [held()]


def test_g7_who_was_declared_dead_is_patient_however_short_the_stall() -> None:
    lease = Lease(0.0)
    assert lease.dead([held()], 0.0) == []
    lease.renewed(3.0, declared_dead=True)
    assert lease.dead([held()], LEASE_SECONDS) == []


def test_who_has_ended_is_forgotten() -> None:
    lease = Lease(0.0)
    lease.dead([held()], 0.0)
    lease.dead([], 5.0)
    assert lease.dead([held()], LEASE_SECONDS) == []
