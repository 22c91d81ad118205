import ssl
from pathlib import Path

import httpx
import pytest

from cloud.outward import CannotTrust, Outward, WayOut, goes_direct, is_in_clear, problem_of

PROXY = "http://user:secret@proxy:3128"


@pytest.mark.parametrize(
    ("host", "no_proxy", "direct"),
    [
        ("hub.plant", (), False),
        ("hub.plant", ("hub.plant",), True),
        ("HUB.plant", ("hub.Plant",), True),
        ("a.hub.plant", ("hub.plant",), True),
        ("a.hub.plant", (".hub.plant",), True),
        ("thehub.plant", ("hub.plant",), False),
        ("10.1.2.3", ("10.0.0.0/8",), True),
        ("11.1.2.3", ("10.0.0.0/8",), False),
        ("10.1.2.3", ("10.1.2.3",), True),
        ("10.1.2.3", ("hub.plant",), False),
        ("::1", ("::/64",), True),
        ("10.1.2.3", ("::/0",), False),
        ("anything", ("*",), True),
    ],
)
def test_who_is_reached_without_the_proxy(
    host: str, no_proxy: tuple[str, ...], direct: bool
) -> None:
    assert goes_direct(host, no_proxy) is direct


@pytest.mark.parametrize(
    ("url", "clear"),
    [
        ("https://hub", False),
        ("http://hub", True),
        ("http://10.0.0.5:8080", True),
        ("http://[2001:db8::1]", True),
        ("http://127.0.0.2:8080", False),
        ("http://[::1]:8080", False),
        ("http://localhost", False),
        ("http://a.localhost", False),
        ("http://localhost.evil", True),
    ],
)
def test_what_can_be_read_on_the_way(url: str, clear: bool) -> None:
    assert is_in_clear(url) is clear


@pytest.mark.parametrize(
    "proxy",
    ["proxy:3128", "https://proxy:3128", "http://proxy", "http://proxy:x", "http://p:1/path",
     "http://p:1?q", "http://:1"],
)  # fmt: skip
def test_an_address_that_is_no_proxy_is_said_without_its_secret(proxy: str) -> None:
    problem = problem_of(Outward(proxy=proxy))
    assert problem is not None
    assert proxy not in problem


def test_what_can_be_used() -> None:
    assert problem_of(Outward()) is None
    assert problem_of(Outward(proxy=PROXY, ca_file="f", use_system_store=False)) is None
    assert problem_of(Outward(use_system_store=False)) is not None


def test_a_client_asks_by_the_proxy_whom_it_may_not_reach_directly() -> None:
    way_out = WayOut(Outward(proxy=PROXY, no_proxy=("plant", "10.0.0.0/8")))
    assert way_out.proxy_to("wss://hub.plant/ws/device") is None
    assert way_out.proxy_to("wss://hub.example/ws/device") == PROXY
    assert WayOut().proxy_to("wss://hub.example") is None
    urls = ("https://hub.plant:8443/a", "http://10.0.0.1", "https://hub.example")
    options = way_out.options(*urls)
    assert options["mounts"] == {"all://hub.plant:8443": None, "all://10.0.0.1": None}
    assert httpx.Client(**options).trust_env is False


def test_tls_is_checked_and_not_older_than_1_2() -> None:
    context = WayOut().context
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_a_file_without_certificates_is_named(tmp_path: Path) -> None:
    junk = tmp_path / "junk.pem"
    junk.write_text("junk")
    for file, said in ((junk, "holds no certificate"), (tmp_path / "none", "cannot read")):
        with pytest.raises(CannotTrust, match=said) as error:
            WayOut(Outward(ca_file=str(file)))
        assert str(file) in str(error.value)
