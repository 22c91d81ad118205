"""What was there before records got ids of their device and lanes of their company stays usable."""

import asyncpg

import sql
from protocol.ids import uuid7
from tests.integration.hub.conftest import Cluster

BEFORE = """
INSERT INTO device (org_id, device_id, name) VALUES ('default', 'd1', 'd1');
INSERT INTO aggregated (org_id, record_id, kind, company_id, device_id, ts, data, digest) VALUES
    ('default', 'b-1', 'batch', 'acme', 'd1', now(), '{}', 'x'),
    ('default', 'f-1', 'fixation', 'acme', 'd1', now(), '{}', 'x');
INSERT INTO cloud_sync_queue (org_id, record_id, company_id, kind) VALUES
    ('default', 'b-1', 'acme', 'batch'), ('default', 'f-1', 'acme', 'fixation');
INSERT INTO cloud_sync_lane (org_id, company_id, kind) VALUES
    ('default', 'acme', 'batch'), ('default', 'acme', 'fixation');
INSERT INTO device_config (org_id, device_id, desired, desired_version)
    VALUES ('default', 'd1', '{"a": 1}', 2);
INSERT INTO device_config_history (org_id, device_id, version, actor, command_id, patch) VALUES
    ('default', 'd1', 1, 'alice', 'c1', '{"a": 0}'),
    ('default', 'd1', 2, 'alice', 'c2', '{"a": 1}');
"""


async def test_rows_of_before_are_taken_over(cluster: Cluster) -> None:
    name = f"before_{uuid7()}"
    await cluster.create(name)
    scripts = sql.migrations()
    at = next(place for place, (script, _) in enumerate(scripts) if script.endswith("_records"))
    connection = await asyncpg.connect(cluster.owner_url(name))
    try:
        for _, script in scripts[:at]:
            await connection.execute(script)
        await connection.execute(BEFORE)
        await connection.execute(scripts[at][1])
        queue = await connection.fetch(
            "SELECT device_id, record_id, company_id FROM cloud_sync_queue ORDER BY queue_id"
        )
        assert [tuple(row) for row in queue] == [("d1", "b-1", "acme"), ("d1", "f-1", "acme")]
        lanes = await connection.fetch("SELECT org_id, company_id FROM cloud_sync_lane")
        assert [tuple(row) for row in lanes] == [("default", "acme")]
        kept = await connection.fetch(
            "SELECT version, document FROM device_config_history ORDER BY version"
        )
        assert [tuple(row) for row in kept] == [(1, None), (2, '{"a": 1}')]
        assert await connection.fetchval("SELECT highest_version FROM device_config") == 2
    finally:
        await connection.close()
