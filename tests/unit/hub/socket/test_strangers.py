"""Who has to go when more come than may wait to say who they are."""

from collections.abc import Callable

import pytest

from hub.socket.strangers import IN_ALL, PER_ADDRESS, Proxies, Strangers


class Dropped(list[object]):
    def of(self, name: object) -> Callable[[], None]:
        return lambda: self.append(name)


def test_the_bounds() -> None:
    assert (PER_ADDRESS, IN_ALL) == (200, 4096)


def test_over_the_share_of_an_address_its_oldest_goes() -> None:
    strangers, dropped = Strangers(per_address=2), Dropped()
    for name in range(4):
        strangers.came("203.0.113.1", dropped.of(name))
    strangers.came("203.0.113.2", dropped.of("another"))
    assert dropped == [0, 1]
    assert len(strangers) == 3


def test_over_the_bound_of_all_the_oldest_goes_whoever_it_is() -> None:
    strangers, dropped = Strangers(in_all=3), Dropped()
    for number in range(5):
        strangers.came(f"203.0.113.{number}", dropped.of(number))
    assert dropped == [0, 1]
    assert len(strangers) == 3


def test_who_is_known_or_gone_counts_no_more() -> None:
    strangers, dropped = Strangers(per_address=1), Dropped()
    first = strangers.came("203.0.113.1", dropped.of("first"))
    assert first is not None
    first.leave()
    first.leave()
    strangers.came("203.0.113.1", dropped.of("second"))
    assert dropped == []
    strangers.came("203.0.113.1", dropped.of("third"))
    first.leave()
    assert dropped == ["second"]
    assert len(strangers) == 1


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("203.0.113.1", "::ffff:203.0.113.1", True),
        ("203.0.113.1", "203.0.113.2", False),
    ],
)
def test_what_counts_as_one_address(one: str, other: str, alike: bool) -> None:
    strangers, dropped = Strangers(per_address=1), Dropped()
    strangers.came(one, dropped.of("one"))
    strangers.came(other, dropped.of("other"))
    assert dropped == (["one"] if alike else [])


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", ""])
def test_this_machine_is_not_counted(address: str) -> None:
    assert Strangers().came(address, lambda: None) is None


def test_proxies_are_not_counted_and_loopback_is_when_it_is_not_named() -> None:
    strangers = Strangers(["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"])
    for proxy in ("10.1.2.3", "192.0.2.7", "2001:db8::9"):
        assert strangers.came(proxy, lambda: None) is None
    assert strangers.came("127.0.0.1", lambda: None) is not None


def test_proxies_are_known_by_their_networks() -> None:
    proxies = Proxies(["10.1.0.0/16", "2001:db8::1"])
    assert "10.1.2.3" in proxies
    assert "::ffff:10.1.2.3" in proxies
    assert "2001:db8::1" in proxies
    for other in ("10.2.0.1", "2001:db8::2", "", "unix"):
        assert other not in proxies
    assert "10.1.2.3" not in Proxies([])
    with pytest.raises(ValueError, match="host bits"):
        Proxies(["10.1.2.3/8"])
