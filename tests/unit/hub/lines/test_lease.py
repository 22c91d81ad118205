from hub.lines.lease import LEASE_SECONDS, RENEW_SECONDS, Duty, Lease


def patient(now: float) -> Lease:
    """A lease that was begun one lease ago, and renewed since."""
    lease = Lease(now - LEASE_SECONDS)
    lease.renewed(now)
    return lease


def test_a_lease_is_renewed_every_three_seconds_and_others_are_looked_at_between() -> None:
    lease = patient(100.0)
    assert lease.duty(100.0 + RENEW_SECONDS - 0.1) is Duty.LOOK
    assert lease.duty(100.0 + RENEW_SECONDS) is Duty.RENEW
    lease.renewed(103.0)
    assert lease.duty(104.0) is Duty.LOOK
    assert lease.age(104.5) == 1.5


def test_g7_who_has_just_started_declares_nobody_dead_for_one_lease() -> None:
    lease = Lease(0.0)
    assert lease.duty(1.0) is Duty.REST
    for moment in (3.0, 6.0, 9.0):
        assert lease.duty(moment) is Duty.RENEW
        lease.renewed(moment)
    assert lease.duty(10.0) is Duty.LOOK


def test_g7_after_a_stall_nobody_is_declared_dead_for_one_lease() -> None:
    lease = patient(0.0)
    now = LEASE_SECONDS + 0.1
    assert lease.duty(now) is Duty.RENEW
    lease.renewed(now)
    assert lease.duty(now + 1) is Duty.REST
    lease.renewed(now + 4)
    lease.renewed(now + 8)
    assert lease.duty(now + LEASE_SECONDS - 0.1) is Duty.REST
    assert lease.duty(now + LEASE_SECONDS + 0.1) is Duty.LOOK


def test_g7_who_was_declared_dead_is_patient_however_short_the_stall() -> None:
    lease = patient(0.0)
    lease.renewed(3.0, declared_dead=True)
    assert lease.duty(4.0) is Duty.REST
