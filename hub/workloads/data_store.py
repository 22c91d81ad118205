"""The rows of what applications name: config maps, and the registries that images come from."""

from collections.abc import Collection, Sequence
from datetime import datetime

from msgspec import Struct

import sql
from hub.base.database import Connection, Database, Row
from hub.base.errors import Unavailable
from hub.base.vault import Vault
from hub.workloads.documents import RegistryLogin
from protocol.ids import OrgId

_Q = sql.queries("workload_data")


class ConfigMapRow(Struct, frozen=True, kw_only=True):
    org: OrgId
    name: str
    version: int
    size: int
    hash: str
    data: dict[str, str]
    created_at: datetime
    created_by: str
    updated_at: datetime


class RegistryRow(Struct, frozen=True, kw_only=True):
    """Without its password. `hand_over`: the hosts whose devices have yet to be handed it."""

    org: OrgId
    name: str
    url: str
    host: str
    username: str | None
    has_password: bool
    ca: str | None
    version: int
    hand_over: list[str]
    created_at: datetime
    created_by: str
    updated_at: datetime


class NewRegistry(Struct, frozen=True, kw_only=True):
    url: str
    host: str
    username: str | None
    password: str | None
    ca: str | None

    def __repr__(self) -> str:
        return f"NewRegistry({self.host})"


class ConfigMapVersion(Struct, frozen=True, kw_only=True):
    version: int
    size: int
    hash: str
    data: dict[str, str]


