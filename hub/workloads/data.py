"""What applications name: config maps, in versions, and the registries that images come from."""

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from hub.audit.entries import HIDDEN, audit_entry, changes_of
from hub.audit.service import AuditService
from hub.base.errors import Conflict, Forbidden, NotFound, TooLarge, invalid
from hub.base.paging import Items, decode_cursor, page_of
from hub.base.principal import Principal
from hub.rights.access import may_everywhere
from hub.workloads.assignment_store import AssignmentStore
from hub.workloads.data_store import (
    ConfigMapRow,
    ConfigMapVersion,
    NewRegistry,
    RegistryRow,
    WorkloadDataStore,
)
from hub.workloads.registry_names import host_of
from protocol.ids import DeviceKey, OrgId
from protocol.secret_values import SECRET_KEY

HAND_OVER_JOB: Final = "workload_registries"
HAND_OVER_SECONDS: Final = 5.0
MOST_BYTES: Final = 64 * 1024
"""Of all names and values of a config map."""
LONGEST_CA: Final = 64 * 1024
NO_CONFIG_MAP: Final = "no such config map"
NO_REGISTRY: Final = "no such registry"
_KEY: Final = re.compile(SECRET_KEY)


class WorkloadDataService:
    def __init__(
        self,
        store: WorkloadDataStore,
        assignments: AssignmentStore,
        audit: AuditService,
        hint_desired: Callable[[DeviceKey], None],
    ) -> None:
        self._store = store
        self._assignments = assignments
        self._audit = audit
        self._hint_desired = hint_desired

    # Config maps

    async def config_maps(
        self, by: Principal, *, cursor: str | None, limit: int
    ) -> Items[ConfigMapRow]:
        """Of the names that the caller's rights are for."""
        rows = await self._store.config_maps(
            by.org,
            names=by.rights.names("config-maps:list"),
            before=decode_cursor(cursor),
            limit=limit + 1,
        )
        return page_of(rows, limit, key=lambda row: (row.created_at, row.name), item=lambda r: r)

    async def config_map(self, by: Principal, name: str) -> ConfigMapRow:
        """Raises `NotFound`, also for a name that the caller's rights are not for."""
        async with self._store.database.tenant(by.org).transaction() as connection:
            found = await self._store.config_map(connection, by.org, name)
        if found is None or not may_everywhere(by, "config-maps:get", name):
            raise NotFound(NO_CONFIG_MAP)
        return found

    async def create_config_map(
        self, by: Principal, name: str, data: Mapping[str, str]
    ) -> ConfigMapRow:
        """Raises `Forbidden`, `Invalid`, `TooLarge`, `Conflict`."""
        if not may_everywhere(by, "config-maps:create", name):
            raise Forbidden(f"you may not make a config map named {name}")
        new = _version(1, data)
        async with self._store.database.tenant(by.org).transaction() as connection:
            if not await self._store.add_config_map(connection, by.org, name, by=by.actor):
                raise Conflict(f"there is a config map {name}")
            await self._store.add_version(connection, by.org, name, new)
            entry = audit_entry(by, "config_map.create", name, keys=sorted(data))
            await self._audit.record(connection, entry)
        return await self.config_map(by, name)

    async def replace_config_map(
        self, by: Principal, name: str, data: Mapping[str, str]
    ) -> ConfigMapRow:
        """A new version, where the content is another; it moves nothing. Raises `NotFound`,
        `Invalid`, `TooLarge`."""
        if not may_everywhere(by, "config-maps:update", name):
            raise NotFound(NO_CONFIG_MAP)
        checked = _version(0, data)
        async with self._store.database.tenant(by.org).transaction() as connection:
            if not await self._store.lock_config_map(connection, by.org, name):
                raise NotFound(NO_CONFIG_MAP)
            was = await self._store.config_map(connection, by.org, name)
            if was is not None and was.data != data:
                version = await self._store.raise_config_map(connection, by.org, name)
                new = msgspec.structs.replace(checked, version=version)
                await self._store.add_version(connection, by.org, name, new)
                changes = changes_of(
                    {"version": was.version, "keys": sorted(was.data)},
                    {"version": version, "keys": sorted(data)},
                )
                entry = audit_entry(by, "config_map.update", name, changes=changes)
                await self._audit.record(connection, entry)
        return await self.config_map(by, name)

    async def delete_config_map(self, by: Principal, name: str) -> None:
        """Raises `NotFound`, and `Conflict` while a revision names it."""
        if not may_everywhere(by, "config-maps:delete", name):
            raise NotFound(NO_CONFIG_MAP)
        async with self._store.database.tenant(by.org).transaction() as connection:
            if not await self._store.lock_config_map(connection, by.org, name):
                raise NotFound(NO_CONFIG_MAP)
            if not await self._store.delete_config_map(connection, by.org, name):
                raise Conflict(f"a revision of an application names the config map {name}")
            await self._audit.record(connection, audit_entry(by, "config_map.delete", name))

    # Registries

    async def registries(self, org: OrgId, *, cursor: str | None, limit: int) -> Items[RegistryRow]:
        rows = await self._store.registries(org, before=decode_cursor(cursor), limit=limit + 1)
        return page_of(rows, limit, key=lambda row: (row.created_at, row.name), item=lambda r: r)

    async def registry(self, org: OrgId, name: str) -> RegistryRow:
        """Raises `NotFound`."""
        async with self._store.database.tenant(org).transaction() as connection:
            found = await self._store.registry(connection, org, name)
        if found is None:
            raise NotFound(NO_REGISTRY)
        return found

    async def create_registry(self, by: Principal, name: str, new: NewRegistry) -> RegistryRow:
        """Raises `Invalid`, `Conflict`, `MasterKeyMissing`."""
        async with self._store.database.tenant(by.org).transaction() as connection:
            made = await self._store.add_registry(connection, by.org, name, new, by=by.actor)
            if made is None:
                raise Conflict(f"there is a registry {name}, or one of {new.host}")
            await self._audit.record(
                connection, audit_entry(by, "registry.create", name, url=new.url)
            )
        await self._hand_over(made)
        return made

    async def replace_registry(self, by: Principal, name: str, new: NewRegistry) -> RegistryRow:
        """Devices that need it get it. Raises `NotFound`, `Invalid`, `Conflict`,
        `MasterKeyMissing`."""
        async with self._store.database.tenant(by.org).transaction() as connection:
            was = await self._store.registry(connection, by.org, name)
            if was is None:
                raise NotFound(NO_REGISTRY)
            if await self._store.is_taken(connection, by.org, name, new.host):
                raise Conflict(f"there is a registry of {new.host}")
            now = await self._store.put_registry(connection, by.org, name, new)
            if now is None:
                raise NotFound(NO_REGISTRY)
            changes = changes_of(
                {"url": was.url, "username": was.username, "version": was.version},
                {"url": now.url, "username": now.username, "version": now.version},
            )
            changes["password"] = (HIDDEN, HIDDEN)
            entry = audit_entry(by, "registry.update", name, changes=changes)
            await self._audit.record(connection, entry)
        await self._hand_over(now)
        return now

    async def delete_registry(self, by: Principal, name: str) -> None:
        """Raises `NotFound`, and `Conflict` while an image of a revision comes from there."""
        found = await self.registry(by.org, name)
        if found.hand_over:  # devices of its former host would keep its password
            await self._hand_over(found)
        async with self._store.database.tenant(by.org).transaction() as connection:
            if await self._store.registry(connection, by.org, name) is None:
                raise NotFound(NO_REGISTRY)
            if not await self._store.delete_registry(connection, by.org, name):
                raise Conflict(f"a revision of an application has an image of the registry {name}")
            await self._audit.record(connection, audit_entry(by, "registry.delete", name))

    async def hand_over(self) -> None:
        """What a replica left that died meanwhile."""
        for registry in await self._store.to_hand_over():
            await self._hand_over(registry)

    async def _hand_over(self, registry: RegistryRow) -> None:
        """To the devices whose images come from there, a thousand at a time. Done twice, it
        changes nothing more."""
        org = registry.org
        for host in registry.hand_over:
            behind: str | None = None
            while True:
                async with self._assignments.database.tenant(org).transaction() as connection:
                    page = await self._assignments.of_registry(connection, org, host, behind=behind)
                    there = await self._assignments.lock(connection, org, page)
                    changed = await self._assignments.settle(connection, org, there)
                for device_id in changed:
                    self._hint_desired((org, device_id))
                if not page:
                    break
                behind = page[-1]
        await self._store.handed_over(registry)

    async def clean_up(self) -> None:
        await self._store.forget()


