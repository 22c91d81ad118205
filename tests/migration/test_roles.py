"""Two roles share a database: `longline_owner` owns it, `longline_hub` serves and may do no more
than its statements need."""

import asyncio
import re
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

import sql
from hub.audit.service import AuditService
from hub.audit.store import AuditStore
from hub.base.database import Database, Tenant
from hub.base.embedded import Embedded
from hub.base.errors import ConfigurationError
from hub.base.migrate import bring_up_to_date, migrate_at
from hub.base.partitions import make
from hub.base.roles import login_of
from hub.telemetry.rows import TABLES
from protocol.ids import DEFAULT_ORG
from tests.integration.hub.conftest import Cluster

R, RW = {"SELECT"}, {"SELECT", "INSERT"}
RIGHTS = {
    "aggregated": RW | {"DELETE"},
    "api_key": RW | {"UPDATE", "DELETE"},
    "application": RW | {"UPDATE", "DELETE"},
    "application_revision": RW | {"UPDATE", "DELETE"},
    "config_map": RW | {"UPDATE", "DELETE"},
    "config_map_version": RW | {"DELETE"},
    "device_application": RW | {"UPDATE", "DELETE"},
    "device_stop": RW | {"DELETE"},
    "device_variable": RW | {"UPDATE", "DELETE"},
    "device_workloads": RW | {"UPDATE", "DELETE"},
    "registry": RW | {"UPDATE", "DELETE"},
    "secret_version": RW | {"UPDATE", "DELETE"},
    "workload_report": RW | {"UPDATE", "DELETE"},
    "account": RW | {"UPDATE", "DELETE"},
    "audit_drop": R,
    "audit_log": RW,
    "audit_look": {"SELECT", "UPDATE"},
    "audit_seal": RW,
    "campaign": RW | {"UPDATE", "DELETE"},
    "campaign_device": RW | {"UPDATE", "DELETE"},
    "certificate": RW | {"UPDATE", "DELETE"},
    "certificate_authority": RW | {"UPDATE"},
    "cloud_sync_queue": RW | {"UPDATE", "DELETE"},
    "approval": RW | {"UPDATE", "DELETE"},
    "byte_connection": RW | {"UPDATE"},
    "byte_session": RW | {"UPDATE", "DELETE"},
    "capped_dispatch": RW | {"UPDATE", "DELETE"},
    "command": RW | {"UPDATE", "DELETE"},
    "command_description": RW | {"DELETE"},
    "config_hidden": RW,
    "config_schema": RW | {"UPDATE", "DELETE"},
    "custom_role": RW | {"UPDATE", "DELETE"},
    "invitation": RW | {"UPDATE", "DELETE"},
    "master_key": RW | {"DELETE"},
    "member": RW | {"UPDATE", "DELETE"},
    "role_binding": RW | {"DELETE"},
    "team": RW | {"UPDATE", "DELETE"},
    "team_member": RW | {"DELETE"},
    "device": RW | {"UPDATE"},
    "device_grant": RW | {"UPDATE", "DELETE"},
    "command_key": RW | {"DELETE"},
    "passkey": RW | {"UPDATE", "DELETE"},
    "passkey_challenge": RW | {"DELETE"},
    "provider_grant": RW | {"UPDATE", "DELETE"},
    "provider_session": RW,
    "recovery_code": RW | {"DELETE"},
    "sign_in_challenge": RW | {"UPDATE", "DELETE"},
    "sign_in_identity": RW,
    "sign_in_provider": RW | {"UPDATE", "DELETE"},
    "sign_in_request": RW | {"DELETE"},
    "device_config": RW | {"UPDATE", "DELETE"},
    "device_config_history": RW | {"UPDATE", "DELETE"},
    "device_group": RW | {"UPDATE", "DELETE"},
    "device_group_config": RW | {"UPDATE", "DELETE"},
    "device_group_member": RW | {"DELETE"},
    "device_label": RW | {"UPDATE", "DELETE"},
    "device_line": RW | {"UPDATE"},
    "device_section": RW | {"UPDATE", "DELETE"},
    "device_state": RW | {"UPDATE"},
    "enrollment_request": RW | {"UPDATE", "DELETE"},
    "enrollment_token": RW | {"UPDATE", "DELETE"},
    "enrollment_use": RW | {"UPDATE", "DELETE"},
    "event": {"INSERT"},
    "event_mark": RW | {"UPDATE", "DELETE"},
    "firmware_key": RW | {"DELETE"},
    "firmware_release": RW | {"UPDATE", "DELETE"},
    "idempotency_key": RW | {"DELETE"},
    "installation": R,
    "job": RW | {"UPDATE", "DELETE"},
    "line_takeover": RW | {"DELETE"},
    "log_line": {"INSERT"},
    "login_address": RW | {"UPDATE", "DELETE"},
    "login_attempt": RW | {"DELETE"},
    "metric_rollup": RW | {"UPDATE"},
    "org": RW | {"UPDATE"},
    "partition_drop": set[str](),
    "penalty_cleared": RW | {"UPDATE"},
    "recording_chunk": RW,
    "refresh_token": RW | {"UPDATE", "DELETE"},
    "replica": RW | {"UPDATE", "DELETE"},
    "revocation": RW | {"DELETE"},
    "rollup_mark": RW | {"UPDATE"},
    "schema_migration": R,
    "secret": RW | {"UPDATE", "DELETE"},
    "setting": RW | {"UPDATE"},
    "signing_key": RW | {"UPDATE", "DELETE"},
    "status_event": RW,
    **{f"tenant_{table}": set[str]() for table in TABLES},
    "usage_day": RW | {"UPDATE"},
    "user_preference": RW | {"UPDATE"},
    "user_session": RW | {"UPDATE", "DELETE"},
    "schedule": RW | {"UPDATE", "DELETE"},
    "schedule_run": RW | {"UPDATE", "DELETE"},
    "alert": RW | {"UPDATE", "DELETE"},
    "alert_rule": RW | {"UPDATE", "DELETE"},
    "alert_watch": RW | {"UPDATE", "DELETE"},
    "hub_away": RW | {"UPDATE", "DELETE"},
    "notification": RW | {"UPDATE", "DELETE"},
    "notification_channel": RW | {"UPDATE", "DELETE"},
    "notification_message": RW | {"UPDATE", "DELETE"},
    "notification_told": RW | {"UPDATE", "DELETE"},
    "rule_sweep": RW | {"UPDATE"},
    "silence": RW | {"DELETE"},
    "webhook": RW | {"UPDATE", "DELETE"},
    "webhook_delivery": RW | {"UPDATE", "DELETE"},
    "webhook_event": RW | {"DELETE"},
    "ws_ticket": RW | {"UPDATE", "DELETE"},
}
"""Of longline_hub, on every table. Of partitions it has rights on those alone that are tables of
telemetry themselves, below what an organisation reads."""

