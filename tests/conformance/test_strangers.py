"""Connections whose peers have not said who they are, over the bounds and beneath."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

from hub.socket.http import KNOWN, HttpProtocol
from hub.socket.strangers import Strangers
from hub.web import route
from tests.conformance import wire
from tests.conformance.serving import Echo, hello, serving, until

GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"


def counting(per_address: int) -> type[HttpProtocol]:
    """Loopback too."""

    class Counting(HttpProtocol):
        strangers = Strangers((), per_address=per_address)

    return Counting


async def test_the_oldest_goes_and_the_newest_is_served() -> None:
    http = counting(3)
    async with serving(http=http) as served, AsyncExitStack() as stack:
        peers = [await stack.enter_async_context(served.peer()) for _ in range(5)]
        assert await peers[0].dropped()
        assert await peers[1].dropped()
        for peer in peers[2:]:
            peer.write(GET)
            assert b" 200 " in await peer.head()
    await until(lambda: not len(http.strangers))


async def test_addresses_do_not_push_each_other_out() -> None:
    http = counting(1)
    async with serving(http=http) as served, served.peer() as first:
        _, writer = await asyncio.open_connection(
            "127.0.0.1", served.port, local_addr=("127.0.0.2", 0)
        )
        await until(lambda: len(http.strangers) == 2)
        first.write(GET)
        assert b" 200 " in await first.head()
        writer.transport.abort()


async def test_who_has_authenticated_is_no_stranger() -> None:
    async def knows(scope: Any, receive: Any, send: Any) -> None:
        scope["extensions"][KNOWN]()
        await hello(scope, receive, send)

    http = counting(1)
    async with serving(http=http, app=knows) as served, AsyncExitStack() as stack:
        peers = [await stack.enter_async_context(served.peer())]
        for _ in range(3):
            peers[-1].write(GET)
            assert b" 200 " in await peers[-1].head()
            await peers[-1].exactly(1)
            peers.append(await stack.enter_async_context(served.peer()))
        peers[0].write(GET)
        assert b" 200 " in await peers[0].head()


async def test_a_socket_is_a_stranger_until_its_handler_knows_the_peer() -> None:
    class Later(Echo):
        def opened(self, connection: Any) -> None:
            self.connection = connection

        def text(self, message: bytes) -> None:
            self.connection.max_message = 64 * 1024
            super().text(message)

    handlers: list[Later] = []

    def admit(_: object) -> Later:
        handlers.append(Later())
        return handlers[-1]

    http = counting(5)
    async with serving(http=http) as served:
        served.gate.__init__(admit)
        async with served.socket() as peer:
            assert len(http.strangers) == 1
            peer.write(wire.text("who I am"))
            await peer.exactly(10)
            assert len(http.strangers) == 0
        async with served.socket():
            assert len(http.strangers) == 1
        await until(lambda: not len(http.strangers))


async def test_a_socket_whose_upgrade_says_who_it_is_is_no_stranger() -> None:
    http = counting(5)
    async with serving(http=http) as served, served.socket():
        assert len(http.strangers) == 0


def test_routes_and_sockets_mean_the_same_extension() -> None:
    assert route.KNOWN == KNOWN
