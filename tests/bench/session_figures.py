"""What sessions cost: `python -m tests.bench.session_figures`.

Throughput and latency with both ends on one replica and across two, a command beside a flood, and
the memory of pairs that are idle. The ends are clients in this process, which shares the machine
with the replicas: so the CPU time that these spend on a megabyte is shown, too.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import psutil

from tests.acceptance.chaos.cluster import Cluster, running_cluster
from tests.acceptance.hub.byte_streams import ACCEPTS, Opened, asking, open_end, session
from tests.acceptance.hub.clients import Fleet, Rest

MEGABYTES: Final = 200
BLOCK: Final = bytes((1,)) + bytes(32 * 1024 - 1)
ECHOES: Final = 500
COMMANDS: Final = 100
FORWARDS: Final = 4
CONNECTIONS: Final = 32


def cpu_of(cluster: Cluster) -> float:
    times = [psutil.Process(replica.pid).cpu_times() for replica in cluster.replicas]
    return sum(each.user + each.system for each in times)


async def opened(cluster: Cluster, stack: AsyncExitStack, *, device_on: int) -> Opened:
    rest = await stack.enter_async_context(Rest.open(cluster.urls[0], cluster.admin_token))
    fleet = cluster.fleet(device_on)
    line = await stack.enter_async_context(fleet.new_line())
    await line.hello(accepts=ACCEPTS)
    return await stack.enter_async_context(
        session(
            rest, line,
            url=cluster.urls[device_on], person_url=cluster.urls[0],
            token=cluster.admin_token, device_token=await fleet.token(line.device_id),
            kind="exec", workload="a/b", command=["cat"],
        )
    )  # fmt: skip


async def throughput(cluster: Cluster, *, device_on: int) -> str:
    async with AsyncExitStack() as stack:
        made = await opened(cluster, stack, device_on=device_on)
        count = (MEGABYTES << 20) // len(BLOCK)

        async def pour() -> None:
            for _ in range(count):
                await made.device.connection.send(BLOCK)

        began, spent = time.perf_counter(), cpu_of(cluster)
        pouring = asyncio.create_task(pour())
        for _ in range(count):
            await made.person.connection.recv()
        await pouring
        seconds, cpu = time.perf_counter() - began, cpu_of(cluster) - spent
        return f"{MEGABYTES / seconds:.0f} MB/s, {1000 * cpu / MEGABYTES:.1f} ms of CPU a MB"


async def echoes(cluster: Cluster, *, device_on: int) -> list[float]:
    """Milliseconds from the person to the device and back, sorted."""
    async with AsyncExitStack() as stack:
        made = await opened(cluster, stack, device_on=device_on)
        found: list[float] = []
        for _ in range(ECHOES):
            began = time.perf_counter()
            await made.person.connection.send(b"\x00x")
            await made.device.connection.recv()
            await made.device.connection.send(b"\x01x")
            await made.person.connection.recv()
            found.append((time.perf_counter() - began) * 1000)
        return sorted(found)


async def flood(url: str, token: str, enrollment_key: str) -> None:
    """One session at full speed, for ever; a process of its own, which says when it has begun."""
    fleet = Fleet(url, enrollment_key)
    async with Rest.open(url, token) as rest, fleet.new_line() as line:
        await line.hello(accepts=ACCEPTS)
        async with session(
            rest, line, url=url, token=token, device_token=await fleet.token(line.device_id),
            kind="exec", workload="a/b", command=["cat"],
        ) as made:  # fmt: skip

            async def pour() -> None:
                while True:
                    await made.device.connection.send(BLOCK)

            pouring = asyncio.create_task(pour())
            print("begun", flush=True)
            while not pouring.done():
                await made.person.connection.recv()


async def commands_beside_a_flood(cluster: Cluster) -> list[float]:
    """Milliseconds from the call to the device, sorted."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.session_figures",
        cluster.urls[0], cluster.admin_token, cluster.enrollment_key,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    await process.stdout.readline()
    try:
        async with (
            Rest.open(cluster.urls[0], cluster.admin_token) as rest,
            cluster.fleet(0).new_line() as line,
        ):
            await line.hello()
            found: list[float] = []
            for _ in range(COMMANDS):
                began = time.perf_counter()
                call = asyncio.create_task(rest.dispatch(line.device_id))
                command = await line.find("force_sync")
                found.append((time.perf_counter() - began) * 1000)
                await line.send("result", commandId=command["id"], success=True)
                await call
            return sorted(found)
    finally:
        process.kill()
        await process.wait()


async def idle(cluster: Cluster) -> str:
    """Bytes of a replica for one pair of sockets that nothing goes through."""
    process = psutil.Process(cluster.replicas[0].pid)
    async with AsyncExitStack() as stack:
        rest = await stack.enter_async_context(Rest.open(cluster.urls[0], cluster.admin_token))
        line = await stack.enter_async_context(cluster.fleet(0).new_line())
        await line.hello(accepts=ACCEPTS)
        token = await cluster.fleet(0).token(line.device_id)
        before, pairs = process.memory_info().rss, 0
        for _ in range(FORWARDS):
            call = asking(rest, line.device_id, "forward", host="127.0.0.1", port=80)
            asked = await line.find("session_open")
            await line.send("session_accepted", sessionId=asked["sessionId"])
            path = (await call).json()["data"]["url"]
            for number in range(CONNECTIONS):
                where = f"{path}?connection=c{number}"
                for each in (cluster.admin_token, token):
                    await stack.enter_async_context(open_end(cluster.urls[0], where, each))
                pairs += 1
        grown = process.memory_info().rss - before
        return f"{grown / pairs / 1024:.1f} KiB a pair of sockets ({pairs} of them)"


def shown(found: list[float]) -> str:
    return f"p50 {statistics.median(found):.2f} ms, p99 {found[int(len(found) * 0.99)]:.2f} ms"


async def main() -> None:
    settings = {"request_rate": "0", "address_rate": "0", "command_rate": "0"}
    with tempfile.TemporaryDirectory() as folder:
        async with running_cluster(Path(folder), replicas=2, **settings) as cluster:
            print("idle:", await idle(cluster))
            print("one replica:", await throughput(cluster, device_on=0))
            print("two replicas:", await throughput(cluster, device_on=1))
            here = await echoes(cluster, device_on=0)
            there = await echoes(cluster, device_on=1)
            print("there and back, one replica:", shown(here))
            print("there and back, two replicas:", shown(there))
            print("a command beside a flood:", shown(await commands_beside_a_flood(cluster)))


if __name__ == "__main__":
    asyncio.run(flood(*sys.argv[1:]) if len(sys.argv) > 1 else main())
