"""What is of one organisation is kept from another's by the database itself: `Database.tenant`."""

import asyncio
import re
from collections.abc import AsyncGenerator
from io import BytesIO

import asyncpg
import pytest
import pytest_asyncio

from hub.base.database import Database
from hub.base.migrate import migrate_at
from hub.telemetry.rows import TABLES
from protocol.ids import OrgId
from tests.integration.hub.conftest import Cluster
from tests.migration.test_roles import APPS, RIGHTS

A, B = OrgId("a"), OrgId("b")
OF_AN_ORG = sorted(
    {table for table, rights in APPS.items() if "SELECT" in rights} - {"account", "replica"}
)

UNGUARDED = """
SELECT c.relname FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'org_id' AND NOT a.attisdropped
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND NOT (c.relrowsecurity AND EXISTS (
      SELECT FROM pg_policies p WHERE p.tablename = c.relname
        AND p.policyname = 'app' AND p.roles = ARRAY['longline_app'::name] AND p.cmd = 'ALL'
        AND p.qual = '(org_id = longline_org())' AND p.with_check IS NULL))
"""
ROWS = """
INSERT INTO org (org_id, name) VALUES ('{0}', '{0}');
INSERT INTO account (user_id, username, display_name) VALUES ('u{0}', 'u{0}', 'u'),
                                                            ('u', 'u', 'u') ON CONFLICT DO NOTHING;
INSERT INTO member (org_id, user_id) VALUES ('{0}', 'u');
INSERT INTO invitation (org_id, invitation_id, token_hash, role, made_by, expires_at)
VALUES ('{0}', 'i', '{0}', 'VIEWER', 'u', now());
INSERT INTO team (org_id, team_id, name) VALUES ('{0}', 't', 't');
INSERT INTO team_member VALUES ('{0}', 't', 'u');
INSERT INTO custom_role (org_id, name, rules) VALUES ('{0}', 'r', '[]');
INSERT INTO secret (org_id, name, keys, hash, sealed, created_by)
VALUES ('{0}', 's', '{{k}}', '', '', 'u');
INSERT INTO secret_version (org_id, name, version, sealed) VALUES ('{0}', 's', 1, '');
INSERT INTO config_map (org_id, name, created_by) VALUES ('{0}', 'm', 'u');
INSERT INTO config_map_version (org_id, name, version, size, hash, data)
VALUES ('{0}', 'm', 1, 1, '', '{{}}');
INSERT INTO registry (org_id, name, url, host, created_by) VALUES ('{0}', 'r', 'u', 'h', 'u');
INSERT INTO application (org_id, name, created_by) VALUES ('{0}', 'a', 'u');
INSERT INTO application_revision (org_id, application, revision, sha256, pinned, compose,
                                  config_maps, secrets, data_bytes, services, hosts, variables,
                                  asks_for, created_by)
VALUES ('{0}', 'a', 'r', '', true, '{{}}', '{{}}', '{{}}', 0, 0, '{{}}', '{{}}', '{{}}', 'u');
INSERT INTO approval (org_id, approval_id, kind, device_ids, shown, call, request_hash, rights,
                      reason, asked_by_kind, asked_by, asked_by_name, expires_at)
VALUES ('{0}', 'a', 'settings', '{{}}', '{{}}', '{{}}', '', '{{}}', 'asked', 'user', 'u', 'u',
        now());
INSERT INTO capped_dispatch (org_id, targets) VALUES ('{0}', 1);
INSERT INTO role_binding (org_id, binding_id, role, subject_kind, subject_id, scope_kind)
VALUES ('{0}', 'b', 'r', 'team', 't', 'org');
INSERT INTO device (org_id, device_id, name) VALUES ('{0}', 'd', 'd');
INSERT INTO byte_session (org_id, session_id, device_id, kind, params, owner_kind, owner_id,
                          credential, opened_by, expires_at)
VALUES ('{0}', 's', 'd', 'shell', '{{}}', 'user', 'u', 's', 'u', now());
INSERT INTO byte_connection (org_id, session_id, name, device_id) VALUES ('{0}', 's', '', 'd');
INSERT INTO recording_chunk VALUES ('{0}', 's', 'd', 1, '');
INSERT INTO enrollment_token (org_id, token_id, name, token_hash, made_by_kind, made_by,
                              made_by_name)
VALUES ('{0}', 't', 't', sha256('{0}'), 'user', 'u', 'u');
INSERT INTO enrollment_use (org_id, token_id, device_id, block) VALUES ('{0}', 't', 'd', '');
INSERT INTO enrollment_request (org_id, request_id, device_id, proof, fingerprint)
VALUES ('{0}', 'r', 'd', sha256('{0}'), '');
INSERT INTO certificate_authority (ca_id, certificate, private_key, expires_at)
VALUES ('c', '', '', now()) ON CONFLICT DO NOTHING;
INSERT INTO certificate (org_id, serial, device_id, ca_id, fingerprint, expires_at)
VALUES ('{0}', 's', 'd', 'c', '', now());
INSERT INTO device_label VALUES ('{0}', 'd', 'k', '');
INSERT INTO device_application (org_id, device_id, application, revision, by_hand)
VALUES ('{0}', 'd', 'a', 'r', true);
INSERT INTO device_stop (org_id, device_id, application, service, stopped_by)
VALUES ('{0}', 'd', 'a', 's', 'u');
INSERT INTO device_variable VALUES ('{0}', 'd', 'n', 'v');
INSERT INTO device_workloads (org_id, device_id) VALUES ('{0}', 'd');
INSERT INTO workload_report (org_id, device_id, application, version, services, hash, bare_hash,
                             observed_at)
VALUES ('{0}', 'd', 'a', 'v', '[]', '', '', now());
INSERT INTO device_state (org_id, device_id) VALUES ('{0}', 'd');
INSERT INTO device_line (org_id, device_id, replica_id, session_id) VALUES ('{0}', 'd', 'r', 's');
INSERT INTO device_config (org_id, device_id) VALUES ('{0}', 'd');
INSERT INTO device_section (org_id, device_id, kind, document, hash)
VALUES ('{0}', 'd', 'mode', '{{}}', '');
INSERT INTO device_config_history (org_id, device_id, version, actor, command_id, patch)
VALUES ('{0}', 'd', 1, 'u', 'c', '{{}}');
INSERT INTO command (org_id, command_id, device_id, seq, type, params, status, delivery, timeout_ms,
                     actor, request_hash, accepted_by)
VALUES ('{0}', 'c', 'd', 1, 't', '{{}}', 'PENDING', 'now', 1, 'u', '', 'r');
INSERT INTO audit_log (org_id, actor, action) VALUES ('{0}', 'u', 'x');
INSERT INTO status_event VALUES ('{0}', 'd', now(), now(), 'ONLINE', '{{}}');
INSERT INTO event VALUES ('{0}', 'd', now(), now(), 't', 'b', 1, '{{}}');
INSERT INTO log_line VALUES ('{0}', 'd', now(), now(), 1, 's', NULL, 'l');
INSERT INTO metric_rollup VALUES ('{0}', 'd', now(), 'n', 1, 1, 1, 1);
INSERT INTO rollup_mark VALUES ('{0}', now());
INSERT INTO cloud_sync_queue (org_id, record_id, company_id, kind, device_id)
VALUES ('{0}', 'r', 'c', 'bottle', 'd');
INSERT INTO job (kind, org_id) VALUES ('k', '{0}');
INSERT INTO schedule (org_id, schedule_id, name, cron, timezone, target, work, missed, overlap,
                      jitter_seconds, enabled, rights, owner_kind, owner_id, owner_name,
                      created_by)
VALUES ('{0}', 's', 's', '* * * * *', 'UTC', '{{}}', '{{}}', 'skip', 'skip', 0, true, '{{}}',
        'user', 'u', 'u', 'u');
INSERT INTO schedule_run (org_id, schedule_id, run_id, due, by_hand, revision, status, is_campaign)
VALUES ('{0}', 's', 'r', now(), false, 1, 'RUNNING', false);
INSERT INTO alert_rule (org_id, rule_id, name, condition, for_seconds, severity, owner_kind,
                        owner_id, owner_name, created_by)
VALUES ('{0}', 'r', 'r', '{{}}', 0, 'WARN', 'user', 'u', 'u', 'u');
INSERT INTO alert_watch (org_id, rule_id, device_id) VALUES ('{0}', 'r', 'd');
INSERT INTO notification_channel (org_id, channel_id, name, kind, group_seconds, repeat_minutes,
                                  created_by)
VALUES ('{0}', 'c', 'c', 'webhook', 60, 60, 'u');
INSERT INTO notification (org_id, channel_id, alert_id) VALUES ('{0}', 'c', 'a');
INSERT INTO notification_told (org_id, channel_id, alert_id) VALUES ('{0}', 'c', 'a');
INSERT INTO notification_message (org_id, channel_id, message_id, subject, body)
VALUES ('{0}', 'c', 'm', 's', 'b');
INSERT INTO silence (org_id, silence_id, query, until, comment, owner_kind, owner_id, created_by)
VALUES ('{0}', 's', 'has label.x', now(), 'c', 'user', 'u', 'u');
INSERT INTO alert (org_id, alert_id, device_id, code, severity, message)
VALUES ('{0}', 'a', 'd', 'c', 'WARN', 'm');
INSERT INTO webhook (org_id, webhook_id, name, url, header_names, sealed, enabled, owner_kind,
                     owner_id, owner_name, created_by)
VALUES ('{0}', 'w', 'w', 'u', '{{}}', '', true, 'user', 'u', 'u', 'u');
INSERT INTO webhook_event (org_id, webhook_id, device_id, size, restricted, body)
VALUES ('{0}', 'w', 'd', 2, false, '{{}}');
INSERT INTO webhook_delivery (org_id, webhook_id, delivery_id, count, device_ids, cleared_ids,
                              tells_gap)
VALUES ('{0}', 'w', 'd', 1, '{{}}', '{{}}', false);
INSERT INTO aggregated (org_id, record_id, kind, company_id, device_id, ts, data, digest)
VALUES ('{0}', 'r', 'bottle', 'c', 'd', now(), '{{}}', '');
INSERT INTO api_key (org_id, key_id, user_id, name, role, key_hash)
VALUES ('{0}', 'k', 'u', 'k', 'ADMIN', '{0}');
INSERT INTO campaign (org_id, campaign_id, kind, subject, command, terms, created_by)
VALUES ('{0}', 'c', 'command', 's', '{{}}', '{{}}', 'u');
INSERT INTO campaign_device (org_id, campaign_id, position, device_id, wave)
VALUES ('{0}', 'c', 0, 'd', 0);
INSERT INTO command_description VALUES ('{0}', 'h', '[]', 'd');
INSERT INTO config_hidden VALUES ('{0}', '', '{{}}');
INSERT INTO config_schema (org_id, schema, updated_by) VALUES ('{0}', '{{}}', 'u');
INSERT INTO device_group (org_id, group_id, name) VALUES ('{0}', 'g', 'g');
INSERT INTO device_group_config (org_id, group_id, document, priority, updated_by)
VALUES ('{0}', 'g', '{{}}', 1, 'u');
INSERT INTO device_group_member VALUES ('{0}', 'g', 'd');
INSERT INTO event_mark (org_id, device_id, boot_id, seq) VALUES ('{0}', 'd', 'b', 1);
INSERT INTO firmware_key (org_id, key_id, name, public_key, created_by)
VALUES ('{0}', 'k', 'k', 'p', 'u');
INSERT INTO firmware_release (org_id, release_id, version, channel, filename, size, sha256,
                              created_by)
VALUES ('{0}', 'r', '1', 'c', 'f', 1, 's', 'u');
INSERT INTO penalty_cleared (org_id, device_id) VALUES ('{0}', 'd');
INSERT INTO setting VALUES ('{0}', 'n', '1');
INSERT INTO usage_day VALUES ('{0}', now(), 1, 1, 1, 1, 1);
INSERT INTO user_preference VALUES ('{0}', 'u', '{{}}');
INSERT INTO user_session (org_id, session_id, user_id, expires_at) VALUES ('{0}', 's', 'u', now());
"""


