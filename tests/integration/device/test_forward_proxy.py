"""The forward proxy: Debian's Caddy, the agent's file for it, and tokens that it asks for."""

import asyncio
import contextlib
import socket
import stat
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from tests.integration.device.agents import Bench, eventually
from tests.integration.device.caddy import Caddy, why_no_caddy
from tests.integration.device.local_program import open_directory, why_no_second_user
from tests.integration.device.scripted_hub import scripted_hub
from tests.integration.device.tokens import Desk, desk_with
from tests.issuer import PAGE
from tests.plain_http import Reply

with_caddy = pytest.mark.skipif(why_no_caddy() is not None, reason=str(why_no_caddy()))
as_root = pytest.mark.skipif(why_no_second_user() is not None, reason=str(why_no_second_user()))
PAUSE = 0.005
"""Between two requests: two hundred a second."""


@pytest.fixture
def folder() -> Generator[Path]:
    with open_directory() as found:
        yield found


@pytest_asyncio.fixture
async def desk(folder: Path) -> AsyncGenerator[Desk]:
    async with scripted_hub() as hub, desk_with(Bench(folder, hub)) as found:
        found.client("node-agent")
        yield found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Way:
    """Through Caddy to the upstream of the issuer."""

    def __init__(self, desk: Desk) -> None:
        self.port = free_port()
        self.caddy = Caddy(desk.bench.directory / "caddy", free_port())
        desk.bench.settings = (
            desk.settings('["node-agent"]', desk.released_by("node-agent"))
            + f'[[forward_proxy]]\nlisten = "127.0.0.1:{self.port}"\n'
            f'upstream = "{desk.issuer.url}"\ntoken = "release-service"\n' + self.caddy.settings()
        )

    async def get(self, client: httpx.AsyncClient, **headers: str) -> httpx.Response:
        url = f"http://localhost:{self.port}/files/a"
        return await client.get(url, headers=headers)

    async def answer(self, client: httpx.AsyncClient) -> httpx.Response:
        """The first, when Caddy serves it."""
        while True:
            with contextlib.suppress(httpx.TransportError):
                return await self.get(client)
            await asyncio.sleep(0.1)

    async def is_there(self, client: httpx.AsyncClient) -> None:
        """Wait until Caddy serves it."""
        async with asyncio.timeout(20):
            assert (await self.answer(client)).status_code == 200


@asynccontextmanager
async def served(way: Way) -> AsyncGenerator[httpx.AsyncClient]:
    """Caddy, and a client of it that keeps its connection."""
    async with way.caddy.running(), httpx.AsyncClient(trust_env=False, timeout=20) as client:
        yield client


class Stream:
    """Two hundred requests a second on one connection, until it is ended."""

    def __init__(self, way: Way, client: httpx.AsyncClient) -> None:
        self._way = way
        self._client = client
        self._end = asyncio.Event()
        self.count = 0
        self.failures: list[object] = []

    async def run(self) -> None:
        while not self._end.is_set():
            began = time.monotonic()
            try:
                answer = await self._way.get(self._client)
            except httpx.HTTPError as error:
                self.failures.append(error)
            else:
                self.failures += [answer.status_code] if answer.status_code != 200 else []
            self.count += 1
            await asyncio.sleep(max(0.0, PAUSE - (time.monotonic() - began)))

    def end(self) -> None:
        self._end.set()


@with_caddy
async def test_requests_go_with_the_token_through_a_renewal_and_a_restart(desk: Desk) -> None:
    way = Way(desk)
    desk.issuer.life = 15
    async with served(way) as client, asyncio.TaskGroup() as tasks:
        stream = Stream(way, client)
        async with desk.bench.agent() as agent:
            await desk.has("release-service")
            await way.is_there(client)
            written = way.caddy.written.stat()
            tasks.create_task(stream.run())
            await eventually(lambda: desk.issuer.released >= 2, within=20)
            await agent.stop()
        async with desk.bench.agent():
            before = stream.count
            await eventually(lambda: stream.count > before + 100)
            stream.end()
            found = await way.get(client, Authorization="Basic me")
            admin = await client.get(f"http://{way.caddy.admin}/config/")
            assert way.caddy.written.stat().st_mtime == written.st_mtime, "nothing changed"

    assert stream.failures == []
    assert desk.issuer.refused == []
    assert found.status_code == 200, "its own credentials were replaced"
    text = way.caddy.written.read_text() + admin.text + way.caddy.log.read_text()
    assert not [token for token in desk.issuer.given if token in text]
    assert stat.S_IMODE(written.st_mode) == 0o644


