"""The head of a request, as bad clients send it, and what becomes of an upgrade that is none."""

import asyncio
import json
import logging
from typing import Any

import pytest

from hub.socket.http import MAX_HEAD, MAX_LINES, HttpProtocol
from tests.conformance import wire
from tests.conformance.serving import Peer, hello, serving, until


class Hasty(HttpProtocol):
    head_seconds = 0.05
    linger_seconds = 0.05
    body_seconds = 0.2
    body_bytes = 500


def get(*headers: str, path: str = "/", host: str = "Host: hub") -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", host, *headers, "", ""]).encode()


async def problem(peer: Peer, status: int, code: str) -> None:
    """What comes next, and last, is this problem document."""
    head, _, body = (await peer.rest()).partition(b"\r\n\r\n")
    document = json.loads(body)
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"Content-Type: application/problem+json" in head
    assert b"Connection: close" in head
    assert (document["status"], document["code"], document["success"]) == (status, code, False)
    assert document.keys() == {"type", "title", "status", "detail", "code", "success"}


CHUNKED = get("Transfer-Encoding: chunked").replace(b"GET", b"POST")

HUGE = {
    "200 KB in one header": get("X: " + "x" * 200_000),
    "a header that never ends": get("X: " + "x" * 200_000)[:-4],
    "a name that never ends": get("x" * 200_000)[:-4],
    "a path that never ends": get(path="/" + "x" * 200_000),
    "500 headers": get(*(f"X{n}: y" for n in range(500))),
    "101 headers": get(*(f"X{n}: y" for n in range(100))),
    "many middling headers": get(*(f"X{n}: " + "y" * 400 for n in range(50))),
    "200 KB on an upgrade": wire.request(x="x" * 200_000),
    "500 headers on an upgrade": wire.request(**{f"x{n}": "y" for n in range(500)}),
    "an unfinished upgrade": wire.request(x="x" * 200_000)[:-2],
    "a trailer that never ends": CHUNKED + b"1\r\na\r\n0\r\nX: " + b"x" * 200_000,
}


@pytest.mark.parametrize("name", HUGE)
async def test_a_head_over_its_bounds_is_431(name: str) -> None:
    async with serving() as served, served.peer() as peer:
        peer.write(HUGE[name])
        await problem(peer, 431, "too_large")


@pytest.mark.parametrize("name", ["a header that never ends", "500 headers"])
async def test_a_head_is_counted_across_segments(name: str) -> None:
    async with serving() as served, served.peer() as peer:
        for start in range(0, len(HUGE[name]), 500):
            peer.write(HUGE[name][start : start + 500])
            await asyncio.sleep(0)
        await problem(peer, 431, "too_large")


async def test_a_second_request_is_counted_anew() -> None:
    async with serving() as served, served.peer() as peer:
        peer.write(get("X: " + "x" * (MAX_HEAD - 100)) * 2)
        for _ in range(2):
            assert b"200 OK" in await peer.head()
            assert await peer.exactly(1) == b"0"


@pytest.mark.parametrize("behind", [b"nonsense\r\n\r\n", wire.request()])
async def test_a_fault_behind_a_whole_request_lets_that_be_answered(behind: bytes) -> None:
    async with serving() as served, served.peer() as peer:
        peer.write(get() + behind)
        answer = await peer.rest()
        assert answer.count(b"HTTP/1.1") == 1
        assert b"200 OK" in answer


async def test_a_fault_in_a_body_is_answered_instead_of_the_request() -> None:
    async with serving() as served, served.peer() as peer:
        peer.write(CHUNKED + b"no length\r\n")
        await problem(peer, 400, "invalid")
        await until(lambda: not served.state.tasks)


async def test_a_fault_in_a_body_that_is_being_answered_resets_the_connection() -> None:
    async def early(scope: object, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})
        await receive()
        await receive()

    async with serving(app=early) as served, served.peer() as peer:
        peer.write(CHUNKED)
        await peer.head()
        peer.write(b"no length\r\n")
        assert await peer.dropped()
        await until(lambda: not served.state.tasks)


async def test_a_head_at_its_bounds_is_served() -> None:
    lines = [f"X{n}: y" for n in range(MAX_LINES - 1)]
    async with serving() as served:
        for request in (get(*lines), get("X: " + "x" * (MAX_HEAD - 50))):
            async with served.peer() as peer:
                peer.write(request)
                assert (await peer.head()).startswith(b"HTTP/1.1 200")