@pytest_asyncio.fixture
async def two(database: Database, owner: Database) -> Database:
    """Two organisations with a row each in all that one of them may read."""
    for org in (A, B):
        await owner.execute(ROWS.format(org))
    return database


@pytest_asyncio.fixture
async def apart(cluster: Cluster, database_url: str) -> AsyncGenerator[Database]:
    """A login that is a member of longline_app, and of nothing else."""
    await cluster.as_superuser("CREATE ROLE apart LOGIN IN ROLE longline_app")
    database = await Database.open(re.sub(r"//\w+@", "//apart@", database_url), connections=1)
    yield database
    await database.close()
    await cluster.as_superuser("DROP ROLE apart")


async def orgs(tenant: Database, org: OrgId, table: str) -> set[str]:
    """Of the rows that are seen by a statement that forgot to ask for one organisation."""
    rows = await tenant.tenant(org).fetch(f"SELECT org_id FROM {table}")  # noqa: S608
    return {row["org_id"] for row in rows}


async def test_no_table_of_organisations_is_without_the_policy(owner: Database) -> None:
    assert await owner.fetch(UNGUARDED) == []


async def test_a_new_table_gets_it_with_the_next_migrate(
    owner: Database, cluster: Cluster, database_name: str
) -> None:
    await owner.execute("CREATE TABLE newer (org_id text, x int)")
    await owner.execute("ALTER POLICY app ON device USING (true)")
    await owner.execute("CREATE POLICY more ON command TO longline_app USING (true)")
    await owner.execute("ALTER TABLE audit_log DISABLE ROW LEVEL SECURITY")
    assert len(await owner.fetch(UNGUARDED)) == 3

    await migrate_at(cluster.owner_url(database_name))

    assert await owner.fetch(UNGUARDED) == []
    (policies,) = await owner.fetch(
        "SELECT array_agg(policyname::text) AS names FROM pg_policies WHERE tablename = 'command'"
    )
    assert set(policies["names"]) == {"app", "hub", "scope"}