APPS = {
    "aggregated": RW,
    "api_key": {"SELECT", "DELETE"},
    "application": RW | {"UPDATE", "DELETE"},
    "application_revision": RW | {"UPDATE", "DELETE"},
    "config_map": RW | {"UPDATE", "DELETE"},
    "config_map_version": RW,
    "device_application": RW | {"UPDATE", "DELETE"},
    "device_stop": RW | {"DELETE"},
    "device_variable": RW | {"UPDATE", "DELETE"},
    "device_workloads": RW | {"UPDATE", "DELETE"},
    "registry": RW | {"UPDATE", "DELETE"},
    "secret_version": {"INSERT"},
    "workload_report": {"SELECT", "DELETE"},
    "audit_log": RW,
    "campaign": RW | {"UPDATE"},
    "campaign_device": RW | {"UPDATE"},
    "certificate": R | {"UPDATE"},
    "cloud_sync_queue": RW | {"UPDATE"},
    "approval": RW | {"UPDATE"},
    "byte_connection": {"INSERT"},
    "byte_session": RW,
    "recording_chunk": R,
    "capped_dispatch": RW | {"UPDATE"},
    "command": {"SELECT", "UPDATE"},
    "command_description": R,
    "config_hidden": RW,
    "config_schema": RW | {"UPDATE", "DELETE"},
    "custom_role": RW | {"UPDATE", "DELETE"},
    "invitation": RW | {"DELETE"},
    "member": R,
    "role_binding": RW | {"DELETE"},
    "team": RW | {"UPDATE"},
    "team_member": RW,
    "device": RW | {"UPDATE"},
    "device_config": RW | {"UPDATE", "DELETE"},
    "device_config_history": {"SELECT", "UPDATE", "DELETE"},
    "device_group": RW | {"UPDATE", "DELETE"},
    "device_group_config": RW | {"UPDATE", "DELETE"},
    "device_group_member": RW | {"DELETE"},
    "device_label": RW | {"UPDATE", "DELETE"},
    "device_line": R,
    "device_section": RW | {"UPDATE", "DELETE"},
    "device_state": RW | {"UPDATE"},
    "enrollment_request": R | {"UPDATE"},
    "enrollment_token": RW | {"UPDATE", "DELETE"},
    "event_mark": {"SELECT", "DELETE"},
    "firmware_key": RW | {"DELETE"},
    "firmware_release": RW | {"UPDATE", "DELETE"},
    "job": RW | {"UPDATE"},
    "metric_rollup": R,
    "penalty_cleared": RW | {"UPDATE"},
    "replica": R,
    "revocation": {"INSERT"},
    "rollup_mark": R,
    "secret": RW | {"UPDATE", "DELETE"},
    "setting": RW | {"UPDATE"},
    "tenant_event": R,
    "tenant_log_line": R,
    "tenant_status_event": R,
    "usage_day": R,
    "user_preference": RW | {"UPDATE"},
    "user_session": {"SELECT", "UPDATE"},
    "schedule": RW | {"UPDATE", "DELETE"},
    "schedule_run": RW | {"UPDATE"},
    "alert": R | {"UPDATE"},
    "alert_rule": RW | {"UPDATE", "DELETE"},
    "alert_watch": R | {"UPDATE", "DELETE"},
    "notification_channel": RW | {"UPDATE", "DELETE"},
    "silence": RW | {"DELETE"},
    "webhook": RW | {"UPDATE", "DELETE"},
    "webhook_delivery": RW | {"UPDATE"},
    "webhook_event": {"INSERT"},
    "ws_ticket": {"INSERT"},
}
"""Of longline_app; on partitions it has none."""