async def test_a_long_body_is_no_head() -> None:
    body = b"b" * 1_000_000
    request = get(f"Content-Length: {len(body)}").replace(b"GET", b"POST")
    async with serving() as served, served.peer() as peer:
        peer.write(request + body)
        assert b"200 OK" in await peer.head()
        assert await peer.exactly(7) == b"1000000"
        peer.write(CHUNKED + b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n")
        assert b"200 OK" in await peer.head()


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HTTP/1.1\r\nHost: h", b"\r\n", wire.request()[:-2], b"GET"]
)
async def test_half_a_head_is_dropped(sent: bytes) -> None:
    async with serving(http=Hasty) as served, served.peer() as peer:
        peer.write(sent)
        assert await peer.dropped()
        await until(lambda: not served.state.connections)


@pytest.mark.parametrize("sent", [b"\r\n", get()[:-2]])
async def test_half_a_head_on_a_reused_connection_is_dropped(sent: bytes) -> None:
    async with serving(http=Hasty) as served, served.peer() as peer:
        for _ in range(2):
            peer.write(get())
            await peer.head()
            assert await peer.exactly(1) == b"0"
        peer.write(sent)
        assert await peer.dropped()


async def test_half_a_head_behind_a_whole_one_is_dropped() -> None:
    async with serving(http=Hasty) as served, served.peer() as peer:
        peer.write(get() + get()[:-2])
        await peer.head()
        assert await peer.exactly(1) == b"0"
        assert await peer.dropped()


async def test_a_body_that_trickles_is_cut_off_and_one_that_flows_is_not() -> None:
    received: list[int] = []

    async def count(scope: object, receive: Any, send: Any) -> None:
        size = 0
        while (message := await receive())["type"] == "http.request":
            size += len(message["body"])
            if not message["more_body"]:
                received.append(size)
                await send({"type": "http.response.start", "status": 204, "headers": []})
                await send({"type": "http.response.body"})
                return

    head = get("Content-Length: 2000").replace(b"GET", b"POST")
    async with serving(http=Hasty, app=count) as served:
        async with served.peer() as slow:
            slow.write(head)
            for _ in range(5):
                slow.write(b"x")
                await asyncio.sleep(Hasty.body_seconds / 10)
            assert await slow.dropped()
        async with served.peer() as steady:
            steady.write(head)
            for _ in range(20):
                steady.write(b"x" * 100)
                await asyncio.sleep(Hasty.body_seconds / 10)
            assert (await steady.head()).startswith(b"HTTP/1.1 204")
    assert received == [2000]


async def test_a_slow_answer_has_no_deadline_here() -> None:
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slow(scope: object, receive: object, send: object) -> None:
        asked.set()
        await answer.wait()
        await hello(scope, receive, send)

    async with serving(http=Hasty, app=slow) as served, served.peer() as peer:
        peer.write(get())
        await asked.wait()
        loop = asyncio.get_running_loop()
        loop.call_later(3 * Hasty.head_seconds, answer.set)
        assert b"200 OK" in await peer.head()


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/3.0\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_400(sent: bytes) -> None:
    async with serving() as served, served.peer() as peer:
        peer.write(sent)
        await problem(peer, 400, "invalid")


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("Host: a", "Host: a"),
        ("Host: a", "host: b"),
        ("Host: a b",),
        ("Host: a/b",),
        ("Host: user@a",),
        ("Host: [::1",),
        ("Host: a:b",),
    ],
)
async def test_a_request_without_exactly_one_host_is_400(lines: tuple[str, ...]) -> None:
    """RFC 9112, section 3.2."""
    async with serving() as served, served.peer() as peer:
        peer.write("\r\n".join(["GET / HTTP/1.1", *lines, "", ""]).encode())
        await problem(peer, 400, "invalid")


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("host", ["hub", "hub:8080", "[::1]:80", "127.0.0.1", ""])
async def test_a_host_is_any_authority(host: str, version: str) -> None:
    async with serving() as served, served.peer() as peer:
        peer.write(f"GET / HTTP/{version}\r\nHost: {host}\r\n\r\n".encode())
        assert b" 200 " in await peer.head()


async def test_http_1_0_needs_no_host() -> None:
    async with serving() as served, served.peer() as peer:
        peer.write(b"GET / HTTP/1.0\r\n\r\n")
        assert b" 200 " in await peer.head()


async def test_the_host_of_an_absolute_target_counts() -> None:
    """RFC 9112, section 3.2.2."""
    seen: list[list[bytes]] = []

    async def look(scope: Any, receive: Any, send: Any) -> None:
        seen.append([value for name, value in scope["headers"] if name == b"host"])
        await hello(scope, receive, send)

    async with serving(app=look) as served, served.peer() as peer:
        peer.write(get(path="http://other:81/path?query"))
        await peer.head()
    assert seen == [[b"other:81"]]


