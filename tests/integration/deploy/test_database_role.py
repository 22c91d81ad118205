"""The role that `postgres-init.sh` makes owns its database, and that is enough for a hub."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Generator
from pathlib import Path

import asyncpg
import pytest

from hub.base.embedded import Embedded
from tests.acceptance.up import longline
from tests.deploy import DEPLOY, postgres_programs
from tests.integration.deploy.test_tools import run

PASSWORD = "it's $ecret"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """Of the database that the script made, for its role."""
    folder = tmp_path_factory.mktemp("postgres")
    (folder / "longline_password").write_text(f"{PASSWORD}\n")
    embedded = Embedded(folder / "data")
    with asyncio.Runner() as runner:
        runner.run(embedded.start())
        runner.run(forget_the_role_of_embedded(embedded.database_url))
        initialise(embedded.database_url, folder)
        yield embedded.database_url
        runner.run(embedded.stop())


async def forget_the_role_of_embedded(url: str) -> None:
    connection = await asyncpg.connect(as_superuser(url))
    await connection.execute("DROP DATABASE longline")
    await connection.execute("DROP ROLE longline")
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


async def test_it_may_do_nothing_outside_its_database(url: str) -> None:
    (role,) = await rows(url, "SELECT * FROM pg_roles WHERE rolname = current_user")

    assert role["rolname"] == "longline"
    assert role["rolcanlogin"]
    powers = ("rolsuper", "rolcreaterole", "rolcreatedb", "rolreplication", "rolbypassrls")
    assert not any(role[power] for power in powers)


async def test_nobody_else_gets_in(url: str) -> None:
    query = "SELECT has_database_privilege('pg_monitor', 'longline', 'CONNECT') AS may"
    (found,) = await rows(url, query)

    assert not found["may"]


async def test_its_password_is_the_one_of_the_file(url: str) -> None:
    query = "SELECT rolpassword FROM pg_authid WHERE rolname = 'longline'"
    (found,) = await rows(as_superuser(url), query)

    assert is_hash_of(found["rolpassword"], PASSWORD)


async def test_a_hub_needs_no_more(url: str) -> None:
    variables = {"LONGLINE_DATABASE_URL": url, "LONGLINE_REDIS_URL": "redis://127.0.0.1:1"}

    migrated = await asyncio.to_thread(longline, "migrate", **variables)
    admin = ("admin", "create-user", "anna", "--generate")
    made = await asyncio.to_thread(longline, *admin, **variables)

    assert (migrated.returncode, made.returncode) == (0, 0), (migrated, made)
