"""Telemetry on its way into the tables: protocol.md, 1.3."""

import asyncio
import json

import pytest

from tests.acceptance.hub.clients import Device, Fleet, Json, Rest, until


async def names(rest: Rest, device: Device) -> list[str]:
    """Of the stored events, oldest first."""
    rows = await rest.data(f"/devices/{device.device_id}/events", type="event", limit=500)
    return [row["event"]["name"] for row in reversed(rows)]


async def test_durable_events_are_acknowledged_when_they_are_committed(
    fleet: Fleet, rest: Rest
) -> None:
    async with fleet.new_line() as device:
        for seq in (1, 2, 5):
            await device.send("event", name=f"e{seq}", bootId="b", seq=seq)
        await device.find("event_ack", bootId="b", seq=5)
        assert await names(rest, device) == ["e1", "e2", "e5"]


async def test_a_duplicate_is_acknowledged_again_and_stored_once(fleet: Fleet, rest: Rest) -> None:
    device_id = await fleet.enroll()
    async with fleet.line(device_id) as device:
        for seq in (1, 2, 2, 1):
            await device.send("event", name=f"e{seq}", bootId="b", seq=seq)
        await device.find("event_ack", bootId="b", seq=2)
    async with fleet.line(device_id) as device:
        await device.send("event", name="again", bootId="b", seq=2)
        await device.find("event_ack", bootId="b", seq=2)
        await device.send("event", name="e3", bootId="b", seq=3)
        await device.send("event", name="new boot", bootId="c", seq=1)
        await device.find("event_ack", bootId="c", seq=1)
        assert await names(rest, device) == ["e1", "e2", "e3", "new boot"]


async def test_boot_id_may_be_left_out_after_hello_and_only_then(fleet: Fleet, rest: Rest) -> None:
    async with fleet.new_line() as device:
        await device.hello(bootId="b-7")
        await device.send("alert", severity="WARN", code="hot", seq=1)
        await device.expect("event_ack", bootId="b-7", seq=1)
    async with fleet.new_line() as device:
        await device.send("event", name="lost", seq=1)
        error = await device.expect("error", code="invalid_frame")
        assert "bootId" in error["message"]
        assert await names(rest, device) == []


@pytest.mark.parametrize(
    ("fields", "boot_id"),
    [
        ({"name": "", "bootId": "b", "seq": 9}, "b"),
        ({"name": 7, "bootId": "b", "seq": 9}, "b"),
        ({"name": "n", "bootId": "b", "seq": 9, "ts": "soon"}, "b"),
        ({"name": "", "seq": 9}, "from-hello"),
        ({"name": "a\0b", "seq": 9}, "from-hello"),
        ({"name": "", "bootId": "b", "seq": 0}, None),
        ({"name": "", "bootId": "b"}, None),
    ],
)
async def test_a_durable_event_that_does_not_decode_is_refused_by_its_name(
    fleet: Fleet, fields: Json, boot_id: str | None
) -> None:
    async with fleet.new_line() as device:
        await device.hello(bootId="from-hello")
        await device.send("event", **fields)
        error = await device.expect("error", code="invalid_frame")
        assert error.get("bootId") == boot_id
        assert error.get("seq") == (9 if boot_id else None)
        await device.send("event", name="next", bootId="b", seq=10)
        await device.expect("event_ack", bootId="b", seq=10)


async def test_every_kind_of_event_is_stored_as_dashboards_saw_it(fleet: Fleet, rest: Rest) -> None:
    tricky = "a\tb\\N \\. \r\n\u2028 é ' \" {}"
    sent: list[Json] = [
        {"type": "scan", "code": tricky, "valid": True, "data": {"weight": 1.5, tricky: None}},
        {"type": "print", "jobId": "j\\t1", "ok": False},
        {"type": "event", "name": "door", "data": {"open": True, "big": 2**63, "list": [1, "\t"]}},
        {"type": "alert", "severity": "CRITICAL", "code": "hot", "message": tricky},
        {"type": "status", "status": "DEGRADED", "metrics": {"cpu": 0.25, tricky: 1e15}},
    ]
    async with fleet.new_line() as device:
        for event in sent:
            await device.send_raw(json.dumps({**event, "ts": TS}))
        path = f"/devices/{device.device_id}/events"

        async def of_the_device() -> list[Json]:
            """All but what the hub says of the line itself."""
            return [row for row in await rest.data(path) if "connected" not in row["event"]]

        async def stored() -> bool:
            return len(await of_the_device()) == len(sent)

        await until(stored)
        rows = await of_the_device()
        for row, event in zip(reversed(rows), sent, strict=True):
            assert row["type"] == event["type"]
            shown = {**event, "deviceId": device.device_id, "ts": TS}
            if event["type"] == "alert":
                (record,) = await rest.data("/alerts", deviceId=device.device_id)
                shown |= {"alertId": record["id"], "status": "FIRING"}
            assert row["event"] == shown
        only = await rest.data(path, type="scan")
        assert [row["type"] for row in only] == ["scan"]
        assert await rest.data(path, since="2999-01-01T00:00:00Z") == []
        assert await rest.data(path, until="2001-01-01T00:00:00Z") == []


