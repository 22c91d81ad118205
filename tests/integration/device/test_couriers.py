"""Records of production on their way from a real agent to a stand-in cloud."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from tests.cloud import Cloud, Reply, stand_in_cloud
from tests.integration.device.agents import Bench

PORTAL = Reply(200, b"<html>Please accept the terms</html>", {"Content-Type": "text/html"})


@asynccontextmanager
async def direct(bench: Bench, cloud: Cloud) -> AsyncGenerator[None]:
    """An agent that sends its records to the cloud by itself."""
    token = bench.directory / "cloud-token"
    token.write_text("secret-token")
    bench.settings += f'[cloud]\nurl = "{cloud.url}"\ntoken_file = "{token}"\n'
    async with bench.agent():
        await bench.hub.frame("status")
        await bench.hub.hand_over("mode", "1", {"mode": "DIRECT_CLOUD"})
        yield


def record(ident: str, kind: str = "bottle", **fields: object) -> str:
    return json.dumps({"id": ident, "kind": kind, "ts": "2026-01-02T03:04:05Z", **fields})


async def test_a_portals_page_is_not_the_clouds_word(bench: Bench) -> None:
    async with stand_in_cloud() as cloud:
        cloud.script.extend([PORTAL, Reply(409, PORTAL.body, PORTAL.headers)])
        async with direct(bench, cloud):
            await bench.emit(*(record(f"r{n}") for n in range(3)))
            await cloud.until(3)
            assert cloud.ids() == ["r0", "r1", "r2"]
        assert not cloud.script
    assert "the answer is a web page" in bench.log()


async def test_a_fixation_never_goes_before_its_batch(bench: Bench) -> None:
    async with stand_in_cloud() as cloud:
        # The cloud fixates a batch that it has, and no other.
        cloud.refuse = lambda item: item["id"].replace("fx", "ba") not in [item["id"], *cloud.ids()]
        cloud.script.extend([Reply(503), None])
        async with direct(bench, cloud):
            for n in range(5):
                await bench.emit(record(f"ba-{n}", "batch"), record(f"fx-{n}", "fixation"))
            await cloud.until(10)
            assert cloud.ids() == [f"{what}-{n}" for n in range(5) for what in ("ba", "fx")]
    assert "records_refused" not in bench.log()


async def test_the_records_of_another_company_are_not_taken(bench: Bench) -> None:
    async with bench.agent():
        await bench.hub.frame("status")
        (answer,) = await bench.emit(record("r1", companyId="victim"))
        assert json.loads(answer)["code"] == "forbidden"


async def test_a_device_without_a_cloud_says_so_and_goes_on_with_the_hub(bench: Bench) -> None:
    async with bench.agent():
        await bench.hub.frame("status")
        await bench.hub.hand_over("mode", "1", {"mode": "DIRECT_CLOUD"})
        status = await bench.hub.frame("desired_status", kind="mode")
        assert (status["status"], status["error"]["code"]) == ("failed", "no_cloud")
        alert = await bench.hub.frame("alert", code="no_cloud")
        assert alert["severity"] == "WARN"
        await bench.emit(record("r1"))
        assert (await bench.hub.run("force_sync", "c1"))["success"] is True
    assert "records_go_another_way" not in bench.log()
    assert '"way": "hub"' in bench.log()


async def test_a_cloud_that_the_settings_name_no_more_is_no_way(bench: Bench) -> None:
    async with stand_in_cloud() as cloud, direct(bench, cloud):
        await bench.emit(record("r1"))
        await cloud.until(1)
    bench.settings = ""
    async with bench.agent():
        await bench.hub.frame("hello", len(bench.hub.frames))
        await bench.emit(record("r2"))
        assert (await bench.hub.run("force_sync", "c1"))["success"] is True
    assert '"way": "hub"' in bench.log()
