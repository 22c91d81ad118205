"""Deployments while agents, hub and network are killed at moments drawn from a seed.

    python -m tests.acceptance.hub.kill_campaigns ROUNDS [first seed] [devices]

Each round deploys a new version, good or broken, to real agents under supervisors, through a real
`longline up` behind a proxy. Afterwards every device must be there and do what it is told, and no
device may be called a SUCCESS that does not run, confirmed, the version that was deployed.
"""

import asyncio
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.acceptance.chaos.proxy import Address, Proxy, serving
from tests.acceptance.hub.clients import Json, Rest, until
from tests.acceptance.hub.conftest import log_in
from tests.acceptance.hub.process import HubProcess
from tests.integration.device.updates import BROKEN, SupervisedDevice, make_artifact
from tests.tasks import in_background

CONFIRM_SECONDS = 15.0
SECONDS = 8.0
"""Within which everything is killed that is."""
OVER_SECONDS = 150.0
KINDS = ("good", "good", "good", *(kind for kind in BROKEN if kind != "hang"))


class World:
    def __init__(self, folder: Path, devices: int) -> None:
        self.folder = folder
        self.hub = HubProcess(folder)
        self.proxy = Proxy(self._address)
        self.devices = [self._device(f"edge-{number}") for number in range(devices)]
        self.happened: Counter[str] = Counter()
        self._up = False

    def _address(self) -> Address | None:
        if not self._up:
            return None
        parts = urlsplit(self.hub.url)
        return (str(parts.hostname), int(parts.port or 0))

    def _device(self, device_id: str) -> SupervisedDevice:
        directory = self.folder / device_id
        directory.mkdir()
        device = SupervisedDevice(directory, "", device_id)
        device.confirm_seconds = CONFIRM_SECONDS
        return device

    async def start(self) -> None:
        await asyncio.to_thread(self.hub.start)
        self._up = True

    async def kill_hub(self) -> None:
        self._up = False
        await asyncio.to_thread(self.hub.kill)
        await self.start()

    # One round

    async def round(self, seed: int) -> str:
        draw = random.Random(seed)  # noqa: S311
        kind, version = draw.choice(KINDS), f"{seed + 1}.0"
        deployment_id = await self._deploy(version, kind)
        async with in_background(*self._faults(draw)):
            await asyncio.sleep(SECONDS)
        rows = await self._over(deployment_id)
        for device in self.devices:
            await self.is_alive(device, seed)
            self._check(device, rows[device.device_id], version, kind)
        ends = Counter(_end(row) for row in rows.values())
        self.happened.update(ends)
        return f"seed {seed}: {kind} {dict(ends)}"

    def _faults(self, draw: random.Random) -> list[Any]:
        work = [
            self._later(draw, "agent killed", device.kill)
            for device in self.devices
            for _ in range(draw.choice((0, 1, 1, 2)))
        ]
        if draw.random() < 0.5:
            work.append(self._later_hub(draw.uniform(0, SECONDS / 2)))
        if draw.random() < 0.5:
            work.append(self._later(draw, "network cut", self.proxy.cut))
        return work

    async def _later(self, draw: random.Random, what: str, act: Any) -> None:
        await asyncio.sleep(draw.uniform(0, SECONDS))
        act()
        self.happened[what] += 1

    async def _later_hub(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        # Half a restart would be no hub at all.
        await asyncio.shield(asyncio.ensure_future(self.kill_hub()))
        self.happened["hub killed"] += 1

    def _check(self, device: SupervisedDevice, row: Json, version: str, kind: str) -> None:
        record = device.record()
        runs = record.get("state") == "confirmed" and record.get("version") == version
        assert row["status"] != "SUCCESS" or runs, f"false SUCCESS: {row} {record}"
        assert kind == "good" or not runs, f"a broken version was confirmed: {record}"

    # REST

    async def _call(self, method: str, path: str, **rest: Any) -> Any:
        """Again and again until the hub answers; `data`."""
        last = time.monotonic() + 60
        while True:
            try:
                return await self._call_once(method, path, **rest)
            except (httpx.HTTPError, AssertionError) as error:
                if time.monotonic() > last:
                    raise AssertionError(f"{method} {path}: {error}") from None
                await asyncio.sleep(0.3)

    async def _call_once(self, method: str, path: str, **rest: Any) -> Any:
        token = await asyncio.to_thread(
            log_in, self.hub.url, "admin", self.hub.ready["adminPassword"]
        )
        async with Rest.open(self.hub.url, token) as client:
            answer = await client.client.request(method, path, **rest)
        assert answer.status_code < 400, answer.text
        return answer.json()["data"]

    async def _deploy(self, version: str, kind: str) -> str:
        file = self.folder / "artifact"
        release = await self._call(
            "POST", "/firmware/releases", params={"version": version},
            content=make_artifact(file, version, BROKEN.get(kind)),
            headers={"Content-Type": "application/octet-stream"},
        )  # fmt: skip
        body: Json = {
            "releaseId": release["id"], "soakSeconds": 1, "phaseTimeoutSeconds": 60,
            "target": {"deviceIds": [device.device_id for device in self.devices]},
            "stopAt": {"failedPercent": 100, "minimum": 100},
            "waves": [{"count": 1}, {"percent": 100}],
        }  # fmt: skip
        return str((await self._call("POST", "/firmware/deployments", json=body))["id"])

    async def _over(self, deployment_id: str) -> dict[str, Json]:
        path = f"/firmware/deployments/{deployment_id}"
        found: Json = {}

        async def is_over() -> bool:
            await asyncio.sleep(0.5)
            found.update(await self._call("GET", path))
            return found["status"] not in ("PENDING", "IN_PROGRESS")

        await until(is_over, seconds=OVER_SECONDS)
        return {row["deviceId"]: row for row in await self._call("GET", f"{path}/devices")}

    async def is_alive(self, device: SupervisedDevice, seed: int) -> None:
        path = f"/devices/{device.device_id}/commands"
        async with asyncio.timeout(60):
            for attempt in range(1000):
                command = {"type": "pull_logs", "lines": 1, "source": "agent",
                           "id": f"alive-{seed}-{device.device_id}-{attempt}"}  # fmt: skip
                body = {"command": command, "timeoutMs": 5000}
                found = await self._call("POST", path, json=body)
                if found["status"] == "SUCCESS":
                    return
                await asyncio.sleep(0.3)


def _end(row: Json) -> str:
    return row["status"] if row["error"] is None else f"{row['status']} {row['error']['code']}"


async def main(rounds: int, first: int, devices: int) -> None:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), devices)
        await world.start()
        try:
            await _rounds(world, rounds, first)
        finally:
            world.hub.send_signal(signal.SIGTERM)
    seconds = time.monotonic() - began
    print(f"{rounds * devices} updates of devices in {rounds} rounds, {seconds:.0f} s")
    print(dict(sorted(world.happened.items())))


async def _rounds(world: World, rounds: int, first: int) -> None:
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serving(world.proxy))
        for device in world.devices:
            device.hub_url = f"http://127.0.0.1:{world.proxy.port}"
            device.key = world.hub.ready["enrollmentKey"]
            await stack.enter_async_context(device.running())
        for device in world.devices:
            await world.is_alive(device, -1)
        for seed in range(first, first + rounds):
            print(await world.round(seed), flush=True)


if __name__ == "__main__":
    numbers = [int(text) for text in sys.argv[1:]]
    asyncio.run(main(*(numbers + [20, 0, 5][len(numbers) :])))
