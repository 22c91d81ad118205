"""Sessions with a real hub and real agents: what a person opens on a device, and that nothing of it
is left behind."""

import asyncio
import hashlib
import json
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.acceptance.edge import Agent, Factory, factory
from tests.acceptance.hub.byte_streams import SUCCESS, StreamEnd, open_end
from tests.acceptance.hub.clients import Json, Rest, until
from tests.acceptance.hub.conftest import log_in
from tests.cloud import stand_in_cloud

SLEEP = "sleep 98765"


def sleeping() -> list[int]:
    """The processes of `SLEEP`, whoever they belong to."""
    found: list[int] = []
    for each in Path("/proc").iterdir():
        if each.name.isdecimal():
            try:
                line = (each / "cmdline").read_bytes()
            except OSError:
                continue
            if line == SLEEP.replace(" ", "\0").encode() + b"\0":
                found.append(int(each.name))
    return found


class Bench:
    def __init__(self, plant: Factory, agent: Agent, token: str, rest: Rest, folder: Path) -> None:
        self.plant = plant
        self.agent = agent
        self.token = token
        self.rest = rest
        self.folder = folder
        self.port = 0
        """Of a web server that the device may reach."""

    async def open(self, kind: str, **params: Any) -> httpx.Response:
        body = {"kind": kind, "params": params}
        return await self.rest.post(f"/devices/{self.agent.device_id}/sessions", body)

    @asynccontextmanager
    async def session(self, kind: str, **params: Any) -> AsyncGenerator[tuple[Json, StreamEnd]]:
        answer = await self.open(kind, **params)
        assert answer.status_code == 201, answer.text
        made = answer.json()["data"]
        assert made["status"] == "OPEN", made
        async with open_end(self.plant.hub.url, made["url"], self.token) as person:
            yield made, person

    async def refusal(self, kind: str, **params: Any) -> str:
        answer = await self.open(kind, **params)
        assert answer.status_code == 422, answer.text
        return str(answer.json()["device"]["code"])


SETTINGS = """\
[sessions]
shell = true
forward = ["127.0.0.1:{port}"]
files = [{{ path = "{folder}", mode = "rw" }}]
[logs]
files = ["{folder}/app.log"]
"""


