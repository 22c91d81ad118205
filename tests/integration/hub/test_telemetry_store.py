"""Telemetry into a real Postgres: COPY, marks, bad rows, roll-ups, partitions."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from msgspec import structs

from hub.base.database import Connection, Database
from hub.base.errors import Unavailable
from hub.telemetry.reader import MetricPoint, Span, TelemetryReader
from hub.telemetry.rows import EventRow, Stamps, make_row
from hub.telemetry.store import BadRow, Committed, TelemetryStore
from hub.telemetry.stream import StreamWriter
from hub.telemetry.upkeep import TelemetryUpkeep
from hub.telemetry.writer import PATIENCE_SECONDS, TelemetryWriter
from protocol.ids import DEFAULT_ORG, DeviceId, ReplicaId
from protocol.telemetry import AgentReadiness, Event, Status
from tests.factories import Wire, make_line
from tests.integration.hub.hubs import NoStream, add_devices, show_nobody
from tests.tasks import in_background

D1 = DeviceId("d1")
NOW = datetime.now(UTC).timestamp()
STAMPS = Stamps()


async def nobody_else(_: Connection) -> None:
    """A fence with one replica."""


@pytest_asyncio.fixture
async def database(database: Database) -> Database:
    """With d0 … d20, each on its first line."""
    await add_devices(database, 21, first=0)
    await database.execute(
        "INSERT INTO device_line (org_id, device_id, replica_id, session_id) "
        "SELECT org_id, device_id, 'r', 's' FROM device"
    )
    return database


class Source:
    """The line of a device: keeps what was acknowledged on it."""

    def __init__(self, device_id: DeviceId = D1, generation: int = 1) -> None:
        self._wire = Wire()
        self.line = make_line(self._wire, device_id=device_id, generation=generation)

    def acknowledged(self) -> list[tuple[str, int]]:
        return [(frame["bootId"], frame["seq"]) for frame in self._wire.frames()]

    def row(self, name: str, seq: int | None = None, boot_id: str = "b") -> EventRow:
        event = Event(name=name, seq=seq, boot_id=boot_id if seq else None)
        return make_row(self.line, event, STAMPS.next(NOW))


async def of_d1(reader: TelemetryReader, span: Span, step: timedelta) -> list[MetricPoint]:
    found = await reader.metrics(DEFAULT_ORG, [D1], "t", span, step, most_points=2_000)
    return found[D1]


async def names(database: Database) -> list[str]:
    rows = await database.tenant(DEFAULT_ORG).fetch(
        "SELECT body ->> 'name' AS name FROM tenant_event ORDER BY received_at"
    )
    return [row["name"] for row in rows]


def spoiled(row: EventRow) -> EventRow:
    """What no device can bring about: a body that is no JSON."""
    return structs.replace(row, line=row.line[:-3] + b"\n")


@asynccontextmanager
async def telemetry(
    database: Database,
) -> AsyncGenerator[tuple[TelemetryWriter, NoStream]]:
    stream = NoStream()
    writer = StreamWriter(stream, ReplicaId("r"), show=show_nobody, unavailable=ConnectionError)
    store = TelemetryStore(database)
    service = TelemetryWriter(store, TelemetryUpkeep(store), writer)
    async with in_background(service.run(), writer.run()):
        yield service, stream


async def test_g4_durable_events_are_stored_once_across_batches_and_restarts(
    database: Database,
) -> None:
    source = Source()
    first = [source.row("e1", 1), source.row("e2", 2), source.row("e2", 2), source.row("free")]
    assert len((await TelemetryStore(database).commit(first)).new) == 3
    second = [source.row("e2", 2), source.row("e3", 3), source.row("e1", 1, "c")]
    assert len((await TelemetryStore(database).commit(second)).new) == 2
    assert await names(database) == ["e1", "e2", "free", "e3", "e1"]


async def test_g4_two_replicas_that_store_the_same_events_at_once_store_them_once(
    database: Database,
) -> None:
    for round_ in range(10):
        rows = [Source(DeviceId(f"d{n}")).row("e", round_ + 1) for n in range(20)]
        found = await asyncio.gather(
            TelemetryStore(database).commit(rows), TelemetryStore(database).commit(rows[::-1])
        )
        assert sum(len(committed.new) for committed in found) == 20
    assert len(await names(database)) == 200


async def test_a_bad_row_refuses_its_batch_and_leaves_nothing(database: Database) -> None:
    source = Source()
    rows = [source.row("good", 1), spoiled(source.row("bad", 2))]
    with pytest.raises(BadRow):
        await TelemetryStore(database).commit(rows)
    assert await names(database) == []
    assert (await TelemetryStore(database).commit(rows[:1])).new == rows[:1]


async def test_one_bad_row_never_fails_the_others_of_its_batch(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is halved until it stands alone, and counts as acknowledged."""
    source, bad = Source(), Source(DeviceId("d2"))
    commit = TelemetryStore.commit

    async def commit_spoiled(
        self: TelemetryStore, rows: list[EventRow], *, late_before: int
    ) -> Committed:
        del late_before
        return await commit(self, [spoiled(r) if r.source is bad.line else r for r in rows])

    monkeypatch.setattr(TelemetryStore, "commit", commit_spoiled)
    async with telemetry(database) as (service, stream):
        for number in range(1, 101):
            service.put(source.line, Event(name=f"e{number}", seq=number, boot_id="b"))
            if number == 37:
                service.put(bad.line, Event(name="bad", seq=1, boot_id="b"))
        await service.flush()
    assert await names(database) == [f"e{number}" for number in range(1, 101)]
    assert source.acknowledged()[-1] == ("b", 100)
    assert bad.acknowledged() == [("b", 1)]
    streamed = [event for batch in stream.batches for event in batch.events]
    assert [msgspec.json.decode(e.body)["name"] for e in streamed] == await names(database)


