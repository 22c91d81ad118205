"""What the browser is told to keep."""

from hub.accounts.cookies import cookie, name_of, no_cookie
from protocol.ids import DEFAULT_ORG, OrgId


def test_the_cookie_is_for_the_auth_paths_of_this_site_and_for_no_script() -> None:
    assert cookie("c", "t", seconds=9, secure=False).split("; ") == [
        "c=t", "Max-Age=9", "Path=/api/v1/auth", "HttpOnly", "SameSite=Strict",
    ]  # fmt: skip


def test_by_tls_it_is_secure() -> None:
    assert cookie("c", "t", seconds=9, secure=True).endswith("; Secure")


def test_it_is_forgotten_under_the_same_path() -> None:
    forgotten = no_cookie("c", secure=False)

    assert forgotten.startswith("c=; Max-Age=0; Path=/api/v1/auth;")


def test_below_the_path_of_a_proxy_it_is_for_that() -> None:
    kept = cookie("c", "t", seconds=9, secure=True, prefix="/ll")

    assert "; Path=/ll/api/v1/auth; " in kept


def test_each_organisation_of_each_hub_has_a_cookie_of_its_own() -> None:
    names = {name_of(hub, org) for hub in ("one", "two") for org in (DEFAULT_ORG, OrgId("b"))}

    assert len(names) == 4
    assert all(len(name) == len("longline_refresh_") + 16 for name in names)