async def test_a_trailer_is_no_header() -> None:
    """RFC 9110, section 6.5.1: it comes when the head has been judged."""
    seen: list[list[bytes]] = []

    async def look(scope: Any, receive: Any, send: Any) -> None:
        seen.append([name for name, _ in scope["headers"]])
        await hello(scope, receive, send)

    async with serving(app=look) as served, served.peer() as peer:
        for trailer in (b"Client-Cert: :AAAA:\r\nX: y\r\n", b""):
            peer.write(CHUNKED + b"1\r\na\r\n0\r\n" + trailer + b"\r\n")
            assert b" 200 " in await peer.head()
            await peer.exactly(1)
        peer.write(get("X: y"))
        assert b" 200 " in await peer.head()
    assert seen == [[b"host", b"transfer-encoding"]] * 2 + [[b"host", b"x"]]


async def test_a_refused_peer_that_stays_is_dropped() -> None:
    async with serving(http=Hasty) as served, served.peer() as peer:
        peer.write(b"nonsense\r\n\r\n")
        await until(lambda: served.state.connections)
        peer.write(b"more nonsense")
        await until(lambda: not served.state.connections)


MALFORMED = {
    "no key": wire.request(sec_websocket_key=None),
    "a key of 15 bytes": wire.request(sec_websocket_key="MTIzNDU2Nzg5MDEyMzQ1"),
    "a key that is not base64": wire.request(sec_websocket_key="dGhlIHNhbXBsZSBub25jZ!=="),
    "no Host": wire.request(host=None),
    "two keys": wire.request(Sec_WebSocket_Key=wire.KEY),
    "no Connection": wire.request(connection=None),
    "Connection: close": wire.request(connection="close"),
    "no Upgrade": wire.request(upgrade=None),
    "another Upgrade": wire.request(upgrade="h2c"),
    "POST": wire.request().replace(b"GET", b"POST"),
    "HTTP/1.0": wire.request().replace(b"HTTP/1.1", b"HTTP/1.0"),
    "a body": wire.request(content_length="4") + b"body",
    "an absolute target": wire.request("http://hub/ws/device"),
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_a_malformed_upgrade_is_400(name: str) -> None:
    async with serving() as served, served.peer() as peer:
        peer.write(MALFORMED[name])
        await problem(peer, 400, "invalid")


@pytest.mark.parametrize("version", ["12", "8", "0", "x", "13, 8", None])
async def test_another_version_is_426(version: str | None) -> None:
    async with serving() as served, served.peer() as peer:
        peer.write(wire.request(sec_websocket_version=version))
        answer = await peer.rest()
        assert answer.startswith(b"HTTP/1.1 426 Upgrade Required\r\n")
        assert b"\r\nSec-WebSocket-Version: 13\r\n" in answer
        assert b"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" in answer


async def test_an_unknown_path_is_404() -> None:
    async with serving() as served, served.peer() as peer:
        peer.write(wire.request("/elsewhere"))
        await problem(peer, 404, "not_found")


async def test_any_spelling_of_a_good_upgrade_is_accepted() -> None:
    odd = {"connection": "keep-alive, UPGRADE", "upgrade": "WebSocket"}
    async with serving() as served:
        for path in ("/ws/device", "/ws/device?token=x"):
            async with served.peer() as peer:
                peer.write(wire.request(path, **odd))
                answer = await peer.head()
                assert b"\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in answer


async def test_an_upgrade_after_other_requests_on_the_connection_is_accepted() -> None:
    async with serving() as served, served.peer() as peer:
        peer.write(get())
        await peer.head()
        await peer.exactly(1)
        peer.write(wire.request() + wire.text("hello"))
        assert b" 101 " in await peer.head()
        assert await peer.exactly(7) == b"\x81\x05hello"


async def test_another_kind_of_upgrade_is_an_ordinary_request() -> None:
    async with serving() as served, served.peer() as peer:
        peer.write(get("Connection: Upgrade", "Upgrade: h2c") + get())
        for _ in range(2):
            assert b"200 OK" in await peer.head()
            assert await peer.exactly(1) == b"0"


async def test_no_query_string_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        async with serving() as served:
            for request in (
                get(path="/?token=secret"),
                wire.request("/ws/device?token=secret"),
                wire.request("/elsewhere?token=secret"),
                wire.request("/ws/device?token=secret", sec_websocket_version="12"),
            ):
                async with served.peer() as peer:
                    peer.write(request)
                    await peer.head()
    assert "secret" not in caplog.text
