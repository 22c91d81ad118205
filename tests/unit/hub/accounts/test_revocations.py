from datetime import timedelta

from hub.accounts.revocations import Kind, Revocation, Revocations
from protocol.ids import DEFAULT_ORG, OrgId
from tests.factories import MOMENT

AT = MOMENT.timestamp()


def row(number: int, *, kind: Kind = "device", subject: str = "d1", later: float = 0) -> Revocation:
    return Revocation(
        revocation_id=number,
        org=DEFAULT_ORG,
        kind=kind,
        subject=subject,
        issued_before=MOMENT + timedelta(seconds=later),
    )


def test_g12_what_was_made_before_is_dead_and_what_was_made_after_lives() -> None:
    revocations = Revocations()
    revocations.add([row(1)])
    assert revocations.covers(DEFAULT_ORG, "device", "d1", AT - 1)
    assert revocations.covers(DEFAULT_ORG, "device", "d1", AT)
    assert not revocations.covers(DEFAULT_ORG, "device", "d1", AT + 1)


def test_only_its_own_subject_is_dead() -> None:
    revocations = Revocations()
    revocations.add([row(1)])
    assert not revocations.covers(DEFAULT_ORG, "device", "d2", AT)
    assert not revocations.covers(DEFAULT_ORG, "user", "d1", AT)
    assert not revocations.covers(OrgId("other"), "device", "d1", AT)


def test_rows_that_are_read_again_are_no_news_and_the_latest_counts() -> None:
    revocations = Revocations()
    first, second = row(1, later=10), row(2)
    assert revocations.add([first]) == [first]
    assert revocations.add([first, second]) == [second]
    assert revocations.add([first, second]) == []
    assert revocations.covers(DEFAULT_ORG, "device", "d1", AT + 10)
