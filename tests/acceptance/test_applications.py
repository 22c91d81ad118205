"""Applications with everything real: the hub, its agent, a container engine and a registry."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.acceptance.edge import Factory, factory
from tests.acceptance.hub.clients import Json, Rest, until
from tests.acceptance.hub.conftest import log_in
from tests.acceptance.hub.test_rollouts import ends, newer, rolled
from tests.acceptance.hub.test_workloads import assign, made
from tests.acceptance.test_sessions import Bench
from tests.cloud import stand_in_cloud
from tests.engines import Engine, Registry, container_engine, missing, registry

absent = missing()
needs_engine = pytest.mark.skipif(absent is not None, reason=str(absent))
WAIT_SECONDS = 60
SIMULATED = 20


@pytest.fixture(scope="module")
def engine() -> Generator[Engine]:
    folder = Path(tempfile.mkdtemp(prefix="app-", dir="/dev/shm"))
    try:
        with container_engine(folder) as found:
            yield found
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def images(engine: Engine) -> Generator[Registry]:
    with registry(engine.folder) as found:
        for note in ("1", "2"):
            name = f"{found.host}/app:{note}"
            engine.make_image(name, note)
            engine.push(name)
            engine.forget_image(name)
        yield found


@pytest_asyncio.fixture
async def bench(tmp_path: Path, engine: Engine, images: Registry) -> AsyncGenerator[Bench]:
    own = f'engine = "{engine.socket}"\nruntime_dir = "{engine.folder}/files"'
    async with (
        stand_in_cloud() as cloud,
        factory(
            tmp_path, cloud, request_rate="0", registries=f"http://{images.host}", drain_seconds="1"
        ) as plant,
    ):
        agent = await plant.agent("edge-1", f"[workloads]\n{own}\n")
        token = await asyncio.to_thread(log_in, plant.hub.url, "admin", plant.password)
        async with Rest.open(plant.hub.url, token) as rest:
            yield Bench(plant, agent, token, rest, tmp_path)


def compose(images: Registry, note: str, *, healthy: bool = True) -> Json:
    """A database with a secret and a volume, a web server with a config map, and a worker."""
    often: Json = {
        "image": f"{images.host}/app:{note}", "command": ["sh", "-c", "echo ready; sleep 1000000"],
        "network_mode": "none", "stop_grace_period": "0s", "restart": "unless-stopped",
    }  # fmt: skip
    check: Json = {
        "test": ["CMD", "true" if healthy else "false"],
        "interval": "1s", "retries": 1,
    }  # fmt: skip
    return {
        "services": {
            "db": {**often, "secrets": ["login"], "volumes": ["data:/data"], "healthcheck": check},
            "web": {
                **often, "configs": ["site"],
                "depends_on": {"db": {"condition": "service_healthy"}},
            },
            "worker": {**often, "depends_on": ["db"], "environment": {"SITE": "${SITE}"}},
        },
        "volumes": {"data": {}},
        "secrets": {"login": {"external": True}},
        "configs": {"site": {"external": True}},
    }  # fmt: skip


async def states(rest: Rest) -> dict[str, str]:
    found = await rest.data("/devices/edge-1/workloads")
    return {each["service"]: each["state"] for each in found}


async def are(rest: Rest, **wanted: str) -> None:
    async def is_so() -> bool:
        return await states(rest) == wanted

    await until(is_so, seconds=WAIT_SECONDS)


async def executed(bench: Bench, workload: str, *command: str) -> str:
    """What a program prints in a container."""
    params = {"workload": workload, "command": list(command)}
    async with bench.session("exec", **params) as (_, person):
        found = await person.rest()
    return b"".join(part[1:] for part in found if part[:1] == b"\x01").decode()


@needs_engine
async def test_an_application_on_a_device_from_its_first_start_to_its_last(
    bench: Bench, engine: Engine, images: Registry
) -> None:
    rest, agent = bench.rest, bench.agent
    await rest.post("/secrets", {"name": "login", "data": {"password": "only-here"}})
    await rest.post("/config-maps", {"name": "site", "data": {"title": "Hall 3"}})
    await rest.client.put("/devices/edge-1/variables", json={"SITE": "north"})
    first = await made(rest, compose(images, "1"), "shop")
    assert first["revision"]["pinned"] is True
    await assign(rest, "edge-1", first)
    await are(rest, db="running", web="running", worker="running")
    assert await executed(bench, "shop/db", "cat", "/run/secrets/login/password") == "only-here"
    assert await executed(bench, "shop/web", "cat", "/run/configs/site/title") == "Hall 3"
    assert await executed(bench, "shop/worker", "sh", "-c", "echo $SITE") == "north\n"
    logs = bench.session("logs", workload="shop/web", tail=10, follow=False)
    async with logs as (_, person):
        assert b"\x01ready\n" in await person.rest()
    await executed(bench, "shop/db", "sh", "-c", "echo kept > /data/file")

    answer = await rest.post("/devices/edge-1/workloads/shop/worker/stop")
    assert answer.json()["data"]["desired"] == "stopped"
    await are(rest, db="running", web="running", worker="exited")
    await rest.post("/devices/edge-1/workloads/shop/worker/start")
    await are(rest, db="running", web="running", worker="running")
    before = engine.containers()["shop-web"]["State"]["StartedAt"]
    command = (await rest.post("/devices/edge-1/workloads/shop/web/restart")).json()["data"]
    await rest.until_status("edge-1", command["commandId"], "SUCCESS")
    assert engine.containers()["shop-web"]["State"]["StartedAt"] > before

    starts = {name: each["State"]["StartedAt"] for name, each in engine.containers().items()}
    await agent.end(signal.SIGKILL)
    await asyncio.to_thread(bench.plant.hub.kill)
    assert sorted(engine.running()) == ["shop-db", "shop-web", "shop-worker"]
    await asyncio.to_thread(bench.plant.hub.start)
    await agent.start(bench.plant.hub.url)
    token = await asyncio.to_thread(log_in, bench.plant.hub.url, "admin", bench.plant.password)
    async with Rest.open(bench.plant.hub.url, token) as rest:
        again = Bench(bench.plant, agent, token, rest, bench.folder)
        await are(rest, db="running", web="running", worker="running")
        after = {name: each["State"]["StartedAt"] for name, each in engine.containers().items()}
        assert after == starts

        second = await newer(rest, "shop", compose(images, "2"))
        upgrade = await rolled(rest, "shop", revision=second["revision"]["revision"])
        await ends(rest, "shop", upgrade, "SUCCESS", seconds=WAIT_SECONDS)
        assert await executed(again, "shop/db", "cat", "/data/file") == "kept\n"
        digest = engine.containers()["shop-web"]["Image"]

        bad = await newer(rest, "shop", compose(images, "2", healthy=False))
        broken = await rolled(
            rest, "shop", revision=bad["revision"]["revision"], phaseTimeoutSeconds=10
        )
        await ends(rest, "shop", broken, "FAILED", seconds=WAIT_SECONDS)
        back = await rolled(rest, "shop", revision=second["revision"]["revision"])
        await ends(rest, "shop", back, "SUCCESS", seconds=WAIT_SECONDS)
        assert engine.containers()["shop-web"]["Image"] == digest

        gone = await rest.client.delete("/devices/edge-1/applications/shop?volumes=true")
        assert gone.status_code == 200, gone.text

        async def nothing_is_left() -> bool:
            return not engine.containers() and not engine.docker("volume", "ls", "-q")

        await until(nothing_is_left, seconds=WAIT_SECONDS)


async def in_waves(plant: Factory, rest: Rest, name: str, label: str) -> Json:
    """A roll-out of one that has this label; how it ended."""
    service = {"image": "busybox:1", "labels": {"simulate": label}}
    application = await newer(rest, name, {"services": {"web": service}})
    rollout = await rolled(
        rest, name, revision=application["revision"]["revision"],
        target={"query": 'id ~ "sim-*"'}, waves=[{"count": 2}, {"percent": 100}],
        phaseTimeoutSeconds=10, stopAt={"failedPercent": 5, "minimum": 2},
    )  # fmt: skip
    status = "FAILED" if label == "unhealthy" else "SUCCESS"
    return await ends(rest, name, rollout, status, seconds=WAIT_SECONDS)


async def test_many_devices_get_an_application_in_waves(tmp_path: Path) -> None:
    async with stand_in_cloud() as cloud, factory(tmp_path, cloud, request_rate="0") as plant:
        token = await asyncio.to_thread(log_in, plant.hub.url, "admin", plant.password)
        async with Rest.open(plant.hub.url, token) as rest:
            fleet = _fleet(plant)
            try:
                await _all_on_line(rest)
                application = await made(rest, {"services": {"web": {"image": "busybox:1"}}}, "app")
                good = await in_waves(plant, rest, application["name"], "running")
                assert good["counts"]["success"] == SIMULATED
                bad = await in_waves(plant, rest, application["name"], "unhealthy")
                assert bad["counts"]["failed"] == 2
                assert bad["counts"]["pending"] + bad["counts"]["skipped"] == SIMULATED - 2
            finally:
                fleet.terminate()
                fleet.wait(20)


def _fleet(plant: Factory) -> "subprocess.Popen[bytes]":
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("LONGLINE_")}
    key = str(plant.hub.ready["enrollmentKey"])
    return subprocess.Popen(
        [
            sys.executable, "-m", "longline", "fleet", "--hub", plant.hub.url,
            "--devices", str(SIMULATED), "--workloads",
        ],
        env=inherited | {"LONGLINE_ENROLLMENT_KEY": key},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


async def _all_on_line(rest: Rest) -> None:
    async def are_there() -> bool:
        found: list[Any] = await rest.data("/devices", query='connected and id ~ "sim-*"')
        return len(found) == SIMULATED

    await until(are_there, seconds=WAIT_SECONDS)
