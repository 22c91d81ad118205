import pytest

from protocol.answers import NOT_JSON, WEB_PAGE, doubt_of_success, is_web_page

PAGE = b"<html>Please accept the terms</html>"


@pytest.mark.parametrize(
    ("media", "body", "is_page"),
    [
        ("text/html; charset=utf-8", PAGE, True),
        ("TEXT/HTML", b"please log in", True),
        ("application/xhtml+xml", b"x", True),
        ("application/json", b"\xef\xbb\xbf \r\n<!doctype html>", True),
        (None, PAGE, True),
        ("text/html", b"", False),
        ("text/html", b'{"ok":true}', False),
        ("text/plain", b"no such token", False),
        (None, b"\xff\xfe", False),
    ],
)
def test_what_is_a_page_for_people(media: str | None, body: bytes, is_page: bool) -> None:
    assert is_web_page(media, body) is is_page


@pytest.mark.parametrize(
    ("media", "body", "doubt"),
    [
        ("text/html", PAGE, WEB_PAGE),
        ("text/plain", b"OK", NOT_JSON),
        ("application/json", b'{"half":', NOT_JSON),
        ("application/json", b"[" * 100_000, NOT_JSON),
        ("application/json", b"\xff", NOT_JSON),
        ("application/json", b'{"ok":true}', None),
        ("text/html", b"", None),
        (None, b" \r\n", None),
        (None, b"null", None),
    ],
)
def test_a_success_is_believed_when_it_is_empty_or_json(
    media: str | None, body: bytes, doubt: str | None
) -> None:
    assert doubt_of_success(media, body) == doubt