def _version(version: int, data: Mapping[str, str]) -> ConfigMapVersion:
    """Raises `Invalid`, `TooLarge`."""
    if not data:
        raise invalid("data", "holds no value")
    for key, value in data.items():
        if _KEY.fullmatch(key) is None:
            raise invalid("data", f"names are 1 to 128 letters, digits, '.', '_' or '-': {key!r}")
        if "\0" in value:
            raise invalid(f"data.{key}", "U+0000 is not allowed")
    size = sum(len(key) + len(value.encode()) for key, value in data.items())
    if size > MOST_BYTES:
        raise TooLarge(f"data: over {MOST_BYTES} bytes")
    text = msgspec.json.encode(data, order="deterministic")
    digest = hashlib.sha256(text).hexdigest()
    return ConfigMapVersion(version=version, size=size, hash=digest, data=dict(data))


def new_registry(
    url: str, username: str | None, password: str | None, ca: str | None
) -> NewRegistry:
    """Raises `Invalid`."""
    host = host_of(url)
    if host is None:
        raise invalid("url", "must be a URL such as https://registry.example.org")
    if (username is None) != (password is None):
        raise invalid("password", "comes with a username, and only with one")
    if ca is not None and (len(ca) > LONGEST_CA or "-----BEGIN CERTIFICATE-----" not in ca):
        raise invalid("ca", f"is certificates in PEM, of at most {LONGEST_CA} bytes")
    return NewRegistry(url=url, host=host, username=username, password=password, ca=ca)
