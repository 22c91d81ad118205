"""How many connections may be open whose peers have not yet said who they are. Pure.

Each address has its share (an IPv6 network of 64 bits counts as one address), and there is a bound
for all. Who comes over a bound is let in and the oldest goes: it has had the longest time to
authenticate, and nobody can shut others out by holding what he has. Proxies that we trust, and this
machine, stand for many and are not counted.
"""

from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

PER_ADDRESS: Final = 200
IN_ALL: Final = 4096
LOOPBACK: Final = ("127.0.0.0/8", "::1")


class Proxies:
    """Addresses and networks of proxies. Raises ValueError for what is none."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = [ip_network(one) for one in networks]

    def __contains__(self, address: object) -> bool:
        if not self._networks:
            return False
        try:
            known = _plain(ip_address(str(address)))
        except ValueError:
            return False  # a unix socket
        return any(known in network for network in self._networks)


class Stranger:
    """One connection whose peer is not known; `drop` ends it."""

    __slots__ = ("_among", "drop", "group")

    def __init__(self, among: "Strangers", group: str, drop: Callable[[], object]) -> None:
        self._among = among
        self.group = group
        self.drop = drop

    def leave(self) -> None:
        """The peer is known now, or gone. Again is nothing."""
        self._among.left(self)


class Strangers:
    """`exempt` are addresses and networks that are not counted."""

    def __init__(
        self,
        exempt: Iterable[str] = LOOPBACK,
        *,
        per_address: int = PER_ADDRESS,
        in_all: int = IN_ALL,
    ) -> None:
        """Raises ValueError for what is none, also for `10.1.2.3/8`: uvicorn, which reads the same
        list of proxies, takes it for a name."""
        self._exempt = [ip_network(one) for one in exempt]
        self._per_address = per_address
        self._in_all = in_all
        self._groups: dict[str, dict[Stranger, None]] = {}
        self._all: dict[Stranger, None] = {}
        """The oldest first, as in each group."""

    def __len__(self) -> int:
        return len(self._all)

    def came(self, address: str, drop: Callable[[], object]) -> Stranger | None:
        """Count a connection; None when its address is not counted. Whoever has to go for it is
        dropped and has left."""
        group = self._group_of(address)
        if group is None:
            return None
        stranger = Stranger(self, group, drop)
        of_group = self._groups.setdefault(group, {})
        of_group[stranger] = self._all[stranger] = None
        if len(of_group) > self._per_address:
            self._drop(next(iter(of_group)))
        if len(self._all) > self._in_all:
            self._drop(next(iter(self._all)))
        return stranger

    def left(self, stranger: Stranger) -> None:
        if stranger not in self._all:
            return
        del self._all[stranger]
        of_group = self._groups[stranger.group]
        del of_group[stranger]
        if not of_group:
            del self._groups[stranger.group]

    def _drop(self, oldest: Stranger) -> None:
        self.left(oldest)
        oldest.drop()

    def _group_of(self, address: str) -> str | None:
        try:
            known = _plain(ip_address(address))
        except ValueError:
            return None  # a unix socket
        if any(known in network for network in self._exempt):
            return None
        return str(known if known.version == 4 else IPv6Network((known, 64), strict=False))


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """An IPv4 address that comes in IPv6's clothes is what it is."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
