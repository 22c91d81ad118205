import base64
from datetime import UTC, datetime

import pytest

from hub.base.errors import Invalid
from hub.base.paging import decode_cursor, decode_number_cursor, encode_cursor, page_of
from tests.factories import MOMENT


def test_a_page_says_whether_there_is_more() -> None:
    rows = ["a", "b", "c"]

    def page(limit: int) -> tuple[list[str], str | None]:
        found = page_of(rows, limit, key=lambda row: (MOMENT, row), item=str.upper)
        return found.items, found.next

    assert page(3) == (["A", "B", "C"], None)
    items, following = page(2)
    assert items == ["A", "B"]
    assert decode_cursor(following) == (MOMENT, "b")
    assert page_of([], 2, key=lambda row: (MOMENT, row), item=str.upper).next is None


def raw(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "nonsense",
        "é",
        "a" * 3,
        raw("5"),
        raw("[]"),
        raw('["2026-01-01T00:00:00+00:00"]'),
        raw('["2026-01-01T00:00:00+00:00",5]'),
        raw('["2026-01-01T00:00:00","no zone"]'),
        raw('["soon","x"]'),
        raw('["2026-01-01T00:00:00+00:00","a\\u0000b"]'),
        raw('["0001-01-01T00:00:00+14:00","x"]'),
        raw('["9999-12-31T23:59:59-14:00","x"]'),
    ],
)
def test_a_forged_cursor_is_invalid(cursor: str) -> None:
    with pytest.raises(Invalid) as caught:
        decode_cursor(cursor)
    assert caught.value.errors[0].field == "cursor"


def test_no_cursor_is_the_first_page() -> None:
    assert decode_cursor(None) is None
    assert decode_number_cursor(None) is None


def test_a_cursor_by_number() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    assert decode_number_cursor(encode_cursor((moment, "17"))) == (moment, 17)
    for bad in ("", "x", "-1", "1" * 19, "٣"):
        with pytest.raises(Invalid):
            decode_number_cursor(encode_cursor((moment, bad)))
