"""The rows of lines and of replicas."""

import msgspec
from msgspec import Struct

import sql
from hub.base.database import Database, Row
from hub.lines.registry import OpenLine
from protocol.frames import Hello, own_of, types_of
from protocol.ids import DeviceId, Generation, OrgId, ReplicaId

_Q = sql.queries("lines")


class Opening(Struct, frozen=True):
    """A line that wants to be registered."""

    org: OrgId
    device_id: DeviceId
    session_id: str
    version: int = 0
    """Of the token that it shows; one without a version is of version 0."""
    serial: str | None = None
    """Of the certificate that it shows instead."""


class LineRef(Struct, frozen=True):
    """A line by name: everything that the fence needs."""

    org: OrgId
    device_id: DeviceId
    generation: Generation


class Registration(Struct, frozen=True):
    """`taken_from`: the other replica whose open line was superseded. `takeovers`: this is the
    so-many-th line in a row that took over from an open one; 0 when it did not."""

    generation: Generation
    taken_from: ReplicaId | None
    takeovers: int
    max_frame: int | None
    """As the `hello` of an earlier line said, in bytes."""
    quarantined: bool
    """Whether nothing is to be taken on it."""


class LineStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def register(
        self, replica_id: ReplicaId, openings: list[Opening]
    ) -> dict[tuple[OrgId, DeviceId], Registration]:
        """Each device that may have a line; no device twice in a call."""
        rows = await self._database.fetch(
            _Q["register"],
            replica_id,
            [opening.org for opening in openings],
            [opening.device_id for opening in openings],
            [opening.session_id for opening in openings],
            [opening.version for opening in openings],
            [opening.serial for opening in openings],
        )
        return {
            (row["org_id"], row["device_id"]): Registration(
                row["generation"],
                row["taken_from"],
                row["takeovers"],
                row["max_frame"],
                row["quarantined"],
            )
            for row in rows
        }

    async def close(self, lines: list[LineRef]) -> set[LineRef]:
        """Note the end of lines; those that were still the newest of their device."""
        orgs, device_ids, generations = columns_of(lines)
        async with self._database.transaction() as connection:
            rows = await connection.fetch(_Q["close"], orgs, device_ids, generations)
            await connection.execute(_Q["seen"], orgs, device_ids, generations)
        return set(refs_of(rows))

    async def quarantined(self, replica_id: ReplicaId) -> set[LineRef]:
        """The open lines of a replica whose devices are in quarantine."""
        return set(refs_of(await self._database.fetch(_Q["quarantined_here"], replica_id)))

    async def hello(self, said: list[tuple[LineRef, Hello]]) -> None:
        await self._database.execute(
            _Q["hello"],
            [line.org for line, _ in said],
            [line.device_id for line, _ in said],
            [line.generation for line, _ in said],
            [hello.journal_id for _, hello in said],
            [hello.agent_version for _, hello in said],
            [_types(hello) for _, hello in said],
            [hello.boot_id for _, hello in said],
            [hello.max_frame for _, hello in said],
            [own.hash if (own := own_of(hello)) else None for _, hello in said],
            [said_of_software(hello) for _, hello in said],
        )


def said_of_software(hello: Hello) -> str | None:
    """As JSON text, with the sections of desired state that it takes; null where it says nothing of
    it."""
    said = {
        "installers": hello.installers,
        "versions": hello.versions,
        "barred": hello.barred,
        "replaced": hello.replaced,
        "unsigned": hello.unsigned,
        "updateSource": hello.update_source,
        "sections": None if hello.sections is None else sorted(hello.sections),
    }
    known = {name: value for name, value in said.items() if value is not None}
    return msgspec.json.encode(known).decode() if known else None


def ref_of(line: OpenLine) -> LineRef:
    return LineRef(line.org, line.device_id, line.generation)


def refs_of(rows: list[Row]) -> list[LineRef]:
    return [LineRef(row["org_id"], row["device_id"], row["generation"]) for row in rows]


def columns_of(lines: list[LineRef]) -> tuple[list[OrgId], list[DeviceId], list[Generation]]:
    return (
        [line.org for line in lines],
        [line.device_id for line in lines],
        [line.generation for line in lines],
    )


def _types(hello: Hello) -> str | None:
    """As text: a list in an array parameter would be one more dimension."""
    names = types_of(hello)
    return None if names is None else msgspec.json.encode(names).decode()
