"""A list of commands by any index, with any filters, is the same rows in the same order."""

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest_asyncio
from msgspec import structs

from hub.base.database import Database
from hub.commands.records import CommandFilter, CommandRow
from hub.commands.store import CommandStore
from protocol.ids import DeviceId, OrgId
from protocol.lifecycle import State
from tests.integration.hub.hubs import add_devices

ORG = OrgId("default")
BASE = datetime(2026, 1, 1, tzinfo=UTC)
COUNT = 66
_FILL = """
INSERT INTO command (org_id, command_id, device_id, seq, type, params, status, delivery, timeout_ms,
                     actor, batch_id, request_hash, created_at, finished_at, accepted_by)
SELECT 'default', 'c' || n, 'd' || 1 + n % 2, n, CASE n % 3 WHEN 0 THEN 'restart' ELSE 'shell' END,
       '{}', status, 'now', 1000, 'a' || n % 2, CASE WHEN n % 4 = 0 THEN 'b' END, 'x',
       $1::timestamptz + n / 3 * interval '1 minute',
       CASE WHEN status >= 'SUCCESS' THEN now() END, 'r'
FROM (SELECT n, (enum_range(NULL::command_status))[1 + n % 11] AS status
      FROM generate_series(1, $2::integer) n) c
"""
FILTERS: dict[str, list[Any]] = {
    "device_id": [None, DeviceId("d1")],
    "status": [None, [State.FAILED, State.UNKNOWN], [State.SENT], [State.SUCCESS, State.TIMEOUT]],
    "batch_id": [None, "b"],
    "finished": [None, False, True],
    "since": [None, BASE + timedelta(minutes=5)],
    "until": [None, BASE + timedelta(minutes=15)],
    "actor": [None, "a1"],
}


@pytest_asyncio.fixture
async def store(database: Database) -> CommandStore:
    await add_devices(database, 2)
    await database.execute(_FILL, BASE, COUNT)
    return CommandStore(database)


async def _paged(store: CommandStore, wanted: CommandFilter, limit: int) -> list[CommandRow]:
    found: list[CommandRow] = []
    before: tuple[datetime, str] | None = None
    while page := await store.list(ORG, wanted, before=before, limit=limit):
        found += page
        before = (page[-1].created_at, page[-1].command_id)
    return found


def _fits(row: CommandRow, wanted: CommandFilter) -> bool:
    return (
        wanted.device_id in (None, row.device_id)
        and (wanted.status is None or row.status in wanted.status)
        and wanted.batch_id in (None, row.batch_id)
        and wanted.actor in (None, row.actor)
        and wanted.finished in (None, row.ended)
        and (wanted.since is None or row.created_at >= wanted.since)
        and (wanted.until is None or row.created_at <= wanted.until)
    )


async def test_every_filter_finds_the_rows_that_fit_in_pages_of_any_length(
    store: CommandStore,
) -> None:
    everything = await store.list(ORG, CommandFilter(), before=None, limit=COUNT + 1)
    assert [(row.created_at, row.command_id) for row in everything] == sorted(
        ((row.created_at, row.command_id) for row in everything), reverse=True
    )
    assert len(everything) == COUNT
    for values in product(*FILTERS.values()):
        wanted = CommandFilter(**dict(zip(FILTERS, values, strict=True)))
        fitting = [row for row in everything if _fits(row, wanted)]
        assert await _paged(store, wanted, 7) == fitting, wanted
        rest = await store.list(ORG, wanted, before=None, limit=5, offset=3)
        assert rest == fitting[3:8], wanted


async def test_nothing_of_the_former_device_of_that_name_is_listed(
    store: CommandStore, database: Database
) -> None:
    reborn = BASE + timedelta(minutes=10)
    await database.execute("UPDATE device SET reborn_at = $1 WHERE device_id = 'd1'", reborn)
    for wanted in (CommandFilter(), CommandFilter(batch_id="b"), CommandFilter(finished=False)):
        of_device = structs.replace(wanted, device_id=DeviceId("d1"))
        found = await store.list(ORG, of_device, before=None, limit=COUNT)
        assert found, wanted
        assert min(row.created_at for row in found) >= reborn
