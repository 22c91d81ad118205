"""What the hub's handlers may rely on: order, exactly one `closed`, bounds, and who ends what."""

import asyncio
import socket
import tracemalloc
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from hub.socket.connection import Connection
from hub.socket.handler import Socket, SocketLimits
from hub.socket.handshake import Refusal, Upgrade
from hub.socket.http import HttpProtocol
from hub.socket.pings import PingWheel
from protocol.closing import CLOSINGS, CloseCode
from protocol.errors import ProblemCode
from tests.conformance import wire
from tests.conformance.serving import Answer, Doorman, Echo, serving, until

KIB = 1024


def closed(code: int) -> list[tuple[int, bytes]]:
    return [(wire.CLOSE, code.to_bytes(2, "big"))]


def admitting(handler: Echo) -> Doorman:
    return Doorman(lambda upgrade: handler)


# Opening.


async def test_the_gate_sees_the_request_as_it_was() -> None:
    async with serving() as served:
        request = wire.request("/ws/a%2Fb?token=x&y=%20", Authorization="Bearer abc", X="1, 2")
        async with served.socket(request):
            (upgrade,) = served.gate.upgrades
    assert upgrade.path == "/ws/a%2Fb"
    assert upgrade.query == "token=x&y=%20"
    assert upgrade.header("authorization") == "Bearer abc"
    assert upgrade.header("x") == "1, 2"
    assert upgrade.header("cookie") is None
    assert upgrade.remote == "127.0.0.1"
    assert not upgrade.secure


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [("longline.v1", True), ("mqtt, longline.v1", True), ("mqtt", False), (None, False)],
)
async def test_only_our_subprotocol_is_chosen(offered: str | None, *, chosen: bool) -> None:
    async with serving() as served, served.peer() as peer:
        extension = "permessage-deflate; client_max_window_bits"
        peer.write(wire.request(sec_websocket_protocol=offered, sec_websocket_extensions=extension))
        head = await peer.head()
    assert (b"\r\nSec-WebSocket-Protocol: longline.v1\r\n" in head) == chosen
    assert b"extensions" not in head.lower()


class Pending:
    """An admission that is decided when the test says so."""

    def __init__(self) -> None:
        self.handler = Echo()
        self.begun = asyncio.Event()
        self.decision: asyncio.Future[Echo | Refusal] = asyncio.get_running_loop().create_future()
        self.cancelled = False

    async def admit(self, upgrade: Upgrade) -> Echo | Refusal:
        self.begun.set()
        try:
            return await self.decision
        except asyncio.CancelledError:
            self.cancelled = True
            raise


async def test_what_comes_before_an_awaited_decision_waits_for_it() -> None:
    pending = Pending()
    async with serving(Doorman(pending.admit)) as served, served.peer() as peer:
        peer.write(wire.request() + wire.text("one"))
        await pending.begun.wait()
        peer.write(wire.text("two") + wire.close(1000))
        assert not pending.handler.texts
        pending.decision.set_result(pending.handler)
        assert b" 101 " in await peer.head()
        assert await peer.frames() == [(1, b"one"), (1, b"two"), *closed(1000)]
        assert not served.state.tasks


async def test_an_awaited_refusal_is_written() -> None:
    pending = Pending()
    async with serving(Doorman(pending.admit)) as served, served.peer() as peer:
        pending.decision.set_result(Refusal(503, ProblemCode.OVERLOADED, "later", retry_after=7))
        peer.write(wire.request())
        head = await peer.head()
    assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"\r\nRetry-After: 7\r\n" in head


async def test_a_peer_that_sends_too_much_before_the_decision_is_dropped() -> None:
    pending = Pending()
    async with serving(Doorman(pending.admit)) as served, served.peer() as peer:
        peer.write(wire.request())
        await pending.begun.wait()
        peer.write(b"x" * (4 * KIB + 1))
        assert await peer.dropped()
        await until(lambda: pending.cancelled)
        assert not pending.handler.codes


async def test_an_admission_ends_with_its_peer() -> None:
    pending = Pending()
    async with serving(Doorman(pending.admit)) as served:
        async with served.peer() as peer:
            peer.write(wire.request())
            await pending.begun.wait()
        await until(lambda: pending.cancelled)
        assert not served.state.connections


async def test_an_admission_that_takes_too_long_is_dropped() -> None:
    class Hasty(HttpProtocol):
        head_seconds = 0.05

    pending = Pending()
    async with serving(Doorman(pending.admit), http=Hasty) as served, served.peer() as peer:
        peer.write(wire.request())
        assert await peer.dropped()
        await until(lambda: pending.cancelled)


async def test_an_open_socket_has_no_deadline() -> None:
    class Hasty(HttpProtocol):
        head_seconds = 0.05

    async with serving(http=Hasty) as served, served.socket() as peer:
        loop = asyncio.get_running_loop()
        loop.call_later(2 * Hasty.head_seconds, peer.write, wire.text("still here"))
        assert await peer.exactly(12) == b"\x81\x0astill here"


