"""Whatever is measured: a server that runs on a port, and the CPU time it has used."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Final

from msgspec import Struct

from tests.bench import machine
from tests.bench.figures import Cpu, Measured, difference, percentile


class Subject:
    """`servers` are processes that serve sockets, one a core; everything below them counts, and so
    do `stores`, processes that were started beside them."""

    def __init__(self, servers: list[int], stores: list[int], port: int) -> None:
        self.servers = servers
        self.stores = stores
        self.port = port

    def place(self) -> None:
        """Pin everything where it belongs; the generator too."""
        cores = machine.CORES
        for server in self.servers:
            machine.pin(server, {cores.server})
        for store in [*self.stores, *(c for s in self.servers for c in machine.children(s))]:
            machine.pin(store, cores.stores)
        machine.pin(os.getpid(), {cores.generator})

    def cpu(self) -> Cpu:
        return Cpu(
            server=sum(map(machine.cpu_seconds, self.servers)),
            everything=machine.tree_seconds([*self.servers, *self.stores]),
            generator=machine.cpu_seconds(os.getpid()),
        )

    def resident_kib(self) -> int:
        return sum(map(machine.resident_kib, self.servers))


class Span:
    """Wall and CPU time from its making until `measured`."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._cpu = subject.cpu()
        self._began = time.perf_counter()

    def measured(
        self,
        operations: int,
        *,
        latencies: list[float] | None = None,
        kib: float | None = None,
        note: str = "",
    ) -> Measured:
        """`latencies` in milliseconds."""
        seconds = time.perf_counter() - self._began
        return Measured(
            operations=operations,
            seconds=seconds,
            cpu=difference(self._cpu, self._subject.cpu()),
            load=machine.load(),
            p50=percentile(latencies, 0.5) if latencies else None,
            p99=percentile(latencies, 0.99) if latencies else None,
            kib=kib,
            note=note,
        )


class Pace(Struct, frozen=True, kw_only=True):
    """How much of each scenario: `seconds` of load; `fleet` connections that are `idle` for so
    long (12 s are a ping and its answer), the `largest` fleet."""

    seconds: float
    idle: float
    fleet: int
    largest: int
    soak_minutes: float


QUICK: Final = Pace(seconds=1.5, idle=2.0, fleet=1_000, largest=2_000, soak_minutes=0.3)
FULL: Final = Pace(seconds=5.0, idle=12.0, fleet=5_000, largest=10_000, soak_minutes=10.0)

Rows = dict[str, Measured]
"""By the name of the row."""


class Contestant(Struct, frozen=True, kw_only=True):
    """`scenarios`: by name, what is done to it. `omits`: what it leaves out that the hub does."""

    name: str
    omits: str
    start: Callable[[], AbstractAsyncContextManager[Subject]]
    scenarios: dict[str, Callable[[Subject, Pace], Awaitable[Rows]]]


async def times(count: int, work: Callable[[], Awaitable[None]], seconds: float) -> list[float]:
    """`count` workers, each calling `work` again and again; how long each call took, in
    milliseconds."""
    until = time.perf_counter() + seconds
    found: list[float] = []

    async def worker() -> None:
        while (began := time.perf_counter()) < until:
            await work()
            found.append((time.perf_counter() - began) * 1000)

    await asyncio.gather(*(worker() for _ in range(count)))
    return found
