"""A TLS listener: its handshakes, the time they have, and whom they count for."""

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial

import pytest
import uvicorn
from uvicorn.server import ServerState

from hub.socket.connection import connection_class
from hub.socket.http import HttpProtocol
from hub.socket.pings import PingWheel
from hub.socket.strangers import Strangers
from hub.socket.tls import TlsListener
from tests.certificates import Authority
from tests.conformance import wire
from tests.conformance.serving import DEADLINE, Doorman, until


class Hasty(HttpProtocol):
    head_seconds = 0.3
    strangers = Strangers((), per_address=3)


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """(the hub's, a client's)."""
    folder = tmp_path_factory.mktemp("tls")
    authority = Authority(folder)
    certificate, key = authority.issue("127.0.0.1")
    hub = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    hub.load_cert_chain(certificate, key)
    return hub, ssl.create_default_context(cafile=str(authority.file))


@asynccontextmanager
async def serving(context: ssl.SSLContext, http: type[HttpProtocol]) -> AsyncGenerator[int]:
    config = uvicorn.Config(
        "tests.conformance.serving:hello",
        http=http,
        ws=connection_class(Doorman(), PingWheel()),
        log_config=None,
    )
    config.load()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        served = TlsListener(listener, context, partial(http, config, ServerState(), {}))
        yield listener.getsockname()[1]
        served.close()
        await served.wait_closed()


Contexts = tuple[ssl.SSLContext, ssl.SSLContext]


async def ended(reader: asyncio.StreamReader) -> float:
    """When the hub has ended the connection, in seconds of the loop."""
    async with asyncio.timeout(DEADLINE):
        try:
            while await reader.read(1000):
                pass
        except ConnectionError:
            pass
    return asyncio.get_running_loop().time()


async def test_requests_and_sockets_are_served(contexts: Contexts) -> None:
    async with serving(contexts[0], HttpProtocol) as port:
        for request, status in (
            (b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", b" 200 "),
            (wire.request(), b" 101 "),
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=contexts[1])
            writer.write(request)
            async with asyncio.timeout(DEADLINE):
                assert status in await reader.readuntil(b"\r\n\r\n")
            writer.transport.abort()


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01\x02\x00"])
async def test_a_handshake_that_stalls_is_dropped(contexts: Contexts, sent: bytes) -> None:
    async with serving(contexts[0], Hasty) as port:
        began = asyncio.get_running_loop().time()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        assert await ended(reader) - began < Hasty.head_seconds + 1
        await until(lambda: not len(Hasty.strangers))
        writer.transport.abort()


async def test_handshake_and_head_share_one_deadline(contexts: Contexts) -> None:
    async with serving(contexts[0], Hasty) as port:
        began = asyncio.get_running_loop().time()
        sock = socket.create_connection(("127.0.0.1", port))
        await asyncio.sleep(Hasty.head_seconds * 2 / 3)  # the peer takes its time
        reader, writer = await asyncio.open_connection(
            sock=sock, ssl=contexts[1], server_hostname="127.0.0.1"
        )
        assert await ended(reader) - began < Hasty.head_seconds * 4 / 3
        writer.transport.abort()


async def test_what_is_no_tls_ends_at_once(contexts: Contexts) -> None:
    async with serving(contexts[0], Hasty) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        await ended(reader)
        await until(lambda: not len(Hasty.strangers))
        writer.transport.abort()


async def test_a_handshake_under_way_counts_for_its_address(contexts: Contexts) -> None:
    class Patient(HttpProtocol):
        strangers = Strangers((), per_address=3)

    async with serving(contexts[0], Patient) as port:
        peers = [await asyncio.open_connection("127.0.0.1", port) for _ in range(4)]
        await ended(peers[0][0])
        assert len(Patient.strangers) == 3
        for _, writer in peers:
            writer.transport.abort()
        await until(lambda: not len(Patient.strangers))


async def test_ending_cuts_the_handshakes_that_are_under_way(contexts: Contexts) -> None:
    async with serving(contexts[0], Hasty) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await until(lambda: len(Hasty.strangers))
    await ended(reader)
    assert not len(Hasty.strangers)
    writer.transport.abort()
