"""One chaos run: build, break, let it come to rest, check.

    scripts/chaos --seed 7              # about eight minutes
    scripts/chaos --seed 7 --short      # about two
    scripts/chaos --seed 7 --steps      # kill -9 at each named step; about two

The seed is printed first and decides the faults; the machine decides the rest, so a seed repeats
the schedule, not each interleaving. The last line holds the figures. Exit 0: nothing was found.
Otherwise the history and the replicas' logs are kept, and their place is printed.
"""

import argparse
import asyncio
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Final

from msgspec import Struct

from tests.acceptance.chaos import faults, ledger
from tests.acceptance.chaos.balancer import Balancer
from tests.acceptance.chaos.caller import Caller, make_client, probe
from tests.acceptance.chaos.checker import Violation, check
from tests.acceptance.chaos.cluster import Cluster
from tests.acceptance.chaos.dashboard import Dashboard
from tests.acceptance.chaos.device import Device
from tests.acceptance.chaos.disk import MISSING as NO_DISK
from tests.acceptance.chaos.disk import mountable
from tests.acceptance.chaos.ends import Ends
from tests.acceptance.chaos.figures import report, summary
from tests.acceptance.chaos.history import AnyFact, Fault, History, Noted, Registry, write
from tests.acceptance.chaos.isolating import isolate
from tests.acceptance.chaos.lines import REGISTRY_SECONDS, SLACK
from tests.acceptance.chaos.proxy import Proxy, serving
from tests.acceptance.chaos.rogues import Rogues
from tests.acceptance.chaos.world import World
from tests.acceptance.clock import LIBRARIES, MISSING
from tests.tasks import in_background

REST_SECONDS: Final = 60.0
"""Until everything has ended: the longest deadline, its sweep, and a long pause of a device."""
ENROLLING: Final = 20
MOVERS: Final = 6


class Size(Struct, frozen=True, kw_only=True):
    replicas: int
    devices: int
    dashboards: int
    callers: int
    pause: float
    """Seconds between two calls of a caller, on average."""
    rate: float
    """Durable events a second of a device."""
    calm: float
    """Seconds between two world faults."""
    rogues: int = 20
    absent: int = 5


FULL: Final = Size(replicas=3, devices=200, dashboards=4, callers=6, pause=0.3, rate=0.2, calm=6)
SHORT: Final = Size(replicas=2, devices=60, dashboards=3, callers=4, pause=0.2, rate=0.4, calm=2)
STEPS: Final = Size(replicas=2, devices=20, dashboards=1, callers=3, pause=0.2, rate=0.4, calm=0.5)


