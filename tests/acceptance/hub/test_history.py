"""`/events` and `/logs` of the whole fleet: streams.md, 1."""

import csv
import io
import json
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from tests.acceptance.hub.clients import Device, Fleet, Json, Rest, new_id
from tests.acceptance.hub.people import bind, make_user, signed_in
from tests.acceptance.hub.process import HubProcess

MANY = 100_003


@pytest.fixture
async def two(fleet: Fleet) -> AsyncGenerator[tuple[Device, Device]]:
    async with fleet.new_line() as one, fleet.new_line() as other:
        yield one, other


@pytest.fixture
def since() -> str:
    return ago(minutes=5)


def ago(**span: float) -> str:
    return (datetime.now(UTC) - timedelta(**span)).isoformat()


async def say(device: Device, *events: Json) -> None:
    """They are committed when it returns."""
    boot = new_id("b")
    for seq, event in enumerate(events, 1):
        members = {name: value for name, value in event.items() if name != "type"}
        await device.send(event["type"], **members, bootId=boot, seq=seq)
        await device.find("event_ack", seq=seq)


async def every(rest: Rest, path: str, **query: Any) -> list[Json]:
    """All pages, a few rows each."""
    found: list[Json] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await rest.get(path, limit=5, **query, **cursor)
        assert answer.status_code == 200, answer.text
        found += answer.json()["data"]
        following = answer.json()["page"]["next"]
        if following is None:
            return found
        cursor = {"cursor": following}


def of(rows: list[Json], *devices: Device) -> list[Json]:
    ids = {device.device_id for device in devices}
    return [row for row in rows if row["deviceId"] in ids]


async def test_events_of_all_devices_come_newest_first_page_by_page(
    rest: Rest, two: tuple[Device, Device], since: str
) -> None:
    one, other = two
    for number in range(3):
        await say(one, {"type": "scan", "code": f"{number}", "valid": True})
        await say(other, {"type": "event", "name": f"n{number}", "data": {"temp": number}})
    await say(one, {"type": "alert", "severity": "WARN", "code": "hot", "message": "hot"})
    rows = of(await every(rest, "/events", types="scan,event,alert", since=since), one, other)
    assert [row.get("code", row.get("name")) for row in rows] == [
        "hot", "n2", "2", "n1", "1", "n0", "0",
    ]  # fmt: skip
    received = [row["receivedAt"] for row in rows]
    assert received == sorted(received, reverse=True)
    assert len({row["id"] for row in rows}) == len(rows)
    assert rows[1].keys() == {"id", "receivedAt", "type", "deviceId", "ts", "name", "data"}
    only = await every(rest, "/events", types="scan", deviceId=one.device_id)
    assert [row["code"] for row in only] == ["2", "1", "0"]


async def test_states_and_presence_are_among_them(
    rest: Rest, two: tuple[Device, Device], since: str
) -> None:
    one, _ = two
    await one.send("status", status="DEGRADED", metrics={"temp": 7})
    await say(one, {"type": "scan", "code": "last", "valid": True})
    rows = of(await every(rest, "/events", types="status", since=since), one)
    assert [row.get("metrics") for row in rows] == [{"temp": 7}, None]
    assert [row.get("connected") for row in rows] == [None, True]


async def test_log_lines_are_found_by_words_level_and_source(
    rest: Rest, two: tuple[Device, Device], since: str
) -> None:
    one, other = two
    word = new_id("w")
    await one.send("log_line", line=f"Pallet 7 jammed {word}", level="ERROR", source="plc")
    await other.send("log_line", line=f"pallet 8 passed {word.upper()}", level="INFO")
    await other.send("log_line", line=f"100% of {word}", level="WARN")
    await say(one, {"type": "event", "name": "last"})
    await say(other, {"type": "event", "name": "last"})

    async def lines(**query: Any) -> list[str]:
        rows = await every(rest, "/logs", since=since, **query)
        return [row["line"].partition(" w-")[0] for row in rows]

    assert set(await lines(q=word)) == {
        "Pallet 7 jammed",
        f"pallet 8 passed {word.upper()}",
        "100% of",
    }
    assert await lines(q=f"{word} pallet jammed") == ["Pallet 7 jammed"]
    assert await lines(q=f"0% {word}") == ["100% of"]
    assert set(await lines(q=word, level="WARN")) == {"Pallet 7 jammed", "100% of"}
    assert await lines(q=word, source="plc") == ["Pallet 7 jammed"]
    assert await lines(q=word, deviceId=one.device_id) == ["Pallet 7 jammed"]
    row = (await every(rest, "/logs", since=since, q=word, source="plc"))[0]
    assert row.keys() == {"id", "receivedAt", "type", "deviceId", "ts", "line", "level", "source"}


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("/events", {"types": "scan,log_line"}, "types"),
        ("/events", {"since": ago(days=8)}, "since"),
        ("/events", {"query": "nonsense ="}, "query"),
        ("/events", {"cursor": "x"}, "cursor"),
        ("/logs", {}, "since"),
        ("/logs", {"since": ago(hours=25)}, "since"),
        ("/logs", {"since": ago(days=8), "deviceId": "d"}, "since"),
        ("/logs", {"since": ago(hours=1), "level": "LOUD"}, "level"),
    ],
)
async def test_what_is_wrong_is_400(rest: Rest, path: str, query: Json, field: str) -> None:
    answer = await rest.get(path, **query)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)