TS = "2026-01-02T03:04:05.678Z"


async def test_log_lines_are_found_by_level_source_and_command(fleet: Fleet, rest: Rest) -> None:
    async with fleet.new_line() as device:
        for number, level in enumerate(("DEBUG", "INFO", "WARN", "ERROR")):
            await device.send("log_line", line=f"line {number}\n\\N", level=level)
        await device.send("log_line", line="of it", level="INFO", source="app", commandId="c-1")
        path = f"/devices/{device.device_id}/logs"

        async def stored() -> bool:
            return len(await rest.data(path)) == 5

        await until(stored)
        assert [row["level"] for row in await rest.data(path, level="WARN")] == ["ERROR", "WARN"]
        (row,) = await rest.data(path, source="app", commandId="c-1")
        assert (row["line"], row["source"], row["commandId"]) == ("of it", "app", "c-1")
        first = (await rest.get(path, limit=3)).json()
        second = (await rest.get(path, limit=3, cursor=first["page"]["next"])).json()
        lines = [row["line"] for row in first["data"] + second["data"]]
        assert lines == ["of it", "line 3\n\\N", "line 2\n\\N", "line 1\n\\N", "line 0\n\\N"]
        assert second["page"]["next"] is None


async def test_a_search_looks_through_the_whole_log(fleet: Fleet, rest: Rest) -> None:
    async with fleet.new_line() as device:
        await device.send("log_line", line="NEEDLE 100%_\\ early", level="WARN")
        for number in range(60):
            await device.send("log_line", line=f"hay {number}", level="INFO")
        path = f"/devices/{device.device_id}/logs"

        async def stored() -> bool:
            return len(await rest.data(path, limit=500)) == 61

        await until(stored)
        for part in ("needle", "EARLY", "100%_\\", "%", "_", "\\"):
            assert [row["level"] for row in await rest.data(path, q=part)] == ["WARN"], part
        assert await rest.data(path, q="needle%early") == []
        assert len(await rest.data(path, q="", limit=500)) == 61
        first = (await rest.get(path, q="HAY", limit=59)).json()
        rest_of_it = await rest.data(path, q="HAY", limit=59, cursor=first["page"]["next"])
        assert [row["line"] for row in rest_of_it] == ["hay 0"]
        for bad in ("\0", "a" * 257):
            assert (await rest.get(path, q=bad)).status_code == 400


async def test_metrics_are_read_in_steps(fleet: Fleet, rest: Rest) -> None:
    async with fleet.new_line() as device:
        for value in (1.0, 2.0, 6.0):
            await device.send("status", status="ONLINE", metrics={"temp": value})
        path = f"/devices/{device.device_id}/metrics"

        async def stored() -> bool:
            points = await rest.data(path, name="temp", step=600)
            return sum(point["count"] for point in points) == 3

        await until(stored)
        points = await rest.data(path, name="temp", step=600)
        assert min(point["min"] for point in points) == 1.0
        assert max(point["max"] for point in points) == 6.0
        assert (await rest.get(path)).status_code == 400
        assert await rest.data(path, name="no such") == []


async def test_one_metric_of_many_devices_is_read_at_once(fleet: Fleet, rest: Rest) -> None:
    async with fleet.new_line() as one, fleet.new_line() as two:
        silent = await fleet.enroll()
        await one.send("status", status="ONLINE", metrics={"temp": 1.0, "hum": 9.0})
        await two.send("status", status="ONLINE", metrics={"temp": 2.0})
        wanted = [one.device_id, two.device_id, silent, "unknown", one.device_id]
        query = {"name": "temp", "deviceIds": ",".join(wanted), "step": 600}

        async def stored() -> bool:
            return sum(map(len, (await rest.data("/fleet/metrics", **query)).values())) == 2

        await until(stored)
        found = await rest.data("/fleet/metrics", **query)
        assert found.keys() == {one.device_id, two.device_id, silent}
        assert [point["avg"] for point in found[one.device_id]] == [1.0]
        assert found[one.device_id] == await rest.data(
            f"/devices/{one.device_id}/metrics", name="temp", step=600
        )
        assert found[silent] == []
        long_ago = {"since": "2001-01-01T00:00:00Z", "until": "2001-01-02T00:00:00Z"}
        posted = await rest.post("/fleet/metrics", {"deviceIds": wanted, "name": "temp"})
        assert posted.json()["data"].keys() == found.keys()
        many = [f"{number:04}{'x' * 86}" for number in range(200)]
        for ids, status in ((many, 200), ([*many, "one-more"], 400)):
            body = {"deviceIds": ids, "name": "temp"}
            assert (await rest.post("/fleet/metrics", body)).status_code == status
        assert (await rest.data("/fleet/metrics", **query, **long_ago))[one.device_id] == []


