from itertools import product

import pytest

from hub.base.principal import Reenroll
from hub.enrollment.deciding import (
    EnrollmentVerdict,
    KnownDevice,
    OwnCertificate,
    RequestStatus,
    Shown,
    ShownToken,
    decide,
    fingerprint_of,
    key_fits,
    proof_of_key,
)

BOTH = (True, False)
FRESH = KnownDevice()
KNOWN = KnownDevice(lowest=2, highest=3)
ENDED = KnownDevice(lowest=4, highest=3)
REENROLLS: tuple[Reenroll, ...] = ("offline", "always", "never")


def verdict(
    standing: KnownDevice | None,
    *,
    key: bool = True,
    token: int | None = None,
    auto: bool = True,
    reenroll: Reenroll = "offline",
) -> EnrollmentVerdict:
    shown = Shown(version=token, key_fits=key)
    return decide(standing, shown, auto_enroll=auto, reenroll=reenroll)


@pytest.mark.parametrize(("token", "auto", "again"), list(product((None, 1), BOTH, REENROLLS)))
def test_an_unknown_device_is_registered_by_the_key_alone(
    token: int | None, *, auto: bool, again: Reenroll
) -> None:
    got = verdict(None, token=token, auto=auto, reenroll=again)
    assert got is (EnrollmentVerdict.REGISTER if auto else EnrollmentVerdict.UNKNOWN)
    nothing = EnrollmentVerdict.BAD_KEY if token is None else EnrollmentVerdict.ASK
    assert verdict(None, key=False, token=token, auto=auto) is nothing


@pytest.mark.parametrize("standing", [FRESH, KNOWN, ENDED])
def test_who_shows_nothing_good_gets_nothing(standing: KnownDevice) -> None:
    for token in (None, 1, 4, 5):
        assert verdict(standing, key=False, token=token) is EnrollmentVerdict.BAD_KEY


@pytest.mark.parametrize(("key", "again"), list(product(BOTH, REENROLLS)))
def test_a_good_token_renews_whatever_else_is_shown(*, key: bool, again: Reenroll) -> None:
    for on_line in BOTH:
        standing = KnownDevice(lowest=2, highest=3, on_line=on_line)
        for token in (2, 3):
            got = verdict(standing, key=key, token=token, reenroll=again)
            assert got is EnrollmentVerdict.RENEW


@pytest.mark.parametrize("blocked", [{"disabled": True}, {"deleted": True}])
def test_a_device_that_is_disabled_or_deleted_gets_nothing(blocked: dict[str, bool]) -> None:
    assert verdict(KnownDevice(lowest=4, highest=3, **blocked)) is EnrollmentVerdict.BLOCKED
    assert verdict(KnownDevice(**blocked), token=0, key=False) is EnrollmentVerdict.BLOCKED


@pytest.mark.parametrize("token", [None, 1])
def test_the_key_does_not_take_over_a_device_that_is_at_work(token: int | None) -> None:
    for at_work in ({"on_line": True}, {"line_lately": True}):
        standing = KnownDevice(lowest=2, highest=3, **at_work)
        assert verdict(standing, token=token) is EnrollmentVerdict.AT_WORK
        assert verdict(standing, token=token, reenroll="never") is EnrollmentVerdict.NEVER
        assert verdict(standing, token=token, reenroll="always") is EnrollmentVerdict.ENROLL
    assert verdict(KNOWN, token=token) is EnrollmentVerdict.ENROLL


@pytest.mark.parametrize("again", REENROLLS)
def test_who_has_no_good_token_is_nobody_to_take_over(again: Reenroll) -> None:
    for standing in (FRESH, ENDED, KnownDevice(lowest=4, highest=3, line_lately=True)):
        assert verdict(standing, reenroll=again) is EnrollmentVerdict.ENROLL


def test_never_is_about_devices_that_have_a_good_token() -> None:
    assert verdict(KNOWN, reenroll="never") is EnrollmentVerdict.NEVER


def test_a_key_fits_itself_only() -> None:
    assert key_fits("key", "key")
    for shown in (None, "", "ke", "keyy", "ké"):
        assert not key_fits(shown, "key")


STANDINGS = (None, FRESH, KNOWN, ENDED, KnownDevice(lowest=2, highest=3, on_line=True))


def shown_token(
    *,
    approval: bool = False,
    max_uses: int | None = 2,
    uses: int = 0,
    same: bool = False,
    expired: bool = False,
    disabled: bool = False,
) -> ShownToken:
    return ShownToken(
        approval=approval,
        max_uses=max_uses,
        uses=uses,
        is_same_use=same,
        is_expired=expired,
        is_disabled=disabled,
    )


def by(
    standing: KnownDevice | None,
    token: ShownToken | None = None,
    request: RequestStatus | None = None,
    *,
    auto: bool = False,
    reenroll: Reenroll = "offline",
) -> EnrollmentVerdict:
    shown = Shown(token=token, request=request)
    return decide(standing, shown, auto_enroll=auto, reenroll=reenroll)


@pytest.mark.parametrize("auto", BOTH)
def test_an_enrolment_token_lets_in_whatever_the_setting_says(*, auto: bool) -> None:
    assert by(None, shown_token(), auto=auto) is EnrollmentVerdict.REGISTER
    assert by(FRESH, shown_token(max_uses=None, uses=99), auto=auto) is EnrollmentVerdict.ENROLL
    at_work = KnownDevice(lowest=2, highest=3, on_line=True)
    assert by(at_work, shown_token(), auto=auto) is EnrollmentVerdict.AT_WORK
    assert by(KNOWN, shown_token(), reenroll="never") is EnrollmentVerdict.NEVER


