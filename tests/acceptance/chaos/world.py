"""Does to replicas, servers and wires what a fault says, for as long as it says.

When `inflict` returns, what was broken is whole again as far as it is ours to mend: the process was
started, the wire moves. That the hub comes back by itself is the hub's part.
"""

import asyncio
import contextlib
import signal
import time
from collections.abc import Awaitable, Callable
from typing import Final, Literal

import asyncpg

from tests.acceptance.chaos.cluster import Cluster, Replica
from tests.acceptance.chaos.faults import CLOCK_STEPS, Planned
from tests.acceptance.chaos.history import Fault, Noted, Record
from tests.acceptance.chaos.moving import move
from tests.acceptance.chaos.proxy import Proxy
from tests.acceptance.chaos.servers import POLL_SECONDS
from tests.acceptance.chaos.steps import STEPS
from tests.acceptance.clock import Clock

DRAIN_SECONDS: Final = 30.0
EVERY: Final = 2.0
SUPERVISED_SECONDS: Final = 120.0
TERMINATE: Final = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'longline_server'"
)
Server = Literal["postgres", "valkey"]


class World:
    """`clients`, `database` and `redis` are the proxies that everything goes through."""

    def __init__(
        self, cluster: Cluster, clients: Proxy, database: Proxy, redis: Proxy, record: Record
    ) -> None:
        self.movers: dict[str, str] = {}
        """Devices with their tokens that are only there to move to another replica."""
        self._cluster = cluster
        self._servers = cluster.servers
        self._record = record
        wires = {"clients'": clients, "database": database, "redis": redis}
        self._acts: dict[str, Callable[[Planned], Awaitable[None]]] = {
            "replica killed": self._kill,
            "replica killed at a step": self._kill_at_a_step,
            "replica frozen": self._freeze,
            "replica drained": self._drain,
            "all replicas killed": self._kill_all,
            "redis killed": lambda fault: self._down("valkey", fault.seconds),
            "redis down": lambda fault: self._down("valkey", fault.seconds),
            "redis frozen": lambda fault: self._frozen("valkey", fault.seconds),
            "redis subscribers killed": self._kill_subscribers,
            "redis out of memory": self._fill_memory,
            "postgres restarted": lambda fault: self._down("postgres", fault.seconds),
            "postgres backends terminated": self._terminate_backends,
            "postgres connections exhausted": self._exhaust_connections,
            "postgres frozen": lambda fault: self._frozen("postgres", fault.seconds),
            "replica frozen, its devices move": self._move,
            "replica's clock stepped": lambda fault: _step(self._victim(fault).clock, fault),
            "postgres's clock stepped": lambda fault: _step(self._servers.clock, fault),
            "postgres's disk full": self._fill_disk,
        }
        for name, wire in wires.items():
            self._acts |= _acts_on(name, wire)

    async def inflict(self, fault: Planned) -> None:
        await self._acts[fault.name](fault)

    def describe(self, fault: Planned) -> str:
        at_a_step = fault.name == "replica killed at a step"
        return f"{fault.name}: {self._step_of(fault)}" if at_a_step else fault.name

    def _step_of(self, fault: Planned) -> str:
        return list(STEPS)[fault.pick // len(self._cluster.replicas) % len(STEPS)]

    def _victim(self, fault: Planned) -> Replica:
        return self._cluster.replicas[fault.pick % len(self._cluster.replicas)]

    async def _kill(self, fault: Planned) -> None:
        victim = self._victim(fault)
        victim.kill()
        await asyncio.sleep(fault.seconds)
        await asyncio.to_thread(_supervised, victim)

    async def _kill_at_a_step(self, fault: Planned) -> None:
        victim = self._victim(fault)
        step = self._step_of(fault)
        victim.trap.write_text(step)
        try:
            async with asyncio.timeout(fault.seconds):
                while victim.running():  # noqa: ASYNC110 - another process
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            return
        finally:
            victim.trap.unlink()
        self._record(Fault(name=step, began=True))
        await asyncio.to_thread(_supervised, victim)

    async def _freeze(self, fault: Planned) -> None:
        victim = self._victim(fault)
        victim.freeze()
        await asyncio.sleep(fault.seconds)
        victim.thaw()

    async def _move(self, fault: Planned) -> None:
        victim, replicas = self._victim(fault), self._cluster.replicas
        other = replicas[(replicas.index(victim) + 1) % len(replicas)]
        await move(self.movers, victim, other, self._record, seconds=fault.seconds)

    async def _drain(self, fault: Planned) -> None:
        victim = self._victim(fault)
        began = time.monotonic()
        code = await asyncio.to_thread(victim.stop)
        took = time.monotonic() - began
        if code != 0 or took > DRAIN_SECONDS:
            text = f"a replica took {took:.1f} s to drain, and exited {code}"
            self._record(Noted(rule="drain", text=text))
        await asyncio.sleep(fault.seconds)
        await asyncio.to_thread(_supervised, victim)

    async def _kill_all(self, fault: Planned) -> None:
        for replica in self._cluster.replicas:
            replica.kill()
        await asyncio.sleep(fault.seconds)
        await self._cluster.each(self._cluster.replicas, _supervised)

    async def _down(self, which: Server, seconds: float) -> None:
        await self._servers.kill(which)
        await asyncio.sleep(seconds)
        await self._servers.up(which)

    async def _frozen(self, which: Server, seconds: float) -> None:
        self._servers.signal(which, signal.SIGSTOP)
        await asyncio.sleep(seconds)
        self._servers.signal(which, signal.SIGCONT)

    async def _fill_disk(self, fault: Planned) -> None:
        """Postgres may end by itself, and begin again only when there is room."""
        disk = self._servers.disk
        assert disk is not None  # else the fault is left out
        await asyncio.to_thread(disk.fill)
        await asyncio.sleep(fault.seconds)
        await asyncio.to_thread(disk.free)
        await self._servers.up("postgres")

    async def _kill_subscribers(self, fault: Planned) -> None:
        for _ in range(int(fault.seconds / EVERY) + 1):
            await asyncio.to_thread(self._servers.valkey, "CLIENT", "KILL", "TYPE", "pubsub")
            await asyncio.sleep(EVERY)

    async def _fill_memory(self, fault: Planned) -> None:
        await asyncio.to_thread(self._servers.valkey, "CONFIG", "SET", "maxmemory", "1mb")
        await asyncio.sleep(fault.seconds)
        await asyncio.to_thread(self._servers.valkey, "CONFIG", "SET", "maxmemory", "512mb")

    async def _terminate_backends(self, fault: Planned) -> None:
        for _ in range(int(fault.seconds / EVERY) + 1):
            await self._ask_postgres(TERMINATE)
            await asyncio.sleep(EVERY)

    async def _exhaust_connections(self, fault: Planned) -> None:
        """The hub has lost its connections, and there are no others."""
        await self._ask_postgres("ALTER ROLE longline_server CONNECTION LIMIT 0", TERMINATE)
        await asyncio.sleep(fault.seconds)
        await self._ask_postgres("ALTER ROLE longline_server CONNECTION LIMIT -1")

    async def _ask_postgres(self, *statements: str) -> None:
        connection = await asyncpg.connect(
            self._servers.owner_url.replace("longline@", "postgres@")
        )
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()


def _supervised(replica: Replica) -> None:
    """Start it, again and again: it gives up when its database is away for long."""
    give_up = time.monotonic() + SUPERVISED_SECONDS
    while time.monotonic() < give_up:
        with contextlib.suppress(AssertionError):
            return replica.start()
    raise AssertionError(f"a replica does not start:\n{replica.log()[-2000:]}")


async def _step(clock: Clock | None, fault: Planned) -> None:
    assert clock is not None  # else the fault is left out
    clock.step(CLOCK_STEPS[fault.pick % len(CLOCK_STEPS)])
    await asyncio.sleep(fault.seconds)
    clock.step("+0")


def _acts_on(name: str, wire: Proxy) -> dict[str, Callable[[Planned], Awaitable[None]]]:
    async def slow(fault: Planned) -> None:
        wire.delay = 0.05 if name == "redis" else 0.2
        await asyncio.sleep(fault.seconds)
        wire.delay = 0.0

    async def frozen(fault: Planned) -> None:
        wire.freeze()
        await asyncio.sleep(fault.seconds)
        wire.thaw()

    async def cut(fault: Planned) -> None:
        wire.cut(after=fault.pick % 300)
        await asyncio.sleep(fault.seconds)

    async def half_closed(fault: Planned) -> None:
        wire.half_close()
        await asyncio.sleep(fault.seconds)

    return {
        f"{name} wire slow": slow,
        f"{name} wire frozen": frozen,
        f"{name} wire cut": cut,
        f"{name} wire half-closed": half_closed,
    }
