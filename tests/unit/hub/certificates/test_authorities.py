from datetime import timedelta

from hub.certificates.authorities import AuthorityRow, signing, vouching
from tests.unit.hub.certificates.some import AUTHORITY, NOW


def row(name: str, *, retired: timedelta | None = None) -> AuthorityRow:
    """`retired`: so long ago."""
    return AuthorityRow(
        id=name,
        certificate=AUTHORITY.certificate,
        chain="",
        sealed_key="",
        retired_at=None if retired is None else NOW - retired,
    )


DAY = timedelta(days=1)


def test_one_signs_and_vouches_for_itself() -> None:
    one = row("a")
    assert signing([one]) is one
    assert vouching([one], NOW) is one
    assert signing([]) is None
    assert vouching([], NOW) is None


def test_the_one_before_vouches_while_a_device_may_know_no_other() -> None:
    new = row("new")
    lately, long_ago = row("lately", retired=89 * DAY), row("long ago", retired=90 * DAY)
    assert signing([new, lately]) is new
    assert vouching([new, lately], NOW) is lately
    assert vouching([new, long_ago], NOW) is new


def test_of_several_the_first_that_was_replaced_vouches() -> None:
    first, second = row("first", retired=20 * DAY), row("second", retired=DAY)
    for rows in ([row("new"), second, first], [first, row("new"), second]):
        assert vouching(rows, NOW) is first
