"""A directory, asked by LDAP. The one module that sees ldap3, which blocks: it is asked in a
thread."""

import asyncio
import ssl
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import ldap3
from ldap3.core.exceptions import (
    LDAPException,
    LDAPInvalidCredentialsResult,
    LDAPOperationResult,
    LDAPSizeLimitExceededResult,
)
from ldap3.utils.conv import escape_filter_chars
from msgspec import Struct

from hub.accounts.providers import MOST_GROUPS, LdapSettings, ProviderAway
from hub.base.destinations import Destinations
from hub.base.errors import Overloaded
from hub.base.outward import address_of

T = TypeVar("T")
SECONDS: Final = 5
AT_ONCE: Final = 10
"""Threads that wait for directories."""
MOST_WAITING: Final = 20
_PORTS: Final = {"ldaps": 636, "ldap": 389}
_ATTRIBUTES: Final = (
    "entryUUID", "objectGUID", "cn", "displayName", "mail", "userAccountControl",
    "pwdAccountLockedTime", "nsAccountLock",
)  # fmt: skip
_GROUP_NAME: Final = "cn"
_DISABLED: Final = 0x2
"""`ACCOUNTDISABLE` of userAccountControl (MS-ADTS, 2.2.16)."""


class Person(Struct, frozen=True):
    """Whom a directory has an entry of."""

    id: str
    """`entryUUID` or `objectGUID`, as text."""
    dn: str
    name: str | None
    groups: tuple[str, ...]


class Directory(Struct, frozen=True):
    settings: LdapSettings
    password: str
    """Of who searches."""

    def __repr__(self) -> str:
        return f"Directory({self.settings.url})"


class LdapClient:
    def __init__(self, allowed: Destinations) -> None:
        self._allowed = allowed
        self._permits = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    async def sign_in(self, directory: Directory, username: str, password: str) -> Person | None:
        """Who has this name and this password; None for nobody, or several. Raises
        `ProviderAway`, `Overloaded`."""
        if not password:  # RFC 4513, 5.1.2: a bind without one would succeed as nobody
            return None

        def ask(address: str) -> Person | None:
            person = _found(directory, address, _filter(directory.settings, username))
            good = person is not None and _binds(directory, address, person.dn, password)
            return person if good else None

        return await self._in_thread(directory, ask)

    async def shows(self, directory: Directory, id_: str, password: str) -> bool:
        """Whether it is the password of the person of an entry. Raises `ProviderAway`,
        `Overloaded`."""
        if not password:
            return False

        def ask(address: str) -> bool:
            person = _found(directory, address, _filter_of_id(id_))
            return person is not None and _binds(directory, address, person.dn, password)

        return await self._in_thread(directory, ask)

    async def still(self, directory: Directory, id_: str) -> Person | None:
        """The person of an entry; None when it is gone or disabled. Raises `ProviderAway`,
        `Overloaded`."""

        def ask(address: str) -> Person | None:
            who = _filter_of_id(id_) + directory.settings.user_filter.replace("{username}", "*")
            return _found(directory, address, f"(&{who})")

        return await self._in_thread(directory, ask)

    async def _in_thread(self, directory: Directory, ask: Callable[[str], T]) -> T:
        if self._waiting >= MOST_WAITING:
            raise Overloaded("too many wait for a directory")
        host, port = _place(directory.settings)
        self._waiting += 1
        try:
            async with self._permits:
                address = await address_of(host, port, self._allowed)
                return await asyncio.to_thread(ask, str(address))
        except (LDAPException, OSError, TimeoutError) as error:
            raise ProviderAway(f"the directory fails ({type(error).__name__})") from None
        finally:
            self._waiting -= 1


def _place(settings: LdapSettings) -> tuple[str, int]:
    parts = urlsplit(settings.url)
    return parts.hostname or "", parts.port or _PORTS[parts.scheme]


def _open(directory: Directory, address: str, user: str, password: str) -> ldap3.Connection:
    """A connection by TLS to the address that was checked, whose certificate is the host's. No
    referral is followed. Raises `LDAPException`."""
    settings = directory.settings
    host, port = _place(settings)
    tls = ldap3.Tls(
        validate=ssl.CERT_REQUIRED, version=ssl.PROTOCOL_TLS_CLIENT,
        ca_certs_data=settings.ca_pem, sni=host,
    )  # fmt: skip
    server = ldap3.Server(
        address, port=port, use_ssl=settings.url.startswith("ldaps:"), tls=tls,
        get_info=ldap3.NONE, connect_timeout=SECONDS,
    )  # fmt: skip
    _ = server.address_info  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    # That is of the address; from here on the name is what the certificate shows
    server.host = host
    connection = ldap3.Connection(
        server, user=user, password=password, client_strategy=ldap3.SYNC, read_only=True,
        auto_referrals=False, receive_timeout=SECONDS, raise_exceptions=True,
        check_names=False,
    )  # fmt: skip
    try:
        connection.open()
        if settings.start_tls:
            connection.start_tls()  # pyright: ignore[reportUnknownMemberType]
        connection.bind()  # pyright: ignore[reportUnknownMemberType]
    except BaseException:
        _close(connection)
        raise
    return connection