WITHOUT_STATEMENT = {
    ("schema_migration", "SELECT"),  # whether the schema is the one of this program
    *((table, "INSERT") for table in TABLES),  # COPY
}
FUNCTIONS = {"drop_partitions", "empty_organisation", "make_partitions"}
APPS_FUNCTIONS = {"timezone_of"}
TRIGGERS = {"end_certificates"}
"""Nobody calls them."""

PRIVILEGES = """
SELECT c.relname AS name, c.relispartition AS is_partition, c.relowner::regrole::text AS owner,
       a.grantee::regrole::text AS grantee, array_agg(a.privilege_type) AS privileges
FROM pg_class c CROSS JOIN aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
GROUP BY 1, 2, 3, 4
"""
NOT_THE_OWNERS = """
SELECT n.what FROM (
    SELECT oid::regclass::text AS what, relowner AS owner FROM pg_class
    WHERE relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT oid::regprocedure::text, proowner FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace
    UNION ALL
    SELECT oid::regtype::text, typowner FROM pg_type WHERE typnamespace = 'public'::regnamespace
) n WHERE n.owner <> 'longline_owner'::regrole
"""


async def test_each_table_is_the_owners_and_the_hub_may_do_just_what_is_listed(
    owner: Database,
) -> None:
    found: dict[str, set[str]] = {name: set() for name in RIGHTS}
    apps: dict[str, set[str]] = {}
    for row in await owner.fetch(PRIVILEGES):
        assert row["owner"] == "longline_owner", row
        if row["grantee"] == "longline_owner":
            if not row["is_partition"]:
                found.setdefault(row["name"], set())
        elif row["grantee"] == "longline_app":
            assert not row["is_partition"], row
            apps[row["name"]] = set(row["privileges"])
        else:
            assert row["grantee"] == "longline_hub", row
            assert row["is_partition"] is (row["name"] in TABLES), row
            found[row["name"]] |= set(row["privileges"])
    assert found == RIGHTS
    assert apps == APPS
    assert await owner.fetch(NOT_THE_OWNERS) == []