@pytest.mark.parametrize("table", OF_AN_ORG)
async def test_a_statement_without_its_condition_sees_one_organisation(
    two: Database, table: str
) -> None:
    assert await orgs(two, A, table) == {A}
    assert await orgs(two, B, table) == {B}
    asked = f"SELECT count(*) FROM {table} WHERE org_id = 'b'"  # noqa: S608
    assert await two.tenant(A).fetchval(asked) == 0
    assert await orgs(two, OrgId("c"), table) == set()


async def test_nothing_is_written_for_another(two: Database) -> None:
    insert = "INSERT INTO audit_log (org_id, actor, action) VALUES ($1, 'u', 'y')"
    await two.tenant(A).execute(insert, A)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        await two.tenant(A).execute(insert, B)
    assert await two.fetchval("SELECT count(*) FROM audit_log WHERE action = 'y'") == 1


@pytest.mark.parametrize("table", OF_AN_ORG)
async def test_a_lost_setting_is_an_error(two: Database, table: str) -> None:
    for lost in ("", "SET LOCAL longline.org = '';"):
        async with two.transaction() as connection:
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="of no organisation"):
                await connection.execute(
                    f"SET LOCAL ROLE longline_app; {lost} SELECT org_id FROM {table}"  # noqa: S608
                )


