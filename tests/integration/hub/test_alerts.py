"""Records of alerts, over a real Postgres: two writers, time, deleted devices, retention."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest
import pytest_asyncio
from msgspec import Struct

from hub.alerts.ending import AlertEnding
from hub.alerts.noting import AlertNotes
from hub.alerts.service import AlertService
from hub.alerts.store import AlertStore
from hub.audit.service import AuditService
from hub.audit.store import AuditStore
from hub.base.database import Connection, Database
from hub.queries.service import QueryService
from hub.queries.store import QueryStore
from hub.telemetry.writer import TelemetryWriter, stream_event
from protocol.dashboard import AlertEvent, AlertStatus
from protocol.ids import DEFAULT_ORG, DeviceId, OrgId
from protocol.stream import StreamEvent
from tests.integration.hub.hubs import add_devices


class Telling:
    """Keeps what others are told of alerts."""

    def __init__(self) -> None:
        self.told: list[Mapping[str, Any]] = []

    async def tell(self, connection: Connection, org: OrgId, events: Sequence[StreamEvent]) -> None:
        self.told += [json.loads(each.body) for each in events]

    def now(self) -> str:
        return "now"


class Records(Struct):
    database: Database
    notes: AlertNotes
    ending: AlertEnding
    store: AlertStore
    telling: Telling

    async def note(
        self, *events: tuple[str, AlertStatus], device: str | None = "d1", subject: str = ""
    ) -> list[str | None]:
        """Alerts of these codes; the ids of their records."""
        alerts = [
            AlertEvent(
                device_id=None if device is None else DeviceId(device),
                ts="2026-11-30T00:00:00.000Z",
                severity="WARN",
                code=code,
                message="m",
                status=status,
            )
            for code, status in events
        ]
        given = [(DEFAULT_ORG, stream_event(each, each.severity)) for each in alerts]
        async with self.database.transaction() as connection:
            noted = await self.notes.note(connection, given, subject=subject)
        return [json.loads(each.body).get("alertId") for each in noted]

    async def rows(self) -> list[tuple[Any, ...]]:
        statement = (
            "SELECT device_id, code, count, resolved_because FROM alert ORDER BY first_at, alert_id"
        )
        return [tuple(row) for row in await self.database.fetch(statement)]


@pytest_asyncio.fixture
async def records(database: Database) -> Records:
    await add_devices(database, 3)
    store, telling = AlertStore(database), Telling()
    service = AlertService(
        store,
        AuditService(AuditStore(database)),
        QueryService(QueryStore(database)),
        cast("TelemetryWriter", telling),
    )
    return Records(database, AlertNotes(store), AlertEnding(store, service), store, telling)


async def test_a_batch_raises_counts_and_resolves_in_its_order(records: Records) -> None:
    first, again, over, new = await records.note(
        ("hot", "FIRING"), ("hot", "FIRING"), ("hot", "RESOLVED"), ("hot", "FIRING")
    )
    assert first == again == over
    assert new != first
    assert sorted(await records.rows(), key=str) == [
        ("d1", "hot", 1, None),
        ("d1", "hot", 2, "device"),
    ]
    assert await records.note(("never", "RESOLVED")) == [None]


async def test_what_is_about_no_device_is_one_of_each_subject(records: Records) -> None:
    for subject in ("webhook:a", "webhook:b", "webhook:a"):
        await records.note(("webhook_disabled", "FIRING"), device=None, subject=subject)
    assert [row[:3] for row in await records.rows()] == [
        (None, "webhook_disabled", 2),
        (None, "webhook_disabled", 1),
    ]


async def test_two_replicas_that_note_at_once_make_one_record(records: Records) -> None:
    noted = await asyncio.gather(*(records.note(("hot", "FIRING")) for _ in range(8)))
    assert len({alert_id for (alert_id,) in noted}) == 1
    assert await records.rows() == [("d1", "hot", 8, None)]


@pytest.mark.parametrize(("setting", "over"), [(None, ["b"]), (60, ["a", "b"])])
async def test_what_does_not_come_again_is_over(
    records: Records, setting: int | None, over: list[str]
) -> None:
    if setting is not None:
        await records.database.execute(
            "INSERT INTO setting VALUES ('default', 'auto_resolve_seconds', $1)", setting
        )
    for code, age in (("a", "1 hour"), ("b", "25 hours"), ("c", "1 second")):
        await records.note((code, "FIRING"))
        await records.database.execute(
            f"UPDATE alert SET last_at = now() - interval '{age}' WHERE code = $1",  # noqa: S608
            code,
        )
    await records.ending.look()
    assert [row[1] for row in await records.rows() if row[3] == "timeout"] == over
    assert [(each["code"], each["status"]) for each in records.telling.told] == [
        (code, "RESOLVED") for code in over
    ]


async def test_those_of_a_deleted_device_are_over(records: Records) -> None:
    await records.note(("a", "FIRING"))
    await records.note(("b", "FIRING"), device="d2")
    await records.database.execute("UPDATE device SET deleted_at = now() WHERE device_id = 'd2'")
    await records.ending.look()
    assert await records.rows() == [("d1", "a", 1, None), ("d2", "b", 1, "device_deleted")]


async def test_resolved_ones_are_kept_for_so_many_days(records: Records) -> None:
    for code in ("old", "new"):
        await records.note((code, "FIRING"), (code, "RESOLVED"))
    await records.note(("firing", "FIRING"))
    await records.database.execute(
        "UPDATE alert SET resolved_at = now() - interval '91 days' WHERE code = 'old'"
    )
    await records.store.forget(90)
    assert [row[1] for row in await records.rows()] == ["new", "firing"]