async def test_what_runs_as_the_owner_is_for_the_hub_alone(owner: Database) -> None:
    rows = await owner.fetch(
        "SELECT proname, proconfig, proacl::text[] AS acl FROM pg_proc "
        "WHERE pronamespace = 'public'::regnamespace AND prosecdef"
    )
    assert {row["proname"] for row in rows} == FUNCTIONS | APPS_FUNCTIONS | TRIGGERS
    for row in rows:
        assert row["proconfig"] == [
            "search_path=public, pg_temp",
            "TimeZone=UTC",
            "DateStyle=ISO",
        ]
        callers = {"longline_owner=X"}
        if row["proname"] not in TRIGGERS:
            callers.add("longline_hub=X")
        if row["proname"] in APPS_FUNCTIONS:
            callers.add("longline_app=X")
        assert {entry.partition("/")[0] for entry in row["acl"]} == callers


async def test_what_somebody_added_goes_with_the_next_migrate(
    owner: Database, cluster: Cluster, database_name: str
) -> None:
    await owner.execute("GRANT UPDATE, DELETE ON audit_log, audit_log_default TO longline_hub")
    await owner.execute("GRANT EXECUTE ON FUNCTION drop_partitions TO PUBLIC")

    await migrate_at(cluster.owner_url(database_name))

    await test_each_table_is_the_owners_and_the_hub_may_do_just_what_is_listed(owner)
    await test_what_runs_as_the_owner_is_for_the_hub_alone(owner)


FOLDER = Path(sql.__file__).parent / "queries"
FILES = sorted(path.stem for path in FOLDER.glob("*.sql") if path.stem != "roles")

READ_ABOVE = re.compile(rf"\btenant_({'|'.join(TABLES)})\b")
"""What the hub reads nowhere: telemetry as one organisation sees it."""


async def test_whoever_signs_in_plans_each_statement_once(
    cluster: Cluster, database_name: str
) -> None:
    """By the database, so that no session has to ask a pooler for it."""
    async with signed_in(cluster.owner_url(database_name)) as owner:
        await owner.execute(f'ALTER DATABASE "{database_name}" RESET ALL')
    await migrate_at(cluster.owner_url(database_name))
    async with signed_in(cluster.url(database_name)) as serving:
        assert await serving.fetchval("SHOW plan_cache_mode") == "force_generic_plan"
        assert await serving.fetchval("SHOW jit") == "off"


def statements() -> dict[str, str]:
    """Every statement of the hub, by name."""
    return {
        f"{file}.{name}": text
        for file in FILES
        for name, text in sql.queries(file).items()
        if not READ_ABOVE.search(text)
    }


def of_one_organisation() -> dict[str, str]:
    """Every statement that runs in a transaction of one organisation, by name."""
    return {
        f"{file}.{name}": sql.queries(file)[name]
        for file in FILES
        for name in sql.of_one_organisation(file)
    }


async def may_run(database: Database | Tenant, text: str) -> bool:
    """Postgres asks for rights when a plan is about to be run, also when it is only shown."""
    try:
        await database.execute(f"EXPLAIN (GENERIC_PLAN) {text}")
    except asyncpg.InsufficientPrivilegeError:
        return False
    return True