async def test_nothing_stays_with_the_connection(cluster: Cluster, database_name: str) -> None:
    database = await Database.open(cluster.url(database_name), connections=1)
    before = "SELECT current_user::text, coalesce(current_setting('longline.org', true), '')"
    assert await database.tenant(A).fetchrow(before) == ("longline_app", "a")
    assert await database.fetchrow(before) == ("longline_server", "")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await database.tenant(B).execute("SELECT 1/0")
    assert await database.fetchrow(before) == ("longline_server", "")
    await database.close()


async def test_each_sees_its_own_at_once(two: Database) -> None:
    asked = [A, B] * 50
    found = await asyncio.gather(*(orgs(two, org, "device") for org in asked))
    assert found == [{org} for org in asked]


async def test_the_hub_and_the_owner_see_all(two: Database, owner: Database) -> None:
    for table in OF_AN_ORG:
        count = f"SELECT count(DISTINCT org_id) FROM {table} WHERE org_id IN ('a', 'b')"  # noqa: S608
        assert await owner.fetchval(count) == 2
        if "SELECT" in RIGHTS[table]:
            assert await two.fetchval(count) == 2


async def test_a_dump_by_the_owner_has_all(two: Database, owner: Database) -> None:
    """As pg_dump reads: an error, should a policy leave anything out."""
    async with owner.transaction() as connection:
        await connection.execute("SET LOCAL row_security = off")
        for table in OF_AN_ORG:
            await connection.execute(f"SELECT * FROM {table}")  # noqa: S608


