"""G7: the registry is true again within 15 s of a replica's death, and a stalled Postgres kills
nobody."""

import asyncio
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack

import pytest

from tests.acceptance.chaos.cluster import Cluster, Replica
from tests.acceptance.hub.clients import Rest, now, until

TRUE_WITHIN = 15.0
SLACK = 1.0
STALL = 15.0
LINES = 3


@pytest.mark.parametrize("end", [Replica.kill, Replica.freeze], ids=["killed", "frozen"])
async def test_g7_the_lines_of_a_dead_replica_are_gone_within_15_s(
    two: Cluster, end: Callable[[Replica], None]
) -> None:
    doomed, other = two.fleet(0), two.fleet(1)
    ids = [await doomed.enroll() for _ in range(LINES)]
    async with AsyncExitStack() as stack:
        rest = await stack.enter_async_context(Rest.open(two.urls[1], two.admin_token))
        for device_id in ids:
            await stack.enter_async_context(doomed.line(device_id))

        async def connected() -> dict[str, str]:
            return {
                d["id"]: d["replicaId"] for d in await rest.data("/devices/connected", limit=500)
            }

        assert set(await connected()) == set(ids)

        end(two.replicas[0])
        died = now()
        moved = await stack.enter_async_context(other.line(ids[0]))
        here = moved.welcome["replicaId"]
        assert (await connected())[ids[0]] == here

        async def true() -> bool:
            return await connected() == {ids[0]: here}

        await until(true, seconds=TRUE_WITHIN + SLACK)
        assert now() - died < TRUE_WITHIN + SLACK
        gone = await rest.data(f"/devices/{ids[1]}")
        assert gone["connected"] is False


async def test_g7_nobody_is_declared_dead_in_a_stall_of_postgres(two: Cluster) -> None:
    async with (
        two.fleet(0).new_line() as one,
        two.fleet(1).new_line() as two_,
        Rest.open(two.urls[0], two.admin_token) as rest,
    ):
        before = {
            d["id"]: d["generation"] for d in await rest.data("/devices/connected", limit=500)
        }
        two.servers.signal("postgres", signal.SIGSTOP)
        await asyncio.sleep(STALL)  # the fault itself
        two.servers.signal("postgres", signal.SIGCONT)

        async def answers() -> bool:
            return (await rest.get("/devices/connected")).status_code == 200

        await until(answers)
        # For as long as a lease that was wrongly given up would take to be found out.
        give_up = now() + TRUE_WITHIN
        while now() < give_up:
            found = await rest.data("/devices/connected", limit=500)
            assert {d["id"]: d["generation"] for d in found} == before
            assert await one.settled() == []
            assert await two_.settled() == []
            await asyncio.sleep(1)
