"""Partitions by time in a real Postgres: made when needed, dropped slowly, never by one clock."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub.audit.entries import AuditEntry
from hub.audit.service import AuditService
from hub.audit.store import AuditStore
from hub.base.clocks import Brake
from hub.base.database import Database
from hub.base.partitions import Partitioned, drop, make
from hub.telemetry.rows import TABLES
from hub.telemetry.store import TelemetryStore
from hub.telemetry.stream import StreamWriter
from hub.telemetry.upkeep import TelemetryUpkeep
from hub.telemetry.writer import TelemetryWriter
from protocol.ids import DEFAULT_ORG, DeviceId, ReplicaId
from protocol.telemetry import Event, LogLine, Status
from tests.factories import Wire, make_line
from tests.integration.hub.hubs import NoStream, add_devices, show_nobody, until
from tests.tasks import in_background

STEP = timedelta(hours=6)
EVENTS = Partitioned(table="event", step=STEP, ahead=5, keep=timedelta(hours=48))
NOW = datetime.now(UTC)
HOUR = 3600.0
PARTITIONED = ("status_event", "event", "log_line", "metric_rollup", "audit_log")


async def partitions(database: Database, table: str) -> list[str]:
    rows = await database.fetch(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits "
        "WHERE inhparent = $1::text::regclass ORDER BY 1",
        table,
    )
    return [row["name"] for row in rows]


async def store_event(database: Database, at: datetime, name: str = "e") -> None:
    await database.execute(
        "INSERT INTO event (org_id, device_id, received_at, ts, type, body) "
        "VALUES ('default', 'd0', $1, $1, 'event', jsonb_build_object('name', $2::text))",
        at,
        name,
    )


async def count(database: Database, table: str) -> int:
    """Telemetry as the organisation sees it: the hub only writes it."""
    query = "SELECT count(*) FROM {}"
    if table in TABLES:
        seen = await database.tenant(DEFAULT_ORG).fetchval(query.format(f"tenant_{table}"))
        return int(seen)
    return int(await database.fetchval(query.format(table)))


class Hub:
    """A telemetry service whose clock is `skew` away from the database's."""

    def __init__(self, database: Database, skew: timedelta) -> None:
        self.wire = Wire()
        self._line = make_line(self.wire, device_id=DeviceId("d0"))
        writer = StreamWriter(
            NoStream(), ReplicaId("r"), show=show_nobody, unavailable=ConnectionError
        )
        clock = (NOW + skew).timestamp
        store = TelemetryStore(database)
        self.service = TelemetryWriter(store, TelemetryUpkeep(store), writer, clock)
        self.work = (self.service.run(), writer.run())

    def put(self, seq: int) -> None:
        durable: dict[str, Any] = {"seq": seq, "boot_id": "b"}
        self.service.put(self._line, Event(name=f"e{seq}", **durable))
        self.service.put(self._line, Status(status="ONLINE", metrics={"t": 1.0}))
        self.service.put(self._line, LogLine(line="l", level="INFO"))

    async def acknowledged(self, seq: int) -> None:
        async def is_there() -> bool:
            return any(frame["seq"] == seq for frame in self.wire.frames())

        await until(is_there)


async def is_stored(database: Database, skew: timedelta) -> None:
    """What a device sends is acknowledged, and is there."""
    hub = Hub(database, skew)
    async with in_background(*hub.work):
        hub.put(1)
        await hub.acknowledged(1)
    for table in ("event", "status_event", "log_line"):
        assert await count(database, table) == 1


@pytest.fixture
async def device(database: Database) -> None:
    await add_devices(database, 1, first=0)
    await database.execute(
        "INSERT INTO device_line (org_id, device_id, replica_id, session_id) "
        "SELECT org_id, device_id, 'r', 's' FROM device"
    )


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("days", [2.5, 5, 3650, -3650])
async def test_g18_what_is_acknowledged_after_a_step_is_stored(
    database: Database, days: float
) -> None:
    await is_stored(database, timedelta(days=days))


@pytest.mark.usefixtures("device")
async def test_a_partition_that_is_missing_is_made_and_the_event_stored(
    database: Database, owner: Database
) -> None:
    for table in ("event", "status_event", "log_line"):
        for name in await partitions(database, table):
            await owner.execute(f"DROP TABLE {name}")
    await is_stored(database, timedelta())


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize(
    ("spoil", "mend"),
    [
        ("ALTER TABLE event RENAME TO hidden", "ALTER TABLE hidden RENAME TO event"),
        (
            "ALTER TABLE event ADD CHECK (body ->> 'name' <> 'e1')",
            "ALTER TABLE event DROP CONSTRAINT event_body_check",
        ),
        ("CREATE UNIQUE INDEX one ON event_mark (org_id)", "DROP INDEX one"),
        (
            "ALTER TABLE event ADD FOREIGN KEY (org_id, device_id) REFERENCES device_group",
            "ALTER TABLE event DROP CONSTRAINT event_org_id_device_id_fkey",
        ),
    ],
    ids=["table", "check", "unique", "foreign key"],
)
async def test_g4_a_fault_of_the_database_is_not_the_events(
    database: Database, owner: Database, spoil: str, mend: str
) -> None:
    """It is neither acknowledged nor lost, and the replica says that it cannot store."""
    await database.execute(
        "INSERT INTO event_mark (org_id, device_id, boot_id, seq) VALUES ('default', 'd0', 'a', 1)"
    )
    await owner.execute(spoil)
    hub = Hub(database, timedelta())

    async def in_trouble() -> bool:
        return hub.service.trouble() is not None

    assert hub.service.trouble() is None
    async with in_background(*hub.work):
        hub.put(1)
        await until(in_trouble)
        assert hub.wire.frames() == []
        await owner.execute(mend)
        await hub.acknowledged(1)
        assert hub.service.trouble() is None
    assert await count(database, "event") == 1


