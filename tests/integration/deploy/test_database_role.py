"""Of the logins that `postgres-init.sh` makes one migrates, and the other is enough for a hub."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Generator
from pathlib import Path

import asyncpg
import pytest

from hub.base.embedded import Embedded
from tests.acceptance.up import fails_in_one_line, longline
from tests.deploy import DEPLOY, postgres_programs
from tests.integration.deploy.test_tools import run

PASSWORDS = {"longline": "it's $ecret", "longline_server": "anoth\\er one"}


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Generator[Embedded]:
    """Its database and logins are those that the script made."""
    folder = tmp_path_factory.mktemp("postgres")
    for login, password in PASSWORDS.items():
        (folder / f"{login}_password").write_text(f"{password}\n")
    embedded = Embedded(folder / "data")
    with asyncio.Runner() as runner:
        runner.run(embedded.start())
        runner.run(forget_the_roles_of_embedded(embedded.owner_url))
        initialise(embedded.owner_url, folder)
        yield embedded
        runner.run(embedded.stop())


async def forget_the_roles_of_embedded(url: str) -> None:
    connection = await asyncpg.connect(as_superuser(url))
    await connection.execute("DROP DATABASE longline")
    await connection.execute(
        "DROP ROLE longline, longline_server, longline_owner, longline_hub, longline_app, "
        "longline_scoped"
    )
    await connection.close()


def as_superuser(url: str) -> str:
    return url.replace("longline@/longline?", "postgres@/postgres?")


def initialise(url: str, folder: Path) -> None:
    done = run(
        DEPLOY / "compose" / "postgres-init.sh",
        PATH=f"{postgres_programs()}:/usr/bin:/bin",
        PGHOST=url.partition("host=")[2],
        SECRETS_DIR=str(folder),
    )
    assert (done.returncode, done.stderr) == (0, "")


def is_hash_of(stored: str, password: str) -> bool:
    """RFC 5803: SCRAM-SHA-256$<iterations>:<salt>$<stored key>:<server key>"""
    _, parameters, keys = stored.split("$")
    iterations, _, salt = parameters.partition(":")
    salted = hashlib.pbkdf2_hmac(
        "sha256", password.encode(), base64.b64decode(salt), int(iterations)
    )
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    return base64.b64encode(server_key).decode() == keys.partition(":")[2]


async def rows(url: str, query: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetch(query)
    finally:
        await connection.close()


@pytest.mark.parametrize("login", PASSWORDS)
async def test_a_login_may_do_nothing_outside_its_database(embedded: Embedded, login: str) -> None:
    query = f"SELECT * FROM pg_roles WHERE rolname = '{login}'"  # noqa: S608
    (role,) = await rows(embedded.owner_url, query)

    assert role["rolcanlogin"]
    powers = ("rolsuper", "rolcreaterole", "rolcreatedb", "rolreplication", "rolbypassrls")
    assert not any(role[power] for power in powers)


async def test_nobody_else_gets_in(embedded: Embedded) -> None:
    query = """SELECT has_database_privilege('pg_monitor', 'longline', 'CONNECT') AS anybody,
                      has_database_privilege('longline_hub', 'longline', 'CONNECT') AS hubs,
                      has_database_privilege('longline_server', 'longline', 'CONNECT') AS ours"""
    (found,) = await rows(embedded.owner_url, query)

    assert dict(found) == {"anybody": False, "hubs": False, "ours": True}


@pytest.mark.parametrize("login", PASSWORDS)
async def test_its_password_is_the_one_of_the_file(embedded: Embedded, login: str) -> None:
    query = f"SELECT rolpassword FROM pg_authid WHERE rolname = '{login}'"  # noqa: S608
    (found,) = await rows(as_superuser(embedded.owner_url), query)

    assert is_hash_of(found["rolpassword"], PASSWORDS[login])


async def test_one_migrates_and_the_other_needs_no_more_to_serve(embedded: Embedded) -> None:
    redis = {"LONGLINE_REDIS_URL": "redis://127.0.0.1:1"}
    owner = redis | {"LONGLINE_DATABASE_URL": embedded.owner_url}
    server = redis | {"LONGLINE_DATABASE_URL": embedded.database_url}
    admin = ("admin", "create-user", "anna", "--generate")

    too_early = await asyncio.to_thread(longline, "migrate", **server)
    migrated = await asyncio.to_thread(longline, "migrate", **owner)
    made = await asyncio.to_thread(longline, *admin, **server)

    assert "with the address of the login that owns" in fails_in_one_line(too_early)
    assert (migrated.returncode, made.returncode) == (0, 0), (migrated, made)
    query = "SELECT has_table_privilege('audit_log', 'DELETE') AS may"
    (found,) = await rows(embedded.database_url, query)
    assert not found["may"]
