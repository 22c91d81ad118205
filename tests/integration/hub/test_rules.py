"""Rules over a real Postgres: by time, by two writers, and what they cost."""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest
import pytest_asyncio
from msgspec import Struct

from hub.alerts.service import Alert, AlertService
from hub.alerts.store import AlertStore
from hub.audit.service import AuditService
from hub.audit.store import AuditStore
from hub.base.database import Connection, Database
from hub.base.errors import Unavailable
from hub.base.principal import Principal
from hub.queries.service import QueryService
from hub.queries.store import QueryStore
from hub.rights.memory import RightsMemory
from hub.rights.store import RightsStore
from hub.rules import sweeping
from hub.rules.keeping import RuleKeeper
from hub.rules.raising import Raising
from hub.rules.records import When
from hub.rules.seeing import RuleSight
from hub.rules.service import GivenRule, RuleService
from hub.rules.store import NewAlert, RuleStore
from hub.rules.suspending import RuleSuspending
from hub.rules.sweeping import RuleSweep
from hub.rules.watching import WatchKey
from hub.telemetry.rows import EventRow, Stamps, make_row
from hub.telemetry.store import TelemetryStore
from hub.telemetry.writer import Taps, TelemetryWriter
from protocol.ids import DEFAULT_ORG, DeviceId, OrgId
from protocol.stream import StreamEvent
from protocol.telemetry import Scan, Status
from tests.factories import Wire, make_line, make_principal
from tests.integration.hub.hubs import add_devices, until

STAMPS = Stamps()


class Telling:
    """Takes what others are told, and notes who is to be notified."""

    def __init__(self) -> None:
        self.told: list[Mapping[str, Any]] = []
        self.queued: list[str | None] = []

    async def tell(self, connection: Connection, org: OrgId, events: Sequence[StreamEvent]) -> None:
        self.told += [json.loads(each.body) for each in events]

    async def raise_alert(self, *_: object, **__: object) -> None: ...

    async def queue(self, connection: Connection, alerts: Sequence[Alert]) -> None:
        self.queued += [each.device_id for each in alerts]

    def now(self) -> str:
        return "now"


class Plant(Struct):
    """The rules of one replica, without a loop."""

    database: Database
    service: RuleService
    keeper: RuleKeeper
    sweep: RuleSweep
    telemetry: TelemetryStore
    telling: Telling
    by: Principal

    async def rule(
        self, *, for_seconds: int | None = None, query: str | None = None, **when: Any
    ) -> str:
        given = GivenRule(
            name=f"rule {time.monotonic_ns()}",
            query=query,
            when=When(**when),
            for_seconds=for_seconds,
            clear_after_seconds=None,
            severity="WARN",
            labels={},
            notify=[],
            inhibited_by=[],
            sharing=None,
        )
        return (await self.service.create(self.by, given)).rule_id

    async def say(self, *rows: EventRow) -> None:
        await self.telemetry.commit(list(rows))

    async def alerts(self) -> list[tuple[str, int, str | None]]:
        rows = await self.database.fetch(
            "SELECT device_id, count, resolved_because FROM alert ORDER BY device_id, first_at"
        )
        return [(row["device_id"], row["count"], row["resolved_because"]) for row in rows]


def scan(device: str = "d1", seq: int | None = None) -> EventRow:
    line = make_line(Wire(), device_id=DeviceId(device))
    message = Scan(code="c", valid=False, seq=seq, boot_id="b" if seq else None)
    return make_row(line, message, STAMPS.next(time.time()))


def metric(value: float, device: str = "d1", **others: float) -> EventRow:
    line = make_line(Wire(), device_id=DeviceId(device))
    message = Status(status="ONLINE", metrics={"cpu": value, **others})
    return make_row(line, message, STAMPS.next(time.time()))


