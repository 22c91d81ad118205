"""Moments that stand in the future, because the clock was wrong when they were written."""

from hub.base.database import Database
from hub.base.present import bring_to_present
from protocol.ids import DEFAULT_ORG, DeviceId
from tests.integration.hub.hubs import add_devices, running_hub

D1 = DeviceId("d1")


async def ahead(database: Database, table: str, *columns: str) -> None:
    """As if they had been written when the clock was ten years ahead."""
    sets = ", ".join(f"{column} = {column} + interval '10 years'" for column in columns)
    await database.execute(f"UPDATE {table} SET {sets}")  # noqa: S608


async def test_g18_a_command_of_the_future_waits_for_as_long_as_it_would_have(
    database: Database,
) -> None:
    await add_devices(database)
    async with running_hub(database) as hub:
        line = await hub.line(D1)
        sent = await hub.accept(D1, timeout_ms=15_000)
        await line.until(1)
        await ahead(database, "command", "created_at", "sent_at", "deadline")
        await bring_to_present(database)
        row = await database.fetchrow(
            "SELECT created_at <= now() AS accepted, sent_at <= now() AS sent, "
            "extract(epoch FROM deadline - now())::float8 AS left FROM command "
            "WHERE command_id = $1",
            sent,
        )
        assert row is not None
        assert (row["accepted"], row["sent"]) == (True, True)
        assert 10 < row["left"] <= 15


async def test_g18_a_queued_command_of_the_future_expires_in_its_time(database: Database) -> None:
    await add_devices(database)
    async with running_hub(database) as hub:
        await hub.accept(D1, delivery="queue")
        before = await database.fetchval("SELECT expires_at - created_at FROM command")
        await ahead(database, "command", "created_at", "expires_at")
        await bring_to_present(database)
        row = await database.fetchrow(
            "SELECT created_at <= now() AS accepted, expires_at - created_at AS length, deadline "
            "FROM command"
        )
        assert row is not None
        assert (row["accepted"], row["length"], row["deadline"]) == (True, before, None)


async def test_what_is_not_of_the_future_stays_as_it_is(database: Database) -> None:
    await add_devices(database)
    async with running_hub(database) as hub:
        line = await hub.line(D1)
        await hub.accept(D1)
        await line.until(1)
        before = await database.fetch("SELECT * FROM command")
        await bring_to_present(database)
        assert await database.fetch("SELECT * FROM command") == before


async def test_g18_jobs_lines_and_devices_of_the_future_are_of_now(database: Database) -> None:
    await add_devices(database)
    async with running_hub(database) as hub:
        await hub.line(D1)
        await database.execute(
            "INSERT INTO job (kind, org_id, key, next_run, wait, last_run) VALUES "
            "('cloud_lane', $1, 'acme', now() + interval '1 min', '1 min', now()), "
            "('schedule', $1, 's', now() + interval '1 min', NULL, now())",
            DEFAULT_ORG,
        )
        await ahead(database, "job", "next_run", "last_run")
        await ahead(database, "device_line", "connected_at")
        await ahead(database, "device_state", "last_seen")
        await database.execute("UPDATE device_config SET changed_at = now() + interval '10 years'")
        await database.execute(
            "INSERT INTO device_section (org_id, device_id, kind, document, hash, changed_at)"
            " SELECT org_id, device_id, 'mode', '{}', '', now() + interval '10 years' FROM device"
        )
        await bring_to_present(database)
        late = await database.fetchval(
            "SELECT greatest(l.connected_at, s.last_seen, c.changed_at, x.changed_at, "
            "(SELECT greatest(next_run, last_run) FROM job WHERE kind = 'cloud_lane')) "
            "> clock_timestamp() "
            "FROM device d JOIN device_line l USING (org_id, device_id) "
            "JOIN device_state s USING (org_id, device_id) "
            "JOIN device_config c USING (org_id, device_id) "
            "JOIN device_section x USING (org_id, device_id)"
        )
        assert late is False
        calendar = "SELECT next_run > now() + interval '1 year' FROM job WHERE wait IS NULL"
        assert await database.fetchval(calendar), "a moment of the calendar stays what it is"


async def test_g18_a_campaign_of_the_future_goes_on(database: Database) -> None:
    await add_devices(database)
    await database.execute(
        "INSERT INTO campaign (org_id, campaign_id, kind, subject, command, terms, created_by) "
        "VALUES ($1, 'c', 'command', 's', '{}', '{}', 'u')",
        DEFAULT_ORG,
    )
    await database.execute(
        "INSERT INTO campaign_device (org_id, campaign_id, position, device_id, wave, started_at, "
        "steady_since) VALUES ($1, 'c', 0, 'd1', 0, now(), now())",
        DEFAULT_ORG,
    )
    await ahead(database, "campaign", "wave_since")
    await ahead(database, "campaign_device", "since", "started_at", "steady_since")
    await bring_to_present(database)
    late = await database.fetchval(
        "SELECT greatest(c.wave_since, t.since, t.started_at, t.steady_since) > clock_timestamp() "
        "FROM campaign c JOIN campaign_device t USING (org_id, campaign_id)"
    )
    assert late is False
