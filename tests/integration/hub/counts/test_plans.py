"""Pages that the statements of a command read, with a long history behind each device: a plan that
goes through the history is found by what it reads, not by how long it takes."""

import json
from typing import Any

import pytest
import pytest_asyncio

import sql
from hub.base.database import Database, as_json
from tests.integration.hub.hubs import add_devices

DEVICES = 50
HISTORY = 20_000
PAGES_EACH = 60
"""For one command or device, with every index that is looked into."""

_Q = sql.queries("commands")
_ORGS = ["default"] * DEVICES
_PLACES = [_ORGS, [f"d{number}" for number in range(1, DEVICES + 1)]]
_NAMES = [_ORGS, [f"c{number}" for number in range(1, DEVICES + 1)]]
_ONES = [1] * DEVICES
_CLAIMED = {"status_read": "SENT", "generation_read": 1, "sent": True, "generation": 1}


def _rows(**columns: object) -> str:
    """One for the newest command of each device."""
    numbers = range(1, DEVICES + 1)
    named = ({"org_id": "default", "command_id": f"c{n}", "line_device": f"d{n}"} for n in numbers)
    return as_json(name | columns for name in named)


STATEMENTS: dict[str, list[Any]] = {
    "targets": _PLACES,
    "unsent": [*_PLACES, _ONES, _ONES],
    "claim": [_rows(**_CLAIMED, status="SENT")],
    "replied": _NAMES,
    "apply": [_rows(status_read="SENT", status="SENT")],
    "unwritten_here": ["r-1"],
}


@pytest_asyncio.fixture
async def old(database: Database) -> Database:
    """The newest command of each device is sent and not finished, all others are long over."""
    await add_devices(database, DEVICES)
    await database.execute(
        "INSERT INTO replica (replica_id, address, lease_until) VALUES ('r-1', 'here', now())"
    )
    await database.execute(
        "INSERT INTO device_line (org_id, device_id, replica_id, session_id) "
        "SELECT org_id, device_id, 'r-1', 's' FROM device"
    )
    await database.execute(
        "INSERT INTO command (org_id, command_id, device_id, seq, type, params, status, delivery, "
        " timeout_ms, actor, request_hash, sent_at, sent_generation, finished_at, accepted_by) "
        "SELECT 'default', 'c' || g, 'd' || (g - 1) % $1::int + 1, $2::int - g, 'force_sync', "
        " '{}', CASE WHEN g <= $1 THEN 'SENT' ELSE 'SUCCESS' END::command_status, 'now', 1000, "
        " 'a', 'x', now(), 1, CASE WHEN g > $1 THEN now() END, 'r-1' FROM generate_series(1, $2) g",
        DEVICES,
        HISTORY,
    )
    return database


@pytest.mark.parametrize("analysed", [False, True], ids=["fresh", "analysed"])
@pytest.mark.parametrize("name", STATEMENTS)
async def test_a_statement_does_not_read_the_history(
    old: Database, name: str, *, analysed: bool
) -> None:
    if analysed:
        await old.execute("ANALYZE command, device, device_line")
    explained = await old.fetchval(
        f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {_Q[name]}", *STATEMENTS[name]
    )
    plan = json.loads(explained)[0]["Plan"]
    pages = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    assert pages <= PAGES_EACH * DEVICES, json.dumps(plan, indent=1)[:6000]
    assert "command" not in _read_whole(plan), json.dumps(plan, indent=1)[:6000]


def _read_whole(node: dict[str, Any]) -> set[str]:
    """The tables of which every row is looked at."""
    whole = {node["Relation Name"]} if node["Node Type"] == "Seq Scan" else set[str]()
    return whole.union(*map(_read_whole, node.get("Plans", ())))