async def test_shutdown_refuses_whoever_is_still_opening() -> None:
    pending = Pending()
    async with serving(Doorman(pending.admit)) as served, served.peer() as peer:
        peer.write(wire.request())
        await pending.begun.wait()
        for connection in list(served.state.connections):
            connection.shutdown()
        assert (await peer.head()).startswith(b"HTTP/1.1 503 ")
        await until(lambda: pending.cancelled)


def _fails(upgrade: Upgrade) -> Answer:
    raise RuntimeError("sync")


async def _fails_later(upgrade: Upgrade) -> Echo:
    raise RuntimeError("async")


@pytest.mark.parametrize("admit", [_fails, _fails_later])
async def test_a_gate_that_fails_is_logged_and_refuses_500(
    admit: Callable[[Upgrade], Answer],
) -> None:
    with capture_logs() as logs:
        async with serving(Doorman(admit)) as served, served.peer() as peer:
            peer.write(wire.request("/ws/device?token=secret"))
            assert (await peer.head()).startswith(b"HTTP/1.1 500 ")
    assert [entry["event"] for entry in logs] == ["admission_failed"]
    assert "secret" not in str(logs)


# Messages.


async def test_the_message_limit_is_the_handlers_from_the_next_message_on() -> None:
    class Authenticating(Echo):
        def opened(self, connection: Socket) -> None:
            self.connection = connection
            assert connection.max_message == 4 * KIB

        def text(self, message: bytes) -> None:
            self.connection.max_message = 16 * KIB
            super().text(message)

    big = b"x" * 16 * KIB
    async with serving(Doorman(lambda upgrade: Authenticating())) as served:
        async with served.socket() as peer:
            peer.write(wire.text(b"x" * (4 * KIB + 1)))
            assert await peer.frames() == closed(1009)
        async with served.socket() as peer:
            peer.write(wire.text("auth") + wire.text(big) + wire.text(big + b"x"))
            assert await peer.frames() == [(1, b"auth"), (1, big), *closed(1009)]


@pytest.mark.parametrize("method", ["opened", "text", "binary", "closed"])
async def test_an_exception_of_a_handler_is_logged_and_closes_1011(method: str) -> None:
    def fail(*arguments: object) -> None:
        raise RuntimeError(method)

    handler = Echo()
    setattr(handler, method, fail)
    with capture_logs() as logs:
        async with serving(admitting(handler)) as served, served.socket() as peer:
            peer.write(wire.text("a") + wire.frame(wire.BINARY) + wire.close(1000))
            frames = await peer.frames()
            await until(lambda: logs)
    assert frames[-1:] == closed(1000 if method == "closed" else 1011)
    assert [entry["event"] for entry in logs] == ["handler_failed"]


async def test_after_a_handlers_close_nothing_reaches_it() -> None:
    class OneMessage(Echo):
        def text(self, message: bytes) -> None:
            self.texts.append(message)
            self.connection.close(4401)
            assert not self.codes
            self.connection.close(4403)
            self.connection.send(b"after the close")

    handler = OneMessage()
    async with serving(admitting(handler)) as served, served.socket() as peer:
        peer.write(wire.text("one") + wire.text("two"))
        reason = CLOSINGS[CloseCode.NOT_AUTHENTICATED].reason.encode()
        expected = (0x8800 | 2 + len(reason)).to_bytes(2, "big") + b"\x11\x31" + reason
        assert await peer.exactly(len(expected)) == expected
        peer.write(wire.text("three") + wire.frame(wire.PING) + wire.close(4401))
        assert await peer.rest() == b""
    assert handler.texts == [b"one"]
    assert handler.codes == [4401]


async def test_a_peer_that_does_not_answer_our_close_is_dropped() -> None:
    limits = SocketLimits(close_seconds=0.05)
    async with serving(limits=limits) as served, served.socket():
        (handler,) = served.gate.handlers
        handler.connection.close(4409)
        await until(lambda: not served.state.connections)
        assert handler.codes == [4409]


async def test_a_peer_that_goes_without_a_word_is_1006() -> None:
    async with serving() as served:
        async with served.socket():
            (handler,) = served.gate.handlers
        await until(lambda: handler.codes)
        assert handler.codes == [1006]
        handler.connection.send(b"to nobody")
        handler.connection.close(1000)
        handler.connection.abort(1000)
        handler.connection.pause_reading()
        handler.connection.resume_reading()
        assert handler.connection.buffered() == 0


async def test_abort_says_no_goodbye() -> None:
    async with serving() as served, served.socket() as peer:
        (handler,) = served.gate.handlers
        handler.connection.abort(4408)
        assert await peer.dropped()
        assert handler.codes == [4408]


