"""Secrets: kept by those with the right, named by those with the right `use`."""

import secrets
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from msgspec import Struct

from hub.audit.entries import HIDDEN, audit_entry
from hub.audit.service import AuditService
from hub.base.database import Connection
from hub.base.errors import Conflict, Forbidden, Invalid, NotFound, invalid
from hub.base.holding import Holding
from hub.base.paging import Items, decode_cursor, page_of
from hub.base.principal import Principal
from hub.rights.access import may_everywhere
from hub.secrets.records import (
    SecretContent,
    SecretRow,
    SecretVersion,
    check,
    is_there,
    value_of,
)
from hub.secrets.store import SecretStore
from protocol.ids import OrgId
from protocol.secret_values import found_in, name_of

__all__ = ["OpenedValues", "SecretService", "SecretVersion", "may_use"]

USE: Final = "secrets:use"
NO_SECRET: Final = "no such secret"  # noqa: S105 - an answer
SALT_BYTES: Final = 16


class OpenedValues(Struct, frozen=True):
    """What was found by references."""

    values: Mapping[OrgId, Mapping[str, str]] = {}
    closed: Collection[tuple[OrgId, str]] = ()
    """There, but sealed by a master key that this hub does not have."""


class SecretService:
    def __init__(self, store: SecretStore, audit: AuditService) -> None:
        self._store = store
        self._audit = audit

    # Those who keep them

    async def list(self, by: Principal, *, cursor: str | None, limit: int) -> Items[SecretRow]:
        """Of the names that the caller's rights are for."""
        rows = await self._store.list(
            by.org,
            names=by.rights.names("secrets:list"),
            before=decode_cursor(cursor),
            limit=limit + 1,
        )
        return page_of(rows, limit, key=lambda row: (row.created_at, row.name), item=lambda r: r)

    async def get(self, by: Principal, name: str) -> SecretRow:
        """Raises `NotFound`, also for a name that the caller's rights are not for."""
        found = await self._store.get(by.org, name)
        if found is None or not may_everywhere(by, "secrets:get", name):
            raise NotFound(NO_SECRET)
        return found

    async def create(self, by: Principal, name: str, data: dict[str, str]) -> SecretRow:
        """Raises `Forbidden`, `Invalid`, `TooLarge`, `Conflict`, `MasterKeyMissing`."""
        if not may_everywhere(by, "secrets:create", name):
            raise Forbidden(f"you may not make a secret named {name}")
        check(data)
        content = SecretContent(secrets.token_hex(SALT_BYTES), data)
        async with self._store.database.tenant(by.org).transaction() as connection:
            made = await self._store.add(connection, by.org, name, content, by=by.actor)
            if made is None:
                raise Conflict(f"there is a secret {name}")
            await self._audit.record(
                connection, audit_entry(by, "secret.create", name, keys=made.keys)
            )
        return made

    async def replace(self, by: Principal, name: str, data: dict[str, str]) -> SecretRow:
        """A new version, where the values are others. Raises `NotFound`, `Invalid`, `TooLarge`,
        `MasterKeyMissing`."""
        if not may_everywhere(by, "secrets:update", name):
            raise NotFound(NO_SECRET)
        check(data)
        async with self._store.database.tenant(by.org).transaction() as connection:
            found = await self._store.lock(connection, by.org, name)
            if found is None:
                raise NotFound(NO_SECRET)
            was, content = found
            if content.data == data:
                return was
            await self._store.keep(connection, was, content)
            content = SecretContent(secrets.token_hex(SALT_BYTES), data)
            now = await self._store.put(connection, by.org, name, content)
            if now is None:
                raise NotFound(NO_SECRET)
            changes: dict[str, tuple[object, object]] = {
                "data": (HIDDEN, HIDDEN),
                "version": (was.version, now.version),
            }
            if now.keys != was.keys:
                changes["keys"] = (was.keys, now.keys)
            await self._audit.record(
                connection, audit_entry(by, "secret.update", name, changes=changes)
            )
        return now

    async def delete(self, by: Principal, name: str) -> None:
        """Raises `NotFound`, and `Conflict` while a revision of an application names it."""
        if not may_everywhere(by, "secrets:delete", name):
            raise NotFound(NO_SECRET)
        async with self._store.database.tenant(by.org).transaction() as connection:
            if not await self._store.delete(connection, by.org, name):
                raise NotFound(NO_SECRET)
            # Asked behind it: a revision that was being made holds the secret until it is there.
            if await self._store.is_named(connection, by.org, name):
                raise Conflict(f"a revision of an application names the secret {name}")
            await self._audit.record(connection, audit_entry(by, "secret.delete", name))

    # Those who name them

    async def problem(self, by: Principal, document: object, path: str) -> Invalid | None:
        """Why a document, whose path is `path`, may not name what it names: there is no such
        secret, or no such value in it. Raises `Forbidden` without the right."""
        found = list(found_in(document, path))
        if not found:
            return None
        names = {name_of(each.reference) for each in found if each.reference is not None}
        for name in sorted(names):
            if not may_everywhere(by, USE, name):
                raise Forbidden(f"you may not use the secret {name}")
        keys = await self._store.keys(by.org, names) if names else {}
        for each in found:
            if each.reference is None:
                return invalid(each.path, 'a secret is named as {"$secret":"name/key"}')
            if not is_there(each.reference, keys):
                return invalid(each.path, NO_SECRET)
        return None

    async def values(
        self, connection: Connection, wanted: Iterable[tuple[OrgId, Collection[str]]]
    ) -> "OpenedValues":
        """By reference, those of these that there are; nothing waits for one that does not open."""
        references = {(org, each) for org, of in wanted for each in of}
        names = {(org, name_of(each)) for org, each in references}
        contents, closed = await self._store.contents(connection, names)
        found: dict[OrgId, dict[str, str]] = {}
        for org, reference in references:
            value = value_of(reference, contents.get(org, {}))
            if value is not None:
                found.setdefault(org, {})[reference] = value
        shut = {(org, each) for org, each in references if (org, name_of(each)) in closed}
        return OpenedValues(found, shut)

    async def values_of(self, org: OrgId, references: Collection[str]) -> Mapping[str, str]:
        """The same of one organisation."""
        async with self._store.database.connection() as connection:
            found = await self.values(connection, [(org, references)])
        return found.values.get(org, {})

    # Applications

    async def current(
        self, connection: Connection, by: Principal, names: Collection[str]
    ) -> dict[str, tuple[int, int]]:
        """The present version of each, and about how many bytes it is. Raises `Forbidden` without
        the right to name one."""
        for name in sorted(names):
            if not may_everywhere(by, USE, name):
                raise Forbidden(f"you may not use the secret {name}")
        return await self._store.sizes(connection, by.org, names)

    async def versions(
        self, connection: Connection, wanted: Collection[SecretVersion]
    ) -> dict[SecretVersion, Mapping[str, str]]:
        """The values of those of these that there are and open."""
        return await self._store.versions(connection, wanted)

    async def clean_up(self) -> None:
        await self._store.forget_versions()


def may_use(holding: Holding, references: Iterable[str]) -> bool:
    return all(holding.everywhere(USE, name_of(each)) for each in references)
