"""What one device may do to all others: bytes of a day, names of metrics, alerts of a second."""

import asyncio
from collections.abc import Generator

import pytest

from tests.acceptance.hub.clients import Fleet, Json, Rest, bearer, open_socket
from tests.acceptance.hub.conftest import log_in
from tests.acceptance.hub.process import HubProcess

DAY_BYTES = 200_000


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Generator[HubProcess]:
    """A hub that stores little of a device in a day."""
    process = HubProcess(tmp_path_factory.mktemp("small"), device_day_bytes=str(DAY_BYTES))
    process.start()
    yield process
    assert process.stop() == 0


async def test_g15_a_device_fills_its_share_of_a_day_and_no_more(small: HubProcess) -> None:
    token = log_in(small.url, "admin", small.ready["adminPassword"])
    fleet = Fleet(small.url, small.ready["enrollmentKey"])
    async with fleet.new_line() as device, Rest.open(small.url, token) as rest:
        for _ in range(100):
            await device.send("log_line", level="INFO", line="x" * 7_800)
        assert (await device.find("error"))["code"] == "too_fast"
        await device.send("scan", code="durable", valid=True, bootId="b", seq=1)
        await device.find("event_ack", bootId="b", seq=1)
        path = f"/devices/{device.device_id}"
        stored = await rest.data(f"{path}/logs", limit=500)
        assert 0 < sum(len(row["line"]) for row in stored) <= DAY_BYTES
        (alert,) = await rest.data(f"{path}/events", type="alert")
        assert alert["event"]["code"] == "device_day_full"
    async with fleet.line(device.device_id) as again:
        await again.send("log_line", level="INFO", line="x" * 7_800)
        assert (await again.find("error"))["code"] == "too_fast"


async def test_g15_metric_names_are_bounded_and_known_ones_go_on(fleet: Fleet, rest: Rest) -> None:
    async with fleet.new_line() as device:
        for first in range(0, 640, 64):
            metrics = {f"m{number}": 1.0 for number in range(first, first + 64)}
            await device.send("status", status="ONLINE", metrics=metrics)
        told = await device.settled()
        assert {frame["code"] for frame in told} == {"too_many_metrics"}
        metrics = {"m0": 2.0, "new": 3.0}
        await device.send("status", status="ONLINE", metrics=metrics, bootId="b", seq=1)
        await device.find("event_ack", seq=1)
        seen = await rest.data(f"/devices/{device.device_id}")
        assert seen["metrics"] == {"m0": 2.0}


async def test_g15_a_device_that_starts_too_often_keeps_its_line(fleet: Fleet) -> None:
    device_id = await fleet.enroll()
    async with fleet.line(device_id) as device:
        for number in range(1_001):
            await device.send("event", name="n", bootId=f"b{number}", seq=1)
        refused = await device.find("error")
        assert refused["code"] == "too_fast"
        assert not {"bootId", "seq"} & refused.keys()
        await device.send("event", name="n", bootId="b999", seq=2)
        await device.find("event_ack", bootId="b999", seq=2)
    async with fleet.line(device_id) as device:
        await device.send("event", name="n", bootId="b1000", seq=1)
        assert (await device.find("error"))["code"] == "too_fast"
        assert await device.settled() == []


async def test_names_of_metrics_are_there_before_they_are_rolled_up(
    fleet: Fleet, rest: Rest
) -> None:
    async with fleet.new_line() as device:
        for seq in range(1, 7):
            metrics = {f"m{seq}-{number:02}": 1.0 for number in range(64)}
            await device.send("status", status="ONLINE", metrics=metrics, bootId="b", seq=seq)
        await device.find("event_ack", seq=6)
        names = await rest.data(f"/devices/{device.device_id}/metrics/names")
        assert names == [f"m{seq}-{number:02}" for seq in range(1, 5) for number in range(64)]


async def test_g10_alerts_beyond_ten_a_second_are_told_as_one_with_a_count(
    hub: HubProcess, admin_token: str, fleet: Fleet, rest: Rest
) -> None:
    async with (
        fleet.new_line() as device,
        open_socket(f"{hub.url}/ws/dashboard", **bearer(admin_token)) as dashboard,
    ):
        await dashboard.send("subscribe", id="s", deviceIds=[device.device_id], types=["alert"])
        await dashboard.expect("subscribed")
        for seq in range(1, 101):
            alert: Json = {"severity": "CRITICAL", "code": "x", "message": f"m{seq}"}
            await device.send("alert", **alert)
            await device.send("alert", **alert | {"code": "durable"}, bootId="b", seq=seq)
        await device.find("event_ack", bootId="b", seq=100)
        counted: dict[str, int] = {"x": 0, "durable": 0}
        frames = 0
        async with asyncio.timeout(10):
            while counted != {"x": 100, "durable": 100}:
                told = await dashboard.find("alert")
                counted[told["code"]] += told.get("count", 1)
                frames += 1
        assert frames < 60
        path = f"/devices/{device.device_id}/events"
        rows = await rest.data(path, type="alert", limit=500)
        durable = [row for row in rows if row["event"]["code"] == "durable"]
        assert len(durable) == 100
