"""The rows of secrets. Values leave it for the device that is sent them, and for nobody else."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime

import msgspec

import sql
from hub.base.database import Connection, Database, Row
from hub.base.errors import Unavailable
from hub.base.master_key import Place
from hub.base.vault import Vault
from hub.secrets.records import SecretContent, SecretRow, SecretVersion
from protocol.ids import OrgId

_Q = sql.queries("secrets")
_DECODE = msgspec.json.Decoder(SecretContent).decode


class SecretStore:
    def __init__(self, database: Database, vault: Vault) -> None:
        self.database = database
        self._vault = vault

    async def add(
        self, connection: Connection, org: OrgId, name: str, content: SecretContent, *, by: str
    ) -> SecretRow | None:
        """None for a name that is taken. Raises `MasterKeyMissing`."""
        sealed = self._sealed(org, name, content)
        keys = list(content.data)
        row = await connection.fetchrow(_Q["add"], org, name, keys, content.hash, sealed, by)
        return None if row is None else _row(row)

    async def get(self, org: OrgId, name: str) -> SecretRow | None:
        row = await self.database.tenant(org).fetchrow(_Q["get"], org, name)
        return None if row is None else _row(row)

    async def lock(
        self, connection: Connection, org: OrgId, name: str
    ) -> tuple[SecretRow, SecretContent] | None:
        """Raises `Unavailable` when it does not open."""
        row = await connection.fetchrow(_Q["lock"], org, name)
        return None if row is None else (_row(row), self._opened(row))

    async def put(
        self, connection: Connection, org: OrgId, name: str, content: SecretContent
    ) -> SecretRow | None:
        """Raises `MasterKeyMissing`."""
        sealed = self._sealed(org, name, content)
        keys = list(content.data)
        row = await connection.fetchrow(_Q["put"], org, name, keys, content.hash, sealed)
        return None if row is None else _row(row)

    async def keep(self, connection: Connection, was: SecretRow, content: SecretContent) -> None:
        """A version that is about to be replaced. Raises `MasterKeyMissing`."""
        place = _version_place(was.org, was.name, was.version)
        sealed = self._vault.seal(place, msgspec.json.encode(content).decode())
        await connection.execute(_Q["keep"], was.org, was.name, was.version, sealed)

    async def is_named(self, connection: Connection, org: OrgId, name: str) -> bool:
        """By a revision of an application."""
        return bool(await connection.fetchval(_Q["is_named"], org, name))

    async def sizes(
        self, connection: Connection, org: OrgId, names: Collection[str]
    ) -> dict[str, tuple[int, int]]:
        """The present version of each, and about how many bytes it is."""
        rows = await connection.fetch(_Q["sizes"], org, list(names))
        return {row["name"]: (row["version"], row["size"]) for row in rows}

    async def versions(
        self, connection: Connection, wanted: Collection[SecretVersion]
    ) -> dict[SecretVersion, Mapping[str, str]]:
        """The values of those of these that there are and open."""
        columns = list(zip(*wanted, strict=True)) or [(), (), ()]
        found: dict[SecretVersion, Mapping[str, str]] = {}
        for row in await connection.fetch(_Q["sealed_versions"], *map(list, columns)):
            key = SecretVersion(OrgId(row["org_id"]), row["name"], row["version"])
            place = _place(key.org, key.name) if row["present"] else _version_place(*key)
            try:
                found[key] = _DECODE(self._vault.open(place, row["sealed"])).data
            except Unavailable:  # it has been logged
                continue
        return found

    async def forget_versions(self) -> None:
        await self.database.execute(_Q["forget_versions"])

    async def delete(self, connection: Connection, org: OrgId, name: str) -> bool:
        return await connection.fetchval(_Q["delete"], org, name) is not None

    async def list(
        self,
        org: OrgId,
        *,
        names: Collection[str] | None,
        before: tuple[datetime, str] | None,
        limit: int,
    ) -> list[SecretRow]:
        """`names`: of these only; None for all."""
        only = None if names is None else list(names)
        rows = await self.database.tenant(org).fetch(
            _Q["list"], org, only, *(before or (None, None)), limit
        )
        return [_row(row) for row in rows]

    async def keys(self, org: OrgId, names: Collection[str]) -> "dict[str, list[str]]":
        """Of those of these that there are, the names of the values."""
        rows = await self.database.tenant(org).fetch(_Q["keys"], org, list(names))
        return {row["name"]: row["keys"] for row in rows}

    async def contents(
        self, connection: Connection, wanted: Collection[tuple[OrgId, str]]
    ) -> tuple[Mapping[OrgId, dict[str, SecretContent]], set[tuple[OrgId, str]]]:
        """Of those of these that there are and open, and which of them do not open."""
        orgs, names = [org for org, _ in wanted], [name for _, name in wanted]
        found: defaultdict[OrgId, dict[str, SecretContent]] = defaultdict(dict)
        closed: set[tuple[OrgId, str]] = set()
        for row in await connection.fetch(_Q["sealed"], orgs, names):
            org, name = OrgId(row["org_id"]), row["name"]
            try:
                found[org][name] = self._opened(row)
            except Unavailable:  # it has been logged
                closed.add((org, name))
        return found, closed

    def _sealed(self, org: OrgId, name: str, content: SecretContent) -> str:
        return self._vault.seal(_place(org, name), msgspec.json.encode(content).decode())

    def _opened(self, row: Row) -> SecretContent:
        return _DECODE(self._vault.open(_place(row["org_id"], row["name"]), row["sealed"]))


def _place(org: str, name: str) -> Place:
    return ("secret", f"{org}/{name}")


def _version_place(org: str, name: str, version: int) -> Place:
    return ("secret_version", f"{org}/{name}/{version}")


def _row(row: Row) -> SecretRow:
    return SecretRow(
        org=OrgId(row["org_id"]),
        name=row["name"],
        version=row["version"],
        keys=row["keys"],
        hash=row["hash"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        updated_at=row["updated_at"],
    )
