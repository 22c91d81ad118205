"""The hook of uvicorn that the hub hangs on. When one of these fails, uvicorn has changed: read its
`handle_websocket_upgrade`, `Server` and `Config` anew before the pin is moved."""

import asyncio
import inspect
from importlib.metadata import version
from typing import Any, ClassVar

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import Server, ServerState

from hub.socket.connection import Connection, connection_class
from hub.socket.http import HttpProtocol
from hub.socket.pings import PingWheel
from tests.conformance import wire
from tests.conformance.serving import Doorman, serving, until


class Spy(asyncio.Protocol):
    """Writes down what uvicorn does to a WebSocket class."""

    calls: ClassVar[list[Any]]

    def __init__(self, **arguments: object) -> None:
        self.calls.append(set(arguments))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.calls.append("connection_made")

    def data_received(self, data: bytes) -> None:
        self.calls.append(data)


def test_the_version_is_the_one_that_was_read() -> None:
    assert version("uvicorn").startswith("0.54.")


def test_an_upgrade_is_replayed_to_the_class_and_then_given_the_transport() -> None:
    class Transport(asyncio.Transport):
        def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
            calls.append("set_protocol")

        def get_protocol(self) -> asyncio.BaseProtocol:
            return spies[-1]

    class Recorder(Spy):
        calls: ClassVar[list[Any]] = []

        def __init__(self, **arguments: object) -> None:
            super().__init__(**arguments)
            spies.append(self)

    spies: list[Spy] = []
    calls = Recorder.calls
    config = uvicorn.Config("tests.conformance.serving:hello", ws=Recorder, log_config=None)
    state = ServerState()
    loop = asyncio.new_event_loop()
    try:
        protocol = HttpToolsProtocol(config, state, {}, loop)
        protocol.connection_made(Transport())
        protocol.data_received(wire.request("/ws/device?a=b", x="1"))
    finally:
        loop.close()
    assert calls == [
        {"config", "server_state", "app_state"},
        "connection_made",
        wire.request("/ws/device?a=b", x="1"),
        "set_protocol",
    ]
    assert protocol not in state.connections


def test_the_parts_of_uvicorn_that_we_override_or_call_are_there() -> None:
    for name in (
        *("_unset_keepalive_if_required", "_should_upgrade", "_unsupported_upgrade_warning"),
        *("handle_websocket_upgrade", "on_message_begin", "on_url", "on_header"),
        *("on_headers_complete", "on_body", "on_message_complete"),
    ):
        assert callable(getattr(HttpToolsProtocol, name))
    assert list(inspect.signature(HttpToolsProtocol).parameters) == [
        *("config", "server_state", "app_state", "_loop")
    ]
    assert set(vars(ServerState())) >= {"connections", "tasks"}
    # What we override knows all that the original does.
    source = inspect.getsource(HttpToolsProtocol.data_received)
    assert source.count("self.") == 7
    assert "connection.shutdown()" in inspect.getsource(Server.shutdown)


def test_the_classes_are_taken_as_they_are() -> None:
    ours = connection_class(Doorman(), PingWheel())
    config = uvicorn.Config(
        "tests.conformance.serving:hello", http=HttpProtocol, ws=ours, log_config=None
    )
    config.load()
    assert config.http_protocol_class is HttpProtocol
    assert config.ws_protocol_class is ours
    assert issubclass(ours, Connection)


async def test_connections_are_counted_from_the_upgrade_to_the_end() -> None:
    async with serving() as served:
        async with served.socket():
            (connection,) = served.state.connections
            assert isinstance(connection, Connection)
        await until(lambda: not served.state.connections)


async def test_shutdown_closes_1012_and_waits() -> None:
    async with serving() as served, served.socket() as peer:
        for connection in list(served.state.connections):
            connection.shutdown()
        assert await peer.exactly(4) == b"\x88\x0a\x03\xf4"
        peer.write(wire.close(1012))
        await peer.rest()
        await until(lambda: not served.state.connections)
        assert served.gate.handlers[0].codes == [1012]
