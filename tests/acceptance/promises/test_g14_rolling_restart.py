"""G14: a rolling restart of three replicas under load loses no command, and moves each device at
most once per drained replica."""

import asyncio
import contextlib
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx

from tests.acceptance.chaos import ledger
from tests.acceptance.chaos.balancer import Balancer
from tests.acceptance.chaos.checker import check
from tests.acceptance.chaos.cluster import Cluster, running_cluster
from tests.acceptance.chaos.device import BROKEN, COMMANDS, Device
from tests.acceptance.chaos.history import AnyFact, History, Opened, of
from tests.acceptance.chaos.proxy import serving
from tests.acceptance.hub.clients import Rest, until
from tests.tasks import in_background

REPLICAS = 3
DEVICES = 30
DRAINED_WITHIN = 30.0
PAUSE = 0.03
TIMEOUT_MS = 120_000


async def test_g14_a_rolling_restart_under_load_loses_no_command(tmp_path: Path) -> None:
    facts: list[AnyFact] = []
    async with running_cluster(tmp_path, replicas=REPLICAS) as cluster:
        await ledger.watch(cluster.servers.owner_url)
        balancer = Balancer([replica.port for replica in cluster.replicas])
        async with serving(balancer), in_background(balancer.look()):
            devices = [
                Device(
                    balancer.url, f"d-{n}", await cluster.fleet().token(f"d-{n}"), facts.append,
                    rate=0.2, seed=n,
                )
                for n in range(DEVICES)
            ]  # fmt: skip
            async with in_background(*(device.run() for device in devices)):
                accepted = await restarted_under_load(cluster, balancer.url, devices)

                async def all_ended() -> bool:
                    return await ledger.unfinished(cluster.servers.owner_url) == 0

                await until(all_ended, seconds=60)
        told = await ledger.take(cluster.servers.owner_url)

    assert check(History(facts=facts, ledger=told)) == []
    assert {row.command for row in told.rows} >= accepted
    ends = {(row.status, row.error) for row in told.rows}
    assert ends <= {("SUCCESS", None), ("FAILED", BROKEN)}  # as the devices wish
    lines = Counter(fact.device for fact in of(facts, Opened))
    assert max(lines.values()) <= 1 + REPLICAS, lines


async def restarted_under_load(cluster: Cluster, url: str, devices: list[Device]) -> set[str]:
    """The commands that were accepted meanwhile."""
    accepted: set[str] = set()

    async def all_there() -> bool:
        return all(device.line for device in devices)

    await until(all_there, seconds=20)
    async with in_background(calling(url, cluster.admin_token, devices, accepted)):
        for replica in cluster.replicas:
            began = time.monotonic()
            assert await asyncio.to_thread(replica.stop) == 0
            assert time.monotonic() - began < DRAINED_WITHIN
            await until(all_there, seconds=20)
            await asyncio.to_thread(replica.start)
    return accepted


async def calling(url: str, token: str, devices: list[Device], accepted: set[str]) -> None:
    """For ever, commands that may wait. A refusal (503, a broken connection) accepted nothing."""
    chance = random.Random(14)  # noqa: S311
    async with Rest.open(url, token) as rest:
        while True:
            type_ = chance.choice(COMMANDS[:3])
            device = chance.choice(devices).device_id
            wish: dict[str, Any] = {"delivery": "queue", "timeoutMs": TIMEOUT_MS}
            with contextlib.suppress(httpx.TransportError):
                answer = await rest.dispatch(
                    device, type_, headers={"Prefer": "respond-async"}, **wish
                )
                assert answer.status_code in {202, 503}, answer.text
                if answer.status_code == 202:
                    accepted.add(answer.json()["data"]["commandId"])
            await asyncio.sleep(PAUSE)
