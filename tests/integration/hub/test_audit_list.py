"""The audit by whichever index, with any filters, is the same rows in the same order."""

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest_asyncio

from hub.audit.store import AuditFilter, AuditStore
from hub.base.database import Database, Row
from protocol.ids import OrgId

ORG = OrgId("default")
BASE = datetime(2026, 1, 1, tzinfo=UTC)
COUNT = 60
FILTERS: dict[str, list[Any]] = {
    "actor": [None, "u1"],
    "action": [None, "login"],
    "target": [None, "d1"],
    "outcome": [None, "refused"],
    "words": [(), ("u0", "d")],
    "since": [None, BASE + timedelta(minutes=5)],
    "until": [None, BASE + timedelta(minutes=15)],
}


@pytest_asyncio.fixture
async def store(database: Database) -> AuditStore:
    await database.execute(
        "INSERT INTO audit_log (org_id, at, actor, action, target, outcome) "
        "SELECT 'default', $1::timestamptz + n / 3 * interval '1 minute', 'u' || n % 3, "
        "(ARRAY['login', 'command'])[1 + n % 2], CASE WHEN n % 4 > 0 THEN 'd' || n % 4 END, "
        "(ARRAY['ok', 'refused'])[1 + n % 5 / 4] FROM generate_series(1, $2::integer) n",
        BASE,
        COUNT,
    )
    return AuditStore(database)


async def _paged(store: AuditStore, wanted: AuditFilter, limit: int) -> list[Row]:
    found: list[Row] = []
    before: tuple[datetime, int] | None = None
    while page := await store.list(ORG, wanted, before=before, limit=limit):
        found += page
        before = (page[-1]["at"], page[-1]["audit_id"])
    return found


def _fits(row: Row, wanted: AuditFilter) -> bool:
    text = (row["actor"], row["action"], row["target"] or "")
    return (
        all(
            getattr(wanted, name) in (None, row[name])
            for name in ("actor", "action", "target", "outcome")
        )
        and all(any(word in part for part in text) for word in wanted.words)
        and (wanted.since is None or row["at"] >= wanted.since)
        and (wanted.until is None or row["at"] <= wanted.until)
    )


async def test_every_filter_finds_the_rows_that_fit_in_pages_of_any_length(
    store: AuditStore,
) -> None:
    everything = await store.list(ORG, AuditFilter(), before=None, limit=COUNT + 1)
    keys = [(row["at"], row["audit_id"]) for row in everything]
    assert keys == sorted(keys, reverse=True)
    assert len(keys) == COUNT
    for values in product(*FILTERS.values()):
        wanted = AuditFilter(**dict(zip(FILTERS, values, strict=True)))
        fitting = [row for row in everything if _fits(row, wanted)]
        assert await _paged(store, wanted, 7) == fitting, wanted
