"""An upgrade that the hub does not speak is ignored (RFC 9110, 7.8) and the request's body stays
its body (RFC 9112, 6): nobody makes two requests out of one, whatever stands before the hub."""

import asyncio
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conformance import wire
from tests.conformance.serving import Peer, serving

BODY = b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.66\r\n\r\n"
UPGRADES = ("h2c", "foo", "WebSocket, foo", "TLS/1.2", "websocket")
CUTS = ("one segment", "body later", "byte by byte")


def plain(body: bytes) -> tuple[str, bytes]:
    return f"Content-Length: {len(body)}", body


def chunked(body: bytes) -> tuple[str, bytes]:
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:9], body[9:]))
    return "Transfer-Encoding: chunked", chunks + b"0\r\n\r\n"


def post(upgrade: str, frame: Callable[[bytes], tuple[str, bytes]]) -> tuple[bytes, bytes]:
    """(head, body as it travels) of a request with `BODY`."""
    framing, body = frame(BODY)
    lines = ["POST /first HTTP/1.1", "Host: h", "Connection: Upgrade", f"Upgrade: {upgrade}"]
    return "\r\n".join([*lines, framing, "", ""]).encode(), body


async def report(scope: Any, receive: Any, send: Any) -> None:
    """Answers with what it was asked."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    names = [name.decode() for name, _ in scope["headers"]]
    said = json.dumps([scope["method"], scope["path"], body.decode("latin-1"), names]).encode()
    length = [(b"content-length", b"%d" % len(said))]
    await send({"type": "http.response.start", "status": 200, "headers": length})
    await send({"type": "http.response.body", "body": said})


async def next_answer(peer: Peer) -> list[Any]:
    head = await peer.head()
    assert head.startswith(b"HTTP/1.1 200 ")
    size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    found: list[Any] = json.loads(await peer.exactly(size))
    return found


@pytest.mark.parametrize("behind", [0, 2])
@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("frame", [plain, chunked])
@pytest.mark.parametrize("upgrade", UPGRADES)
async def test_a_foreign_upgrade_is_ignored_and_its_body_is_no_request(
    upgrade: str, frame: Callable[[bytes], tuple[str, bytes]], cut: str, behind: int
) -> None:
    head, body = post(upgrade, frame)
    pipelined = b"GET /behind HTTP/1.1\r\nHost: h\r\n\r\n" * behind
    async with serving(app=report) as served, served.peer() as peer:
        match cut:
            case "one segment":
                peer.write(head + body + pipelined)
            case "body later":
                peer.write(head)
                await asyncio.sleep(0)
                peer.write(body + pipelined)
            case _:
                await peer.write_bytewise(head + body + pipelined)
        method, path, received, names = await next_answer(peer)
        assert (method, path, received.encode()) == ("POST", "/first", BODY)
        assert "upgrade" not in names
        for _ in range(behind):
            assert (await next_answer(peer))[:3] == ["GET", "/behind", ""]
        # The connection goes on, and nothing else was answered on it.
        peer.write(b"GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        assert (await next_answer(peer))[:2] == ["GET", "/last"]
        assert await peer.rest() == b""


async def test_the_same_without_a_body() -> None:
    async with serving(app=report) as served, served.peer() as peer:
        lines = [b"Host: h", b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"", b""]
        for number in (1, 2):
            peer.write(b"\r\n".join([b"GET /%d HTTP/1.1" % number, *lines]))
        assert (await next_answer(peer))[1] == "/1"
        assert (await next_answer(peer))[1] == "/2"


async def test_an_offer_of_several_protocols_with_ours_opens_a_socket() -> None:
    async with serving() as served, served.peer() as peer:
        peer.write(wire.request(upgrade="foo, WebSocket"))
        assert b" 101 " in await peer.head()


@pytest.mark.parametrize("frame", [plain, chunked])
async def test_a_websocket_upgrade_with_a_body_ends_the_connection(
    frame: Callable[[bytes], tuple[str, bytes]],
) -> None:
    framing, body = frame(BODY)
    name, _, value = framing.partition(": ")
    async with serving(app=report) as served, served.peer() as peer:
        peer.write(wire.request(**{name.lower(): value}) + body)
        answer = await peer.rest()
        assert answer.count(b"HTTP/1.1 ") == 1
        assert answer.startswith(b"HTTP/1.1 400 ")


async def test_connect_is_refused_and_what_follows_is_not_read() -> None:
    async with serving(app=report) as served, served.peer() as peer:
        peer.write(b"CONNECT hub:443 HTTP/1.1\r\nHost: hub:443\r\n\r\n" + BODY)
        answer = await peer.rest()
        assert answer.count(b"HTTP/1.1 ") == 1
        assert answer.startswith(b"HTTP/1.1 400 ")


JAVA = """
import java.net.URI;
import java.net.http.*;

class Post {
    public static void main(String[] arguments) throws Exception {
        HttpClient client = HttpClient.newHttpClient();
        for (int number = 0; number < 3; number++) {
            HttpRequest request = HttpRequest.newBuilder(URI.create(arguments[0] + "/" + number))
                .POST(HttpRequest.BodyPublishers.ofString("body " + number)).build();
            HttpResponse<String> answer =
                client.send(request, HttpResponse.BodyHandlers.ofString());
            System.out.println(answer.statusCode() + " " + answer.body());
        }
    }
}
"""


async def test_a_default_java_client_is_served(tmp_path: Path) -> None:
    """It offers h2c with each request."""
    if shutil.which("javac") is None:
        pytest.skip("no Java compiler here")
    (tmp_path / "Post.java").write_text(JAVA, "utf-8")
    async with serving(app=report) as served:
        run = await asyncio.create_subprocess_exec(
            "java", tmp_path / "Post.java", f"http://127.0.0.1:{served.port}",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        async with asyncio.timeout(60):
            said, _ = await run.communicate()
    lines = said.decode().splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["200"] * 3, said
    assert [json.loads(line.partition(" ")[2])[:3] for line in lines] == [
        ["POST", f"/{number}", f"body {number}"] for number in range(3)
    ]