class WorkloadDataStore:
    def __init__(self, database: Database, vault: Vault) -> None:
        self.database = database
        self._vault = vault

    # Config maps

    async def add_config_map(
        self, connection: Connection, org: OrgId, name: str, *, by: str
    ) -> bool:
        """False for a name that is taken."""
        return await connection.fetchval(_Q["add_config_map"], org, name, by) is not None

    async def lock_config_map(self, connection: Connection, org: OrgId, name: str) -> bool:
        return await connection.fetchval(_Q["lock_config_map"], org, name) is not None

    async def raise_config_map(self, connection: Connection, org: OrgId, name: str) -> int:
        version: int = await connection.fetchval(_Q["raise_config_map"], org, name)
        return version

    async def add_version(
        self, connection: Connection, org: OrgId, name: str, new: ConfigMapVersion
    ) -> None:
        await connection.execute(
            _Q["add_config_map_version"], org, name, new.version, new.size, new.hash, new.data
        )

    async def config_map(
        self, connection: Connection, org: OrgId, name: str
    ) -> ConfigMapRow | None:
        row = await connection.fetchrow(_Q["config_map"], org, name)
        return None if row is None else _config_map(row)

    async def config_maps(
        self,
        org: OrgId,
        *,
        names: Collection[str] | None,
        before: tuple[datetime, str] | None,
        limit: int,
    ) -> list[ConfigMapRow]:
        only = None if names is None else list(names)
        rows = await self.database.tenant(org).fetch(
            _Q["config_maps"], org, only, *(before or (None, None)), limit
        )
        return [_config_map(row) for row in rows]

    async def delete_config_map(self, connection: Connection, org: OrgId, name: str) -> bool:
        """False while a revision names it."""
        return await connection.fetchval(_Q["delete_config_map"], org, name) is not None

    async def sizes(
        self, connection: Connection, org: OrgId, names: Collection[str]
    ) -> dict[str, tuple[int, int]]:
        """The present version of each, and how many bytes it is."""
        rows = await connection.fetch(_Q["config_map_sizes"], org, list(names))
        return {row["name"]: (row["version"], row["size"]) for row in rows}

    async def versions(
        self, connection: Connection, wanted: Collection[tuple[OrgId, str, int]]
    ) -> dict[tuple[OrgId, str, int], dict[str, str]]:
        columns: Sequence[Sequence[object]] = list(zip(*wanted, strict=True)) or [(), (), ()]
        rows = await connection.fetch(_Q["config_map_versions"], *map(list, columns))
        return {(OrgId(row["org_id"]), row["name"], row["version"]): row["data"] for row in rows}

    async def forget(self) -> None:
        await self.database.execute(_Q["forget_config_map_versions"])

    # Registries

    async def add_registry(
        self, connection: Connection, org: OrgId, name: str, new: NewRegistry, *, by: str
    ) -> RegistryRow | None:
        """None where the name is taken, or there is one of this host. Raises
        `MasterKeyMissing`."""
        row = await connection.fetchrow(
            _Q["add_registry"], org, name, *self._columns(org, name, new), by
        )
        return None if row is None else _registry(row)

    async def put_registry(
        self, connection: Connection, org: OrgId, name: str, new: NewRegistry
    ) -> RegistryRow | None:
        row = await connection.fetchrow(
            _Q["put_registry"], org, name, *self._columns(org, name, new)
        )
        return None if row is None else _registry(row)

    def _columns(self, org: OrgId, name: str, new: NewRegistry) -> tuple[str | None, ...]:
        sealed = None
        if new.password is not None:
            sealed = self._vault.seal(_place(org, name), new.password)
        return new.url, new.host, new.username, sealed, new.ca

    async def registry(self, connection: Connection, org: OrgId, name: str) -> RegistryRow | None:
        row = await connection.fetchrow(_Q["registry"], org, name)
        return None if row is None else _registry(row)

    async def is_taken(self, connection: Connection, org: OrgId, name: str, host: str) -> bool:
        """Whether another registry is that of the host."""
        return bool(await connection.fetchval(_Q["is_taken"], org, name, host))

    async def registries(
        self, org: OrgId, *, before: tuple[datetime, str] | None, limit: int
    ) -> list[RegistryRow]:
        rows = await self.database.tenant(org).fetch(
            _Q["registries"], org, *(before or (None, None)), limit
        )
        return [_registry(row) for row in rows]

    async def delete_registry(self, connection: Connection, org: OrgId, name: str) -> bool:
        """False while an image of a revision comes from there."""
        return await connection.fetchval(_Q["delete_registry"], org, name) is not None

    async def to_hand_over(self) -> list[RegistryRow]:
        """Of every organisation, those that not every device was handed as they are now."""
        rows = await self.database.fetch(_Q["registries_to_hand_over"])
        return [_registry(row) for row in rows]

    async def handed_over(self, registry: RegistryRow) -> None:
        """Unless it was changed since."""
        await self.database.tenant(registry.org).execute(
            _Q["handed_over"], registry.org, registry.name, registry.version
        )

    async def logins(
        self, connection: Connection, wanted: Collection[tuple[OrgId, str]]
    ) -> dict[tuple[OrgId, str], RegistryLogin]:
        """By organisation and host. A password that does not open is none: it has been logged."""
        orgs, hosts = [org for org, _ in wanted], [host for _, host in wanted]
        rows = await connection.fetch(_Q["registries_of"], orgs, hosts)
        return {(OrgId(row["org_id"]), row["host"]): self._login(row) for row in rows}

    def _login(self, row: Row) -> RegistryLogin:
        password = None
        if row["sealed"] is not None:
            try:
                password = self._vault.open(_place(row["org_id"], row["name"]), row["sealed"])
            except Unavailable:
                password = None
        return RegistryLogin(
            url=row["url"],
            host=row["host"],
            username=row["username"],
            password=password,
            ca=row["ca"],
        )


def _place(org: str, name: str) -> tuple[str, str]:
    return ("registry", f"{org}/{name}")


def _config_map(row: Row) -> ConfigMapRow:
    return ConfigMapRow(
        org=OrgId(row["org_id"]),
        name=row["name"],
        version=row["version"],
        size=row["size"],
        hash=row["hash"],
        data=row["data"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        updated_at=row["updated_at"],
    )


def _registry(row: Row) -> RegistryRow:
    return RegistryRow(
        org=OrgId(row["org_id"]),
        name=row["name"],
        url=row["url"],
        host=row["host"],
        username=row["username"],
        has_password=row["sealed"] is not None,
        ca=row["ca"],
        version=row["version"],
        hand_over=row["hand_over"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        updated_at=row["updated_at"],
    )