def _binds(directory: Directory, address: str, dn: str, password: str) -> bool:
    try:
        _close(_open(directory, address, dn, password))
    except LDAPInvalidCredentialsResult:
        return False
    except LDAPOperationResult as refused:
        if refused.result in _REFUSALS:
            return False
        raise
    return True


_REFUSALS: Final = frozenset({19, 48, 50, 53})
"""constraintViolation, inappropriateAuthentication, insufficientAccessRights, unwillingToPerform:
how directories refuse an account that is locked or has run out."""


def _close(connection: ldap3.Connection) -> None:
    with suppress(LDAPException, OSError):
        connection.unbind()  # pyright: ignore[reportUnknownMemberType]


def _found(directory: Directory, address: str, wanted: str) -> Person | None:
    """The one entry that fits; None for none, several, or one that is disabled."""
    settings = directory.settings
    connection = _open(directory, address, settings.bind_dn, directory.password)
    try:
        entries = _search(connection, settings.base_dn, wanted, _ATTRIBUTES, most=1)
        if len(entries) != 1:
            return None
        ((dn, entry),) = entries
        id_ = _id_of(entry)
        if id_ is None or _is_disabled(entry):
            return None
        name = _text(entry, "displayName") or _text(entry, "cn")
        return Person(id_, dn, name, _groups(connection, settings, dn))
    except LDAPSizeLimitExceededResult:
        return None
    finally:
        _close(connection)


Entry = Mapping[str, list[bytes]]


def _search(
    connection: ldap3.Connection, base: str, wanted: str, attributes: Iterable[str], *, most: int
) -> list[tuple[str, Entry]]:
    """(name, attributes) of at most so many entries, 0 for all; referrals are left out."""
    connection.search(  # pyright: ignore[reportUnknownMemberType]
        base, wanted, ldap3.SUBTREE, attributes=list(attributes), size_limit=most,
        time_limit=SECONDS,
    )  # fmt: skip
    found: list[dict[str, Any]] = connection.response or []
    return [
        (str(each["dn"]), each["raw_attributes"])
        for each in found
        if each["type"] == "searchResEntry"
    ]


def _groups(connection: ldap3.Connection, settings: LdapSettings, dn: str) -> tuple[str, ...]:
    if settings.group_filter is None:
        return ()
    wanted = settings.group_filter.replace("{dn}", escape_filter_chars(dn))
    found = _search(connection, settings.base_dn, wanted, [_GROUP_NAME], most=0)
    names = (_text(entry, _GROUP_NAME) for _, entry in found)
    return tuple(dict.fromkeys(name for name in names if name))[:MOST_GROUPS]


def _filter(settings: LdapSettings, username: str) -> str:
    return settings.user_filter.replace("{username}", escape_filter_chars(username))


def _filter_of_id(id_: str) -> str:
    kind, _, value = id_.partition(":")
    if kind == "objectGUID":
        value = "".join(f"\\{byte:02x}" for byte in bytes.fromhex(value))
        return f"(objectGUID={value})"
    return f"(entryUUID={escape_filter_chars(value)})"


def _id_of(entry: Entry) -> str | None:
    uuid = _text(entry, "entryUUID")
    if uuid is not None:
        return f"entryUUID:{uuid}"
    guid = entry.get("objectGUID") or []
    return f"objectGUID:{guid[0].hex()}" if guid else None


def _is_disabled(entry: Entry) -> bool:
    control = _text(entry, "userAccountControl") or "0"
    if control.isdigit() and int(control) & _DISABLED:
        return True
    locked = _text(entry, "pwdAccountLockedTime") == "000001010000Z"  # for good: ppolicy
    return locked or (_text(entry, "nsAccountLock") or "").lower() == "true"


def _text(entry: Entry, name: str) -> str | None:
    values = entry.get(name) or []
    return values[0].decode("utf-8", "replace") if values else None