@pytest.mark.parametrize("standing", STANDINGS)
def test_a_token_that_is_over_lets_nobody_in(standing: KnownDevice | None) -> None:
    used = EnrollmentVerdict.TOKEN_USED
    assert by(standing, shown_token(uses=2)) is used
    assert by(standing, shown_token(uses=2, approval=True)) is used
    assert by(standing, shown_token(expired=True)) is EnrollmentVerdict.TOKEN_EXPIRED
    assert by(standing, shown_token(disabled=True)) is EnrollmentVerdict.TOKEN_DISABLED


def test_an_answer_that_was_lost_is_no_further_use() -> None:
    assert by(FRESH, shown_token(uses=2, same=True)) is EnrollmentVerdict.ENROLL


@pytest.mark.parametrize("standing", STANDINGS)
def test_a_token_with_approval_has_a_person_look_first(standing: KnownDevice | None) -> None:
    assert by(standing, shown_token(approval=True)) is EnrollmentVerdict.ASK
    assert by(standing, shown_token(approval=True), "pending") is EnrollmentVerdict.WAIT


@pytest.mark.parametrize("standing", STANDINGS)
@pytest.mark.parametrize("token", [None, shown_token(), shown_token(uses=2)])
def test_an_approved_request_admits_and_a_rejected_one_keeps_out(
    standing: KnownDevice | None, token: ShownToken | None
) -> None:
    admitted = EnrollmentVerdict.REGISTER if standing is None else EnrollmentVerdict.ENROLL
    assert by(standing, token, "approved") is admitted
    assert by(standing, token, "rejected") is EnrollmentVerdict.REJECTED


@pytest.mark.parametrize("request_", ["pending", "ended"])
def test_while_a_request_waits_or_is_over_what_admits_by_itself_does(
    request_: RequestStatus,
) -> None:
    assert by(None, shown_token(), request_) is EnrollmentVerdict.REGISTER
    assert by(FRESH, shown_token(), request_) is EnrollmentVerdict.ENROLL
    out = EnrollmentVerdict.WAIT if request_ == "pending" else EnrollmentVerdict.REJECTED
    at_work = KnownDevice(lowest=2, highest=3, on_line=True)
    for standing, token in (
        (None, None),
        (None, shown_token(approval=True)),
        (None, shown_token(uses=2)),
        (at_work, shown_token()),
    ):
        assert by(standing, token, request_) is out


def test_a_device_that_may_again_enrols_at_work_too() -> None:
    reopened = KnownDevice(lowest=2, highest=3, on_line=True, reopened=True)
    assert verdict(reopened, reenroll="never") is EnrollmentVerdict.ENROLL
    assert verdict(reopened, key=False) is EnrollmentVerdict.BAD_KEY


@pytest.mark.parametrize("blocked", [{"disabled": True}, {"deleted": True}])
def test_a_blocked_device_stays_out_by_any_proof(blocked: dict[str, bool]) -> None:
    standing = KnownDevice(**blocked)
    assert by(standing, shown_token()) is EnrollmentVerdict.BLOCKED
    assert by(standing, request="approved") is EnrollmentVerdict.BLOCKED
    assert by(standing) is EnrollmentVerdict.BAD_KEY


def test_a_fingerprint_is_eight_pairs() -> None:
    assert fingerprint_of(b"secret") == "2b:b8:0d:53:7b:1d:a3:e3"


def by_certificate(
    standing: KnownDevice | None, certificate: OwnCertificate, *, key: bool = False
) -> EnrollmentVerdict:
    shown = Shown(certificate=certificate, key_fits=key)
    return decide(standing, shown, auto_enroll=True, reenroll="offline")


def test_a_good_certificate_gets_another_beside_it() -> None:
    assert by_certificate(KNOWN, "good") is EnrollmentVerdict.RENEW
    assert by_certificate(ENDED, "good") is EnrollmentVerdict.RENEW
    blocked = KnownDevice(lowest=2, highest=3, disabled=True)
    assert by_certificate(blocked, "good") is EnrollmentVerdict.BLOCKED


def test_a_certificate_that_has_ended_admits_nobody() -> None:
    assert by_certificate(KNOWN, "ended") is EnrollmentVerdict.BAD_KEY
    assert by_certificate(ENDED, "ended", key=True) is EnrollmentVerdict.ENROLL


def test_a_certificate_that_the_database_has_lost_becomes_a_request() -> None:
    for standing in (None, KNOWN, ENDED):
        assert by_certificate(standing, "lost") is EnrollmentVerdict.ASK
    assert by_certificate(None, "lost", key=True) is EnrollmentVerdict.REGISTER


def test_a_request_is_found_again_by_its_key() -> None:
    assert proof_of_key(b"one") == proof_of_key(b"one") != proof_of_key(b"other")


def test_a_device_in_quarantine_renews_its_token_and_gets_no_other() -> None:
    standing = KnownDevice(lowest=2, highest=3, quarantined=True, reopened=True)
    assert verdict(standing, key=False, token=3) is EnrollmentVerdict.RENEW
    assert verdict(standing, token=1, reenroll="always") is EnrollmentVerdict.QUARANTINED
    assert verdict(standing, key=False, token=1) is EnrollmentVerdict.BAD_KEY
    for request in ("pending", "approved", "rejected"):
        shown = Shown(request=request)
        found = decide(standing, shown, auto_enroll=True, reenroll="always")
        assert found is EnrollmentVerdict.QUARANTINED
