"""Campaigns under way and ways to the cloud of before become jobs."""

import asyncpg

import sql
from protocol.ids import uuid7
from tests.integration.hub.conftest import Cluster

BEFORE = """
INSERT INTO campaign (org_id, campaign_id, subject, command, terms, created_by, driver,
                      driver_until)
    VALUES ('default', 'open', 's', '{}', '{}', 'alice', 'r-1', now());
INSERT INTO campaign (org_id, campaign_id, subject, command, terms, created_by, status, finished_at,
                      closed_at)
    VALUES ('default', 'closed', 's', '{}', '{}', 'alice', 'SUCCESS', now(), now());
INSERT INTO cloud_sync_lane (org_id, company_id, replica_id, lease_until, retry_at, failures, error,
                             failed_at)
    VALUES ('default', 'acme', 'r-1', now(), now(), 3, '503', now());
"""
FOUND = """
SELECT kind, org_id, key, next_run <= now() AS is_due, holder, epoch, failures, last_error
FROM job ORDER BY kind
"""


async def test_what_had_a_lease_of_its_own_is_a_job(cluster: Cluster) -> None:
    name = f"jobs_{uuid7()}"
    await cluster.create(name)
    scripts = sql.migrations()
    at = next(place for place, (script, _) in enumerate(scripts) if script.endswith("_jobs"))
    connection = await asyncpg.connect(cluster.owner_url(name))
    try:
        for _, script in scripts[:at]:
            await connection.execute(script)
        await connection.execute(BEFORE)
        await connection.execute(scripts[at][1])
        assert [tuple(row) for row in await connection.fetch(FOUND)] == [
            ("campaign", "default", "open", True, None, 0, 0, None),
            ("cloud_lane", "default", "acme", True, None, 0, 3, "503"),
        ]
    finally:
        await connection.close()