async def plant_of(database: Database) -> Plant:
    telling, alert_store = Telling(), AlertStore(database)
    telemetry = cast("TelemetryWriter", telling)
    queries, audit = QueryService(QueryStore(database)), AuditService(AuditStore(database))
    alerts = AlertService(alert_store, audit, queries, telemetry)
    rights = RightsMemory(RightsStore(database), time.time)
    store, sight = RuleStore(database), RuleSight(rights)
    raising = Raising(store, alerts, telling)
    keeper = RuleKeeper(store, sight, raising)
    sweep = RuleSweep(
        store,
        keeper,
        raising,
        RuleSuspending(store, sight, alerts, telemetry),
        drain_seconds=30,
    )
    service = RuleService(store, audit, queries, rights, sight, alerts, load=keeper.load)
    taps = Taps()
    taps.judge = keeper
    by = make_principal("ADMIN", kind="hub", subject="")
    return Plant(database, service, keeper, sweep, TelemetryStore(database, taps), telling, by)


@pytest_asyncio.fixture
async def plant(database: Database) -> Plant:
    """With d1 … d3, each on a line of a replica that lives."""
    await add_devices(database, 3)
    await database.execute(
        "INSERT INTO replica (replica_id, address, started_at, lease_until) "
        "VALUES ('r', 'here', now() - interval '1 hour', now() + interval '1 hour')"
    )
    await database.execute(
        "INSERT INTO device_line (org_id, device_id, replica_id, session_id) "
        "SELECT org_id, device_id, 'r', 's' FROM device"
    )
    return await plant_of(database)


async def end_line(plant: Plant, device: str, seconds: float) -> None:
    await plant.database.execute(
        "UPDATE device_line SET closed_at = now() - make_interval(secs => $2) WHERE device_id = $1",
        device,
        seconds,
    )


async def begin_line(plant: Plant, device: str) -> None:
    await plant.database.execute(
        "UPDATE device_line SET closed_at = NULL WHERE device_id = $1", device
    )


# Offline


async def test_a_device_is_offline_so_long_after_its_line_ended(plant: Plant) -> None:
    await plant.rule(offline=True)
    await end_line(plant, "d1", 61)
    await end_line(plant, "d2", 58)
    await plant.sweep.look()
    await plant.sweep.look()
    assert await plant.alerts() == [("d1", 1, None)]
    assert plant.telling.queued == ["d1"]
    await begin_line(plant, "d1")
    await plant.sweep.look()
    assert await plant.alerts() == [("d1", 1, "cleared")]
    assert [each["status"] for each in plant.telling.told] == ["FIRING", "RESOLVED"]


async def test_the_end_of_a_replica_ends_its_lines_and_no_sooner(plant: Plant) -> None:
    await plant.rule(offline=True)
    await plant.database.execute("UPDATE replica SET ended_at = now() - interval '59 seconds'")
    await plant.database.execute(
        "INSERT INTO replica (replica_id, address, started_at, lease_until) "
        "VALUES ('r2', 'here', now() - interval '1 hour', now() + interval '1 hour')"
    )
    await plant.sweep.look()
    assert await plant.alerts() == []
    await plant.database.execute(
        "UPDATE replica SET ended_at = now() - interval '61 seconds' WHERE replica_id = 'r'"
    )
    await plant.sweep.look()
    assert len(await plant.alerts()) == 3


async def test_the_hubs_downtime_and_half_a_minute_after_it_do_not_count(plant: Plant) -> None:
    await plant.rule(offline=True)
    await plant.sweep.look()
    await plant.database.execute("UPDATE rule_sweep SET swept_at = now() - interval '10 minutes'")
    await plant.database.execute("UPDATE replica SET started_at = now() - interval '5 seconds'")
    await end_line(plant, "d1", 599)
    await end_line(plant, "d2", 700)
    await plant.sweep.look()
    assert await plant.alerts() == [("d2", 1, None)]


async def test_a_replica_whose_lease_is_over_did_not_live(plant: Plant) -> None:
    await plant.rule(offline=True)
    await plant.sweep.look()
    await plant.database.execute("UPDATE rule_sweep SET swept_at = now() - interval '10 minutes'")
    await plant.database.execute(
        "UPDATE replica SET lease_until = now() - interval '9 minutes', ended_at = NULL"
    )
    await plant.sweep.look()
    assert await away(plant) == [30]


