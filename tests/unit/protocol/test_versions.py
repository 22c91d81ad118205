import pytest

from protocol.versions import is_downgrade, numbers_of


@pytest.mark.parametrize(
    ("version", "numbers"),
    [
        ("1.2.3", (1, 2, 3)),
        ("v10.0", (10, 0)),
        ("2-rc1", (2,)),
        ("1.2.x", (1, 2)),
        ("nightly", None),
        ("", None),
        ("\u0661.2", None),
    ],
)
def test_a_version_begins_with_its_numbers(version: str, numbers: tuple[int, ...] | None) -> None:
    assert numbers_of(version) == numbers


@pytest.mark.parametrize(
    ("present", "wanted", "older"),
    [
        ("1.10", "1.9", True),
        ("1.9", "1.10", False),
        ("2", "1.99.99", True),
        ("1.0", "1", False),
        ("1.0.0", "1.0-hotfix", False),
        ("1.0.1", "1.0", True),
        ("1.0", "nightly", False),
        ("nightly", "1.0", False),
    ],
)
def test_only_what_is_surely_older_is_a_downgrade(present: str, wanted: str, older: bool) -> None:
    assert is_downgrade(present=present, wanted=wanted) is older
