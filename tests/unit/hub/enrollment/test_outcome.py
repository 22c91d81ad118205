"""What comes of what a device shows."""

from datetime import UTC, datetime

import pytest
from msgspec import structs

from hub.base.errors import HubError
from hub.base.principal import ANYONE
from hub.enrollment.deciding import EnrollmentVerdict, KnownDevice
from hub.enrollment.outcome import Outcome, enrolled, refusal_of
from hub.enrollment.records import EnrollmentRequest, EnrollmentToken, Maker
from protocol.ids import DEFAULT_ORG, DeviceId

D1 = DeviceId("d1")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
TOKEN = EnrollmentToken(
    org=DEFAULT_ORG,
    token_id="t1",
    name="line 3",
    max_uses=1,
    uses=0,
    expires_at=None,
    group_ids=["g1", "g2"],
    labels={"line": "3", "new": ""},
    approval=True,
    maker=Maker("user", "u", None, "admin"),
    created_at=NOW,
)
REQUEST = EnrollmentRequest(
    org=DEFAULT_ORG,
    request_id="r1",
    device_id=D1,
    fingerprint="00:11",
    address=None,
    token_id="t1",
    status="approved",
    group_ids=["g2", "g3"],
    tags=["line", "hall"],
    requested_at=NOW,
)


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        (EnrollmentVerdict.RENEW, None),
        (EnrollmentVerdict.ENROLL, None),
        (EnrollmentVerdict.REGISTER, None),
        (EnrollmentVerdict.ASK, None),
        (EnrollmentVerdict.WAIT, "pending_approval"),
        (EnrollmentVerdict.BAD_KEY, "bad_enrollment_key"),
        (EnrollmentVerdict.UNKNOWN, "forbidden"),
        (EnrollmentVerdict.BLOCKED, "forbidden"),
        (EnrollmentVerdict.REJECTED, "forbidden"),
        (EnrollmentVerdict.TOKEN_DISABLED, "forbidden"),
        (EnrollmentVerdict.TOKEN_USED, "enrollment_token_used"),
        (EnrollmentVerdict.TOKEN_EXPIRED, "enrollment_token_expired"),
        (EnrollmentVerdict.AT_WORK, "reenroll_refused"),
        (EnrollmentVerdict.NEVER, "reenroll_refused"),
        (EnrollmentVerdict.QUARANTINED, "quarantined"),
    ],
)
def test_each_verdict_has_its_answer(verdict: EnrollmentVerdict, code: str | None) -> None:
    refusal: HubError | None = refusal_of(Outcome(verdict=verdict), D1)
    assert (None if refusal is None else refusal.code) == code


def test_who_waits_hears_its_fingerprint_and_when_to_ask_again() -> None:
    refusal = refusal_of(Outcome(verdict=EnrollmentVerdict.WAIT, request=REQUEST), D1)
    assert refusal is not None
    assert refusal.members == {"fingerprint": "00:11"}
    assert refusal.retry_after == 30


def test_a_device_gets_what_its_token_and_its_approval_give() -> None:
    outcome = Outcome(verdict=EnrollmentVerdict.REGISTER, token=TOKEN, request=REQUEST)
    assert outcome.labels == {"line": "3", "new": "", "hall": ""}
    assert outcome.groups == ["g1", "g2", "g3"]
    nothing = Outcome(verdict=EnrollmentVerdict.REGISTER)
    assert (nothing.labels, nothing.groups) == ({}, [])


def test_a_use_counts_once() -> None:
    first = Outcome(verdict=EnrollmentVerdict.REGISTER, token=TOKEN)
    assert first.uses is TOKEN
    again = Outcome(verdict=EnrollmentVerdict.ENROLL, token=TOKEN, is_same_use=True)
    assert again.uses is None
    approved = Outcome(verdict=EnrollmentVerdict.REGISTER, token=TOKEN, request=REQUEST)
    assert approved.uses is None
    waits = structs.replace(REQUEST, status="pending")
    admitted = Outcome(verdict=EnrollmentVerdict.REGISTER, token=TOKEN, request=waits)
    assert admitted.uses is TOKEN


def test_what_ends_other_tokens_replaces() -> None:
    known = KnownDevice(lowest=1, highest=1)
    assert Outcome(verdict=EnrollmentVerdict.ENROLL, standing=known).replaces
    assert not Outcome(verdict=EnrollmentVerdict.RENEW, standing=known).replaces
    assert not Outcome(verdict=EnrollmentVerdict.ENROLL, standing=KnownDevice()).replaces
    assert Outcome(verdict=EnrollmentVerdict.ENROLL, standing=KnownDevice()).is_first
    assert not Outcome(verdict=EnrollmentVerdict.ENROLL, standing=known).is_first


@pytest.mark.parametrize(
    ("verdict", "standing", "action"),
    [
        (EnrollmentVerdict.REGISTER, None, "device.enroll"),
        (EnrollmentVerdict.ENROLL, KnownDevice(), "device.token"),
        (EnrollmentVerdict.ENROLL, KnownDevice(lowest=1, highest=1), "device.reenroll"),
        (EnrollmentVerdict.RENEW, KnownDevice(lowest=1, highest=1), "device.token"),
    ],
)
def test_the_audit_says_by_what_it_came(
    verdict: EnrollmentVerdict, standing: KnownDevice | None, action: str
) -> None:
    outcome = Outcome(verdict=verdict, standing=standing, token=TOKEN, request=REQUEST)
    entry = enrolled(ANYONE, D1, outcome, None)
    assert (entry.action, entry.actor_kind, entry.actor) == (action, "device", "d1")
    assert entry.detail == {"enrollmentToken": "t1", "fingerprint": "00:11"}
    alone = Outcome(verdict=verdict, standing=standing)
    assert enrolled(ANYONE, D1, alone, None).detail == {}
    certified = enrolled(ANYONE, D1, alone, "0a")
    assert certified.action == action.replace("token", "certificate")
    assert certified.detail == {"serial": "0a"}
