"""Revisions given to devices over a real Postgres: one transaction a wave, one device at a time."""

import asyncio
import time
from typing import Any

import asyncpg
import pytest

from hub.base.database import Database
from hub.base.errors import Conflict
from hub.workloads.assignment_store import AssignmentStore
from hub.workloads.contents import Versions
from hub.workloads.giving import Given, Giving, Terms
from hub.workloads.records import NewRevision, RevisionRow
from hub.workloads.store import ApplicationStore
from protocol.ids import DEFAULT_ORG, DeviceId
from tests.integration.hub.hubs import add_devices

D1 = DeviceId("d1")


def by_hand(_: object) -> tuple[bool, bool]:
    return True, False


async def make(database: Database, name: str, *revisions: str, **more: Any) -> list[RevisionRow]:
    store = ApplicationStore(database)
    async with database.transaction() as connection:
        await store.add(connection, DEFAULT_ORG, name, target=None, remove=False, by="u")
        return [
            await store.add_revision(connection, DEFAULT_ORG, name, make_new(each, **more), by="u")
            for each in revisions
        ]


def make_new(revision: str, **more: Any) -> NewRevision:
    fields: dict[str, Any] = {
        "revision": revision, "sha256": revision, "pinned": True,
        "compose": {"services": {"web": {"image": "a", "user": "${U:-x}"}}},
        "versions": Versions({}, {}), "data_bytes": 0, "hosts": [], "variables": ["U"],
        "asks_for": [],
    }  # fmt: skip
    return NewRevision(**{**fields, **more})


@pytest.mark.parametrize("kind", ["config_map", "secret"])
async def test_what_a_revision_is_about_to_name_is_not_deleted(
    database: Database, kind: str
) -> None:
    """Whoever comes first: no revision names what is not there."""
    await database.execute(ADD[kind])
    store = ApplicationStore(database)
    names = {"conf": 1}
    versions = Versions(names, {}) if kind == "config_map" else Versions({}, names)
    delete = f"DELETE FROM {kind} WHERE org_id = 'default' AND name = 'conf'"  # noqa: S608
    async with database.transaction() as connection:
        await store.add(connection, DEFAULT_ORG, "app", target=None, remove=False, by="u")
        new = make_new("r1", versions=versions)
        await store.add_revision(connection, DEFAULT_ORG, "app", new, by="u")
        async with database.transaction() as other:
            await other.execute("SET LOCAL lock_timeout = '100ms'")
            with pytest.raises(asyncpg.LockNotAvailableError):
                await other.execute(delete)
    await database.execute(delete)
    new = make_new("r2", versions=versions)
    async with database.transaction() as connection:
        with pytest.raises(Conflict, match="conf has been deleted meanwhile"):
            await store.add_revision(connection, DEFAULT_ORG, "app", new, by="u")


ADD = {
    "config_map": """INSERT INTO config_map (org_id, name, created_by)
                     VALUES ('default', 'conf', 'u')""",
    "secret": """INSERT INTO secret (org_id, name, keys, hash, sealed, created_by)
                 VALUES ('default', 'conf', '{a}', 'h', 's', 'u')""",
}


async def give(
    database: Database, row: RevisionRow, *device_ids: DeviceId, terms: Terms = by_hand
) -> Given:
    giving = Giving(AssignmentStore(database))
    async with database.transaction(deadline=30) as connection:
        return await giving.give(connection, DEFAULT_ORG, row, device_ids, terms)


async def test_the_version_follows_what_a_device_shall_have(database: Database) -> None:
    await add_devices(database, 1)
    store = AssignmentStore(database)
    first, second = await make(database, "app", "r1", "r2")
    assert await store.version(DEFAULT_ORG, D1) == ""
    assert (await give(database, first, D1)).changed == [D1]
    version = await store.version(DEFAULT_ORG, D1)
    assert (await give(database, first, D1)).changed == []
    assert (await give(database, second, D1)).changed == [D1]
    assert await store.version(DEFAULT_ORG, D1) != version
    assert (await give(database, first, D1)).changed == [D1]
    assert await store.version(DEFAULT_ORG, D1) == version


async def test_two_changes_at_once_are_both_in_the_version(database: Database) -> None:
    await add_devices(database, 1)
    store = AssignmentStore(database)
    rows = [(await make(database, name, "r1"))[0] for name in ("aa", "bb", "cc", "dd")]
    await asyncio.gather(*(give(database, row, D1) for row in rows))
    together = await store.version(DEFAULT_ORG, D1)
    assert (await give(database, rows[0], D1)).changed == []
    async with database.transaction() as connection:
        await store.lock(connection, DEFAULT_ORG, [D1])
        assert await store.settle(connection, DEFAULT_ORG, [D1]) == []
    assert await store.version(DEFAULT_ORG, D1) == together


async def test_a_device_that_is_not_there_is_refused(database: Database) -> None:
    await add_devices(database, 1)
    (row,) = await make(database, "app", "r1")
    given = await give(database, row, D1, DeviceId("none"))
    assert [*given.assigned] == [D1]
    assert given.refused[DeviceId("none")].code == "not_found"


async def test_a_wave_of_a_thousand_is_given_in_a_moment(database: Database) -> None:
    for first in range(1, 1001, 100):
        await add_devices(database, 100, first=first)
    (row,) = await make(database, "app", "r1")
    ids = [DeviceId(f"d{n}") for n in range(1, 1001)]
    began = time.monotonic()
    given = await give(database, row, *ids)
    seconds = time.monotonic() - began
    assert len(given.changed) == 1000
    assert seconds < 10


async def test_only_the_newest_hundred_and_what_is_used_stay(database: Database) -> None:
    await add_devices(database, 1)
    store = ApplicationStore(database)
    rows = await make(database, "app", *(f"r{n}" for n in range(103)))
    await give(database, rows[1], D1)
    async with database.transaction() as connection:
        await store.set_current(connection, DEFAULT_ORG, "app", "r2")
        await store.forget_revisions(connection, DEFAULT_ORG, "app")
    found = await store.revisions(DEFAULT_ORG, "app", behind=None, limit=200)
    kept = {row.revision for row in found}
    assert len(kept) == 102
    assert "r0" not in kept