async def away(plant: Plant) -> list[int]:
    """Until when the hub was, in seconds from the last look on."""
    rows = await plant.database.fetch(
        "SELECT extract(epoch FROM until - swept_at)::int AS until FROM hub_away, rule_sweep"
    )
    return [row["until"] for row in rows]


async def test_the_beat_counts_only_with_what_follows_from_it(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def add_away(*_: object) -> None:
        raise Unavailable("no database")

    await plant.database.execute(
        "INSERT INTO rule_sweep (swept_at) VALUES (now() - interval '5 minutes')"
    )
    with monkeypatch.context() as patch:
        patch.setattr(RuleStore, "add_away", add_away)
        with pytest.raises(Unavailable):
            await plant.sweep.look()
    await plant.sweep.look()
    assert await away(plant) == [0]


async def test_a_drain_and_half_a_minute_after_it_do_not_count(plant: Plant) -> None:
    await plant.rule(offline=True)
    await plant.sweep.look()
    await plant.database.execute(
        "INSERT INTO replica (replica_id, address, lease_until, ended_at, hole_told_at) "
        "VALUES ('gone', 'there', now(), now() + interval '1 second', now() + interval '1 second')"
    )
    await end_line(plant, "d1", 62)
    await end_line(plant, "d2", 92)
    await plant.sweep.look()
    assert await plant.alerts() == [("d2", 1, None)]


async def test_a_database_that_stood_still_is_nobodys_absence(plant: Plant) -> None:
    await plant.rule(offline=True)
    await plant.database.execute(
        "INSERT INTO rule_sweep (swept_at) VALUES (now() - interval '5 minutes')"
    )
    await end_line(plant, "d1", 200)
    await plant.sweep.look()
    assert await plant.alerts() == []


@pytest.mark.parametrize(
    "blocked",
    [
        "UPDATE device SET disabled = true",
        "UPDATE device SET quarantined_at = now()",
        "UPDATE device_state SET status = 'DISABLED'",
    ],
)
async def test_nothing_is_raised_of_a_device_that_is_blocked(plant: Plant, blocked: str) -> None:
    await plant.database.execute(
        "INSERT INTO device_state (org_id, device_id) SELECT org_id, device_id FROM device "
        "ON CONFLICT DO NOTHING"
    )
    await plant.rule(offline=True)
    await end_line(plant, "d1", 100)
    await plant.database.execute(f"{blocked} WHERE device_id = 'd1'")
    await plant.sweep.look()
    assert await plant.alerts() == []


@pytest.mark.parametrize(
    "blocked",
    [
        "UPDATE device SET disabled = true",
        "UPDATE device SET quarantined_at = now()",
        "UPDATE device_state SET status = 'DISABLED'",
        "DELETE FROM device_label",
    ],
)
async def test_what_is_noted_opens_no_alert_of_a_device_that_may_raise_none(
    plant: Plant, blocked: str
) -> None:
    await plant.database.execute(
        "INSERT INTO device_label (org_id, device_id, key, value) "
        "SELECT org_id, device_id, 'hall', '9' FROM device"
    )
    await plant.database.execute(
        "INSERT INTO device_state (org_id, device_id) SELECT org_id, device_id FROM device "
        "ON CONFLICT DO NOTHING"
    )
    await plant.rule(event="scan", count=3, within_seconds=600, query="has label.hall")
    for device in ("d1", "d2"):
        await plant.say(scan(device), scan(device))
    await plant.database.execute(f"{blocked} WHERE device_id = 'd1'")
    for device in ("d1", "d2"):
        await plant.say(scan(device), scan(device))
    assert await plant.alerts() == [("d2", 4, None)]


async def test_what_held_is_over_also_while_nothing_may_be_raised(plant: Plant) -> None:
    await plant.rule(metric="cpu", above=90, for_seconds=60)
    await plant.say(metric(95))
    await plant.database.execute("UPDATE device SET disabled = true WHERE device_id = 'd1'")
    await plant.say(metric(95), metric(50), metric(95))
    assert await plant.database.fetchval("SELECT count(*) FROM alert_watch") == 0


async def test_a_rule_that_is_slow_holds_up_no_other(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "DEADLINE", 1.0)
    slow = await plant.rule(offline=True)
    await plant.rule(offline=True)
    await end_line(plant, "d1", 100)
    async with plant.database.transaction() as connection:
        await connection.execute("SELECT FROM alert_rule WHERE rule_id = $1 FOR UPDATE", slow)
        with pytest.raises(Unavailable):
            await plant.sweep.look()
    assert await plant.alerts() == [("d1", 1, None)]
    await plant.sweep.look()
    assert len(await plant.alerts()) == 2


# Absent


async def test_a_device_that_is_younger_than_a_rule_is_waited_for_from_its_first_event(
    plant: Plant, owner: Database
) -> None:
    await plant.rule(absent="scan", for_seconds=5)
    await owner.execute("UPDATE alert_rule SET updated_at = now() - interval '1 minute'")
    await owner.execute(
        "UPDATE device SET created_at = now() - interval '1 hour' WHERE device_id = 'd1'"
    )
    await plant.keeper.load()
    await plant.sweep.look()
    assert await plant.alerts() == []
    await plant.database.execute(
        "UPDATE alert_watch SET matched_at = matched_at - interval '1 minute'"
    )
    await plant.sweep.look()
    assert await plant.alerts() == [("d1", 1, None)]
    await plant.say(scan("d2"))
    await plant.database.execute(
        "UPDATE alert_watch SET matched_at = now() - interval '1 minute' WHERE device_id = 'd2'"
    )
    await plant.sweep.look()
    assert [row[0] for row in await plant.alerts()] == ["d1", "d2"]
    await plant.say(scan("d1"))
    assert ("d1", 1, "cleared") in await plant.alerts()


async def test_who_comes_to_be_meant_is_waited_for_from_then_on(
    plant: Plant, owner: Database
) -> None:
    await owner.execute("UPDATE device SET created_at = now() - interval '1 hour'")
    await plant.rule(absent="scan", for_seconds=60, query="has label.hall")
    await owner.execute("UPDATE alert_rule SET updated_at = now() - interval '10 minutes'")
    await plant.keeper.load()
    await plant.say(scan("d1"))
    await plant.database.execute(
        "INSERT INTO device_label (org_id, device_id, key, value) "
        "SELECT org_id, device_id, 'hall', '9' FROM device WHERE device_id = 'd1'"
    )
    await plant.sweep.look()
    assert await plant.alerts() == []
    await plant.database.execute(
        "UPDATE alert_watch SET matched_at = now() - interval '10 minutes'"
    )
    await plant.sweep.look()
    assert await plant.alerts() == [("d1", 1, None)]
    await plant.say(scan("d1"))
    assert await plant.alerts() == [("d1", 1, "cleared")]


async def test_a_rule_that_has_only_just_been_made_waits_from_then_on(
    plant: Plant, owner: Database
) -> None:
    await plant.rule(absent="scan", for_seconds=5)
    await owner.execute("UPDATE alert_rule SET updated_at = now() - interval '7 seconds'")
    await owner.execute("UPDATE device SET created_at = now() - interval '1 hour'")
    await plant.keeper.load()
    await plant.sweep.look()
    assert len(await plant.alerts()) == 3


# Two writers


async def test_two_replicas_count_each_event_once(plant: Plant) -> None:
    other = await plant_of(plant.database)
    await plant.rule(event="scan", count=20, within_seconds=600)
    await other.keeper.load()
    for seq in range(1, 20):
        rows = [scan(seq=seq)]
        await asyncio.gather(plant.say(*rows), other.say(*rows))
    assert await plant.alerts() == []
    await asyncio.gather(plant.say(scan(seq=20)), other.say(scan(seq=20)))
    assert await plant.alerts() == [("d1", 20, None)]


async def is_blocked(database: Database) -> bool:
    return bool(await database.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))


