"""Every peer: how it is installed, started and spoken to, and what it leaves out."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

from msgspec import Struct

from tests.bench.peers import acts, install
from tests.bench.peers.dialects import (
    Dialect,
    Json,
    Mqtt,
    Nats,
    Redis,
    Rpc,
    RpcCommands,
    SocketIo,
)
from tests.bench.processes import free_port, running
from tests.bench.subject import Contestant, Subject

SERVERS: Final = Path(__file__).parent / "servers"
FRAMEWORK: Final = "durability, audit, typed decoding, authentication, roles, recovery, REST"
BROKER: Final = (
    "durability, audit, typing, authentication, roles, recovery, REST, per-frame offsets"
)


MOSQUITTO: Final = "listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n"


class Command(Struct, frozen=True):
    """How a server is run; `{port}`, `{redis}` and `{folder}` stand for what they say."""

    argv: Sequence[str | Path]
    environment: dict[str, str] = {}
    folder: Path | None = None


@asynccontextmanager
async def _running(
    command: Callable[[], Command], *, redis: Callable[[], Command] | None = None
) -> AsyncGenerator[Subject]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="longline-bench-")))
        names = {"folder": str(folder), "redis": ""}
        stores: list[int] = []
        if redis is not None:
            port = free_port()
            stores.append(await _start(stack, redis, names | {"port": str(port)}, folder / "redis"))
            names["redis"] = f"redis://127.0.0.1:{port}/0"
        port = free_port()
        pid = await _start(stack, command, names | {"port": str(port)}, folder / "server")
        subject = Subject([pid], stores, port)
        subject.place()
        yield subject


async def _start(
    stack: AsyncExitStack, command: Callable[[], Command], names: dict[str, str], log: Path
) -> int:
    made = await asyncio.to_thread(command)
    argv = [str(word).format_map(names) for word in made.argv]
    port = int(names["port"])
    log.with_name("mosquitto.conf").write_text(MOSQUITTO.format(port=port))
    return await stack.enter_async_context(
        running(argv, port, log, folder=made.folder, **made.environment)
    )


def _python(server: str, name: str, *packages: str, redis: bool = False) -> Command:
    more = ["{redis}"] if redis else []
    return Command([install.python(name, *packages), SERVERS / server, "{port}", *more])


def _debian(package: str, binary: str, *arguments: str) -> Command:
    path, environment = install.debian(package, binary)
    return Command([path, *arguments], environment)


def _node() -> Command:
    folder = install.node("ws", ws="^8.18.0")
    return Command(["node", SERVERS / "ws_hub.js", "{port}"], folder=folder)


def _redis() -> Command:
    return _debian(
        "redis-server", "redis-server",
        "--port", "{port}", "--save", "", "--appendonly", "no", "--dir", "{folder}",
    )  # fmt: skip


_UVICORN: Final = ("uvicorn[standard]==0.54.0", "websockets==17.4")
_socketio = partial(
    _python, "socketio_hub.py", "socketio", "python-socketio==5.18.1", "redis==8.1.0", *_UVICORN
)
_channels = partial(
    _python, "channels_hub.py", "channels", "channels==4.3.2", "channels_redis==4.3.0", *_UVICORN
)
_rpc = partial(
    _python, "rpc_hub.py", "rpc", "fastapi-websocket-rpc==0.1.29",
    "fastapi-websocket-pubsub==1.0.1", "fastapi==0.165.0", *_UVICORN,
)  # fmt: skip


def _peer(
    name: str,
    omits: str,
    command: Callable[[], Command],
    dialect: Dialect,
    *,
    commands: Dialect | None = None,
    redis: Callable[[], Command] | None = None,
    under_way: int = acts.UNDER_WAY,
) -> Contestant:
    return Contestant(
        name=name,
        omits=omits,
        start=partial(_running, command, redis=redis),
        scenarios={
            "fan-out-50x20": acts.fan_out(dialect, 50, 20, under_way=under_way),
            "fan-out-1x200": acts.fan_out(dialect, 1, 200, under_way=under_way),
            "command-1": acts.commands(commands or dialect, 1),
            "command-100": acts.commands(commands or dialect, 100),
            "connections": acts.connections(dialect),
        },
    )


PEERS: Final = [
    _peer("redis-server", BROKER, _redis, Redis()),
    _peer("nats-server", BROKER, partial(
        _debian, "nats-server", "nats-server", "-a", "127.0.0.1", "-p", "{port}"), Nats()),
    _peer("mosquitto", BROKER, partial(
        _debian, "mosquitto", "mosquitto", "-c", "{folder}/mosquitto.conf"), Mqtt()),
    _peer("node ws", FRAMEWORK, _node, Json()),
    _peer("python-socketio", FRAMEWORK, _socketio, SocketIo(), under_way=acts.SLOW),
    _peer("python-socketio + Redis", FRAMEWORK, partial(_socketio, redis=True), SocketIo(),
          redis=_redis, under_way=acts.SLOW),
    _peer("Django Channels", FRAMEWORK, _channels, Json(), under_way=acts.SLOW),
    _peer("Django Channels + Redis", FRAMEWORK, partial(_channels, redis=True), Json(),
          redis=_redis, under_way=acts.SLOW),
    _peer("fastapi-websocket-rpc", FRAMEWORK, _rpc, Rpc(), commands=RpcCommands(),
          under_way=acts.SLOW),
]  # fmt: skip

PYTHON: Final = ("python-socketio", "Django Channels", "fastapi-websocket-rpc")
"""Those that somebody would otherwise build such a hub on."""