async def test_telemetry_is_still_copied_in(two: Database, owner: Database) -> None:
    async with two.connection() as connection, owner.connection() as reading:
        for table in TABLES:
            text = BytesIO()
            query = f"SELECT * FROM {table} WHERE org_id = 'a'"  # noqa: S608
            await reading.copy_from_query(query, output=text)
            text.seek(0)
            assert await connection.copy_to_table(table, source=text) == "COPY 1"
            assert await two.tenant(A).fetchval(f"SELECT count(*) FROM tenant_{table}") == 2  # noqa: S608
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.copy_to_table(f"tenant_{table}", source=BytesIO())


async def test_rows_of_fifty_organisations_are_copied_in_at_once(
    two: Database, owner: Database
) -> None:
    columns = await owner.fetch(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'log_line'::regclass AND attnum > 0"
        " ORDER BY attnum"
    )
    wanted = ", ".join(
        "'o' || n % 50" if row["attname"] == "org_id" else row["attname"] for row in columns
    )
    text = BytesIO()
    query = f"SELECT {wanted} FROM log_line, generate_series(1, 1000) n WHERE org_id = 'a'"  # noqa: S608
    async with owner.connection() as reading:
        await reading.copy_from_query(query, output=text)
    text.seek(0)
    async with two.connection() as connection:
        assert await connection.copy_to_table("log_line", source=text) == "COPY 1000"
    for number in (0, 49):
        tenant = two.tenant(OrgId(f"o{number}"))
        assert await tenant.fetchval("SELECT count(*) FROM tenant_log_line") == 20


REFUSED = [
    "SET LOCAL ROLE longline_hub",
    "SET LOCAL ROLE longline_owner",
    "SET ROLE postgres",
    "RESET ROLE; SELECT * FROM refresh_token",
    "SET SESSION AUTHORIZATION longline",
    "SELECT * FROM event",
    "SELECT * FROM log_line",
    "SELECT * FROM status_event_default",
    "SELECT * FROM audit_log_default",
    "SELECT * FROM signing_key",
    "UPDATE device SET org_id = 'b'",
    "DELETE FROM audit_log",
    "ALTER TABLE device DISABLE ROW LEVEL SECURITY",
    "DROP POLICY app ON device",
    "CREATE FUNCTION longline_org() RETURNS text LANGUAGE sql AS 'SELECT 1'",
    "SELECT make_partitions('event', '6 hours', 1, '{}')",
]


async def test_a_login_of_its_own_becomes_nothing_else(two: Database, apart: Database) -> None:
    assert await orgs(apart, A, "device") == {A}
    for statement in REFUSED:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await apart.tenant(A).execute(statement)


async def test_no_partition_can_be_read_by_name(two: Database) -> None:
    partitions = await two.fetch(
        "SELECT relname FROM pg_class WHERE relispartition AND relkind IN ('r', 'p') "
        "AND relnamespace = 'public'::regnamespace"
    )
    assert len(partitions) > len(TABLES)
    for row in partitions:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
            await two.tenant(A).execute(f"SELECT * FROM {row['relname']}")  # noqa: S608
