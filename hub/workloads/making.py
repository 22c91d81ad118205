"""Makes revisions: what somebody sent, read, pinned to digests, and joined with the versions of the
data that it names."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from msgspec import structs, to_builtins

from hub.base.database import Connection
from hub.base.errors import BadSignature, Forbidden, TooLarge, invalid
from hub.base.holding import Right
from hub.base.principal import Principal
from hub.rights.access import may_everywhere
from hub.secrets.service import SecretService
from hub.workloads import contents
from hub.workloads.assigning import MOST_DATA, MOST_SERVICES
from hub.workloads.contents import Versions
from hub.workloads.data_store import WorkloadDataStore
from hub.workloads.faults import ComposeFault, invalid_compose
from hub.workloads.filling import variables
from hub.workloads.normalising import Compose, normalised
from hub.workloads.reading import MOST_BYTES
from hub.workloads.records import NewRevision, RevisionRow
from hub.workloads.registry_client import RegistryClient
from protocol.canonical import hash_of
from protocol.signing import SignatureRefused
from protocol.trusted_keys import TrustedKeys
from protocol.workloads import RevisionSignature, revision_bytes

Json = Any
PRIVILEGED: Final = "workloads/privileged"


async def read(compose: str | dict[str, Json]) -> Compose:
    """Raises `Invalid`, `TooLarge`."""
    size = len(compose.encode()) if isinstance(compose, str) else len(msgspec.json.encode(compose))
    if size > MOST_BYTES:
        raise TooLarge(f"compose: over {MOST_BYTES} bytes")
    try:
        return await asyncio.to_thread(normalised, compose)
    except ComposeFault as fault:
        raise invalid_compose(fault.faults) from None


def require_privilege(by: Principal, asks_for: list[str], verb: str) -> None:
    """Raises `Forbidden`."""
    right: Right = f"{PRIVILEGED}:{verb}"
    if asks_for and not may_everywhere(by, right):
        raise Forbidden(f"{', '.join(asks_for)}: needs the right {PRIVILEGED}")


class RevisionMaker:
    """`trusted` gives whose signatures count in a call."""

    def __init__(
        self,
        data: WorkloadDataStore,
        secrets: SecretService,
        registries: RegistryClient,
        trusted: Callable[[Principal], Awaitable[TrustedKeys]],
    ) -> None:
        self._data = data
        self._secrets = secrets
        self._registries = registries
        self._trusted = trusted

    async def make(
        self,
        by: Principal,
        application: str,
        document: dict[str, Json],
        signature: RevisionSignature | None,
        *,
        verb: str,
    ) -> NewRevision:
        """Asks registries first, then the database. Raises `Forbidden`, `Invalid`, `BadSignature`,
        `TooLarge`."""
        asks_for = contents.asks_for(document)
        require_privilege(by, asks_for, verb)
        if len(contents.services(document)) > MOST_SERVICES:
            raise invalid("services", f"a device has at most {MOST_SERVICES} services")
        if signature is not None:
            await self._require_signed(by, application, document, signature)
        document = await self._pinned(by, document)
        new = NewRevision(
            revision="",
            sha256=hash_of(document),
            pinned=contents.is_pinned(document),
            compose=document,
            versions=Versions({}, {}),
            data_bytes=0,
            hosts=sorted(contents.hosts(document)),
            variables=sorted(variables(document)),
            asks_for=asks_for,
            signature=None if signature is None else to_builtins(signature),
        )
        async with self._data.database.tenant(by.org).transaction() as connection:
            return await self.with_data(connection, by, new)

    async def _require_signed(
        self,
        by: Principal,
        application: str,
        document: dict[str, Json],
        signature: RevisionSignature,
    ) -> None:
        if not contents.is_pinned(document):
            raise invalid("signature", "a signed revision names each image by its digest")
        if variables(document):
            raise invalid("signature", "a signed revision holds no ${NAME}")
        message = revision_bytes(by.org, application, hash_of(document))
        try:
            (await self._trusted(by)).check_bytes(signature.key_id, signature.value, message)
        except SignatureRefused as refused:
            raise BadSignature(str(refused)) from None

    async def _pinned(self, by: Principal, document: dict[str, Json]) -> dict[str, Json]:
        if contents.is_pinned(document):
            return document
        hosts = contents.hosts(document)
        async with self._data.database.tenant(by.org).transaction() as connection:
            found = await self._data.logins(connection, {(by.org, host) for host in hosts})
        logins = {host: login for (_, host), login in found.items()}
        digests = await self._registries.digests(contents.images(document), logins)
        return contents.pinned(document, digests)

    async def with_data(
        self, connection: Connection, by: Principal, new: NewRevision
    ) -> NewRevision:
        """The same content, with the present versions of what it names. Raises `Forbidden`,
        `Invalid`, `TooLarge`."""
        names = contents.data_of(new.compose, "configs")
        maps = await self._data.sizes(connection, by.org, names)
        keys = contents.data_of(new.compose, "secrets")
        secrets = await self._secrets.current(connection, by, keys)
        for kind, wanted, found in (("configs", names, maps), ("secrets", keys, secrets)):
            if unknown := wanted - found.keys():
                what = "config map" if kind == "configs" else "secret"
                raise invalid(kind, f"there is no {what} {min(unknown)}")
        size = sum(each for _, each in (*maps.values(), *secrets.values()))
        if size > MOST_DATA:
            raise TooLarge(f"config maps and secrets of a device have at most {MOST_DATA} bytes")
        versions = Versions(
            {name: version for name, (version, _) in maps.items()},
            {name: version for name, (version, _) in secrets.items()},
        )
        revision = contents.revision_of(new.sha256, versions)
        return structs.replace(new, revision=revision, versions=versions, data_bytes=size)


def as_new(row: RevisionRow) -> NewRevision:
    """What of it does not say who made it when."""
    return NewRevision(**{name: getattr(row, name) for name in NewRevision.__struct_fields__})