async def test_at_the_beginning_of_the_calendar_there_is_nothing(rest: Rest) -> None:
    assert await rest.data("/events", until="0001-01-03T00:00:00Z") == []


async def test_a_query_says_of_which_devices(
    rest: Rest, two: tuple[Device, Device], since: str
) -> None:
    one, other = two
    site = new_id("site")
    answer = await rest.client.patch(f"/devices/{one.device_id}", json={"labels": {"site": site}})
    assert answer.status_code == 200
    for device in two:
        await say(device, {"type": "event", "name": site})
    query = f'label.site = "{site}" and connected = true'
    rows = await every(rest, "/events", query=query, types="event", since=since)
    assert [row["deviceId"] for row in rows] == [one.device_id]
    rows = await every(rest, "/events", query=f"not ({query})", types="event", since=since)
    assert {row["deviceId"] for row in of(rows, one, other)} == {other.device_id}


async def test_a_scoped_member_sees_its_devices_and_exports_no_others(
    hub: HubProcess, rest: Rest, two: tuple[Device, Device], since: str
) -> None:
    one, other = two
    user = await make_user(rest)
    await bind(rest, "VIEWER", ("user", user["id"]), ("device", one.device_id))
    for device in two:
        await say(device, {"type": "event", "name": "seen"})
        await device.send("log_line", line="seen", level="INFO")
        await say(device, {"type": "event", "name": "again"})
    async with signed_in(hub, user) as scoped:
        for path in ("/events", "/logs"):
            rows = await every(scoped, path, since=since)
            assert {row["deviceId"] for row in rows} == {one.device_id}, path
            assert await every(scoped, path, since=since, deviceId=other.device_id) == []
            answer = await scoped.client.get(
                path, params={"since": since}, headers={"Accept": "application/x-ndjson"}
            )
            lines = [json.loads(line) for line in answer.text.splitlines()]
            assert {line.get("deviceId") for line in lines} == {one.device_id, None}
            assert lines[-1] == {"next": None}
    nobody = await make_user(rest)
    async with signed_in(hub, nobody) as stranger:
        assert (await stranger.get("/events")).status_code == 403


async def test_an_export_ends_after_100_000_rows_with_where_it_goes_on(
    hub: HubProcess, rest: Rest, fleet: Fleet
) -> None:
    device_id = await fleet.enroll()
    database = await asyncpg.connect(hub.ready["databaseUrl"])
    await database.execute(
        "INSERT INTO event (org_id, device_id, received_at, ts, type, body)"
        " SELECT 'default', $1, now() - interval '40 hours' - n * interval '1 millisecond', now(),"
        " 'scan',"
        " jsonb_build_object('type', 'scan', 'deviceId', $1::text, 'ts', now(), 'code', n::text)"
        " FROM generate_series(1, $2) n",
        device_id,
        MANY,
    )
    await database.close()
    codes: list[str] = []
    cursor: dict[str, str] = {}
    for expected in (100_000, 3):
        async with rest.client.stream(
            "GET",
            "/events",
            params={"deviceId": device_id, "types": "scan", **cursor},
            headers={"Accept": "application/x-ndjson"},
            timeout=60,
        ) as answer:
            assert answer.headers["content-type"].startswith("application/x-ndjson")
            lines = [json.loads(line) async for line in answer.aiter_lines()]
        assert len(lines) == expected + 1
        codes += [line["code"] for line in lines[:-1]]
        cursor = {"cursor": lines[-1]["next"]}
    assert cursor == {"cursor": None}
    assert codes == [str(n) for n in range(1, MANY + 1)]


async def test_a_csv_is_no_formula(rest: Rest, two: tuple[Device, Device]) -> None:
    one, _ = two
    for line in ("=1+1", "+1", "-1", "@sum", 'plain, "quoted"'):
        await one.send("log_line", line=line, level="INFO", source="=src")
    await say(one, {"type": "event", "name": "last"})
    asked = {"deviceId": one.device_id}
    answer = await rest.client.get("/logs", params=asked, headers={"Accept": "text/csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    text = answer.text
    assert text.endswith("# next=\r\n")
    rows = list(csv.DictReader(io.StringIO(text.removesuffix("# next=\r\n"))))
    shown = [row["line"] for row in reversed(rows)]
    assert shown == ["'=1+1", "'+1", "'-1", "'@sum", 'plain, "quoted"']
    assert {row["source"] for row in rows} == {"'=src"}
    answer = await rest.client.get("/events", params=asked, headers={"Accept": "text/csv"})
    found = list(csv.DictReader(io.StringIO(answer.text)))
    assert json.loads(found[0]["event"]) == {"name": "last"}


async def test_what_a_former_device_of_this_id_sent_is_not_shown(
    rest: Rest, fleet: Fleet, since: str
) -> None:
    async with fleet.new_line() as device:
        await say(device, {"type": "event", "name": "former"})
        await device.send("log_line", line="former", level="INFO")
        await say(device, {"type": "event", "name": "former"})
    assert (await rest.client.delete(f"/devices/{device.device_id}")).status_code == 200
    answer = await rest.post("/devices", {"id": device.device_id, "name": "anew"})
    assert answer.status_code == 201, answer.text
    for path in ("/events", "/logs"):
        assert of(await every(rest, path, since=since), device) == []
        assert await every(rest, path, since=since, deviceId=device.device_id) == []
