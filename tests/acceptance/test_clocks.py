"""Clocks that step under a running hub, and over its restarts (promise G18)."""

import base64
import json
import time
from collections.abc import Generator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from tests.acceptance.clock import ClockedHub, ClockedReplica, needs_faketime
from tests.acceptance.hub.clients import Fleet, Rest, new_id, until
from tests.acceptance.hub.conftest import PASSWORD, log_in

pytestmark = needs_faketime


@pytest.fixture
def hub(tmp_path: Path) -> Generator[ClockedHub]:
    hub = ClockedHub(tmp_path, device_token_seconds=str(20 * 365 * 86_400))
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


async def test_g18_after_a_restart_with_the_right_clock_nobody_is_connected_for_years(
    tmp_path: Path,
) -> None:
    hub = ClockedHub(tmp_path, "+3650d")
    hub.start()
    try:
        async with fleet_of(hub).new_line() as device:
            device_id = device.device_id
            hub.kill()
        hub.step("+0")
        hub.start()
        async with Rest.open(hub.url, token_of(hub)) as rest:
            seen = await rest.data(f"/devices/{device_id}")
            assert (seen["connected"], seen["status"]) == (False, "OFFLINE")
            record = (await rest.dispatch(device_id)).json()["data"]
            assert (record["status"], record["error"]["code"]) == ("FAILED", "device_offline")
    finally:
        hub.kill()


async def test_g18_a_replica_that_died_a_day_ahead_is_gone_within_15_s_of_the_step_back(
    hub: ClockedHub, tmp_path: Path
) -> None:
    folder = tmp_path / "second"
    folder.mkdir()
    second = ClockedReplica(
        folder, "+1d", database_url=hub.ready["databaseUrl"], redis_url=hub.ready["redisUrl"]
    )
    token = token_of(hub)
    hub.step("+1d")
    second.start()
    try:
        async with Rest.open(hub.url, token) as rest:
            async with Fleet(second.url, hub.ready["enrollmentKey"]).new_line():
                second.kill()
            hub.step("+0")

            async def nobody_is_connected() -> bool:
                answer = await rest.get("/devices/connected")
                return answer.status_code == 200 and answer.json()["data"] == []

            await until(nobody_is_connected, seconds=16)
    finally:
        if second.running():
            second.kill()


async def test_g18_a_wait_that_began_in_the_future_ends_by_its_length(hub: ClockedHub) -> None:
    async with (
        fleet_of(hub).new_line() as device,
        Rest.open(hub.url, token_of(hub)) as rest,
    ):
        command_id = await rest.accept(device.device_id, timeoutMs=3_000)
        hub.step("-2h")
        await until(partial(follows, hub, -7200.0))  # who signed in ahead has to do it again
        async with Rest.open(hub.url, token_of(hub)) as back:
            record = await back.until_status(device.device_id, command_id, "TIMEOUT", seconds=12)
        assert record["error"]["code"] == "timeout"


async def test_g18_a_key_stands_for_its_command_after_a_step(hub: ClockedHub) -> None:
    key = {"Idempotency-Key": new_id("key"), "Prefer": "respond-async"}
    async with fleet_of(hub).new_line() as device, Rest.open(hub.url, token_of(hub)) as rest:
        first = await rest.dispatch(device.device_id, headers=key)
        hub.step("+2d")
        again = await rest.dispatch(device.device_id, headers=key)
        assert again.json()["data"]["commandId"] == first.json()["data"]["commandId"]
        other = await rest.dispatch(device.device_id, "enable_device", headers=key)
        assert (other.status_code, other.json()["code"]) == (409, "conflict")


async def test_g18_a_command_that_is_sent_after_a_step_back_says_what_the_time_is(
    hub: ClockedHub,
) -> None:
    async with fleet_of(hub).new_line() as device:
        hub.step("-2h")
        async with Rest.open(hub.url, token_of(hub)) as rest:
            await rest.accept(device.device_id, timeoutMs=60_000)
        frame = await device.command()
        said, deadline = map(datetime.fromisoformat, (frame["serverTime"], frame["deadline"]))
        assert timedelta(seconds=50) < deadline - said <= timedelta(seconds=60)


async def follows(hub: ClockedHub, offset: float) -> bool:
    """Whether what the hub grants is dated by the step already: it looks every two seconds."""
    payload = token_of(hub).split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return abs(claims["iat"] - (time.time() + offset)) < 60


@pytest.mark.parametrize("offset", ["+3s", "+10m", "-10m"])
async def test_g20_what_a_replica_with_a_wrong_clock_grants_is_good_everywhere_until_it_ends(
    hub: ClockedHub, tmp_path: Path, offset: str
) -> None:
    folder = tmp_path / "replica"
    folder.mkdir()
    other = ClockedReplica(
        folder,
        offset,
        database_url=hub.ready["databaseUrl"],
        redis_url=hub.ready["redisUrl"],
    )
    other.start()
    try:
        name = new_id("user")
        async with Rest.open(hub.url, token_of(hub)) as admin:
            body = {"username": name, "password": PASSWORD, "role": "VIEWER"}
            user = (await admin.post("/users", body)).json()["data"]["id"]
            token = log_in(other.url, name, PASSWORD)
            device = new_id("dev")
            of_device = await Fleet(other.url, hub.ready["enrollmentKey"]).token(device)
            for url in (hub.url, other.url):
                async with Rest.open(url, token) as there:
                    assert (await there.get("/auth/me")).status_code == 200
                async with Rest.open(url, of_device) as there:
                    assert (await there.post("/sync", {"records": []})).status_code == 200
            await admin.client.patch(f"/users/{user}", json={"disabled": True})
            await admin.client.delete(f"/devices/{device}")

            async def ended() -> bool:
                found: list[int] = []
                for url in (hub.url, other.url):
                    async with Rest.open(url, token) as there:
                        found.append((await there.get("/auth/me")).status_code)
                    async with Rest.open(url, of_device) as there:
                        found.append((await there.post("/sync", {"records": []})).status_code)
                return found == [401] * 4

            await until(ended, seconds=5)
    finally:
        other.kill()


async def test_g20_what_was_ended_while_the_hub_was_behind_stays_dead(hub: ClockedHub) -> None:
    hub.step("-1h")
    await until(partial(follows, hub, -3600.0))
    async with Rest.open(hub.url, token_of(hub)) as admin:
        name, device = new_id("user"), new_id("dev")
        body = {"username": name, "password": PASSWORD, "role": "VIEWER"}
        user = (await admin.post("/users", body)).json()["data"]["id"]
        token = log_in(hub.url, name, PASSWORD)
        of_device = await fleet_of(hub).token(device)
        disabled = await admin.client.patch(f"/users/{user}", json={"disabled": True})
        deleted = await admin.client.delete(f"/devices/{device}")
        assert (disabled.status_code, deleted.status_code) == (200, 200)
    for offset in ("+0", "+10m", "-2h"):
        hub.step(offset)
        async with Rest.open(hub.url, token) as there:
            assert (await there.get("/auth/me")).status_code == 401
        async with Rest.open(hub.url, of_device) as there:
            assert (await there.post("/sync", {"records": []})).status_code == 401
