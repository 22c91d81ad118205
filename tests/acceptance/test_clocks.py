"""Clocks that step under a running hub, and over its restarts (promise G18)."""

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.acceptance.clock import ClockedHub, needs_faketime
from tests.acceptance.hub.clients import Fleet, Rest
from tests.acceptance.hub.conftest import log_in

pytestmark = needs_faketime


@pytest.fixture
def hub(tmp_path: Path) -> Generator[ClockedHub]:
    hub = ClockedHub(tmp_path)
    hub.start()
    yield hub
    if hub.running():
        hub.kill()


def fleet_of(hub: ClockedHub) -> Fleet:
    return Fleet(hub.url, hub.ready["enrollmentKey"])


def token_of(hub: ClockedHub) -> str:
    return log_in(hub.url, "admin", hub.ready["adminPassword"])


async def scans(rest: Rest, device_id: str) -> list[str]:
    rows = await rest.data(f"/devices/{device_id}/events", type="scan", limit=500)
    return sorted(row["event"]["code"] for row in rows)


async def test_g18_an_event_that_is_acknowledged_after_a_step_is_stored(hub: ClockedHub) -> None:
    async with fleet_of(hub).new_line() as device:
        await device.hello(bootId="b1")
        for seq, offset in enumerate(("+60h", "+5d", "+3650d", "-2h", "-3650d"), 1):
            hub.step(offset)
            await device.send("scan", code=f"x{seq}", valid=True, seq=seq)
            await device.find("event_ack", bootId="b1", seq=seq)
        hub.step("+0")
        async with Rest.open(hub.url, token_of(hub)) as rest:
            assert await scans(rest, device.device_id) == ["x1", "x2", "x3", "x4", "x5"]
            assert (await rest.client.get(f"{hub.url}/readyz")).status_code == 200


async def test_g18_a_start_with_a_clock_that_is_ahead_deletes_nothing(hub: ClockedHub) -> None:
    async with fleet_of(hub).new_line() as device:
        await device.send("scan", code="kept", valid=True, bootId="b", seq=1)
        await device.find("event_ack", bootId="b", seq=1)
        device_id = device.device_id
    for offset in ("+3650d", "+0"):
        hub.stop()
        hub.step(offset)
        hub.start()
    async with Rest.open(hub.url, token_of(hub)) as rest:
        assert await scans(rest, device_id) == ["kept"]
