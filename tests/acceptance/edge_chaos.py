"""Records made while everything between them and the cloud is cut at random:

    python -m tests.acceptance.edge_chaos --records 100000 --seconds 600 --longest 90 --seed 1

Agents hand records in by socket and by file. Hub, cloud and agents are killed and come back,
answers are lost, devices change their connection mode. At the end the multiset at the cloud is
compared with what was produced."""

import argparse
import asyncio
import contextlib
import json
import random
import signal
import socket
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

from tests.acceptance.edge import TOKEN, Agent, Factory
from tests.acceptance.hub.clients import Json, until
from tests.acceptance.hub.process import HubProcess
from tests.cloud import Cloud, Reply, stand_in_cloud

KINDS: Final = ("bottle", "bottle", "bottle", "batch", "pallet", "fixation")
COMPANIES: Final = ("acme", "other")
FILE_RECORDS: Final = 500


class PortHub(HubProcess):
    """Always on one port, so that devices find it again."""

    def __init__(self, folder: Path, **variables: str) -> None:
        super().__init__(folder, **variables)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    def arguments(self) -> list[str | Path]:
        return ["up", "--port", str(self.port), "--data-dir", self.folder / "data"]


class Production:
    """Makes records of one device, and hands in what was not taken until it is."""

    def __init__(self, agent: Agent, count: int, pause: float, dice: random.Random) -> None:
        self._agent = agent
        self._count = count
        self._pause = pause
        self._dice = dice
        self.made: list[Json] = []

    def _make(self) -> Json:
        number = len(self.made)
        record: Json = {
            "id": f"{self._agent.device_id}-{number:06}", "kind": self._dice.choice(KINDS),
            "companyId": self._agent.company,
            "ts": f"2026-01-02T03:04:05.{number % 1000:03}Z",
            "data": {"number": number, "text": "ü" * self._dice.randrange(30)},
        }  # fmt: skip
        self.made.append(record)
        return record

    async def run(self) -> None:
        while len(self.made) < self._count:
            left = self._count - len(self.made)
            if self._dice.random() < 0.5:
                records = [self._make() for _ in range(min(left, FILE_RECORDS))]
                self._agent.drop_file(f"{len(self.made):07}.jsonl", records)
            else:
                await self._emit([self._make() for _ in range(min(left, 25))])
            await asyncio.sleep(self._pause)

    async def _emit(self, records: list[Json]) -> None:
        """Until every one was answered `ok`: a program that keeps what it made."""
        while True:
            with contextlib.suppress(OSError, ValueError):
                answers = await self._agent.emit(*records)
                assert all(answer == {"ok": True} for answer in answers), answers
                return
            await asyncio.sleep(0.1)


LEAST: Final = 3
"""Faults: on a slow machine each takes longer than all records do."""


class Chaos:
    def __init__(self, factory: Factory, dice: random.Random, longest: float) -> None:
        self._factory = factory
        self._dice = dice
        self._longest = longest
        self.done: Counter[str] = Counter()
        self.ending = False

    async def run(self) -> None:
        """One after the other, until `ending` and some were done; everything is at work again
        then."""
        faults = (
            self._cloud_cut, self._cloud_fails, self._answers_lost, self._hub_killed,
            self._agent_killed, self._mode_switched, self._mode_switched,
        )  # fmt: skip
        while True:
            for fault in self._dice.sample(faults, len(faults)):
                await fault()
                self.done[fault.__name__.removeprefix("_")] += 1
                if self.ending and self.done.total() >= LEAST:
                    return
                await asyncio.sleep(self._dice.uniform(0.2, self._longest / 3))

    def _while(self) -> float:
        return self._dice.uniform(0.3, self._longest)

    async def _cloud_cut(self) -> None:
        await self._factory.cloud.stop()
        await asyncio.sleep(self._while())
        await self._factory.cloud.start()

    async def _cloud_fails(self) -> None:
        replies = [Reply(500), None, Reply(503), Reply(429, headers={"Retry-After": "1"})]
        self._factory.cloud.script.extend(self._dice.choices(replies, k=3))

    async def _answers_lost(self) -> None:
        self._factory.cloud.forgetful = True
        await asyncio.sleep(min(2.0, self._while()))
        self._factory.cloud.forgetful = False

    async def _hub_killed(self) -> None:
        hub = self._factory.hub
        await asyncio.to_thread(hub.kill)
        await asyncio.sleep(self._while())
        await asyncio.to_thread(hub.start)

    async def _agent_killed(self) -> None:
        agent = self._dice.choice(self._factory.agents)
        await agent.end(signal.SIGKILL)
        await asyncio.sleep(min(3.0, self._while()))
        await agent.start()

    async def _mode_switched(self) -> None:
        agent = self._dice.choice(self._factory.agents)
        mode = self._dice.choice(["VIA_LOCAL_SERVER", "DIRECT_CLOUD"])
        async with self._factory.rest() as rest:
            path = f"/devices/{agent.device_id}/connection-mode"
            answer = await rest.client.put(path, json={"mode": mode})
            assert answer.status_code == 200, answer.text


