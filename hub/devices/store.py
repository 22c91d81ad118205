"""The rows of devices."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import UNSET, Struct, UnsetType, convert

import sql
from hub.base.database import Connection, Database, Row, as_json
from hub.base.patterns import containing
from hub.queries.compiled import condition_of_list
from hub.queries.records import Tree
from protocol.canonical import hash_of
from protocol.errors import CommandErrorCode
from protocol.frames import ConnectionMode
from protocol.ids import DeviceId, OrgId, ReplicaId
from protocol.sections import INITIAL, MODE, PRODUCTION, ModeSection, ProductionSection, SmallKind
from protocol.telemetry import ShownStatus

_Q = sql.queries("devices")
_QUERY: Final = "/*query*/ true"
"""In a statement, where the condition of a query goes."""
_FEW: Final = "/*few*/ true"
_DELETED: Final = {"code": str(CommandErrorCode.NOT_FOUND), "message": "the device was deleted"}
"""How commands end that were for it."""


class SmallSections(Struct, frozen=True, kw_only=True):
    """Whether a device produces, and where it sends its records; None = not known."""

    production: ProductionSection | None = None
    mode: ConnectionMode | None = None


class DeviceAgent(Struct, frozen=True, kw_only=True):
    """A program of the device, as it says of it."""

    name: str
    ready: bool
    since: str
    detail: str | None = None


class Software(Struct, frozen=True, kw_only=True, rename="camel"):
    """What the last `hello` said of the device's software, and what it has proven since. None: it
    does not say."""

    installers: list[str] | None = None
    versions: dict[str, str] = {}
    barred: list[str] = []
    unsigned: bool | None = None
    update_source: str | None = None


class Quarantine(Struct, frozen=True, kw_only=True):
    """`by` and `reason` as they were said last."""

    since: datetime
    by: str
    reason: str


class DeviceRow(Struct, frozen=True, kw_only=True):
    org: OrgId
    device_id: DeviceId
    name: str
    status: str
    connected: bool
    replica_id: ReplicaId | None
    generation: int | None
    connection_mode: ConnectionMode
    version: str | None
    software: Software
    company_id: str | None
    production_line_id: str | None
    labels: dict[str, str]
    timezone: str | None
    """Its own."""
    zone: str
    """What counts."""
    group_ids: list[str]
    disabled: bool
    quarantine: Quarantine | None
    metrics: dict[str, float]
    agents: list[DeviceAgent]
    last_seen: datetime | None
    created_at: datetime
    wanted: SmallSections
    taken: SmallSections

    @classmethod
    def from_row(cls, row: Row) -> "DeviceRow":
        connected = bool(row["connected"])
        return cls(
            org=OrgId(row["org_id"]),
            device_id=DeviceId(row["device_id"]),
            name=row["name"],
            status=row["said"] if connected else "ONLINE" if row["heard"] else "OFFLINE",
            connected=connected,
            replica_id=row["replica_id"] if connected else None,
            generation=row["generation"],
            connection_mode=row["connection_mode"],
            version=row["version"],
            software=convert(row["software"] or {}, Software),
            company_id=row["company_id"],
            production_line_id=row["production_line_id"],
            labels=row["labels"] or {},
            timezone=row["timezone"],
            zone=row["zone"],
            group_ids=row["group_ids"],
            disabled=row["disabled"],
            quarantine=_quarantine(row),
            metrics=row["metrics"] or {},
            agents=convert(row["agents"] or [], list[DeviceAgent]),
            last_seen=row["last_seen"],
            created_at=row["created_at"],
            wanted=_sections(INITIAL | _of_each(row["sections"], "wanted")),
            taken=_sections(_of_each(row["sections"], "taken")),
        )


class Described(Struct, frozen=True):
    device_id: DeviceId
    name: str
    timezone: str | None
    labels: dict[str, str]


class ConnectedRow(Struct, frozen=True, kw_only=True):
    device_id: DeviceId
    replica_id: ReplicaId
    generation: int
    connected_at: datetime


class WantedSection(Struct, frozen=True, kw_only=True):
    """What a device should have of a section from now on, and whether it has that already."""

    org: OrgId
    device_id: DeviceId
    kind: SmallKind
    document: dict[str, Any]
    is_taken: bool


class DeviceFilter(Struct, frozen=True, kw_only=True):
    q: str | None = None
    status: list[ShownStatus] | None = None
    """Any of these."""
    group_id: str | None = None
    tag: str | None = None
    connected: bool | None = None
    query: Tree | None = None
    """With its groups by id."""


class DeviceStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def create(
        self,
        connection: Connection,
        org: OrgId,
        device_id: DeviceId,
        *,
        name: str | None,
        company_id: str | None,
        production_line_id: str | None,
        timezone: str | None,
    ) -> bool:
        """Whether it was made: False when there is one."""
        row = await connection.fetchrow(
            _Q["create"],
            org,
            device_id,
            name or device_id,
            company_id,
            production_line_id,
            timezone,
        )
        if row is not None and row["reborn"]:
            await connection.execute(_Q["forget_former"], org, device_id, _DELETED)
        await self.add_companions(connection, org, device_id)
        return row is not None

    async def add_companions(self, connection: Connection, org: OrgId, device_id: DeviceId) -> None:
        """What each device has beside its row."""
        await connection.execute(_Q["add_state"], org, device_id)
        await connection.execute(_Q["add_config"], org, device_id)

    async def get(self, org: OrgId, device_id: DeviceId) -> DeviceRow | None:
        row = await self.database.tenant(org).fetchrow(_Q["get"], org, device_id)
        return None if row is None else DeviceRow.from_row(row)

    async def list(
        self,
        org: OrgId,
        wanted: DeviceFilter,
        *,
        before: tuple[datetime, str] | None,
        limit: int,
    ) -> "list[DeviceRow]":
        statement, parameters = _asked(org, wanted, before, limit)
        rows = await self.database.tenant(org).fetch(statement, *parameters)
        return [DeviceRow.from_row(row) for row in rows]

    async def ids(self, org: OrgId, wanted: DeviceFilter, *, limit: int) -> "list[DeviceId]":
        """Newest first."""
        statement, parameters = _asked(org, wanted, None, limit)
        rows = await self.database.tenant(org).fetch(statement, *parameters)
        return [DeviceId(row["device_id"]) for row in rows]

    async def connected(
        self, org: OrgId, *, before: tuple[datetime, str] | None, limit: int
    ) -> "list[ConnectedRow]":
        rows: list[Any] = await self.database.tenant(org).fetch(
            _Q["connected"], org, *(before or (None, None)), limit
        )
        return [ConnectedRow(**dict(row)) for row in rows]

    async def change(self, connection: Connection, device: DeviceRow) -> None:
        await connection.execute(
            _Q["change"],
            device.org,
            device.device_id,
            device.name,
            device.company_id,
            device.production_line_id,
            device.disabled,
            device.connection_mode,
            device.timezone,
        )

    async def quarantine(
        self,
        connection: Connection,
        org: OrgId,
        device_ids: "list[DeviceId]",
        by: str,
        reason: str,
    ) -> "list[DeviceId]":
        """Answers those that there are."""
        rows = await connection.fetch(_Q["quarantine"], org, device_ids, by, reason)
        return [DeviceId(row["device_id"]) for row in rows]

    async def is_quarantined(self, org: OrgId, device_id: DeviceId) -> bool:
        return bool(await self.database.tenant(org).fetchval(_Q["quarantined"], org, device_id))

    async def release(
        self, connection: Connection, org: OrgId, device_ids: "list[DeviceId]"
    ) -> "list[DeviceId]":
        """Answers those that were in quarantine."""
        rows = await connection.fetch(_Q["release"], org, device_ids)
        return [DeviceId(row["device_id"]) for row in rows]

    async def lock_described(
        self, connection: Connection, org: OrgId, device_ids: "list[DeviceId]"
    ) -> "list[Described]":
        """What people have said of those that there are."""
        rows = await connection.fetch(_Q["lock_described"], org, device_ids)
        return [
            Described(DeviceId(row["device_id"]), row["name"], row["timezone"], row["labels"])
            for row in rows
        ]

    async def describe(
        self,
        connection: Connection,
        org: OrgId,
        device_ids: "list[DeviceId]",
        name: str | None,
        timezone: str | UnsetType | None,
        labels: Mapping[str, str | None],
    ) -> None:
        """None leaves the name as it is, and takes a time zone or a label away."""
        gone = [key for key, value in labels.items() if value is None]
        come = {key: value for key, value in labels.items() if value is not None}
        changes = timezone is not UNSET
        await connection.execute(
            _Q["describe"],
            org,
            device_ids,
            name,
            gone,
            list(come),
            list(come.values()),
            changes,
            timezone if changes else None,
        )

    async def labels(
        self, connection: Connection, org: OrgId, device_id: DeviceId
    ) -> dict[str, str]:
        rows = await connection.fetch(_Q["labels"], org, device_id)
        return {row["key"]: row["value"] for row in rows}

    async def put_labels(
        self, connection: Connection, org: OrgId, device_id: DeviceId, labels: Mapping[str, str]
    ) -> None:
        """These are all that it has."""
        await connection.execute(
            _Q["put_labels"], org, device_id, list(labels), list(labels.values())
        )

    async def want(self, connection: Connection, sections: "Sequence[WantedSection]") -> None:
        rows = [
            {
                "org_id": each.org,
                "device_id": each.device_id,
                "kind": each.kind,
                "document": each.document,
                "hash": hash_of(each.document),
                "is_taken": each.is_taken,
            }
            for each in sections
        ]
        await connection.execute(_Q["want"], as_json(rows))

    async def lock(self, connection: Connection, org: OrgId, device_id: DeviceId) -> bool:
        """Whether there is such a device; then it stays until the commit."""
        return bool(await connection.fetch(_Q["lock_known"], org, [device_id]))

    async def delete(
        self, connection: Connection, org: OrgId, device_ids: "list[DeviceId]"
    ) -> "list[DeviceId]":
        """Answers those among them that were there."""
        rows = await connection.fetch(_Q["lock_known"], org, device_ids)
        known = [DeviceId(row["device_id"]) for row in rows]
        if known:
            await connection.execute(_Q["delete"], org, known, _DELETED)
        return known

    async def end_tokens(
        self, connection: Connection, org: OrgId, device_ids: "list[DeviceId]"
    ) -> None:
        """No token of the devices is good from now on."""
        await connection.execute(_Q["end_tokens"], org, device_ids)

    async def known(self, org: OrgId, device_ids: "list[str]") -> set[str]:
        rows = await self.database.tenant(org).fetch(_Q["known"], org, device_ids)
        return {row["device_id"] for row in rows}


def _asked(
    org: OrgId, wanted: DeviceFilter, before: tuple[datetime, str] | None, limit: int
) -> tuple[str, list[object]]:
    """The statement, and its parameters."""
    parameters: list[object] = [
        org,
        None if wanted.q is None else containing(wanted.q),
        wanted.status,
        wanted.group_id,
        wanted.tag,
        wanted.connected,
        *(before or (None, None)),
        limit,
    ]
    if wanted.query is None:
        return _Q["list"], parameters
    asked = condition_of_list(wanted.query, first=len(parameters) + 1)
    statement = _Q["matching"].replace(_FEW, asked.few).replace(_QUERY, asked.text)
    return statement, parameters + asked.parameters


def _quarantine(row: Row) -> Quarantine | None:
    since = row["quarantined_at"]
    if since is None:
        return None
    return Quarantine(since=since, by=row["quarantined_by"], reason=row["quarantine_reason"])


def _of_each(
    sections: dict[SmallKind, dict[str, Any]] | None, what: str
) -> dict[SmallKind, dict[str, Any]]:
    return {kind: each[what] for kind, each in (sections or {}).items() if each[what] is not None}


def _sections(documents: Mapping[SmallKind, dict[str, Any]]) -> SmallSections:
    production, mode = documents.get(PRODUCTION), documents.get(MODE)
    return SmallSections(
        production=None if production is None else ProductionSection(**production),
        mode=None if mode is None else ModeSection(**mode).mode,
    )
