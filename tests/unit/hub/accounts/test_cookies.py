"""What the browser is told to keep."""

from hub.accounts.cookies import cookie, no_cookie


def test_the_cookie_is_for_the_auth_paths_of_this_site_and_for_no_script() -> None:
    assert cookie("t", seconds=9, secure=False).split("; ") == [
        "longline_refresh=t", "Max-Age=9", "Path=/api/v1/auth", "HttpOnly", "SameSite=Strict",
    ]  # fmt: skip


def test_by_tls_it_is_secure() -> None:
    assert cookie("t", seconds=9, secure=True).endswith("; Secure")


def test_it_is_forgotten_under_the_same_path() -> None:
    forgotten = no_cookie(secure=False)

    assert forgotten.startswith("longline_refresh=; Max-Age=0; Path=/api/v1/auth;")


def test_below_the_path_of_a_proxy_it_is_for_that() -> None:
    kept = cookie("t", seconds=9, secure=True, prefix="/ll")

    assert "; Path=/ll/api/v1/auth; " in kept