async def test_the_hub_may_run_each_of_its_statements(database: Database) -> None:
    for runs_as, mine in (
        (database, statements()),
        (database.tenant(DEFAULT_ORG), of_one_organisation()),
    ):
        refused = [name for name, text in mine.items() if not await may_run(runs_as, text)]
        assert refused == []


async def idle_rights(
    owner: Database,
    role: str,
    rights: Mapping[str, set[str]],
    runs_as: Database | Tenant,
    mine: Mapping[str, str],
) -> set[tuple[str, str]]:
    """Those of `role` without which each of its statements runs as well."""
    idle: set[tuple[str, str]] = set()
    for table, right in ((name, right) for name, held in rights.items() for right in sorted(held)):
        await owner.execute(f"REVOKE {right} ON {table} FROM {role}")
        about_it = [text for text in mine.values() if re.search(rf"\b{table}\b", text)]
        if all([await may_run(runs_as, text) for text in about_it]):
            idle.add((table, right))
        await owner.execute(f"GRANT {right} ON {table} TO {role}")
    return idle


async def test_no_right_could_be_left_out(database: Database, owner: Database) -> None:
    idle = await idle_rights(owner, "longline_hub", RIGHTS, database, statements())
    assert idle == WITHOUT_STATEMENT

    app = database.tenant(DEFAULT_ORG)
    assert await idle_rights(owner, "longline_app", APPS, app, of_one_organisation()) == set()


REFUSED = [
    "CREATE TABLE mine (a int)",
    "CREATE VIEW mine AS SELECT 1",
    "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE SCHEMA mine",
    "CREATE ROLE mine",
    "CREATE DATABASE mine",
    "DROP TABLE device CASCADE",
    "DROP TABLE audit_log_default",
    "ALTER TABLE device ADD COLUMN a int",
    "ALTER TABLE audit_log DISABLE TRIGGER ALL",
    "ALTER FUNCTION drop_partitions SECURITY INVOKER",
    "CREATE TRIGGER t BEFORE INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION suppress_it()",
    "CREATE INDEX ON device (name)",
    "UPDATE audit_log SET actor = 'nobody'",
    "DELETE FROM audit_log",
    "TRUNCATE audit_log",
    "UPDATE audit_seal SET number = number",
    "DELETE FROM audit_seal",
    "UPDATE audit_drop SET number = 0",
    "INSERT INTO audit_look DEFAULT VALUES",
    "SELECT * FROM audit_log FOR UPDATE",
    "DO $$ BEGIN LOCK TABLE audit_log IN EXCLUSIVE MODE; END $$",
    "UPDATE audit_log_default SET actor = 'nobody'",
    "DELETE FROM audit_log_default",
    "INSERT INTO audit_log_default (org_id, actor, action) VALUES ('default', 'a', 'b')",
    "SELECT * FROM audit_log_default",
    "SELECT * FROM event_default",
    "DELETE FROM event",
    "TRUNCATE command",
    "UPDATE schema_migration SET name = name",
    "UPDATE installation SET incarnation = 1",
    "DELETE FROM org",
    "DELETE FROM device",
    "UPDATE partition_drop SET dropped_at = '-infinity'",
    "SELECT rolpassword FROM pg_authid",
    "COPY device TO PROGRAM 'cat'",
    "COPY device FROM '/etc/passwd'",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT lo_import('/etc/passwd')",
    "SET ROLE longline_owner",
    "SET ROLE longline",
    "SET ROLE postgres",
    "SET SESSION AUTHORIZATION longline",
    "GRANT longline_owner TO CURRENT_USER",
    "ALTER SYSTEM SET log_statement = 'all'",
]


async def refused(database: Database, statement: str, *values: object) -> type[Exception] | None:
    """With what; None when it was done."""
    try:
        await database.execute(statement, *values)
    except asyncpg.PostgresError as error:
        return type(error)
    return None


