from datetime import UTC, datetime

import pytest

from device.line.certificate_choice import CertificateChoice, KeptCertificate

T = 1_700_000_000.0


def kept(serial: str, *, left: float = 90.0) -> KeptCertificate:
    return KeptCertificate(
        key="",
        certificate="",
        chain="",
        serial=serial,
        expires=datetime.fromtimestamp(T + left, UTC),
        life_seconds=90.0,
    )


A, B = kept("a"), kept("b")


def attempt(choice: CertificateChoice) -> KeptCertificate | None:
    choice.offer()
    return choice.shown


def test_the_first_is_obtained() -> None:
    choice = CertificateChoice()
    assert attempt(choice) is None
    assert choice.due_in(T) is None
    choice.obtained(A)
    assert attempt(choice) is A
    assert not choice.opened()
    assert not choice.is_behind


def test_a_candidate_takes_over_with_its_first_line() -> None:
    choice = CertificateChoice(A)
    assert not choice.has_candidate
    choice.renewed(B)
    assert choice.has_candidate
    assert attempt(choice) is B
    assert choice.opened()
    assert attempt(choice) is B
    assert choice.refused() is B
    assert choice.shown is None, "the one before is kept no longer"


def test_a_candidate_that_is_refused_gives_way_to_the_one_before() -> None:
    choice = CertificateChoice(A, B)  # as after a restart
    assert attempt(choice) is B
    assert choice.refused() is B
    assert attempt(choice) is A
    assert not choice.opened()
    assert choice.due_in(T + 61) == 0.0, "and another is asked for"


def test_an_answer_is_about_what_the_attempt_showed() -> None:
    choice = CertificateChoice(A)
    choice.offer()
    choice.renewed(B)  # while the attempt is under way
    assert not choice.opened(), "the line was opened by the one before"
    assert choice.is_behind
    choice.offer()
    assert choice.opened()
    assert not choice.is_behind

    choice = CertificateChoice(A)
    choice.offer()
    choice.renewed(B)
    assert choice.refused() is A
    assert choice.shown is B


def test_what_was_never_offered_is_not_dropped() -> None:
    choice = CertificateChoice(A)
    assert choice.refused() is None
    choice.offer()
    choice.renewed(B)
    assert choice.refused() is A
    assert choice.refused() is None
    assert choice.shown is B


@pytest.mark.parametrize(("now", "due"), [(None, None), (T, 60.0), (T + 59, 1.0), (T + 60, 0.0)])
def test_another_is_due_at_two_thirds_of_the_life(now: float | None, due: float | None) -> None:
    choice = CertificateChoice(A)
    assert choice.due_in(now) == due
    choice.renewed(B)
    assert choice.due_in(now) is None
