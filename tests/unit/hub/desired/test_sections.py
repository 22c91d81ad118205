import pytest
from msgspec.structs import replace

from hub.desired.sections import (
    SectionRow,
    after_hello,
    after_taking,
    initial,
    is_to_hand_over,
    status_of,
)
from protocol.canonical import hash_of
from protocol.frames import DesiredStatus, SectionState, TakenStatus
from protocol.replies import ResultError
from protocol.sections import MODE, PRODUCTION, mode_document

CLOUD = mode_document("DIRECT_CLOUD")
WANTED = replace(initial(MODE), version=4, document=CLOUD, hash=hash_of(CLOUD))
BEGINNING = initial(MODE)


def make_report(status: TakenStatus, error: ResultError | None = None) -> DesiredStatus:
    return DesiredStatus(kind=MODE, version="4", hash=WANTED.hash, status=status, error=error)


def test_a_device_that_has_what_is_wanted_is_handed_nothing() -> None:
    row = after_hello(WANTED, SectionState(version="4", hash=WANTED.hash))
    assert (row.taken, is_to_hand_over(row)) == (CLOUD, False)
    fresh = after_hello(initial(PRODUCTION), SectionState(hash=initial(PRODUCTION).hash))
    assert (fresh.taken, is_to_hand_over(fresh)) == ({"enabled": True, "reason": None}, False)


def test_what_differs_is_handed_over() -> None:
    emptied = after_hello(WANTED, SectionState(version="", hash=BEGINNING.hash))
    assert (emptied.taken, is_to_hand_over(emptied)) == (BEGINNING.document, True)
    stranger = after_hello(WANTED, SectionState(hash="another"))
    assert (stranger.taken, is_to_hand_over(stranger)) == (None, True)
    assert is_to_hand_over(after_hello(WANTED, SectionState()))


def test_what_the_device_refused_rests_until_it_changes() -> None:
    said = SectionState(hash=BEGINNING.hash, refused="4")
    row = after_hello(WANTED, said)
    assert (row.refused, is_to_hand_over(row)) == (4, False)
    assert is_to_hand_over(replace(row, version=5))


def test_what_became_of_it_is_kept() -> None:
    assert after_taking(WANTED, make_report("trial")) == WANTED
    taken = after_taking(replace(WANTED, refused=4), make_report("applied"))
    assert (taken.taken, taken.taken_hash, taken.refused) == (CLOUD, WANTED.hash, None)
    failed = after_taking(WANTED, make_report("failed", ResultError(code="no_cloud", message="m")))
    assert failed.error == {"code": "no_cloud", "message": "m"}
    assert not is_to_hand_over(failed)
    assert after_taking(WANTED, make_report("rolled_back")).error is None


def test_a_failure_of_an_earlier_try_does_not_end_the_next() -> None:
    again = replace(WANTED, version=5)
    assert after_taking(again, make_report("failed")) == again
    assert after_taking(again, make_report("applied")).taken == CLOUD


@pytest.mark.parametrize(
    ("row", "status"),
    [
        (WANTED, "pending"),
        (replace(WANTED, taken_hash=WANTED.hash), "in_sync"),
        (replace(WANTED, refused=3), "pending"),
        (replace(WANTED, refused=4), "failed"),
        (replace(WANTED, refused=4, error={"code": "barred", "message": "m"}), "failed"),
        (replace(WANTED, refused=4, error={"code": "rolled_back", "message": "m"}), "rolled_back"),
    ],
)
def test_where_a_section_stands(row: SectionRow, status: str) -> None:
    assert status_of(row) == status


def test_a_word_about_another_document_counts_for_nothing() -> None:
    assert after_taking(replace(WANTED, hash="newer"), make_report("failed")).refused is None