@with_caddy
async def test_without_a_good_token_it_is_503(desk: Desk) -> None:
    way = Way(desk)
    desk.issuer.release = PAGE
    async with served(way) as client, desk.bench.agent(), asyncio.timeout(20):
        answer = await way.answer(client)

    assert answer.status_code == 503
    assert (desk.issuer.served, desk.issuer.refused) == (0, [])


@with_caddy
async def test_where_no_token_is_needed_none_is_sent(desk: Desk) -> None:
    way = Way(desk)
    desk.issuer.release = Reply(200, b"anonymous", {"Content-Type": "text/plain"})
    async with served(way) as client, desk.bench.agent(), asyncio.timeout(20):
        await eventually(lambda: desk.token("release-service") == "anonymous")
        await way.answer(client)
        await way.get(client, Authorization="Basic me")

    assert set(desk.issuer.refused) == {""}


@as_root
async def test_the_socket_answers_not_even_root(desk: Desk) -> None:
    Way(desk)
    place = desk.bench.socket.with_name("token.sock")
    async with desk.bench.agent():
        await desk.has("release-service")
        await eventually(place.is_socket)
        reader, writer = await asyncio.open_unix_connection(place)
        with contextlib.suppress(OSError):
            writer.write(b"GET /release-service HTTP/1.1\r\nHost: x\r\n\r\n")
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
        mode = stat.S_IMODE(place.stat().st_mode)
    assert mode == 0o666


async def test_without_caddy_it_says_so_and_goes_on(desk: Desk) -> None:
    way = Way(desk)
    desk.bench.settings += 'validate_argv = ["/nowhere/caddy"]\n'
    async with desk.bench.agent():
        await desk.has("node-agent")
        await desk.bench.hub.until(
            lambda: "forward_proxy_not_set" in [each["code"] for each in desk.bench.hub.of("alert")]
        )
        result = await desk.bench.hub.run("exec_shell", "c1", template="uptime")
    (alert,) = desk.bench.hub.of("alert")
    assert alert["message"].startswith("no Caddy here: ")
    assert result["success"] is True
    assert not way.caddy.written.exists()


async def test_what_caddy_does_not_take_is_not_put_in_place(desk: Desk) -> None:
    way = Way(desk)
    way.caddy.written.write_text("# as it was\n")
    checks = desk.bench.recorder("validate", "import sys\nsys.exit('no such directive')")
    desk.bench.settings += f"validate_argv = {checks}\n"
    async with desk.bench.agent():
        await desk.bench.hub.until(lambda: bool(desk.bench.hub.of("alert")))
    (alert,) = desk.bench.hub.of("alert")
    assert alert["message"] == "Caddy does not take the file: no such directive"
    assert way.caddy.written.read_text() == "# as it was\n"
    assert [path.name for path in way.caddy.written.parent.iterdir()] == ["proxy.caddy"]


async def test_it_is_written_and_reloaded_only_when_it_changes(desk: Desk) -> None:
    way = Way(desk)
    settings = desk.bench.settings.partition("[caddy]")[0]
    check, reload = desk.bench.recorder("validate"), desk.bench.recorder("reload")
    caddy = (
        f'[caddy]\nfile = "{way.caddy.written}"\nvalidate_argv = {check}\nreload_argv = {reload}\n'
    )
    counts: list[tuple[int, int]] = []
    for proxies in (settings, settings, settings.replace(str(way.port), str(way.port + 1))):
        desk.bench.settings = proxies + caddy
        before = len(desk.bench.hub.of("hello"))
        async with desk.bench.agent() as agent:
            mark = desk.bench.state / "caddy-reloaded"
            await eventually(lambda mark=mark: mark.exists() and bool(mark.read_text()))
            await desk.bench.hub.until(lambda seen=before: len(desk.bench.hub.of("hello")) > seen)
            if proxies != settings:
                await eventually(lambda: desk.bench.runs("reload") == 2)
            await agent.stop()
        counts.append((desk.bench.runs("validate"), desk.bench.runs("reload")))

    assert counts == [(1, 1), (1, 1), (2, 2)]
    desk.bench.settings = settings.partition("[[forward_proxy]]")[0] + caddy
    (desk.bench.state / "caddy-reloaded").rename(desk.bench.directory / "mark")
    async with desk.bench.agent() as agent:
        await desk.has("release-service")
        await agent.stop()
    assert "forward_auth" in way.caddy.written.read_text(), "it is another agent's"
    (desk.bench.directory / "mark").rename(desk.bench.state / "caddy-reloaded")
    async with desk.bench.agent():
        await eventually(lambda: "forward_auth" not in way.caddy.written.read_text())
        await eventually(lambda: desk.bench.runs("reload") == 3)