async def test_g18_what_waits_in_the_default_partition_moves_when_its_partition_is_made(
    database: Database, owner: Database
) -> None:
    await store_event(database, NOW + timedelta(days=900), "far")
    await store_event(database, NOW - timedelta(days=900), "old")
    assert await count(owner, "event_default") == 2
    await make(database, [EVENTS])
    assert await count(owner, "event_default") == 0
    assert await count(database, "event") == 2
    before = await partitions(database, "event")
    await make(database, [EVENTS])
    assert await partitions(database, "event") == before


async def test_g18_a_privileged_action_is_audited_whatever_the_clock_says(
    database: Database, owner: Database
) -> None:
    audit = AuditService(AuditStore(database))
    for name in await partitions(database, "audit_log"):
        if not name.endswith("_default"):
            await owner.execute(f"DROP TABLE {name}")
    entry = AuditEntry(org=DEFAULT_ORG, actor="user:u", action="a", target=None)
    async with database.transaction() as connection:
        await audit.record(connection, entry)
    await make(database, audit.partitioned(days=400))
    assert await count(owner, "audit_log_default") == 0
    assert await count(database, "audit_log") == 1
    async with database.transaction() as connection:
        await audit.record(connection, entry)
    assert await database.fetchval("SELECT count(DISTINCT audit_id) FROM audit_log") == 2


async def test_every_table_with_a_partition_by_time_has_a_default(database: Database) -> None:
    rows = await database.fetch(
        "SELECT partrelid::regclass::text AS relname FROM pg_partitioned_table "
        "WHERE partstrat = 'r' AND partrelid::regclass::text NOT LIKE 'tenant_%'"
    )
    assert sorted(row["relname"] for row in rows) == sorted(PARTITIONED)
    for table in PARTITIONED:
        assert f"{table}_default" in await partitions(database, table)


async def test_replicas_that_make_partitions_at_once_do_not_disturb_each_other(
    database_url: str, owner: Database
) -> None:
    databases = [await Database.open(database_url, connections=1) for _ in range(4)]
    for name in await partitions(databases[0], "log_line"):
        await owner.execute(f"DROP TABLE {name}")
    table = Partitioned(table="log_line", step=timedelta(days=1), ahead=3, keep=timedelta(days=9))
    await asyncio.gather(*(make(database, [table]) for database in databases))
    assert len(await partitions(databases[0], "log_line")) == 6
    for database in databases:
        await database.close()


async def drop_now(database: Database, table: Partitioned = EVENTS) -> int:
    return await drop(database, [table], Brake(0.0), HOUR)


async def an_hour_passes(owner: Database) -> None:
    await owner.execute("UPDATE partition_drop SET dropped_at = dropped_at - interval '61 minutes'")


async def test_g15_what_is_past_its_retention_is_dropped_one_partition_an_hour(
    database: Database, owner: Database
) -> None:
    made = await partitions(database, "event")
    await make(database, [EVENTS], [NOW - timedelta(days=300)])
    await store_event(database, NOW - timedelta(days=300))
    await store_event(database, NOW)
    old = len(await partitions(database, "event")) - len(made)
    assert old > 2
    assert await drop_now(database) == 1
    assert await drop_now(database) == 0
    for _ in range(old):
        await an_hour_passes(owner)
        await drop_now(database)
    assert await partitions(database, "event") == made


async def test_g18_retention_counts_from_the_newest_row(
    database: Database, owner: Database
) -> None:
    """A hub that was off for a year, or whose clock is a year ahead."""
    received = NOW - timedelta(days=365)
    await make(database, [EVENTS], [received])
    await store_event(database, received)
    await store_event(database, received - timedelta(hours=40))
    for _ in range(9):
        await an_hour_passes(owner)
        await drop_now(database)
    assert await count(database, "event") == 2


async def test_g18_a_row_of_the_far_future_does_not_age_the_others(database: Database) -> None:
    await store_event(database, NOW + timedelta(days=3650))
    await store_event(database, NOW - timedelta(hours=1))
    await make(database, [EVENTS], [NOW + timedelta(days=3650)])
    assert await drop_now(database) == 0
    assert await count(database, "event") == 2


async def test_g18_a_drop_in_the_future_holds_for_an_hour_and_not_for_years(
    database: Database, owner: Database
) -> None:
    await make(database, [EVENTS], [NOW - timedelta(days=300)])
    await store_event(database, NOW)
    await owner.execute("INSERT INTO partition_drop VALUES ('event', now() + interval '10 y')")
    assert await drop_now(database) == 0
    assert await drop_now(database) == 0
    await an_hour_passes(owner)
    assert await drop_now(database) == 1


async def test_the_brake_of_a_replica_holds_whatever_the_database_says(
    database: Database, owner: Database
) -> None:
    await make(database, [EVENTS], [NOW - timedelta(days=300)])
    brake = Brake(0.0)
    assert await drop(database, [EVENTS], brake, 1.0) == 0
    assert await drop(database, [EVENTS], brake, HOUR) == 1
    await an_hour_passes(owner)
    assert await drop(database, [EVENTS], brake, HOUR + 1) == 0
    assert await drop(database, [EVENTS], brake, 2 * HOUR) == 1
