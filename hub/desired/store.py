"""The rows of sections."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import UNSET

import sql
from hub.base.database import Connection, Database, Row, as_json
from hub.desired.sections import SectionRow, initial
from hub.lines.service import LineRef
from protocol.ids import DeviceId, DeviceKey, OrgId
from protocol.sections import SMALL, SOFTWARE, PinnedArtifact, SmallKind

_Q = sql.queries("desired")

Sections = dict[SmallKind, SectionRow]


class SectionStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def rows(self, places: Sequence[DeviceKey]) -> list[tuple[DeviceKey, SectionRow]]:
        """What was ever wanted of these devices, or noted."""
        found = await self.database.fetch(_Q["sections"], *_columns(places))
        return [(_place(row), _section(row)) for row in found]

    async def of(self, places: Sequence[DeviceKey]) -> dict[DeviceKey, Sections]:
        """Every section of each of these devices."""
        found: dict[DeviceKey, Sections] = {
            place: {kind: initial(kind) for kind in SMALL} for place in places
        }
        for place, row in await self.rows(places):
            found[place][row.kind] = row
        return found

    async def get(self, org: OrgId, device_id: DeviceId, kind: SmallKind) -> SectionRow:
        row = await self.database.tenant(org).fetchrow(_Q["section"], org, device_id, kind)
        return initial(kind) if row is None else _section(row)

    async def lock(self, connection: Connection, org: OrgId, device_id: DeviceId) -> SectionRow:
        """What is wanted of the software of a device, until the commit."""
        row = await connection.fetchrow(_Q["lock_section"], org, device_id, SOFTWARE)
        return initial(SOFTWARE) if row is None else _section(row)

    async def artifacts(self, org: OrgId, pins: Mapping[str, str]) -> dict[str, PinnedArtifact]:
        """By type, where the hub has a release of that version."""
        rows = await self.database.tenant(org).fetch(
            _Q["pinned_artifacts"], org, list(pins), list(pins.values())
        )
        return {row["type"]: _artifact(row) for row in rows}

    async def note(self, rows: Mapping[LineRef, Sequence[SectionRow]]) -> None:
        """What devices have; of a superseded line, or where the row changed since it was read, it
        counts nothing."""
        content = as_json(
            [
                {
                    "org_id": line.org,
                    "device_id": line.device_id,
                    "generation": line.generation,
                    "kind": row.kind,
                    "version": row.version,
                    "document": row.document,
                    "hash": row.hash,
                    "taken": row.taken,
                    "taken_hash": row.taken_hash,
                    "refused": row.refused,
                    "error": row.error,
                    "changed_at": row.changed_at and row.changed_at.isoformat(),
                }
                for line, sections in rows.items()
                for row in sections
            ]
        )
        await self.database.execute(_Q["note"], content)

    async def steered(self, places: Sequence[DeviceKey], types: Sequence[str]) -> set[DeviceKey]:
        """Those among these devices that have an unfinished command of one of these types."""
        rows = await self.database.fetch(_Q["steered"], *_columns(places), types)
        return {_place(row) for row in rows}

    async def changed(self, seconds: float) -> dict[DeviceKey, datetime]:
        """Devices that may have begun to differ within so many seconds, and when."""
        rows = await self.database.fetch(_Q["changed"], seconds)
        return {_place(row): row["changed_at"] for row in rows}

    async def doubt(
        self, connection: Connection, places: Sequence[DeviceKey], kind: SmallKind
    ) -> None:
        """What these devices have of the section is not known any more."""
        beginning = initial(kind)
        await connection.execute(
            _Q["doubt"], *_columns(places), kind, beginning.document, beginning.hash
        )


def _columns(places: Sequence[DeviceKey]) -> tuple[list[OrgId], list[DeviceId]]:
    return [org for org, _ in places], [device_id for _, device_id in places]


def _place(row: Row) -> DeviceKey:
    return OrgId(row["org_id"]), DeviceId(row["device_id"])


def _artifact(row: Row) -> PinnedArtifact:
    signature = row["signature_base64"]
    return PinnedArtifact(
        release_id=row["release_id"],
        url=f"/api/v1/firmware/releases/{row['release_id']}/artifact",
        sha256=row["sha256"],
        size=row["size"],
        filename=row["filename"],
        signature_base64=UNSET if signature is None else signature,
    )


def _section(row: Row) -> SectionRow:
    return SectionRow(
        kind=row["kind"],
        version=row["version"],
        document=row["document"],
        hash=row["hash"],
        taken=row["taken"],
        taken_hash=row["taken_hash"],
        refused=row["refused"],
        error=row["error"],
        changed_at=row["changed_at"],
    )
