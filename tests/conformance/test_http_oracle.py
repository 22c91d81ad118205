"""Where requests begin and end: ours against h11, another reader of RFC 9112.

Whoever stands before the hub reads the same bytes. A request that only one of the two sees is a
request that somebody smuggled in."""

import asyncio
import json
from collections.abc import Generator
from itertools import pairwise
from typing import Any

import h11
import pytest
import uvloop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.socket.http import HttpProtocol
from tests.conformance.serving import Served, serving
from tests.conformance.test_foreign_upgrades import report

Request = tuple[str, str, str]
"""(method, target, body)."""
Framing = tuple[list[bytes], bytes]
"""(header lines, body as it travels)."""


class Hasty(HttpProtocol):
    """What is not whole by now never will be."""

    head_seconds = 0.1
    linger_seconds = 0.1
    body_seconds = 0.1


bodies = st.one_of(
    st.just(b""),
    st.binary(max_size=30),
    st.just(b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"),
    st.just(b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"),
)


def chunks_of(parts: list[bytes]) -> bytes:
    return b"".join(b"%X\r\n%s\r\n" % (len(part), part) for part in parts if part) + b"0\r\n\r\n"


NOTHING: Framing = ([], b"")
framings: st.SearchStrategy[Framing] = st.one_of(
    st.just(NOTHING),
    bodies.map(lambda body: ([b"Content-Length: %d" % len(body)], body)),
    st.lists(bodies, max_size=3).map(
        lambda parts: ([b"Transfer-Encoding: chunked"], chunks_of(parts))
    ),
)
ambiguous: st.SearchStrategy[Framing] = st.one_of(
    bodies.map(lambda b: ([b"Content-Length: %d" % len(b), b"Transfer-Encoding: chunked"], b)),
    bodies.map(lambda b: ([b"Content-Length: %d" % len(b), b"Content-Length: 0"], b)),
    bodies.map(lambda b: ([b"Transfer-Encoding: gzip, chunked"], chunks_of([b]))),
    bodies.map(lambda b: ([b"Transfer-Encoding: chunked"], b)),
    bodies.map(lambda b: ([b"Content-Length: +%d" % len(b)], b)),
    bodies.map(lambda b: ([b"Transfer-Encoding: xchunked"], b)),
)
upgrades = st.sampled_from(
    [
        [],
        [b"Connection: Upgrade", b"Upgrade: h2c"],
        [b"Connection: keep-alive, Upgrade", b"Upgrade: foo/1, bar"],
        [b"Connection: keep-alive", b"Connection: upgrade", b"Upgrade: WebSocket, foo"],
        [b"Upgrade: TLS/1.2"],
        [b"Connection: Upgrade"],
    ]
)
methods = st.sampled_from([b"GET", b"POST", b"PUT", b"DELETE", b"OPTIONS"])


@st.composite
def requests(draw: st.DrawFn, framing: st.SearchStrategy[Framing]) -> bytes:
    lines, body = draw(framing)
    target = b"/%d" % draw(st.integers(0, 9))
    headers = draw(st.permutations([b"Host: h", *draw(upgrades), *lines]))
    return b"\r\n".join([draw(methods) + b" " + target + b" HTTP/1.1", *headers, b"", b""]) + body


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    bounds = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[a:b] for a, b in pairwise(bounds)]


def theirs(stream: bytes) -> tuple[list[Request], bool]:
    """The requests, and whether all of the stream was HTTP."""
    server = h11.Connection(h11.SERVER)
    server.receive_data(stream)
    server.receive_data(b"")
    found: list[Request] = []
    method = target = body = ""
    try:
        while True:
            event = server.next_event()
            if isinstance(event, h11.Request):
                method, target, body = event.method.decode(), event.target.decode(), ""
            elif isinstance(event, h11.Data):
                body += bytes(event.data).decode("latin-1")
            elif isinstance(event, h11.EndOfMessage):
                found.append((method, target, body))
                server.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
                server.send(h11.EndOfMessage())
                if server.our_state is h11.MUST_CLOSE:
                    return found, True
                server.start_next_cycle()
            else:
                return found, True
    except h11.RemoteProtocolError:
        return found, False


async def ours(served: Served, chunks: list[bytes]) -> tuple[list[Request], bool]:
    async with served.peer() as peer:
        for chunk in chunks:
            if not peer.writer.is_closing():
                peer.write(chunk)
            await asyncio.sleep(0)
        try:
            answer = await peer.rest()
        except ConnectionError:
            return [], False  # refused while we still wrote
    found: list[Request] = []
    sound = True
    while answer:
        head, _, rest = answer.partition(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        answer = rest[size:]
        if not head.startswith(b"HTTP/1.1 200 "):
            sound = False
            continue
        method, path, body, _ = json.loads(rest[:size])
        found.append((method, path, body))
    return found, sound


@pytest.fixture(scope="module")
def runner() -> Generator[asyncio.Runner]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        yield runner


@pytest.fixture(scope="module")
def served(runner: asyncio.Runner) -> Generator[Served]:
    context: Any = serving(app=report, http=Hasty)
    yield runner.run(context.__aenter__())
    runner.run(context.__aexit__(None, None, None))


LAST = b"GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
places = st.lists(st.integers(0, 10_000), max_size=6)
unhurried = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@unhurried
@given(stream=st.lists(requests(framings), max_size=4).map(b"".join), cuts=places)
def test_sound_requests_are_read_alike(
    runner: asyncio.Runner, served: Served, stream: bytes, cuts: list[int]
) -> None:
    expected = theirs(stream + LAST)
    assert expected[1]
    assert runner.run(ours(served, cut(stream + LAST, cuts))) == expected


@unhurried
@given(
    before=st.lists(requests(framings), max_size=1),
    odd=requests(ambiguous),
    after=st.lists(requests(framings), max_size=1),
    cuts=places,
)
def test_nothing_is_read_that_the_other_did_not_see(
    runner: asyncio.Runner,
    served: Served,
    before: list[bytes],
    odd: bytes,
    after: list[bytes],
    cuts: list[int],
) -> None:
    stream = b"".join([*before, odd, *after, LAST])
    found, _ = runner.run(ours(served, cut(stream, cuts)))
    expected, _ = theirs(stream)
    assert found == expected[: len(found)]