async def run(
    folder: Path, *, records: int, seconds: float, longest: float, seed: int, devices: int = 2
) -> Json:
    """The figures; raises `AssertionError` when the cloud has not exactly what was produced."""
    dice = random.Random(seed)  # noqa: S311
    began = time.monotonic()
    async with stand_in_cloud() as cloud:
        hub = PortHub(folder, cloud_url=cloud.url, cloud_token=TOKEN)
        await asyncio.to_thread(hub.start)
        factory = Factory(hub, cloud, folder)
        try:
            for number in range(devices):
                company = COMPANIES[number % len(COMPANIES)]
                await factory.agent(f"edge-{number}", factory.direct(), company)
            each = records // devices
            pause = seconds / max(1, each / 260)
            productions = [
                Production(agent, each, pause, random.Random(dice.random()))  # noqa: S311
                for agent in factory.agents
            ]
            chaos = Chaos(factory, dice, longest)
            await _produce(productions, chaos)
            produced = time.monotonic() - began
            made = [record for production in productions for record in production.made]
            await until(_all_there(cloud, len(made)), seconds=max(60.0, longest * 4))
            return compare(made, cloud) | {
                "seed": seed, "faults": dict(chaos.done), "producedAfter": round(produced, 1),
                "deliveredAfter": round(time.monotonic() - began, 1),
                "requests": len(cloud.requests),
            }  # fmt: skip
        finally:
            for agent in factory.agents:
                await agent.end(signal.SIGKILL)
            if hub.running():
                await asyncio.to_thread(hub.stop)


async def _produce(productions: list[Production], chaos: Chaos) -> None:
    """All of it, under chaos; the fault that is under way at the end is still mended."""
    running = asyncio.create_task(chaos.run())
    await asyncio.gather(*(production.run() for production in productions))
    chaos.ending = True
    await running


def _all_there(cloud: Cloud, count: int) -> Any:
    async def there() -> bool:
        return len(cloud.taken) >= count

    return there


def compare(made: list[Json], cloud: Cloud) -> Json:
    paths = {
        "bottle": "bottles", "batch": "batches", "pallet": "pallets", "fixation": "batches/fixate",
    }  # fmt: skip
    wanted = Counter(
        json.dumps([f"/companies/{r['companyId']}/{paths[r['kind']]}",
                    {**r["data"], "id": r["id"], "ts": r["ts"]}], sort_keys=True)
        for r in made
    )  # fmt: skip
    found = Counter(json.dumps(list(entry), sort_keys=True) for entry in cloud.taken)
    missing, more = wanted - found, found - wanted
    assert not missing, (missing.total(), list(missing)[:3])
    assert not more, (more.total(), list(more)[:3])
    return {"produced": len(made), "atTheCloud": len(cloud.taken), "equal": True}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=600, help="how long to produce")
    parser.add_argument("--longest", type=float, default=90, help="the longest cut, in seconds")
    parser.add_argument("--devices", type=int, default=2)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="longline-edge-") as folder:
        figures = asyncio.run(
            run(
                Path(folder),
                records=given.records,
                seconds=given.seconds,
                longest=given.longest,
                seed=given.seed,
                devices=given.devices,
            )
        )
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