async def test_what_cannot_be_stored_now_is_stored_when_it_can(
    database: Database, database_url: str
) -> None:
    source = Source()
    async with telemetry(database) as (service, _):
        service.put(source.line, Event(name="before", seq=1, boot_id="b"))
        await service.flush()
        await database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND backend_type = 'client backend'"
        )
        service.put(source.line, Event(name="after", seq=2, boot_id="b"))
        await service.flush()
    assert await names(database) == ["before", "after"]
    assert source.acknowledged() == [("b", 1), ("b", 2)]


async def test_the_latest_status_is_the_devices_state_and_metrics_are_rolled_up_once(
    database: Database,
) -> None:
    await add_devices(database)
    await database.execute("UPDATE org SET created_at = created_at - interval '1 hour'")
    line = make_line()
    base = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=9)
    stamps = Stamps()
    store = TelemetryStore(database)
    values = [1.0, 5.0, 3.0]
    rows = [
        make_row(line, Status(status="DEGRADED", metrics={"t": value}),
                 stamps.next((base + timedelta(seconds=n)).timestamp()))
        for n, value in enumerate(values)
    ]  # fmt: skip
    await store.commit(rows)
    state = await database.fetchrow(
        "SELECT status, metrics FROM device_state WHERE device_id = 'd1'"
    )
    assert state is not None
    assert (state["status"], state["metrics"]) == ("DEGRADED", {"t": 3})
    for _ in range(3):
        await store.roll_up(nobody_else)
    (sums,) = await database.fetch("SELECT name, count, sum, min, max FROM metric_rollup")
    assert tuple(sums) == ("t", 3, 9.0, 1.0, 5.0)
    fresh = make_row(line, Status(status="ONLINE", metrics={"t": 2.0}), stamps.next(NOW))
    await store.commit([fresh])
    await store.roll_up(nobody_else)
    assert await database.fetchval("SELECT count FROM metric_rollup") == 3
    reader = TelemetryReader(store, TelemetryUpkeep(store))
    span = Span(since=base - timedelta(minutes=1))
    raw = await of_d1(reader, span, timedelta(hours=1))
    assert sum(point.count for point in raw) == 4
    old = Span(since=base - timedelta(hours=49))
    rolled = await of_d1(reader, old, timedelta(days=30))
    assert sum(point.count for point in rolled) == 3
    assert rolled[0].avg == pytest.approx(3.0)


async def test_what_a_status_does_not_say_of_programs_stays(database: Database) -> None:
    await add_devices(database)
    line, stamps, store = make_line(), Stamps(), TelemetryStore(database)
    agent = AgentReadiness(
        name="scanner", ready=False, since=datetime(2026, 1, 2, tzinfo=UTC), detail="jam"
    )

    async def after(status: Status) -> Any:
        await store.commit([make_row(line, status, stamps.next(NOW))])
        return await database.fetchval("SELECT agents FROM device_state WHERE device_id = 'd1'")

    told = await after(Status(status="DEGRADED", agents=[agent]))
    assert told == [
        {"name": "scanner", "ready": False, "since": "2026-01-02T00:00:00Z", "detail": "jam"}
    ]
    assert await after(Status(status="ONLINE")) == told
    assert await after(Status(status="ONLINE", agents=[])) == []


