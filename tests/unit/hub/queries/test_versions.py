"""Versions sort as SemVer says: its own example, and what it leaves open."""

import itertools

import pytest

from hub.queries.versions import version_key

IN_ORDER = [
    "0",
    "0.0.1-0",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.1.0",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-beta-x",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.1",
    "1.9",
    "1.10",
    "2",
    "2.0.99999999999999999999",
    "10",
]


def test_keys_sort_as_versions() -> None:
    keys = [version_key(version) for version in IN_ORDER]
    for before, after in itertools.pairwise(keys):
        assert before is not None
        assert after is not None
        assert before < after


def test_missing_numbers_are_0_and_builds_count_for_nothing() -> None:
    assert version_key("1.4") == version_key("1.4.0") == version_key("1.4.0+b.7")


@pytest.mark.parametrize(
    "text", ["", "v1", "1.2.3.4", "01", "1.0.0-", "1.0.0-01", "1.0.0+", "1. 0", "1\n", "1" * 1000]
)
def test_others_are_no_versions(text: str) -> None:
    assert version_key(text) is None