async def test_a_peer_that_is_paused_is_not_read_until_it_is_resumed() -> None:
    class Pausing(Echo):
        def text(self, message: bytes) -> None:
            super().text(message)
            self.connection.pause_reading()

    handler = Pausing()
    async with serving(admitting(handler)) as served, served.socket() as peer:
        for expected in ([b"1"], [b"1", b"2"]):
            peer.write(wire.text(expected[-1]))
            await peer.exactly(3)
            assert handler.texts == expected
            peer.write(wire.text("2") if len(expected) == 2 else b"")
            handler.connection.resume_reading()


async def test_more_control_frames_than_anybody_needs_are_flooding() -> None:
    async with (
        serving(limits=SocketLimits(odd_frames=100, close_seconds=0.05)) as served,
        served.socket() as peer,
    ):
        peer.write(wire.frame(wire.PONG) * 101)
        assert await peer.frames() == closed(4429)


# Peers that do not read.


async def test_a_write_buffer_over_its_bound_ends_the_connection() -> None:
    limits = SocketLimits(write_buffer=256 * KIB)
    async with serving(limits=limits) as served, served.peer(limit=1) as peer:
        peer.write(wire.request())
        await until(lambda: served.gate.handlers)
        (handler,) = served.gate.handlers
        tracemalloc.start()
        while not handler.codes:
            handler.connection.send(bytes(16 * KIB))
            assert handler.connection.buffered() <= 256 * KIB + 17 * KIB
            await asyncio.sleep(0)
        assert tracemalloc.get_traced_memory()[1] < 2**20
        tracemalloc.stop()
        assert handler.codes == [4408]
        await until(lambda: not served.state.connections)


async def test_a_peer_that_reads_again_is_told_by_drained() -> None:
    async with serving() as served, served.peer(limit=1) as peer:
        peer.write(wire.request())
        await until(lambda: served.gate.handlers)
        (handler,) = served.gate.handlers
        while handler.connection.buffered() < 128 * KIB:
            handler.connection.send(b"x" * 16 * KIB)
            await asyncio.sleep(0)
        before = handler.drains
        while handler.drains == before:
            await peer.exactly(16 * KIB)
        assert handler.connection.buffered() <= 16 * KIB
        assert not handler.codes


async def test_a_peer_that_pings_without_reading_fills_no_buffer() -> None:
    ping = wire.frame(wire.PING, b"p" * 125) * 1000
    limits = SocketLimits(odd_frames=10**9)
    async with serving(limits=limits) as served, served.peer(limit=1) as peer:
        peer.write(wire.request())
        await until(lambda: served.gate.handlers)
        (handler,) = served.gate.handlers
        for _ in range(100):
            peer.write(ping)
            await asyncio.sleep(0)
            await until(lambda: peer.writer.transport.get_write_buffer_size() < 2**20)
            assert handler.connection.buffered() < 64 * KIB + 1000
        assert not handler.codes


async def test_a_stalled_reader_is_gone_after_its_time() -> None:
    pings = PingWheel(period=0.2, slots=20, stall_seconds=0.1)
    async with serving(pings=pings) as served, served.peer(limit=1) as peer:
        peer.write(wire.request())
        await until(lambda: served.gate.handlers)
        (handler,) = served.gate.handlers
        while handler.connection.buffered() < 128 * KIB:
            handler.connection.send(bytes(16 * KIB))
            await asyncio.sleep(0)
        await until(lambda: handler.codes)
        assert handler.codes == [4408]
        await until(lambda: not served.state.connections)


async def test_the_kernel_holds_little_of_what_a_peer_does_not_read() -> None:
    async with serving() as served, served.socket():
        (handler,) = served.gate.handlers
        connection = handler.connection
        assert isinstance(connection, Connection)
        transport = connection._transport  # pyright: ignore[reportPrivateUsage]
        sock = transport.get_extra_info("socket")
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == 256 * KIB
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 10_000
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


# Liveness.


async def test_peers_are_pinged_and_the_silent_are_closed() -> None:
    pings, limits = PingWheel(period=0.1, slots=5), SocketLimits(close_seconds=0.05)
    async with (
        serving(pings=pings, limits=limits) as served,
        served.socket() as silent,
        served.socket() as alive,
    ):
        dead, lively = served.gate.handlers
        while not dead.codes:
            assert await alive.exactly(2) == b"\x89\x00"
            alive.write(wire.frame(wire.PONG))
        assert not lively.codes
        assert dead.codes == [4408]
        assert await silent.frames() == [(wire.PING, b""), *closed(4408)]


async def test_a_peer_that_we_paused_is_not_dead() -> None:
    pings = PingWheel(period=0.05, slots=5)
    async with serving(pings=pings) as served, served.socket() as peer:
        (handler,) = served.gate.handlers
        handler.connection.pause_reading()
        assert await peer.exactly(10) == b"\x89\x00" * 5
        handler.connection.resume_reading()
        peer.write(wire.frame(wire.PONG))
        assert not handler.codes
