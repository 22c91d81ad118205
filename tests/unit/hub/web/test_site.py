"""Which names a browser may use for the hub, which pages are its own, and what links begin with."""

import pytest

from hub.base.errors import ConfigurationError
from hub.web.site import Site, foreign_page, is_loopback

HERE = "127.0.0.1"


@pytest.mark.parametrize(
    ("site", "host", "reached_at", "known"),
    [
        # By public name, whatever the port.
        (Site(["https://hub.example:8443"]), "hub.example:8443", HERE, True),
        (Site(["https://hub.example:8443"]), "HUB.example", HERE, True),
        (Site(["https://hub.example"]), "hub.example:443", HERE, True),
        (Site(["http://a.example", "http://b.example"]), "b.example", HERE, True),
        (Site(["http://[2001:db8::1]:80"]), "[2001:db8::1]", HERE, True),
        (Site(["https://hub.example"]), "evil.example", HERE, False),
        (Site(["https://hub.example"]), "hub.example.evil", HERE, False),
        (Site(["https://hub.example"]), "", "", False),
        # On loopback by its names.
        (Site(), "localhost:8080", HERE, True),
        (Site(), "127.0.0.1", HERE, True),
        (Site(host="::1"), "[::1]:8080", "::1", True),
        (Site(), "hub.localhost", HERE, True),
        (Site(["https://hub.example"]), "localhost:9000", HERE, True),
        (Site(), "evil.example", HERE, False),
        (Site(), "localhost.evil.example", HERE, False),
        # Elsewhere by the very address, which no name can be made to say.
        (Site(["http://localhost:8080"], host="0.0.0.0"), "192.0.2.7:8080", "192.0.2.7", True),
        (Site(["http://localhost:8080"], host="0.0.0.0"), "192.0.2.8", "192.0.2.7", False),
        (Site(["http://localhost:8080"], host="0.0.0.0"), "evil.example", "192.0.2.7", False),
        (Site(["https://hub.example"], host="0.0.0.0"), "localhost", "192.0.2.7", False),
        # Without a public address there is nothing to compare with.
        (Site(host="0.0.0.0"), "hub.example", "192.0.2.7", True),
    ],
)
def test_who_a_browser_may_call_us(site: Site, host: str, reached_at: str, known: bool) -> None:
    assert site.knows(host, reached_at) is known


@pytest.mark.parametrize(
    ("origin", "host", "own"),
    [
        (None, "hub:8080", True),
        ("http://hub:8080", "hub:8080", True),
        ("https://HUB:8080", "hub:8080", True),
        ("https://hub.example:8443", "hub.example", True),  # a proxy that drops the port
        ("https://hub.example", "hub.example:8080", False),
        ("https://ops.example", "hub:8080", False),
        ("https://hub:8080.evil", "hub:8080", False),
        ("http://hub", "hub:8080", False),
        ("null", "hub:8080", False),
        ("", "", False),
        ("http://[::1", "[::1", False),
    ],
)
def test_which_pages_are_our_own(origin: str | None, host: str, own: bool) -> None:
    site = Site(["https://hub.example:8443"], allowed_origins=["https://ops.example"])
    assert site.owns(origin, host) is own


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://ops.example", True),
        ("https://OPS.example", True),
        ("https://ops.example.evil", False),
        ("http://ops.example", False),
        ("null", False),
        (None, False),
    ],
)
def test_which_pages_of_others_may_use_the_api(origin: str | None, allowed: bool) -> None:
    assert Site(allowed_origins=["https://ops.example/"]).allows(origin) is allowed


def test_the_path_is_the_prefix_and_the_first_address_makes_links() -> None:
    site = Site(["https://example.org/ll/", "http://10.0.0.1:8080/ll"])
    assert (site.prefix, site.url) == ("/ll", "https://example.org/ll")
    assert [site.inside(path) for path in ("/ll/docs", "/ll", "/docs", "/llx")] == [
        "/docs", "/", "/docs", "/llx",
    ]  # fmt: skip
    assert Site().inside("/ll/docs") == "/ll/docs"
    assert (Site().prefix, Site().url) == ("", None)


def test_a_cookie_is_secure_where_the_public_address_is_tls() -> None:
    site = Site(["https://hub.example", "http://10.0.0.1"])
    assert site.is_secure("hub.example:8080")
    assert not site.is_secure("10.0.0.1")


@pytest.mark.parametrize(
    "urls",
    [
        ["hub.example"],
        ["ftp://hub.example"],
        ["https://"],
        ["https://hub.example?x=1"],
        ["https://hub.example#x"],
        ["https://user@hub.example"],
        ["https://hub.example:port"],
        ["https://[::1"],
        ["https://a.example/ll", "https://a.example"],
    ],
)
def test_what_is_no_address_is_refused(urls: list[str]) -> None:
    with pytest.raises(ConfigurationError, match="LONGLINE_PUBLIC_URL"):
        Site(urls)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("localhost", True), ("127.1.2.3", True), ("::1", True), ("10.0.0.1", False), ("a", False)],
)
def test_what_is_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_a_refused_page_is_told_what_to_set() -> None:
    said = foreign_page("https://hub.example:8443", "hub.example")
    assert "https://hub.example:8443" in said
    assert "LONGLINE_PUBLIC_URL" in said
    assert len(foreign_page("x" * 9000, "y" * 9000)) < 1000


def test_its_hosts_are_without_ports_and_paths() -> None:
    site = Site(["https://b.example/hub", "https://a.example:8443/hub"])
    assert site.hosts == ["a.example", "b.example"]