async def test_the_hub_may_do_nothing_else(database: Database) -> None:
    found = {statement: await refused(database, statement) for statement in REFUSED}

    assert found == dict.fromkeys(REFUSED, asyncpg.InsufficientPrivilegeError)


DAY = timedelta(days=1)
NONSENSE: list[tuple[str, Sequence[object]]] = [
    ("make_partitions($1, $2, $3, $4)", ("device", DAY, 1, [])),
    ("make_partitions($1, $2, $3, $4)", ("aggregated", DAY, 1, [])),
    ("make_partitions($1, $2, $3, $4)", ("pg_class", DAY, 1, [])),
    ("make_partitions($1, $2, $3, $4)", ("event; DROP TABLE device", DAY, 1, [])),
    ("make_partitions($1, $2, $3, $4)", (None, DAY, 1, [])),
    ("make_partitions($1, $2, $3, $4)", ("log_line", DAY / 24, 1, [])),
    ("make_partitions($1, $2, $3, $4)", ("log_line", None, 1, [])),
    ("make_partitions($1, $2, $3, $4)", ("log_line", DAY, 11, [])),
    ("drop_partitions($1, $2, $3)", ("device", DAY, 100 * DAY)),
    ("drop_partitions($1, $2, $3)", ("audit_log", 30 * DAY, 29 * DAY)),
    ("drop_partitions($1, $2, $3)", ("audit_log", 30 * DAY, -DAY)),
    ("drop_partitions($1, $2, $3)", ("audit_log", 30 * DAY, None)),
    ("drop_partitions($1, $2, $3)", ("audit_log", -900 * DAY, 30 * DAY)),
    ("drop_partitions($1, $2, $3)", ("log_line", DAY, DAY / 24)),
    ("drop_partitions($1, $2, $3)", ("event", DAY / 4, DAY / 48)),
]


async def test_partitions_of_other_tables_times_and_retentions_are_refused(
    database: Database,
) -> None:
    for call, values in NONSENSE:
        found = await refused(database, f"SELECT {call}", *values)
        assert found is asyncpg.InvalidParameterValueError, (call, values)


@pytest.mark.parametrize("moment", ["infinity", "-infinity", "10000-01-01Z", "1899-12-31Z"])
async def test_a_partition_that_its_name_could_not_tell_is_not_made(
    database: Database, owner: Database, moment: str
) -> None:
    with pytest.raises(asyncpg.InvalidParameterValueError):
        await database.execute(
            f"SELECT make_partitions('log_line', '1 day', 1, ARRAY['{moment}'::timestamptz])"
        )
    await database.execute(
        "INSERT INTO log_line (org_id, device_id, received_at, ts, level, line) "
        "VALUES ('default', 'd', $1::text::timestamptz, now(), 0, 'l')",
        moment,
    )
    await database.execute("SELECT make_partitions('log_line', '1 day', 1, '{}')")
    assert await owner.fetchval("SELECT count(*) FROM log_line_default") == 1


async def test_the_audit_of_the_last_month_stays_whatever_is_asked(
    database: Database, owner: Database
) -> None:
    old = "make_partitions('audit_log', '30 days', 0, ARRAY[now() - interval '300 days'])"
    await database.execute(f"SELECT {old}")
    count = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'audit_log'::regclass"
    before = await owner.fetchval(count)

    assert await database.fetchval("SELECT drop_partitions('audit_log', '30 days', '30 days')") == 1
    assert await database.fetchval("SELECT drop_partitions('audit_log', '30 days', '30 days')") == 0

    assert await owner.fetchval(count) == before - 1


# Whoever migrates ---------------------------------------------------------------------------------