@pytest_asyncio.fixture
async def bench(tmp_path: Path) -> AsyncGenerator[Bench]:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "app.log").write_text("one\ntwo\nthree\n")
    server = await asyncio.start_server(answer_http, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with (
        stand_in_cloud() as cloud,
        factory(tmp_path, cloud, request_rate="0", drain_seconds="1") as plant,
    ):
        agent = await plant.agent("edge-1", SETTINGS.format(port=port, folder=shared))
        token = await asyncio.to_thread(log_in, plant.hub.url, "admin", plant.password)
        async with Rest.open(plant.hub.url, token) as rest:
            made = Bench(plant, agent, token, rest, shared)
            made.port = port
            yield made
    server.close()


async def answer_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    asked = await reader.readuntil(b"\r\n\r\n")
    body = asked.split()[1]
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()
    writer.close()


async def shown(person: StreamEnd, wanted: bytes) -> bytes:
    """What the terminal shows, up to `wanted`."""
    seen = b""
    while wanted not in seen:
        message = await person.message()
        assert message[:1] in (b"\x01", b"\x02"), message
        seen += message[1:]
    return seen


async def gone(*, seconds: float = 15) -> None:
    async def none() -> bool:
        return not sleeping()

    await until(none, seconds=seconds)


async def test_a_shell_on_a_terminal(bench: Bench) -> None:
    async with bench.session("shell") as (made, person):
        await person.send(4, {"Width": 100, "Height": 30})
        await person.send(0, b"stty size; echo $LONGLINE_SESSION; tty\n")
        seen = await shown(person, b"/dev/pts/")
        assert b"30 100" in seen
        assert made["id"].encode() in seen
        await person.send(0, b"exit 3\n")
        rest = await person.rest()
        last = json.loads(rest[-1][1:])
        assert last["details"]["causes"] == [{"reason": "ExitCode", "message": "3"}]
        assert await person.closed() == (1000, "finished")
    recording = await bench.rest.get(f"/sessions/{made['id']}/recording")
    assert "100x30" in recording.text
    assert "30 100" in recording.text


async def test_a_shell_without_a_terminal(bench: Bench) -> None:
    async with bench.session("shell", tty=False) as (_, person):
        await person.send(0, b"echo out; echo err >&2\n")
        await person.connection.send(b"\xff\x00")
        rest = await person.rest()
        assert {b"\x01out\n", b"\x02err\n"} <= set(rest)
        assert rest[-1] == SUCCESS


@pytest.mark.parametrize("how", ["leave", "delete", "log out", "kill"])
async def test_nothing_is_left_behind(bench: Bench, how: str) -> None:
    async with bench.session("shell") as (made, person):
        await person.send(0, f"({SLEEP} &) ; nohup {SLEEP} & setsid {SLEEP} &\n".encode())

        async def three() -> bool:
            return len(sleeping()) == 3

        await until(three)
        match how:
            case "leave":
                await person.connection.close()
            case "delete":
                await bench.rest.client.delete(f"/sessions/{made['id']}")
                assert await person.closed() == (1000, "deleted")
            case "log out":
                await bench.rest.post("/auth/logout")
                assert (await person.closed(seconds=6))[0] == 4401
            case _:
                await bench.agent.end(signal.SIGKILL)
                assert await person.closed() == (1000, "closed")
                assert len(sleeping()) > 0
                await bench.agent.start()
        await gone()


async def test_a_program_that_reads_nothing_ends_with_its_session(bench: Bench) -> None:
    async with bench.session("shell", tty=False) as (_, person):
        await person.send(0, f"{SLEEP}\n".encode())

        async def one() -> bool:
            return len(sleeping()) == 1

        await until(one)
        for _ in range(10):
            await person.send(0, bytes(30_000))
        await person.connection.close()
        await gone()


async def stays(person: StreamEnd, *, seconds: float) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(seconds):
            await person.connection.wait_closed()


PATIENCE = 32.0
"""Seconds: a ping that nobody answers would end a socket before."""


async def test_a_person_may_read_nothing_for_long(bench: Bench) -> None:
    """Their kernel answers: `longline logs -f | less`."""
    async with bench.session("shell", tty=False) as (_, person):
        await person.send(0, b"head -c 6000000 /dev/zero\n")
        await stays(person, seconds=PATIENCE)
        size = 0
        while size < 6_000_000:
            message = await person.message()
            assert message[:1] == b"\x01"
            size += len(message) - 1


async def test_a_program_may_read_nothing_for_long(bench: Bench) -> None:
    async with bench.session("shell", tty=False) as (_, person):
        await person.send(0, f"sleep {PATIENCE}; head -c 6000000 | wc -c; exit\n".encode())

        async def give() -> None:
            for _ in range(200):
                await person.send(0, bytes(30_000))

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(give())
            assert await person.message(seconds=PATIENCE + 15) == b"\x016000000\n"
        assert (await person.rest())[-1] == SUCCESS


async def test_an_agent_that_ends_says_so(bench: Bench) -> None:
    async with bench.session("shell") as (made, person):
        await person.send(0, f"{SLEEP}\n".encode())

        async def one() -> bool:
            return len(sleeping()) == 1

        await until(one)
        await bench.agent.end()
        assert await person.closed() == (1011, "agent_restarted")
        await gone(seconds=1)
        row = await bench.rest.data(f"/sessions/{made['id']}")
        assert row["reason"] == "agent_restarted"


async def test_what_the_device_s_file_does_not_allow(bench: Bench) -> None:
    assert await bench.refusal("shell", user="nobody") == "not_allowed"
    assert await bench.refusal("forward", host="127.0.0.1", port=22) == "not_allowed"
    assert await bench.refusal("file", path="/etc/passwd", direction="down") == "not_allowed"
    assert await bench.refusal("file", path=f"{bench.folder}/../x", direction="down") == (
        "not_allowed"
    )
    assert await bench.refusal("exec", workload="shop/web", command=["sh"]) in (
        "no_engine", "cannot_end",
    )  # fmt: skip


async def test_a_device_s_file_without_shell(tmp_path: Path) -> None:
    async with stand_in_cloud() as cloud, factory(tmp_path, cloud, drain_seconds="1") as plant:
        await plant.agent("edge-1")
        async with plant.rest() as rest:
            patch = {"type": "push_config", "patch": {"sessions": {"shell": True}}}
            await rest.dispatch("edge-1", patch)
            answer = await rest.post("/devices/edge-1/sessions", {"kind": "shell"})
            assert answer.status_code == 422
            assert answer.json()["device"]["code"] == "not_allowed"


async def test_logs_that_are_followed(bench: Bench) -> None:
    source = f"file:{bench.folder}/app.log"
    async with bench.session("logs", source=source, tail=2) as (_, person):
        assert await person.rest() == [b"\x01two\n", b"\x01three\n", SUCCESS]
    async with bench.session("logs", source=source, tail=1, follow=True) as (_, person):
        assert await person.message() == b"\x01three\n"
        with (bench.folder / "app.log").open("a") as log:
            log.write("four\nfi")
        assert await person.message() == b"\x01four\n"
        with (bench.folder / "app.log").open("a") as log:
            log.write("ve\n")
        assert await person.message() == b"\x01five\n"
        (bench.folder / "app.log").rename(bench.folder / "app.log.1")
        (bench.folder / "app.log").write_text("six\n")
        assert await person.message() == b"\x01six\n"
        (bench.folder / "app.log").write_text("")
        assert json.loads((await person.message())[1:]) == {"info": {"dropped": 1}}


async def get(bench: Bench, path: str, offset: int = 0) -> tuple[list[Json], bytes]:
    """(what the status channel said, the data)"""
    async with bench.session("file", path=path, direction="down", offset=offset) as (_, person):
        messages = await person.rest(seconds=30)
    said = [json.loads(each[1:]) for each in messages if each[:1] == b"\x03"]
    return said, b"".join(each[1:] for each in messages if each[:1] == b"\x01")


async def put(bench: Bench, path: str, data: bytes, **params: Any) -> Json:
    """The last status."""
    digest = params.pop("sha256", hashlib.sha256(data).hexdigest())
    given = {"size": len(data), "sha256": digest} | params
    async with bench.session("file", path=path, direction="up", **given) as (_, person):
        first = json.loads((await person.message())[1:])
        if "info" in first:
            offset = first["info"]["offset"]
            for at in range(offset, len(data), 32767):
                await person.send(0, data[at : at + 32767])
            await person.connection.send(b"\xff\x00")
            found: Json = json.loads((await person.rest(seconds=30))[-1][1:])
            return found
        return dict(first)


async def test_files_down_and_up(bench: Bench) -> None:
    data = os.urandom(3_000_000)
    target = bench.folder / "data.bin"
    assert (await put(bench, str(target), data, mode="0600"))["status"] == "Success"
    assert target.read_bytes() == data
    assert target.stat().st_mode & 0o777 == 0o600
    said, found = await get(bench, str(target))
    assert found == data
    assert (said[0]["info"]["size"], said[0]["info"]["mode"]) == (len(data), "0600")
    assert said[1]["info"]["sha256"] == hashlib.sha256(data).hexdigest()
    assert said[2] == {"status": "Success"}
    said, found = await get(bench, str(target), offset=2_999_990)
    assert found == data[-10:]
    assert said[1]["info"]["sha256"] == hashlib.sha256(data).hexdigest()
    said, _ = await get(bench, str(target), offset=3_000_001)
    assert said[-1]["reason"] == "Refused"
    said, _ = await get(bench, str(bench.folder / "none"))
    assert said[-1]["reason"] == "NotFound"


async def test_an_upload_that_was_cut_goes_on(bench: Bench) -> None:
    data = os.urandom(1_000_000)
    target = bench.folder / "cut.bin"
    digest = hashlib.sha256(data).hexdigest()
    up = {"path": str(target), "direction": "up", "size": len(data), "sha256": digest}
    part = bench.folder / f".cut.bin.{digest}.part"
    async with bench.session("file", **up) as (_, person):
        assert json.loads((await person.message())[1:]) == {"info": {"offset": 0}}
        for at in range(0, 500_000, 25_000):
            await person.send(0, data[at : at + 25_000])

        async def half() -> bool:
            return part.exists() and part.stat().st_size == 500_000

        await until(half)
        person.connection.transport.abort()
    async with bench.session("file", **up) as (_, person):
        assert json.loads((await person.message())[1:]) == {"info": {"offset": 500_000}}
        for at in range(500_000, len(data), 25_000):
            await person.send(0, data[at : at + 25_000])
        await person.connection.send(b"\xff\x00")
        assert await person.rest() == [SUCCESS]
    assert target.read_bytes() == data
    assert not part.exists()


async def test_uploads_that_fail_leave_nothing(bench: Bench) -> None:
    target = bench.folder / "no.bin"
    failed = await put(bench, str(target), b"data", sha256="0" * 64)
    assert (failed["status"], failed["reason"]) == ("Failure", "Io")
    failed = await put(bench, str(target), b"data", size=3)
    assert failed["reason"] == "Io"
    huge = await put(bench, str(target), b"data", size=2**62)
    assert (huge["reason"], huge["message"]) == ("Io", "no room on the disk")
    (bench.folder / "link").symlink_to("/etc")
    linked = await put(bench, str(bench.folder / "link" / "x"), b"data")
    assert linked["reason"] == "Refused"
    (bench.folder / "passwd").symlink_to("/etc/passwd")
    assert (await put(bench, str(bench.folder / "passwd"), b"data"))["reason"] == "Refused"
    said, found = await get(bench, str(bench.folder / "passwd"))
    assert (said[-1]["reason"], found) == ("Refused", b"")
    assert [each.name for each in bench.folder.iterdir() if each.name.startswith(".")] == []


async def test_a_page_with_its_resources_over_one_forward(bench: Bench) -> None:
    answer = await bench.open("forward", host="127.0.0.1", port=bench.port)
    made = answer.json()["data"]
    assert made["status"] == "OPEN"

    async def fetch(number: int) -> bytes:
        path = f"{made['url']}?connection=c{number}"
        async with open_end(bench.plant.hub.url, path, bench.token) as person:
            await person.send(0, f"GET /{number} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            return b"".join(each[1:] for each in await person.rest() if each[:1] == b"\x01")

    pages = await asyncio.gather(*(fetch(number) for number in range(12)))
    assert [page.rpartition(b"\r\n\r\n")[2] for page in pages] == [
        f"/{number}".encode() for number in range(12)
    ]