@pytest.mark.parametrize("ids", [None, "", ",".join(f"d{number}" for number in range(201))])
async def test_metrics_are_of_one_to_two_hundred_devices(rest: Rest, ids: str | None) -> None:
    query = {} if ids is None else {"deviceIds": ids}
    assert (await rest.get("/fleet/metrics", name="temp", **query)).status_code == 400


async def test_it_is_told_what_a_device_measures_and_where_its_log_comes_from(
    fleet: Fleet, rest: Rest
) -> None:
    async with fleet.new_line() as device:
        of = f"/devices/{device.device_id}"
        assert await rest.data(f"{of}/metrics/names") == []
        assert await rest.data(f"{of}/logs/sources") == []
        await device.send("status", status="ONLINE", metrics={"temp": 1.0, "hum": 9.0})
        for source in ("b", "a", "b", None):
            await device.send("log_line", line="x", level="INFO", source=source)

        async def stored() -> bool:
            return len(await rest.data(f"{of}/logs")) == 4

        await until(stored)
        assert await rest.data(f"{of}/metrics/names") == ["hum", "temp"]
        assert await rest.data(f"{of}/logs/sources") == ["a", "b"]
    assert (await rest.get("/devices/none/metrics/names")).status_code == 404


async def test_the_presence_of_a_device_is_kept(fleet: Fleet, rest: Rest) -> None:
    device_id = await fleet.enroll()
    path = f"/devices/{device_id}/events"
    generations: list[int] = []
    for _ in range(2):
        async with fleet.line(device_id) as device:
            generations.append(device.welcome["generation"])
            await device.send("status", status="DEGRADED", metrics={})

            async def heard() -> bool:
                state = (await rest.data(f"/devices/{device_id}"))["status"]
                return bool(state == "DEGRADED")

            await until(heard)

    async def stored() -> bool:
        return len(await rest.data(path, type="status")) == 6

    await until(stored)
    rows = await rest.data(path, presence=True)
    said = [(row["event"]["connected"], row["event"]["generation"]) for row in reversed(rows)]
    assert said == [(on, each) for each in generations for on in (True, False)]
    assert [row["event"]["status"] for row in rows] == ["OFFLINE", "ONLINE"] * 2
    assert all(row["event"]["deviceId"] == device_id and row["event"]["ts"] for row in rows)
    assert await rest.data(path, presence=True, type="scan") == []


async def test_the_states_of_a_device_are_told_by_their_changes(fleet: Fleet, rest: Rest) -> None:
    device_id = await fleet.enroll()
    path = f"/devices/{device_id}/states"
    assert await rest.data(path) == []
    async with fleet.line(device_id) as device:
        generation = device.welcome["generation"]
        for status in ("ONLINE", "DEGRADED", "DEGRADED", "ERROR"):
            await device.send("status", status=status, metrics={})

        async def stored() -> bool:
            rows = await rest.data(f"/devices/{device_id}/events", type="status")
            return len(rows) == 5

        await until(stored)

    async def closed() -> bool:
        return (await rest.data(path))[-1]["connected"] is False

    await until(closed)
    rows = await rest.data(path)
    assert [(row["status"], row["connected"], row["generation"]) for row in rows] == [
        ("ONLINE", True, generation), ("DEGRADED", None, None), ("ERROR", None, None),
        ("OFFLINE", False, generation),
    ]  # fmt: skip
    # What stood before is where it begins.
    later = await rest.data(path, since="2100-01-01T00:00:00Z", until="2100-01-02T00:00:00Z")
    assert later == []
    after_all = await rest.data(path, since=rows[-1]["at"].replace("Z", "999Z"))
    assert [row["status"] for row in after_all][-1] == "OFFLINE"
    assert (await rest.get("/devices/none/states")).status_code == 404


async def test_what_a_device_sent_before_a_result_can_be_read_when_success_is(
    fleet: Fleet, rest: Rest
) -> None:
    async with fleet.new_line() as device:
        for _ in range(10):
            call = asyncio.create_task(
                rest.dispatch(device.device_id, {"type": "pull_logs", "lines": 50})
            )
            command_id = (await device.command("pull_logs"))["id"]
            for number in range(50):
                await device.send("log_line", line=f"l{number}", level="INFO", commandId=command_id)
            await device.send("result", commandId=command_id, success=True, data={"lines": 50})
            assert (await call).json()["data"]["status"] == "SUCCESS"
            path = f"/devices/{device.device_id}/logs"
            assert len(await rest.data(path, limit=500, commandId=command_id)) == 50
            await device.find("result_ack", commandId=command_id)
