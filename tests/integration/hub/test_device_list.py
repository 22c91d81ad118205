"""Devices by whichever index, with any filters, are the same rows in the same order."""

from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest_asyncio

from hub.base.database import Database
from hub.devices.store import DeviceFilter, DeviceRow, DeviceStore
from protocol.ids import OrgId

ORG = OrgId("default")
COUNT = 60
BASE = datetime(2026, 1, 1, tzinfo=UTC)
_DEVICES = """
INSERT INTO device (org_id, device_id, name, created_at, deleted_at)
SELECT 'default', 'd' || n, 'Name ' || n % 7,
       $1::timestamptz + n / 3 * interval '1 minute', CASE WHEN n % 11 = 0 THEN now() END
FROM generate_series(1, $2::integer) n"""
_OTHERS = """
INSERT INTO replica (replica_id, address, lease_until, ended_at)
VALUES ('r1', 'here', now(), NULL), ('r2', 'there', now(), now());
INSERT INTO device_state (org_id, device_id, status)
SELECT org_id, device_id, (ARRAY['ONLINE', 'DEGRADED', 'ERROR'])[1 + substr(device_id, 2)::int % 3]
FROM device;
INSERT INTO device_line (org_id, device_id, replica_id, session_id, closed_at)
SELECT org_id, device_id, 'r' || 1 + substr(device_id, 2)::int % 2, 's',
       CASE WHEN device_id LIKE '%5' THEN now() END FROM device WHERE device_id NOT LIKE '%7';
INSERT INTO device_group (org_id, group_id, name) VALUES ('default', 'g', 'G');
INSERT INTO device_group_member
SELECT org_id, 'g', device_id FROM device WHERE device_id LIKE '%1%';
INSERT INTO device_label (org_id, device_id, key, value)
SELECT org_id, device_id, key, CASE WHEN device_id LIKE '%6' THEN 'a' ELSE '' END
FROM device, unnest('{hall,x}'::text[]) AS key WHERE substr(device_id, 2)::int % 3 = 0
"""
FILTERS: dict[str, list[Any]] = {
    "q": [None, "name 3"],
    "status": [None, ["ONLINE"], ["OFFLINE", "ERROR"], ["ERROR"], ["DEGRADED", "ERROR"]],
    "group_id": [None, "g"],
    "tag": [None, "hall"],
    "connected": [None, True, False],
}


@pytest_asyncio.fixture
async def store(database: Database) -> DeviceStore:
    await database.execute(_DEVICES, BASE, COUNT)
    await database.execute(_OTHERS)
    return DeviceStore(database)


async def _paged(store: DeviceStore, wanted: DeviceFilter, limit: int) -> list[DeviceRow]:
    found: list[DeviceRow] = []
    before: tuple[datetime, str] | None = None
    while page := await store.list(ORG, wanted, before=before, limit=limit):
        found += page
        before = (page[-1].created_at, page[-1].device_id)
    return found


def _fits(row: DeviceRow, wanted: DeviceFilter) -> bool:
    return (
        (wanted.q is None or wanted.q in row.name.lower())
        and (wanted.status is None or row.status in wanted.status)
        and (wanted.group_id is None or wanted.group_id in row.group_ids)
        and (wanted.tag is None or row.labels.get(wanted.tag) == "")
        and wanted.connected in (None, row.connected)
    )


async def test_every_filter_finds_the_rows_that_fit_in_pages_of_any_length(
    store: DeviceStore,
) -> None:
    everything = await store.list(ORG, DeviceFilter(), before=None, limit=COUNT + 1)
    keys = [(row.created_at, row.device_id) for row in everything]
    assert keys == sorted(keys, reverse=True)
    assert len(keys) == COUNT - COUNT // 11
    for values in product(*FILTERS.values()):
        wanted = DeviceFilter(**dict(zip(FILTERS, values, strict=True)))
        fitting = [row for row in everything if _fits(row, wanted)]
        assert await _paged(store, wanted, 7) == fitting, wanted