class Run:
    """`schedule`: what begins together, one after another, for at most so many minutes."""

    def __init__(
        self,
        folder: Path,
        seed: int,
        size: Size,
        schedule: Iterable[tuple[faults.Planned, ...]],
        *,
        minutes: float,
    ) -> None:
        self.facts: list[AnyFact] = []
        self._seed = seed
        self._size = size
        self._schedule = schedule
        self._seconds = minutes * 60
        self._cluster = Cluster(folder)
        if LIBRARIES:
            self._cluster.set_clocks()
        self._calling = asyncio.Event()
        """Set when callers shall come to an end; `_probing`, when the probe shall."""
        self._probing = asyncio.Event()
        self._devices: list[Device] = []
        self._dashboards: list[Dashboard] = []

    def record(self, fact: AnyFact) -> None:
        self.facts.append(fact)

    async def __call__(self) -> History:
        """Raises when the run itself is broken, not when the hub is."""
        servers = self._cluster.servers
        if mountable():
            self._cluster.set_disk()
        try:
            await servers.start()
            database = Proxy(lambda: servers.socket("postgres"))
            redis = Proxy(lambda: servers.socket("valkey"))
            async with serving(database, redis):
                self._cluster.database_url = servers.database_at(database.port)
                self._cluster.redis_url = f"redis://127.0.0.1:{redis.port}/0"
                await self._cluster.start(self._size.replicas)
                await ledger.watch(servers.owner_url)
                clients = Balancer([replica.port for replica in self._cluster.replicas])
                world = World(self._cluster, clients, database, redis, self.record)
                async with serving(clients), in_background(clients.look()):
                    await self._with_everybody(clients.url, world)
            return History(facts=self.facts, ledger=await ledger.take(servers.owner_url))
        finally:
            await self._cluster.stop()

    async def _with_everybody(self, url: str, world: World) -> None:
        size, token = self._size, self._cluster.admin_token
        tokens = await self._enroll("d", size.devices)
        rogues = list((await self._enroll("rogue", size.rogues)).values())
        absent = list(await self._enroll("absent", size.absent))
        probed = await self._enroll("probed", 1)
        isolated = await self._enroll("isolated", 1)
        world.movers = await self._enroll("mover", MOVERS)
        self._devices = [
            Device(url, name, its, self.record, rate=size.rate, seed=self._seed + n)
            for n, (name, its) in enumerate(tokens.items())
        ]
        self._dashboards = [
            Dashboard(url, f"w-{n}", token, self.record, seed=self._seed + n)
            for n in range(size.dashboards)
        ]
        callers = [
            Caller(
                url, token, list(tokens), absent, self.record, seed=self._seed + n, pause=size.pause
            )
            for n in range(size.callers)
        ]
        steady = [
            Device(url, name, its, self.record, rate=0.1, seed=self._seed)
            for name, its in probed.items()
        ]
        steady += [
            Device(url, name, its, self.record, rate=2, seed=self._seed)
            for name, its in isolated.items()
        ]
        ends = Ends(self._cluster, url, self.record, seed=self._seed)
        bad = Rogues(url, self._devices, self._dashboards, rogues, token, self.record)
        async with in_background(
            *(device.run() for device in self._devices + steady),
            *(dashboard.run() for dashboard in self._dashboards),
            ends.run(),
            probe(url, token, next(iter(probed)), self.record, self._probing, pause=0.25),
        ):
            self._devices += steady
            await self._until("everybody is there", self._all_there)
            calling = asyncio.gather(
                *(caller.run(self._calling) for caller in callers),
                *(
                    isolate(url, token, name, self.record, self._calling, seed=self._seed)
                    for name in isolated
                ),
            )
            try:
                async with in_background(self._misbehave(bad)):
                    await self._break(world)
                ends.stop()
                await self._come_to_rest(calling, ends)
            finally:
                calling.cancel()

    async def _enroll(self, prefix: str, count: int) -> dict[str, str]:
        fleet, slots = self._cluster.fleet(), asyncio.Semaphore(ENROLLING)

        async def one(name: str) -> tuple[str, str]:
            async with slots:
                return name, await fleet.token(name)

        return dict(await asyncio.gather(*(one(f"{prefix}-{n}") for n in range(count))))

    async def _break(self, world: World) -> None:
        give_up = time.monotonic() + self._seconds
        for together in self._schedule:
            if time.monotonic() + max(fault.seconds for fault in together) > give_up:
                return
            await asyncio.sleep(self._size.calm)
            await asyncio.gather(*(self._inflict(world, fault) for fault in together))

    async def _inflict(self, world: World, fault: faults.Planned) -> None:
        _say(f"{world.describe(fault)}, {fault.seconds:.0f} s")
        self.record(Fault(name=fault.name, began=True))
        await world.inflict(fault)
        self.record(Fault(name=fault.name, began=False))

    async def _misbehave(self, rogues: Rogues) -> None:
        async with asyncio.TaskGroup() as tasks:
            for pause, fault in faults.peers(self._seed):
                await asyncio.sleep(pause)
                self.record(Fault(name=fault.name, began=True))
                tasks.create_task(rogues.misbehave(fault))

    async def _come_to_rest(self, calling: Awaitable[object], ends: Ends) -> None:
        """Nothing is broken any more: all that was begun has to end."""
        _say("quiet")
        quiet = time.monotonic()
        await asyncio.sleep(self._size.calm)
        self._calling.set()
        for device in self._devices:
            device.stopping = True
        await calling
        await ends.idle.wait()
        await asyncio.sleep(max(0.0, quiet + REGISTRY_SECONDS + SLACK - time.monotonic()))
        await self._ask_registry()
        self._probing.set()
        await self._until("every command has ended", self._all_ended)
        await self._until("every event is acknowledged", self._all_acknowledged)
        await self._until("every dashboard has seen everything", self._all_caught_up)
        await self._ask_registry()

    async def _until(self, what: str, condition: Callable[[], Awaitable[bool]]) -> None:
        try:
            async with asyncio.timeout(REST_SECONDS):
                while not await condition():  # noqa: ASYNC110 - other processes bring it about
                    await asyncio.sleep(0.2)
        except TimeoutError:
            self.record(Noted(rule="rest", text=f"not within {REST_SECONDS:.0f} s: {what}"))

    async def _all_there(self) -> bool:
        return all(device.line for device in self._devices) and all(
            dashboard.place for dashboard in self._dashboards
        )

    async def _all_ended(self) -> bool:
        return await ledger.unfinished(self._cluster.servers.owner_url) == 0

    async def _all_acknowledged(self) -> bool:
        return not any(device.journal.events or device.journal.done for device in self._devices)

    async def _all_caught_up(self) -> bool:
        """Nothing new for as long as two pings take, and all stand at the same place."""
        before = [dashboard.place for dashboard in self._dashboards]
        await asyncio.sleep(4.5)
        after = [dashboard.place for dashboard in self._dashboards if dashboard.connection]
        return before == after and len(set(after)) == 1

    async def _ask_registry(self) -> None:
        for url in self._cluster.urls:
            async with make_client(url, self._cluster.admin_token) as client:
                answer = await client.get("/devices/connected", params={"limit": 500})
            lines = {
                found["id"]: (found["generation"], found["replicaId"])
                for found in answer.json()["data"]
            }
            self.record(Registry(asked=url, lines=lines))