async def test_who_waited_for_another_sees_what_has_become_of_it(plant: Plant) -> None:
    await plant.rule(metric="cpu", above=90)
    store, key = RuleStore(plant.database), the_key(plant)

    async def begun() -> bool:
        async with plant.database.transaction() as connection:
            ((state, _),) = (await store.begin(connection, [key])).values()
            return state.is_open

    async with plant.database.transaction() as connection:
        await store.begin(connection, [key])
        waiting = asyncio.create_task(begun())
        await until(lambda: is_blocked(plant.database))
        await store.open(connection, [NewAlert(key=key, message="m", value=None, count=1)])
    assert await waiting
    async with plant.database.transaction() as connection:
        await store.begin(connection, [key])
        waiting = asyncio.create_task(begun())
        await until(lambda: is_blocked(plant.database))
        await store.put_states(connection, {key: None})
        await store.resolve(connection, [key], "cleared")
    assert not await waiting


def the_key(plant: Plant) -> WatchKey:
    """That of the only rule, and d1."""
    ((rule,),) = plant.keeper.rules().values()
    return rule, DeviceId("d1")


async def test_a_replica_that_knows_an_older_rule_raises_nothing_by_it(plant: Plant) -> None:
    rule_id = await plant.rule(metric="cpu", above=90)
    other = await plant_of(plant.database)
    await other.keeper.load()
    await plant.service.delete(plant.by, rule_id)
    await other.say(metric(95))
    assert await plant.alerts() == []


