"""The rows of what devices shall run, and of what they said of it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from msgspec import Struct, convert

import sql
from hub.base.database import Connection, Database, Row, as_json
from hub.queries.compiled import condition
from hub.queries.records import Tree
from hub.workloads.assigning import Assigned, DeviceStanding, NotGiven
from hub.workloads.records import ApplicationRefusal, ApplicationRow, Assignment, Report
from protocol.ids import DeviceId, DeviceKey, OrgId

_Q = sql.queries("assignments")


class WantedVersion(Struct, frozen=True):
    version: str
    remove_volumes: list[str]


class MatchRow(Struct, frozen=True):
    """`lacks`: it does not have the application. `matches`: its target."""

    device_id: DeviceId
    lacks: bool
    matches: bool


class AssignmentStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    # Changing

    async def lock(
        self, connection: Connection, org: OrgId, device_ids: Collection[DeviceId]
    ) -> list[DeviceId]:
        """Until the commit, nobody else changes what these shall run; those that are there."""
        rows = await connection.fetch(_Q["lock_devices"], org, list(device_ids))
        return [DeviceId(row["device_id"]) for row in rows]

    async def standing(
        self,
        connection: Connection,
        org: OrgId,
        device_ids: Collection[DeviceId],
        application: str,
        variables: Collection[str],
    ) -> list[DeviceStanding]:
        rows = await connection.fetch(
            _Q["standing"], org, list(device_ids), application, list(variables)
        )
        return [convert(dict(row), DeviceStanding) for row in rows]

    async def assign(
        self, connection: Connection, org: OrgId, application: str, rows: Sequence[Assigned]
    ) -> None:
        await connection.execute(_Q["assign"], org, application, as_json(rows))
        await self.forget_volumes(
            connection, org, application, [row.device_id for row in rows], gone=False
        )

    async def unassign(
        self,
        connection: Connection,
        org: OrgId,
        application: str,
        device_ids: Collection[DeviceId] | None,
    ) -> list[DeviceId]:
        """From these devices; None: from each."""
        named = None if device_ids is None else list(device_ids)
        rows = await connection.fetch(_Q["unassign"], org, application, named)
        return [DeviceId(row["device_id"]) for row in rows]

    async def forget_volumes(
        self,
        connection: Connection,
        org: OrgId,
        application: str,
        device_ids: Collection[DeviceId],
        *,
        gone: bool,
    ) -> None:
        """Whether the named volumes of the application go from these devices."""
        await connection.execute(_Q["forget_volumes"], org, application, list(device_ids), gone)

    async def settle(
        self, connection: Connection, org: OrgId, device_ids: Collection[DeviceId]
    ) -> list[DeviceId]:
        """Those that shall have something else now. To be called last, under `lock`."""
        rows = await connection.fetch(_Q["settle"], org, list(device_ids))
        return [DeviceId(row["device_id"]) for row in rows]

    async def stop(
        self,
        connection: Connection,
        org: OrgId,
        device_id: DeviceId,
        app: str,
        service: str,
        by: str,
    ) -> bool:
        """False when it was stopped before."""
        row = await connection.fetchval(_Q["stop"], org, device_id, app, service, by)
        return row is not None

    async def start(
        self, connection: Connection, org: OrgId, device_id: DeviceId, app: str, service: str
    ) -> bool:
        return await connection.fetchval(_Q["start"], org, device_id, app, service) is not None

    async def put_variables(
        self, connection: Connection, org: OrgId, device_id: DeviceId, values: Mapping[str, str]
    ) -> None:
        await connection.execute(
            _Q["put_variables"], org, device_id, list(values), list(values.values())
        )

    async def orphan(
        self,
        connection: Connection,
        org: OrgId,
        application: str,
        device_ids: Collection[DeviceId],
        *,
        orphaned: bool,
    ) -> None:
        await connection.execute(_Q["orphan"], org, application, list(device_ids), orphaned)

    async def refuse(
        self,
        connection: Connection,
        application: ApplicationRow,
        refused: Mapping[DeviceId, NotGiven],
    ) -> None:
        """These do not get what is current; they are asked again later."""
        await connection.execute(
            _Q["refuse"],
            application.org,
            application.name,
            application.current,
            application.version,
            list(refused),
            [each.code for each in refused.values()],
            [each.message for each in refused.values()],
        )

    async def forget_refusals(
        self, connection: Connection, org: OrgId, application: str, matching: Collection[DeviceId]
    ) -> None:
        """Of devices that are not among these."""
        await connection.execute(_Q["forget_refusals"], org, application, list(matching))

    # Reading

    async def refusals(
        self,
        connection: Connection,
        org: OrgId,
        device_ids: Collection[DeviceId],
        application: str | None,
    ) -> list[ApplicationRefusal]:
        """Of one application; None: of each."""
        asked = (org, list(device_ids), application)
        return [
            convert(dict(row), ApplicationRefusal)
            for row in await connection.fetch(_Q["refusals"], *asked)
        ]

    async def variables(self, org: OrgId, device_id: DeviceId) -> dict[str, str]:
        rows = await self.database.tenant(org).fetch(_Q["variables"], org, device_id)
        return {row["name"]: row["value"] for row in rows}

    async def variables_of(
        self, connection: Connection, org: OrgId, device_id: DeviceId
    ) -> dict[str, str]:
        rows = await connection.fetch(_Q["variables"], org, device_id)
        return {row["name"]: row["value"] for row in rows}

    async def assignments(
        self,
        connection: Connection,
        org: OrgId,
        device_ids: Collection[DeviceId],
        application: str | None,
    ) -> list[Assignment]:
        """Of one application; None: of each."""
        rows = await connection.fetch(_Q["assignments"], org, list(device_ids), application)
        return [_assignment(row) for row in rows]

    async def get(
        self, connection: Connection, org: OrgId, device_id: DeviceId, application: str
    ) -> Assignment | None:
        row = await connection.fetchrow(_Q["assignment"], org, device_id, application)
        return None if row is None else _assignment(row)

    async def devices_of(
        self, connection: Connection, org: OrgId, application: str, *, since: str | None, limit: int
    ) -> list[DeviceId]:
        """By their ids, from `since` on."""
        rows = await connection.fetch(_Q["devices_of"], org, application, since, limit)
        return [DeviceId(row["device_id"]) for row in rows]

    async def device_ids_of(
        self, connection: Connection, org: OrgId, application: str
    ) -> list[DeviceId]:
        rows = await connection.fetch(_Q["device_ids_of"], org, application)
        return [DeviceId(row["device_id"]) for row in rows]

    async def of_registry(
        self, connection: Connection, org: OrgId, host: str, *, behind: str | None
    ) -> list[DeviceId]:
        """A page of a thousand."""
        rows = await connection.fetch(_Q["of_registry"], org, host, behind)
        return [DeviceId(row["device_id"]) for row in rows]

    async def of_revision(
        self, connection: Connection, org: OrgId, application: str, revision: str
    ) -> list[DeviceId]:
        rows = await connection.fetch(_Q["of_revision"], org, application, revision)
        return [DeviceId(row["device_id"]) for row in rows]

    async def reports(
        self,
        connection: Connection,
        org: OrgId,
        device_ids: Collection[DeviceId],
        application: str | None,
    ) -> list[Report]:
        rows = await connection.fetch(_Q["reports"], org, list(device_ids), application)
        return [_report(row) for row in rows]

    async def states(
        self, connection: Connection, org: OrgId, application: str
    ) -> dict[str | None, int]:
        rows = await connection.fetch(_Q["states"], org, application)
        return {row["state"]: row["services"] for row in rows}

    async def fills(
        self, connection: Connection, org: OrgId, device_ids: Collection[DeviceId]
    ) -> dict[DeviceId, dict[str, str]]:
        found: dict[DeviceId, dict[str, str]] = {}
        for row in await connection.fetch(_Q["fills"], org, list(device_ids)):
            found.setdefault(DeviceId(row["device_id"]), {})[row["name"]] = row["value"]
        return found

    async def engines(
        self, connection: Connection, org: OrgId, device_ids: Collection[DeviceId]
    ) -> dict[DeviceId, bool | None]:
        rows = await connection.fetch(_Q["engines"], org, list(device_ids))
        return {DeviceId(row["device_id"]): row["has_engine"] for row in rows}

    # What devices are handed

    async def version(self, org: OrgId, device_id: DeviceId) -> str:
        found = await self.database.tenant(org).fetchval(_Q["version"], org, device_id)
        return found or ""

    async def wanted(
        self, connection: Connection, places: Sequence[DeviceKey]
    ) -> dict[DeviceKey, WantedVersion]:
        rows = await connection.fetch(_Q["wanted"], *_columns(places))
        return {_place(row): WantedVersion(row["version"], row["remove_volumes"]) for row in rows}

    async def documents(
        self, connection: Connection, places: Sequence[DeviceKey]
    ) -> dict[DeviceKey, list[Assignment]]:
        found: dict[DeviceKey, list[Assignment]] = {}
        for row in await connection.fetch(_Q["documents"], *_columns(places)):
            found.setdefault(_place(row), []).append(_assignment(row))
        return found

    # By target

    async def targets(self, connection: Connection, org: OrgId) -> list[tuple[str, str]]:
        """Of each application that has one, by its name."""
        rows = await connection.fetch(_Q["targets"], org)
        return [(row["name"], row["target"]) for row in rows]

    async def matching(self, connection: Connection, org: OrgId, target: Tree) -> list[DeviceId]:
        """Those that a query of labels, groups and ids means."""
        asked = condition(target, first=2)
        statement = _Q["matching"].replace("/*query*/ true", asked.text)
        rows = await connection.fetch(statement, org, *asked.parameters)
        return [DeviceId(row["device_id"]) for row in rows]

    async def matched(
        self,
        connection: Connection,
        org: OrgId,
        application: str,
        matching: Collection[DeviceId],
        *,
        also_orphans: bool,
    ) -> list[MatchRow]:
        """Those that stand to it otherwise than they should."""
        rows = await connection.fetch(_Q["matched"], org, application, list(matching), also_orphans)
        return [MatchRow(*row) for row in rows]

    # What devices say

    async def use(self, used: Sequence[Mapping[str, Any]]) -> set[DeviceKey]:
        """Of whom the hub does not know what they said last."""
        return {_place(row) for row in await self.database.fetch(_Q["use"], as_json(used))}

    async def roll_up(self, values: Sequence[Mapping[str, Any]]) -> None:
        await self.database.execute(_Q["roll_up_usage"], as_json(values))


def _columns(places: Sequence[DeviceKey]) -> tuple[list[OrgId], list[DeviceId]]:
    return [org for org, _ in places], [device_id for _, device_id in places]


def _place(row: Row) -> DeviceKey:
    return OrgId(row["org_id"]), DeviceId(row["device_id"])


def _assignment(row: Row) -> Assignment:
    return Assignment(
        org=OrgId(row["org_id"]),
        device_id=DeviceId(row["device_id"]),
        application=row["application"],
        revision=row["revision"],
        filled=row["filled"],
        wanted=row["wanted"],
        errors=row["errors"],
        by_hand=row["by_hand"],
        pinned=row["pinned"],
        orphaned=row["orphaned"],
        assigned_at=row["assigned_at"],
        stopped=tuple(row.get("stopped", ())),
    )


def _report(row: Row) -> Report:
    return Report(
        device_id=DeviceId(row["device_id"]),
        application=row["application"],
        version=row["version"],
        services=row["services"],
        hash=row["hash"],
        usage=row["usage"],
        observed_at=row["observed_at"],
    )
