"""Where the hub goes because a person of it said so: nobody shall reach with it what only the hub
reaches. Pure.

https only, and no address that is not public, unless `LONGLINE_WEBHOOK_ALLOW` lists the host or the
network. An address written in a URL is judged when it is given; a name at each connection, by the
address that it has then.
"""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from hub.base.errors import ConfigurationError

Address = IPv4Address | IPv6Address
_SECURE: Final = {"https": True, "http": False, "ldaps": True, "ldap": False}


class Destinations:
    """`listed`: host names, addresses and networks. Raises `ConfigurationError` for what is none
    of them."""

    def __init__(self, listed: Iterable[str] = ()) -> None:
        self._names: set[str] = set()
        self._networks: list[IPv4Network | IPv6Network] = []
        for each in listed:
            self._list(each.lower())

    def _list(self, each: str) -> None:
        try:
            self._networks.append(ip_network(each, strict=False))
        except ValueError:
            if "/" in each or ":" in each:
                raise ConfigurationError(
                    f"LONGLINE_WEBHOOK_ALLOW: {each} is no host, address or network"
                ) from None
            self._names.add(each)

    def problem_of(
        self, url: str, schemes: tuple[str, ...] = ("https", "http"), *, starts_tls: bool = False
    ) -> str | None:
        """What is wrong with a URL that somebody gives, as far as it can be said without asking for
        its name. `starts_tls`: what begins in clear goes on by TLS."""
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError:
            host, parts = None, urlsplit("")
        if not host or parts.scheme not in schemes or parts.username is not None or parts.fragment:
            return f"must be a URL such as {schemes[0]}://login.example.org"
        address = _address(host)
        listed = self._is_listed(host, address) or (address is None and bool(self._networks))
        if not (listed or starts_tls or _SECURE[parts.scheme]):
            return f"must begin with {schemes[0]}: LONGLINE_WEBHOOK_ALLOW does not list the host"
        if address is not None and not self.allows(host, address):
            return "is not a public address: LONGLINE_WEBHOOK_ALLOW does not list it"
        return None

    def allows(self, host: str, address: Address) -> bool:
        """Whether a connection to a host may go to this address, which it has now."""
        return self._is_listed(host, address) or _is_public(address)

    def allows_in_clear(self, host: str, address: Address) -> bool:
        """Whether a connection there may be one that others can read."""
        return self._is_listed(host, address)

    def _is_listed(self, host: str, address: Address | None) -> bool:
        if host.lower() in self._names:
            return True
        return address is not None and any(address in network for network in self._networks)


def _address(host: str) -> Address | None:
    """Also one that is written as resolvers take it: `0x7f000001`, `127.1`, `2130706433`."""
    try:
        return ip_address(host)
    except ValueError:
        return _short_form(host)


def _short_form(host: str) -> IPv4Address | None:
    """As inet_aton(3) reads it: up to four numbers, of which the last fills what is left."""
    parts = host.split(".")
    if len(parts) > _BYTES or not all(map(_NUMBER.fullmatch, parts)):
        return None
    *first, last = [int(part, _base(part)) for part in parts]
    rest = 8 * (_BYTES - len(first))
    if any(each > 255 for each in first) or last >> rest:
        return None
    return IPv4Address(int.from_bytes(bytes(first), "big") << rest | last)


def _base(part: str) -> int:
    if part[:2] in ("0x", "0X"):
        return 16
    return 8 if part[0] == "0" else 10


_BYTES: Final = 4
_NUMBER: Final = re.compile(r"0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*")


def _is_public(address: Address) -> bool:
    """Mapped and translated addresses count as what they stand for."""
    if isinstance(address, IPv6Address):
        if address in _TRANSLATED:
            address = IPv4Address(int(address) & 0xFFFFFFFF)
        elif (inner := address.ipv4_mapped or address.sixtofour) is not None:
            address = inner
        elif address in _COMPATIBLE:
            return False
    return address.is_global and not address.is_multicast


_TRANSLATED: Final = ip_network("64:ff9b::/96")
_COMPATIBLE: Final = ip_network("::/96")
"""IPv4 as RFC 4291, 2.5.5.1, once had it."""
