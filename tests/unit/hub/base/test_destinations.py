from ipaddress import ip_address

import pytest

from hub.base.destinations import Destinations
from hub.base.errors import ConfigurationError

PUBLIC = Destinations()
LISTED = Destinations(["Idp.internal", "10.1.0.0/16", "127.0.0.1", "fd00::/8"])


@pytest.mark.parametrize(
    "url",
    ["https://login.example.org", "https://login.example.org:8443/x", "https://93.184.216.34/"],
)
def test_public_places_by_https_are_gone_to(url: str) -> None:
    assert PUBLIC.problem_of(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://login.example.org", "https://127.0.0.1", "https://10.0.0.1", "https://[::1]",
        "https://169.254.169.254/latest", "https://[fd00::1]", "https://[fe80::1]",
        "https://224.0.0.1", "https://[::ffff:10.0.0.1]", "https://[2002:0a00:0001::]",
        "https://[64:ff9b::a00:1]", "https://[::a00:1]", "https://0x7f000001", "https://127.1",
        "https://2130706433", "https://0177.0.0.1", "https://0.0.0.0", "https://100.64.0.1", "ftp://example.org",
        "https://user@example.org", "https://example.org/#x", "https://", "https://[",
        "example.org",
        "https://example.org:x",
    ],
)  # fmt: skip
def test_others_are_not(url: str) -> None:
    assert PUBLIC.problem_of(url) is not None


@pytest.mark.parametrize(
    "host",
    ["1.2.3.4.5", "08.8.8.8", "300.1", "1.2.3.256", "4294967296", "1..2", "0x.example", "0xg"],
)
def test_a_name_of_numbers_that_is_no_address_is_a_name(host: str) -> None:
    """Its address is judged when it has one."""
    assert PUBLIC.problem_of(f"https://{host}") is None


@pytest.mark.parametrize("host", ["134744072", "8.8.2056", "0x08.010.0x808", "93.184.216.34"])
def test_an_address_in_a_short_form_counts_as_what_it_stands_for(host: str) -> None:
    assert PUBLIC.problem_of(f"https://{host}") is None
    assert Destinations(["8.8.8.8", "93.184.216.34"]).problem_of(f"http://{host}") is None


@pytest.mark.parametrize(
    "url",
    [
        "https://idp.internal", "http://IDP.internal:8080", "http://10.1.2.3", "https://127.0.0.1",
        "http://[fd00::1]", "http://may-be-in-the-network",
    ],
)  # fmt: skip
def test_what_the_setting_lists_is_gone_to_also_in_clear(url: str) -> None:
    assert LISTED.problem_of(url) is None


@pytest.mark.parametrize("url", ["http://10.2.0.1", "https://10.2.0.1", "http://93.184.216.34"])
def test_what_it_does_not_list_is_not(url: str) -> None:
    assert LISTED.problem_of(url) is not None


def test_a_name_is_judged_by_the_address_that_it_has() -> None:
    inside, outside = ip_address("10.2.0.1"), ip_address("93.184.216.34")
    assert LISTED.allows("idp.internal", inside)
    assert LISTED.allows_in_clear("idp.internal", inside)
    assert not LISTED.allows("login.example.org", inside)
    assert LISTED.allows("login.example.org", outside)
    assert not LISTED.allows_in_clear("login.example.org", outside)
    assert LISTED.allows("login.example.org", ip_address("10.1.0.9"))
    assert not PUBLIC.allows("login.example.org", ip_address("::ffff:127.0.0.1"))
    assert PUBLIC.allows("login.example.org", ip_address("2606:4700::1111"))


def test_directories_have_schemes_of_their_own() -> None:
    assert PUBLIC.problem_of("ldaps://ldap.example.org", ("ldaps", "ldap")) is None
    assert PUBLIC.problem_of("https://ldap.example.org", ("ldaps", "ldap")) is not None


@pytest.mark.parametrize("listed", ["10.0.0.0/99", "http://example.org", "a:b"])
def test_a_setting_that_lists_nothing_ends_the_start(listed: str) -> None:
    with pytest.raises(ConfigurationError, match="LONGLINE_WEBHOOK_ALLOW"):
        Destinations([listed])
