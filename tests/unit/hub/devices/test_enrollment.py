from itertools import product

import pytest

from hub.devices.enrollment import EnrollmentVerdict, KnownDevice, Reenroll, decide, key_fits

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
    return decide(standing, key_fits=key, token=token, auto_enroll=auto, reenroll=reenroll)


@pytest.mark.parametrize(("token", "auto", "again"), list(product((None, 1), BOTH, REENROLLS)))
def test_an_unknown_device_is_registered_by_the_key_alone(
    token: int | None, *, auto: bool, again: Reenroll
) -> None:
    got = verdict(None, token=token, auto=auto, reenroll=again)
    assert got is (EnrollmentVerdict.REGISTER if auto else EnrollmentVerdict.UNKNOWN)
    assert verdict(None, key=False, token=token, auto=auto) is EnrollmentVerdict.BAD_KEY


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