async def test_status_events_that_waited_for_the_database_are_rolled_up_once(
    database: Database,
) -> None:
    store, line, stamps = TelemetryStore(database), make_line(), Stamps()
    now = datetime.now(UTC).timestamp()
    await store.roll_up(nobody_else)

    def said(seconds_ago: float) -> EventRow:
        status = Status(status="ONLINE", metrics={"t": 1.0})
        return make_row(line, status, stamps.next(now - seconds_ago))

    waited, missed, fresh = said(150), said(140), said(5)
    await store.commit([waited, missed, fresh], late_before=int((now - 45) * 1e6))
    for _ in range(2):
        await store.roll_up(nobody_else)
    assert await database.fetchval("SELECT sum(count) FROM metric_rollup") == 2
    await database.execute("UPDATE rollup_mark SET up_to = now() - interval '200 s'")
    await store.commit([said(0.0)], late_before=int((now - 45) * 1e6))
    assert await database.fetchval("SELECT sum(count) FROM metric_rollup") == 2


async def test_a_new_organisation_is_rolled_up_beside_the_first(database: Database) -> None:
    store, stamps = TelemetryStore(database), Stamps()
    await store.roll_up(nobody_else)
    await database.execute("INSERT INTO org (org_id, name) VALUES ('org-2', 'Second')")
    now = datetime.now(UTC).timestamp()
    status = Status(status="ONLINE", metrics={"t": 1.0})
    row = make_row(make_line(), status, stamps.next(now - 150))
    await store.commit([row], late_before=int((now - 45) * 1e6))
    await store.roll_up(nobody_else)
    marks = await database.fetch("SELECT org_id, up_to < now() AS past FROM rollup_mark ORDER BY 1")
    assert [tuple(each) for each in marks] == [("default", True), ("org-2", True)]
    assert await database.fetchval("SELECT sum(count) FROM metric_rollup") == 1


@pytest.mark.parametrize("error", [RuntimeError("of ours"), Unavailable("gone")])
async def test_g4_whatever_a_commit_raises_no_event_is_lost(
    database: Database, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """The next `seq` would move the mark over the gap."""
    commit = TelemetryStore.commit
    failures = [error, error]

    async def commit_later(
        self: TelemetryStore, rows: list[EventRow], *, late_before: int
    ) -> Committed:
        del late_before
        if failures:
            raise failures.pop()
        return await commit(self, rows)

    monkeypatch.setattr(TelemetryStore, "commit", commit_later)
    monkeypatch.setattr("hub.telemetry.storing.RETRY_SECONDS", 0.01)
    monkeypatch.setattr("hub.telemetry.storing.SMALL_BATCH", 2)
    async with telemetry(database) as (service, _):
        source = Source()
        for seq in range(1, 8):
            service.put(source.line, Event(name=f"e{seq}", seq=seq, boot_id="b"))
        async with asyncio.timeout(5):
            await service.flush()
    assert await names(database) == [f"e{seq}" for seq in range(1, 8)]


async def test_g6_what_a_superseded_line_sends_is_neither_kept_nor_acknowledged(
    database: Database,
) -> None:
    async with telemetry(database) as (service, stream):
        await database.execute("UPDATE device_line SET generation = 2 WHERE device_id = 'd1'")
        old, new = Source(), Source(generation=2)
        service.put(old.line, Event(name="late", seq=2, boot_id="b"))
        service.put(old.line, Status(status="ERROR"))
        service.put(new.line, Event(name="kept", seq=1, boot_id="b"))
        service.put(new.line, Status(status="DEGRADED"))
        service.put(old.line, Status(status="ERROR"))
        await service.flush()
        assert (old.acknowledged(), new.acknowledged()) == ([], [("b", 1)])
        assert await names(database) == ["kept"]
        said = await database.fetchval("SELECT status FROM device_state WHERE device_id = 'd1'")
        assert said == "DEGRADED"
        streamed = [event.type for batch in stream.batches for event in batch.events]
        assert sorted(streamed) == ["event", "status", "status", "status"]


async def test_who_waits_for_the_events_of_a_line_finds_them(database: Database) -> None:
    source, other = Source(), Source(DeviceId("d2"))
    async with telemetry(database) as (service, _):
        assert service.stored(source.line) is None
        for number in range(200):
            service.put(source.line, Event(name=f"e{number}"))
        service.put(other.line, Event(name="other"))
        stored = service.stored(source.line)
        assert stored is not None
        await stored
        assert len(await names(database)) >= 200
        assert service.stored(source.line) is None


async def test_nobody_waits_for_long_for_a_database_that_stores_nothing(
    database: Database, owner: Database
) -> None:
    await owner.execute("ALTER TABLE event RENAME TO hidden")
    source = Source()
    async with telemetry(database) as (service, _):
        service.put(source.line, Event(name="e"))
        stored = service.stored(source.line)
        assert stored is not None
        await asyncio.wait_for(stored, 2 * PATIENCE_SECONDS)
        assert service.stored(source.line) is not None
