"""G13: a peer that is not there any more, without a word, is noticed within 30 s."""

import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests.acceptance.chaos.cluster import Cluster
from tests.acceptance.chaos.proxy import proxied
from tests.acceptance.hub.clients import Fleet, Rest, now, until
from tests.acceptance.up import LONGLINE, environment, stopped

NOTICED_WITHIN = 30.0
SLACK = 1.0


async def test_g13_a_half_open_device_is_noticed_within_30_s(one: Cluster) -> None:
    async with (
        proxied(("127.0.0.1", one.replicas[0].port)) as proxy,
        Fleet(f"http://127.0.0.1:{proxy.port}", one.enrollment_key).new_line() as device,
        Rest.open(one.urls[0], one.admin_token) as rest,
    ):
        path = f"/devices/{device.device_id}"
        assert (await rest.data(path))["connected"] is True
        proxy.freeze()
        froze = now()

        async def noticed() -> bool:
            return (await rest.data(path))["connected"] is False

        await until(noticed, seconds=NOTICED_WITHIN + SLACK)
        assert now() - froze < NOTICED_WITHIN + SLACK
        device.connection.transport.abort()


async def test_g13_the_agent_notices_a_hub_that_is_silent(one: Cluster, tmp_path: Path) -> None:
    """The agent comes back over a wire that moves, within 30 s of the one that does not."""
    async with (
        proxied(("127.0.0.1", one.replicas[0].port)) as proxy,
        Rest.open(one.urls[0], one.admin_token) as rest,
    ):
        url = f"http://127.0.0.1:{proxy.port}"

        async def generation() -> int:
            found = await rest.data("/devices/connected", limit=500)
            return max((device["generation"] for device in found), default=0)

        async def first() -> bool:
            return await generation() == 1

        async def second() -> bool:
            return await generation() == 2

        with agent(url, one.enrollment_key, tmp_path):
            await until(first)
            proxy.strand()
            await until(second, seconds=NOTICED_WITHIN + SLACK)


@contextmanager
def agent(url: str, key: str, folder: Path) -> Generator[None]:
    """The product's own agent."""
    argv = [*LONGLINE, "device", "--hub", url, "--id", "small", "--state-dir", folder / "state"]
    with (folder / "agent.log").open("wb") as log:
        process = subprocess.Popen(
            argv, stdout=log, stderr=log, env=environment(LONGLINE_ENROLLMENT_KEY=key)
        )
    with stopped(process):
        yield
