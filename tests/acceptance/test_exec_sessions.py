"""Programs in containers of a device, with a real hub, a real agent and a real engine."""

import asyncio
import json
import shutil
import signal
import tempfile
from collections.abc import AsyncGenerator, Generator, Mapping
from pathlib import Path

import pytest
import pytest_asyncio

from tests.acceptance.edge import factory
from tests.acceptance.hub.byte_streams import SUCCESS
from tests.acceptance.hub.clients import Rest, until
from tests.acceptance.hub.conftest import log_in
from tests.acceptance.test_sessions import SLEEP, Bench, gone, shown, sleeping
from tests.cloud import stand_in_cloud
from tests.engines import Engine, container_engine, missing

LABELS = {"longline.device": "edge-1", "longline.application": "shop", "longline.service": "web"}
absent = missing()
pytestmark = pytest.mark.skipif(absent is not None, reason=str(absent))


def run(engine: Engine, name: str, program: str, *, labels: Mapping[str, str]) -> None:
    named = [part for key, value in labels.items() for part in ("--label", f"{key}={value}")]
    engine.docker(
        "run", "-d", "--network=none", "--name", name, *named, "box", "/bin/sh", "-c", program
    )


@pytest.fixture(scope="module")
def engine() -> Generator[Engine]:
    folder = Path(tempfile.mkdtemp(prefix="exec-", dir="/dev/shm"))
    try:
        with container_engine(folder) as found:
            found.make_image("box")
            run(found, "ours", "echo one; echo two; exec sleep 4321", labels=LABELS)
            run(found, "foreign", "exec sleep 4321", labels={})
            yield found
    finally:
        shutil.rmtree(folder)


@pytest_asyncio.fixture
async def bench(tmp_path: Path, engine: Engine) -> AsyncGenerator[Bench]:
    settings = f'[containers]\nsocket = "{engine.socket}"\n'
    async with (
        stand_in_cloud() as cloud,
        factory(tmp_path, cloud, request_rate="0", drain_seconds="1") as plant,
    ):
        agent = await plant.agent("edge-1", settings)
        token = await asyncio.to_thread(log_in, plant.hub.url, "admin", plant.password)
        async with Rest.open(plant.hub.url, token) as rest:
            yield Bench(plant, agent, token, rest, tmp_path)


WEB = {"workload": "shop/web"}


async def test_a_program_with_and_without_a_terminal(bench: Bench) -> None:
    options = {**WEB, "command": ["sh", "-c", "cat; echo $A >&2; exit 3"], "env": {"A": "b"}}
    async with bench.session("exec", **options) as (_, person):
        await person.send(0, b"in")
        await person.connection.send(b"\xff\x00")
        rest = await person.rest()
        assert set(rest[:-1]) == {b"\x01in", b"\x02b\n"}
        last = json.loads(rest[-1][1:])
        assert last["details"]["causes"] == [{"reason": "ExitCode", "message": "3"}]
    async with bench.session("exec", **WEB, command=["sh"], tty=True) as (made, person):
        await person.send(4, {"Width": 90, "Height": 20})
        await person.send(0, b"stty size; exit\n")
        await shown(person, b"20 90")
        assert (await person.rest())[-1] == SUCCESS
    recording = await bench.rest.get(f"/sessions/{made['id']}/recording")
    assert "20 90" in recording.text


async def test_only_containers_of_ours(bench: Bench) -> None:
    assert await bench.refusal("exec", workload="shop/none", command=["sh"]) == "not_found"
    assert await bench.refusal("exec", workload="foreign", command=["sh"]) == "not_found"
    async with bench.session("logs", **WEB, tail=1) as (_, person):
        assert await person.rest() == [b"\x01two\n", SUCCESS]


@pytest.mark.parametrize("tty", [True, False])
@pytest.mark.parametrize("how", ["leave", "kill"])
async def test_nothing_is_left_in_the_container(bench: Bench, how: str, *, tty: bool) -> None:
    options = {**WEB, "command": SLEEP.split(), "tty": tty}
    async with bench.session("exec", **options) as (_, person):

        async def one() -> bool:
            return len(sleeping()) == 1

        await until(one)
        if how == "leave":
            await person.connection.close()
        else:
            await bench.agent.end(signal.SIGKILL)
            assert await person.closed() == (1000, "closed")
            await bench.agent.start()
        await gone()