def _without() -> frozenset[str]:
    """What cannot be done here; said with its reason."""
    without = frozenset[str]()
    if not LIBRARIES:
        without |= faults.CLOCKS
        _say(f"no clock is stepped: {MISSING}")
    if not mountable():
        without |= faults.DISK
        _say(f"no disk is full: {NO_DISK}")
    return without


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


async def chaos(folder: Path, seed: int, wish: argparse.Namespace) -> list[Violation]:
    if wish.steps:
        size, schedule = STEPS, faults.steps(STEPS.replicas)
    else:
        size = SHORT if wish.short else FULL
        schedule = faults.world(seed, short=wish.short, without=_without())
    history = await Run(folder, seed, size, schedule, minutes=wish.minutes)()
    violations = check(history)
    report(history, violations, folder)
    if violations:
        write(history, folder / "history.json")
    print(f"seed {seed}: {summary(history, violations)}", flush=True)
    return violations


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/chaos", description="Break a cluster, check it.")
    parser.add_argument("--seed", type=int, help="of the faults; without it a new one")
    parser.add_argument("--short", action="store_true", help="a hand of faults, about two minutes")
    parser.add_argument("--steps", action="store_true", help="only kill -9 at each named step")
    parser.add_argument("--minutes", type=float, default=8.0, help="how long faults come (8)")
    wish = parser.parse_args()
    seed = secrets.randbelow(1_000_000) if wish.seed is None else wish.seed
    print(f"seed {seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="longline-chaos-"))
    violations = asyncio.run(chaos(folder, seed, wish))
    if violations:
        print(f"kept: {folder}", file=sys.stderr)
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
