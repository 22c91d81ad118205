"""The rows of applications and their revisions."""

from collections.abc import Collection, Sequence
from datetime import datetime

from msgspec import to_builtins

import sql
from hub.base.database import Connection, Database, Row
from hub.base.errors import Conflict
from hub.workloads.contents import Versions
from hub.workloads.records import ApplicationRow, NewRevision, RevisionRow
from protocol.ids import OrgId

_Q = sql.queries("workloads")

RevisionName = tuple[OrgId, str, str]
"""(organisation, application, revision)"""


class ApplicationStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def add(
        self,
        connection: Connection,
        org: OrgId,
        name: str,
        *,
        target: str | None,
        remove: bool,
        by: str,
    ) -> ApplicationRow | None:
        """None for a name that is taken."""
        row = await connection.fetchrow(_Q["add_application"], org, name, target, remove, by)
        return None if row is None else _application(row)

    async def get(self, connection: Connection, org: OrgId, name: str) -> ApplicationRow | None:
        row = await connection.fetchrow(_Q["application"], org, name)
        return None if row is None else _application(row)

    async def lock(self, connection: Connection, org: OrgId, name: str) -> ApplicationRow | None:
        row = await connection.fetchrow(_Q["lock_application"], org, name)
        return None if row is None else _application(row)

    async def list(
        self,
        org: OrgId,
        *,
        names: Collection[str] | None,
        before: tuple[datetime, str] | None,
        limit: int,
    ) -> list[ApplicationRow]:
        """`names`: of these only; None for all."""
        only = None if names is None else list(names)
        rows = await self.database.tenant(org).fetch(
            _Q["applications"], org, only, *(before or (None, None)), limit
        )
        return [_application(row) for row in rows]

    async def change(
        self, connection: Connection, org: OrgId, name: str, *, target: str | None, remove: bool
    ) -> ApplicationRow:
        row = await connection.fetchrow(_Q["change_application"], org, name, target, remove)
        if row is None:
            raise AssertionError("it was locked just now")
        return _application(row)

    async def set_current(
        self, connection: Connection, org: OrgId, name: str, revision: str
    ) -> ApplicationRow | None:
        row = await connection.fetchrow(_Q["set_current"], org, name, revision)
        return None if row is None else _application(row)

    async def pause(
        self, connection: Connection, org: OrgId, name: str, because: str | None
    ) -> None:
        await connection.execute(_Q["pause_application"], org, name, because)

    async def delete(self, connection: Connection, org: OrgId, name: str) -> bool:
        return await connection.fetchval(_Q["delete_application"], org, name) is not None

    async def targeted(self) -> "list[ApplicationRow]":
        """Of every organisation, those that a query gives to devices."""
        return [_application(row) for row in await self.database.fetch(_Q["targeted"])]

    # Revisions

    async def add_revision(
        self, connection: Connection, org: OrgId, application: str, new: NewRevision, *, by: str
    ) -> RevisionRow:
        """That of the same content, where there is one. Raises `Conflict` when something that it
        names has gone since it was made."""
        await self._hold_data(connection, org, new.versions)
        row = await connection.fetchrow(
            _Q["add_revision"],
            org,
            application,
            new.revision,
            new.sha256,
            new.pinned,
            new.compose,
            new.versions.config_maps,
            new.versions.secrets,
            new.data_bytes,
            len(new.services),
            new.hosts,
            new.variables,
            new.asks_for,
            None if new.signature is None else to_builtins(new.signature),
            by,
        )
        if row is None:
            raise AssertionError("an insert or an update answers a row")
        return _revision(row)

    async def _hold_data(self, connection: Connection, org: OrgId, versions: Versions) -> None:
        maps, secrets = versions.config_maps, versions.secrets
        if not (maps or secrets):
            return
        rows = await connection.fetch(_Q["hold_data"], org, list(maps), list(secrets))
        there = {(row["secret"], row["name"]): row["version"] for row in rows}
        for is_secret, named in ((False, maps), (True, secrets)):
            for name, version in named.items():
                if there.get((is_secret, name), 0) < version:
                    what = "secret" if is_secret else "config map"
                    raise Conflict(f"the {what} {name} has been deleted meanwhile")

    async def revision(
        self, connection: Connection, org: OrgId, application: str, revision: str
    ) -> RevisionRow | None:
        row = await connection.fetchrow(_Q["revision"], org, application, revision)
        return None if row is None else _revision(row)

    async def newest(
        self, connection: Connection, org: OrgId, application: str
    ) -> RevisionRow | None:
        row = await connection.fetchrow(_Q["newest_revision"], org, application)
        return None if row is None else _revision(row)

    async def revisions(
        self, org: OrgId, application: str, *, behind: int | None, limit: int
    ) -> "list[RevisionRow]":
        rows = await self.database.tenant(org).fetch(
            _Q["revisions"], org, application, behind, limit
        )
        return [_revision(row) for row in rows]

    async def forget_revisions(self, connection: Connection, org: OrgId, application: str) -> None:
        await connection.execute(_Q["forget_revisions"], org, application)

    async def compositions(
        self, connection: Connection, wanted: Collection[RevisionName]
    ) -> dict[RevisionName, RevisionRow]:
        columns: Sequence[Sequence[str]] = list(zip(*wanted, strict=True)) or [(), (), ()]
        rows = await connection.fetch(_Q["compositions"], *map(list, columns))
        found = [_revision(row) for row in rows]
        return {(each.org, each.application, each.revision): each for each in found}


def _application(row: Row) -> ApplicationRow:
    return ApplicationRow(
        org=OrgId(row["org_id"]),
        name=row["name"],
        current=row["current"],
        target=row["target"],
        remove_when_unmatched=row["remove_when_unmatched"],
        paused_because=row["paused_because"],
        version=row["version"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        updated_at=row["updated_at"],
    )


def _revision(row: Row) -> RevisionRow:
    return RevisionRow(
        org=OrgId(row["org_id"]),
        application=row["application"],
        revision=row["revision"],
        number=row["number"],
        sha256=row["sha256"],
        pinned=row["pinned"],
        compose=row["compose"],
        versions=Versions(row["config_maps"], row["secrets"]),
        data_bytes=row["data_bytes"],
        hosts=row["hosts"],
        variables=row["variables"],
        asks_for=row["asks_for"],
        signature=row["signature"],
        created_at=row["created_at"],
        created_by=row["created_by"],
    )
