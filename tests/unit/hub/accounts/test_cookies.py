"""What the browser is told to keep, and whose pages may use it."""

import pytest

from hub.accounts.cookies import cookie, is_own_page, no_cookie


def test_the_cookie_is_for_the_auth_paths_of_this_site_and_for_no_script() -> None:
    assert cookie("t", seconds=9, secure=False).split("; ") == [
        "longline_refresh=t", "Max-Age=9", "Path=/api/v1/auth", "HttpOnly", "SameSite=Strict",
    ]  # fmt: skip


def test_by_tls_it_is_secure() -> None:
    assert cookie("t", seconds=9, secure=True).endswith("; Secure")


def test_it_is_forgotten_under_the_same_path() -> None:
    forgotten = no_cookie(secure=False)

    assert forgotten.startswith("longline_refresh=; Max-Age=0; Path=/api/v1/auth;")


@pytest.mark.parametrize(
    ("origin", "own"),
    [
        (None, True),
        ("http://hub.example:8080", True),
        ("https://hub.example:8080", True),
        ("http://hub.example", False),
        ("http://evil.hub.example:8080", False),
        ("null", False),
        ("", False),
        ("http://[", False),
    ],
)
def test_only_a_page_of_the_same_host_is_the_hubs_own(origin: str | None, own: bool) -> None:
    assert is_own_page(origin, "hub.example:8080") is own
