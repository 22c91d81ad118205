"""G1, G2: a replica that dies in the middle of a bulk call leaves all of it or nothing, and the
same call again at another replica is the same call."""

import asyncio
import contextlib
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.acceptance.chaos.cluster import Cluster
from tests.acceptance.hub.clients import Rest, until

TARGETS = 400
EXPIRES = 8.0
SLOTS = 20


@pytest.mark.parametrize("after", [0.02, 0.08])
async def test_g1_kill_9_in_the_middle_of_a_bulk_call(two: Cluster, after: float) -> None:
    ids = [f"d-{n}" for n in range(TARGETS)]
    await enroll(two, ids)
    expires = datetime.now(UTC) + timedelta(seconds=EXPIRES)
    body = {
        "deviceIds": ids, "command": {"type": "force_sync"}, "delivery": "queue",
        "expiresAt": expires.isoformat(),
    }  # fmt: skip
    headers = {"Prefer": "respond-async", "Idempotency-Key": "once"}

    async def bulk(url: str) -> httpx.Response:
        async with Rest.open(url, two.admin_token) as rest:
            return await rest.client.post("/commands/bulk", json=body, headers=headers)

    call = asyncio.create_task(bulk(two.urls[0]))
    await asyncio.sleep(after)  # the moment is the fault
    two.replicas[0].kill()
    with contextlib.suppress(httpx.TransportError):
        assert (await call).status_code == 202
    again = await bulk(two.urls[1])
    assert again.status_code == 202, again.text
    named = {entry["commandId"] for entry in again.json()["data"]["results"].values()}
    assert len(named) == TARGETS

    async with Rest.open(two.urls[1], two.admin_token) as rest:

        async def all_ended() -> bool:
            found = await everything(rest)
            assert {record["commandId"] for record in found} == named
            return Counter(record["status"] for record in found) == {"EXPIRED": TARGETS}

        await until(all_ended, seconds=EXPIRES + 10)


async def enroll(cluster: Cluster, ids: list[str]) -> None:
    fleet, slots = cluster.fleet(1), asyncio.Semaphore(SLOTS)

    async def one(device_id: str) -> None:
        async with slots:
            await fleet.token(device_id)

    await asyncio.gather(*map(one, ids))


async def everything(rest: Rest) -> list[dict[str, Any]]:
    return list(await rest.data("/commands", limit=500))