async def test_rules_that_could_not_be_loaded_are_with_the_next_look(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def at_work(*_: object) -> None:
        raise Unavailable("no database")

    other = await plant_of(plant.database)
    await plant.rule(metric="cpu", above=90)
    with monkeypatch.context() as patch:
        patch.setattr(RuleStore, "at_work", at_work)
        with pytest.raises(Unavailable):
            await other.keeper.load(DEFAULT_ORG)
    await other.keeper.look()
    await other.say(metric(95))
    assert await plant.alerts() == [("d1", 1, None)]


async def test_what_an_older_rule_raised_at_the_same_time_is_over_with_the_next_look(
    plant: Plant,
) -> None:
    await plant.rule(metric="cpu", above=90)
    await plant.say(metric(95))
    await plant.database.execute("UPDATE alert_rule SET version = version + 1")
    await plant.sweep.look()
    assert await plant.alerts() == [("d1", 1, "rule_changed")]


async def test_who_changes_again_and_again_is_told_of_once_for_each_batch(plant: Plant) -> None:
    await plant.rule(metric="cpu", above=90)
    await plant.say(*(metric(95 - 90 * (number % 2)) for number in range(1_001)))
    found = await plant.alerts()
    assert len(found) <= 4
    assert found[-1] == ("d1", 1, None)
    assert plant.telling.queued == ["d1"]


async def test_a_query_that_fails_keeps_nothing_from_being_stored(plant: Plant) -> None:
    await plant.rule(metric="cpu", above=90, query="lastSeen < now + 36000d")
    await plant.database.execute(
        "INSERT INTO device_state (org_id, device_id, last_seen) "
        "SELECT org_id, device_id, 'infinity' FROM device "
        "ON CONFLICT (org_id, device_id) DO UPDATE SET last_seen = 'infinity'"
    )
    await plant.say(metric(95), scan(seq=1))
    assert await plant.database.fetchval("SELECT count(*) FROM event_mark WHERE seq = 1") == 1


async def test_a_thousand_devices_at_once_are_few_statements(plant: Plant) -> None:
    await add_devices(plant.database, 1_500, first=100)
    await plant.database.execute(
        "INSERT INTO device_line (org_id, device_id, replica_id, session_id, closed_at) "
        "SELECT org_id, device_id, 'r', 's', now() - interval '2 minutes' FROM device "
        "ON CONFLICT DO NOTHING"
    )
    await plant.rule(offline=True)
    began = time.monotonic()
    await plant.sweep.look()
    assert time.monotonic() - began < 10
    assert len(await plant.alerts()) == 1_500
