import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.firmware.artifact import (
    LONGEST_NAME,
    Asked,
    ByteRange,
    RangeVerdict,
    display_name,
    judge,
    stored_name,
)


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


TAG = '"abc"'


def get(**headers: str) -> ByteRange | RangeVerdict:
    return judge(Asked(method="GET", **headers), TAG, 10)


@pytest.mark.parametrize(
    ("header", "outcome"),
    [
        ("bytes=0-1", ByteRange(0, 1)),
        ("BYTES=0-5", ByteRange(0, 5)),
        ("bytes = 2 - 3", ByteRange(2, 3)),
        ("bytes=3-", ByteRange(3, 9)),
        ("bytes=-2", ByteRange(8, 9)),
        ("bytes=-99", ByteRange(0, 9)),
        ("bytes=0-99", ByteRange(0, 9)),
        ("bytes=0-9223372036854775808", ByteRange(0, 9)),
        ("bytes=0-" + "9" * 5000, ByteRange(0, 9)),
        ("bytes=000000000000000000000000000000000001-2", ByteRange(1, 2)),
        ("bytes=10-", RangeVerdict.NOTHING),
        ("bytes=9223372036854775808-", RangeVerdict.NOTHING),
        ("bytes=-0", RangeVerdict.NOTHING),
        ("bytes=5-2", RangeVerdict.WHOLE),
        ("bytes=-", RangeVerdict.WHOLE),
        ("bytes=abc", RangeVerdict.WHOLE),
        ("items=0-1", RangeVerdict.WHOLE),
        ("bytes=0-1,4-5", RangeVerdict.WHOLE),
    ],
)
def test_one_range_is_served_and_nonsense_is_ignored(
    header: str, outcome: ByteRange | RangeVerdict
) -> None:
    assert get(range=header) == outcome


def test_without_conditions_all_is_sent() -> None:
    assert get() is RangeVerdict.WHOLE
    assert judge(Asked(method="GET", range="bytes=-1"), TAG, 0) is RangeVerdict.NOTHING


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("header", "known"),
    [
        ('"abc"', True),
        ('W/"abc"', True),
        ("*", True),
        ('"x", W/"abc"', True),
        ('"x,y","abc"', True),
        ('"abcd"', False),
        ("abc", False),
        ("", False),
        ('"x", "*"', False),
    ],
)
def test_who_has_it_is_told_so(method: str, header: str, known: bool) -> None:
    asked = Asked(method=method, if_none_match=header, range="bytes=99-")
    assert (judge(asked, TAG, 10) is RangeVerdict.KNOWN) is known


@pytest.mark.parametrize(
    ("header", "good"),
    [('"abc"', True), ("*", True), ('"x", "abc"', True), ('"other"', False), ('W/"abc"', False)],
)
def test_who_wants_another_is_refused(header: str, good: bool) -> None:
    assert (get(if_match=header, range="bytes=0-1") == ByteRange(0, 1)) is good
    assert (get(if_match=header, if_none_match="*") is RangeVerdict.ANOTHER) is not good


@pytest.mark.parametrize(
    ("header", "part"),
    [('"abc"', True), ('W/"abc"', False), ('"x"', False), ("Tue, 15 Nov 1994 12:45:26 GMT", False)],
)
def test_a_range_of_another_is_all_of_this(header: str, part: bool) -> None:
    assert get(if_range=header, range="bytes=0-1") == (
        ByteRange(0, 1) if part else RangeVerdict.WHOLE
    )
    assert get(if_range=header, range="bytes=99-") is (
        RangeVerdict.NOTHING if part else RangeVerdict.WHOLE
    )


def test_head_has_no_range() -> None:
    assert judge(Asked(method="HEAD", range="bytes=0-1"), TAG, 10) is RangeVerdict.WHOLE