class Server:
    """A server on which no Longline ever was, and logins that somebody made for it."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._databases: list[str] = []

    async def do(self, *statements: str) -> None:
        """As its administrator."""
        await self._cluster.as_superuser(*statements)

    async def database(self, login: str) -> str:
        """The address of a new database for this login, who owns it."""
        name = f"db_{len(self._databases)}"
        await self.do(f"CREATE DATABASE {name} OWNER {login}")
        self._databases.append(name)
        return as_login(login, self._cluster.url(name))

    async def forget(self) -> None:
        await self.do(*(f"DROP DATABASE {name} WITH (FORCE)" for name in self._databases))
        await self.do(f"DROP ROLE IF EXISTS {', '.join((*LOGINS, *ROLES))}")


ROLES = ("longline_owner", "longline_hub", "longline_app", "longline_scoped")
LOGINS = ("anna", "bert", "server")


def as_login(login: str, url: str) -> str:
    return re.sub(r"//\w+@", f"//{login}@", url)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Generator[Cluster]:
    embedded = Embedded(tmp_path_factory.mktemp("bare"))
    with asyncio.Runner() as runner:
        runner.run(embedded.start())
        cluster = Cluster(embedded)
        runner.run(
            cluster.as_superuser(
                "DROP DATABASE longline",
                "DROP ROLE longline_owner, longline_hub, longline_app, longline, longline_server",
            )
        )
        yield cluster
        runner.run(embedded.stop())


@pytest_asyncio.fixture
async def server(bare: Cluster) -> AsyncGenerator[Server]:
    server = Server(bare)
    yield server
    await server.forget()


@asynccontextmanager
async def signed_in(url: str) -> AsyncGenerator[Database]:
    database = await Database.open(url, connections=1)
    try:
        yield database
    finally:
        await database.close()


async def rights_of(url: str) -> str:
    """Of a login that is ready to serve."""
    async with signed_in(url) as database:
        await bring_up_to_date(database)
        await make(database, AuditService(AuditStore(database)).partitioned(days=400))
        return (await login_of(database)).rights


async def owners(url: str) -> set[str]:
    async with signed_in(url) as database:
        rows = await database.fetch(
            "SELECT DISTINCT relowner::regrole::text AS owner FROM pg_class "
            "WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        )
        return {row["owner"] for row in rows}


async def test_whoever_may_make_roles_makes_them(server: Server) -> None:
    await server.do("CREATE ROLE anna LOGIN CREATEROLE")
    url = await server.database("anna")

    await migrate_at(url)

    assert await owners(url) == {"longline_owner"}
    async with signed_in(url) as anna:
        await anna.execute("CREATE ROLE server LOGIN IN ROLE longline_hub")
    assert await rights_of(as_login("server", url)) == "hub"
    assert await rights_of(url) == "owner"
    assert await migrate_at(url) == []


async def test_roles_that_an_administrator_made_do_as_well(server: Server) -> None:
    await server.do(
        "CREATE ROLE longline_owner",
        "CREATE ROLE longline_hub",
        "CREATE ROLE anna LOGIN IN ROLE longline_owner",
        "CREATE ROLE server LOGIN IN ROLE longline_hub",
    )
    url = await server.database("anna")

    await migrate_at(url)

    assert await owners(url) == {"longline_owner"}
    assert await rights_of(as_login("server", url)) == "hub"


@pytest.mark.parametrize("attribute", ["CREATEROLE", "NOCREATEROLE"])
async def test_roles_of_another_database_and_another_login_are_no_obstacle(
    server: Server, attribute: str
) -> None:
    await server.do("CREATE ROLE anna LOGIN CREATEROLE", f"CREATE ROLE bert LOGIN {attribute}")
    first, second = await server.database("anna"), await server.database("bert")

    await migrate_at(first)
    await migrate_at(second)

    await server.do("CREATE ROLE server LOGIN IN ROLE longline_hub")
    assert (await owners(first), await owners(second)) == ({"longline_owner"}, {"bert"})
    for url in (first, second):
        assert await rights_of(as_login("server", url)) == "hub"
    async with signed_in(second) as bert:
        query = "SELECT has_schema_privilege('longline_owner', 'public', 'CREATE')"
        assert await bert.fetchval(query) is False


async def test_a_login_that_may_not_become_the_role_of_an_organisation_says_so(
    server: Server,
) -> None:
    await server.do("CREATE ROLE anna LOGIN")
    url = await server.database("anna")
    await migrate_at(url)
    async with signed_in(url) as database:
        assert (await login_of(database)).organisations == "statements"
        assert await database.tenant(DEFAULT_ORG).fetchval("SELECT current_user") == "anna"

    await server.do(
        "CREATE ROLE longline_owner", "CREATE ROLE longline_hub", "CREATE ROLE longline_app",
        "GRANT longline_app TO longline_hub WITH INHERIT FALSE, SET TRUE",
        "GRANT longline_owner TO anna", "CREATE ROLE server LOGIN IN ROLE longline_hub",
    )  # fmt: skip
    await migrate_at(url)
    async with signed_in(as_login("server", url)) as database:
        assert (await login_of(database)).organisations == "role"
        assert await database.tenant(DEFAULT_ORG).fetchval("SELECT current_user") == "longline_app"


async def test_two_databases_may_be_migrated_at_once(server: Server) -> None:
    await server.do("CREATE ROLE anna LOGIN CREATEROLE", "CREATE ROLE bert LOGIN CREATEROLE")
    urls = [await server.database("anna"), await server.database("bert")]

    await asyncio.gather(*map(migrate_at, urls))

    await server.do("CREATE ROLE server LOGIN IN ROLE longline_hub")
    for url in urls:
        assert await rights_of(as_login("server", url)) == "hub"


async def test_one_login_serves_with_what_it_has_until_there_are_two(server: Server) -> None:
    await server.do("CREATE ROLE anna LOGIN")
    url = await server.database("anna")
    assert await rights_of(url) == "owner"
    assert await owners(url) == {"anna"}

    await server.do(
        "CREATE ROLE longline_owner",
        "CREATE ROLE longline_hub",
        "GRANT longline_owner TO anna",
        "CREATE ROLE server LOGIN IN ROLE longline_hub",
    )
    assert await migrate_at(url) == []

    assert await owners(url) == {"longline_owner"}
    assert await rights_of(as_login("server", url)) == "hub"


@pytest.mark.parametrize(
    ("role", "rights"), [("pg_execute_server_program", "server"), ("postgres", "superuser")]
)
async def test_a_login_that_may_do_more_is_told_from_one_that_may_not(
    server: Server, role: str, rights: str
) -> None:
    await server.do("CREATE ROLE anna LOGIN CREATEROLE")
    url = await server.database("anna")
    await migrate_at(url)
    await server.do(f"CREATE ROLE server LOGIN NOINHERIT IN ROLE longline_hub, {role}")

    async with signed_in(as_login("server", url)) as database:
        assert (await login_of(database)).rights == rights


async def test_who_only_serves_says_who_has_to_migrate(server: Server) -> None:
    await server.do("CREATE ROLE anna LOGIN CREATEROLE")
    url = await server.database("anna")
    await server.do("CREATE ROLE longline_hub", "CREATE ROLE server LOGIN IN ROLE longline_hub")
    with pytest.raises(ConfigurationError, match="run longline migrate with the address of the"):
        await rights_of(as_login("server", url))

    await migrate_at(url)
    async with signed_in(url) as anna:
        await anna.execute("DELETE FROM schema_migration WHERE name >= '0013'")

    with pytest.raises(ConfigurationError, match="run longline migrate with the address of the"):
        await rights_of(as_login("server", url))


async def test_a_stranger_is_told_whose_member_to_become(server: Server) -> None:
    await server.do("CREATE ROLE anna LOGIN CREATEROLE", "CREATE ROLE server LOGIN")
    url = await server.database("anna")
    await migrate_at(url)

    with pytest.raises(ConfigurationError, match="member of longline_hub"):
        await rights_of(as_login("server", url))
    async with signed_in(as_login("server", url)) as database:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await database.execute("CREATE TEMPORARY TABLE mine (a int)")
