import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.firmware.artifact import LONGEST_NAME, Wanted, display_name, stored_name, wanted


@pytest.mark.parametrize(
    ("given_name", "shown"),
    [
        ("fw-1.2.bin", "fw-1.2.bin"),
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\fw.bin", "fw.bin"),
        ("/", "artifact"),
        ("..", "artifact"),
        ("", "artifact"),
        (".hidden", "hidden"),
        ("a\r\nb.bin", "a_b.bin"),
        ('a"b;c.bin', "a_b_c.bin"),
        ("fw 1 (2).bin", "fw 1 (2).bin"),
        ("é", "_"),
        ("x" * 500, "x" * LONGEST_NAME),
    ],
)
def test_names_for_display(given_name: str, shown: str) -> None:
    assert display_name(given_name) == shown


@given(st.text())
def test_any_name_becomes_one_plain_part_of_a_path(text: str) -> None:
    shown = display_name(text)
    assert 0 < len(shown) <= LONGEST_NAME
    assert shown.isascii()
    assert shown.isprintable()
    assert not set(shown) & set('/\\";\r\n')
    assert not shown.startswith(".")


def test_where_an_artifact_lies() -> None:
    assert stored_name("abcdef") == "ab/abcdef"


@pytest.mark.parametrize(
    ("header", "outcome"),
    [
        (None, Wanted.WHOLE),
        ("bytes=0-1", Wanted.PART),
        ("bytes=3-", Wanted.PART),
        ("bytes=-2", Wanted.PART),
        ("bytes=0-99", Wanted.PART),
        ("bytes=10-", Wanted.NOTHING),
        ("bytes=-0", Wanted.NOTHING),
        ("bytes=5-2", Wanted.WHOLE),
        ("bytes=-", Wanted.WHOLE),
        ("bytes=abc", Wanted.WHOLE),
        ("items=0-1", Wanted.WHOLE),
        ("bytes=0-1,4-5", Wanted.WHOLE),
    ],
)
def test_one_range_is_served_and_nonsense_is_ignored(header: str | None, outcome: Wanted) -> None:
    assert wanted(header, size=10) is outcome
