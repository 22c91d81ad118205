"""Programs in containers of a device, with a real hub, a real agent and a real engine."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import tarfile
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.acceptance.edge import factory
from tests.acceptance.hub.byte_streams import SUCCESS
from tests.acceptance.hub.clients import Rest, until
from tests.acceptance.hub.conftest import log_in
from tests.acceptance.test_sessions import SLEEP, Bench, gone, shown, sleeping
from tests.cloud import stand_in_cloud

LABELS = {"longline.device": "edge-1", "longline.application": "shop", "longline.service": "web"}
START_SECONDS = 30


class Engine:
    """A Docker of the test's own, without a network."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "d.sock"
        self._folder = folder

    def start(self) -> subprocess.Popen[bytes]:
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(
                [
                    "dockerd", "--data-root", self._folder / "data",
                    "--exec-root", self._folder / "exec", "--pidfile", self._folder / "pid",
                    "-H", f"unix://{self.socket}", "--iptables=false", "--ip6tables=false",
                    "--bridge=none", "--storage-driver=vfs",
                ],
                stdout=log, stderr=log,
            )  # fmt: skip

    def run(self, *arguments: str) -> str:
        where = f"unix://{self.socket}"
        done = subprocess.run(
            ["docker", "-H", where, *arguments], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def is_up(self) -> bool:
        where = f"unix://{self.socket}"
        asked = subprocess.run(["docker", "-H", where, "ps"], capture_output=True, check=False)
        return asked.returncode == 0

    def container(self, *, labels: dict[str, str], name: str, program: str) -> None:
        named = [part for key, value in labels.items() for part in ("--label", f"{key}={value}")]
        self.run(
            "run", "-d", "--network=none", "--name", name, *named, "box", "/bin/sh", "-c", program
        )


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Generator[Engine]:
    if os.getuid() != 0 or not all(map(shutil.which, ("dockerd", "docker", "busybox"))):
        pytest.skip("needs root, dockerd, docker and busybox")
    folder = tmp_path_factory.mktemp("engine")
    made = Engine(folder)
    process = made.start()
    try:
        deadline = START_SECONDS * 10
        while not made.is_up() and deadline:
            deadline -= 1
            subprocess.run(["sleep", "0.1"], check=True)
        box = folder / "box.tar"
        with tarfile.open(box, "w") as tar:
            tar.add(shutil.which("busybox") or "", "bin/busybox")
            for name in ("sh", "sleep", "cat", "echo", "stty"):
                link = tarfile.TarInfo(f"bin/{name}")
                link.type, link.linkname = tarfile.SYMTYPE, "busybox"
                tar.addfile(link)
        made.run("import", str(box), "box")
        made.container(labels=LABELS, name="ours", program="echo one; echo two; exec sleep 4321")
        made.container(labels={}, name="foreign", program="exec sleep 4321")
        yield made
        made.run("rm", "-f", "ours", "foreign")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


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
