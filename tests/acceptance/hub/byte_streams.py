"""Raw ends of sessions: a person and a device that know no more than the protocol says."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.acceptance.hub.clients import DEADLINE, Device, Json, Rest, bearer

ACCEPTS = ["session_open", "session_connect"]
SUBPROTOCOL = "longline.session.v1"
SUCCESS = b'\x03{"status":"Success"}'


class StreamEnd:
    """One side's socket."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, channel: int, data: bytes | Json) -> None:
        raw = data if isinstance(data, bytes) else json.dumps(data).encode()
        await self.connection.send(bytes((channel,)) + raw)

    async def message(self, *, seconds: float = DEADLINE) -> bytes:
        async with asyncio.timeout(seconds):
            found = await self.connection.recv()
        assert isinstance(found, bytes)
        return found

    async def rest(self, *, seconds: float = DEADLINE) -> list[bytes]:
        """Everything until it is closed."""
        found: list[bytes] = []
        async with asyncio.timeout(seconds):
            try:
                while True:
                    message = await self.connection.recv()
                    assert isinstance(message, bytes)
                    found.append(message)
            except ConnectionClosed:
                return found

    async def closed(self, *, seconds: float = DEADLINE) -> tuple[int | None, str]:
        """How it was closed; what comes before is passed over."""
        await self.rest(seconds=seconds)
        return self.connection.close_code, self.connection.close_reason or ""


@asynccontextmanager
async def open_end(
    url: str,
    path: str,
    token: str | None = None,
    *,
    subprotocol: str | None = SUBPROTOCOL,
    **headers: str,
) -> AsyncGenerator[StreamEnd]:
    """Raises `InvalidStatus` when it is refused."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with connect(
        url.replace("http", "ws", 1) + path,
        additional_headers=named | (bearer(token) if token else {}),
        subprotocols=[Subprotocol(subprotocol)] if subprotocol else None,
        compression=None, proxy=None, open_timeout=DEADLINE, close_timeout=2, max_queue=4,
        ping_interval=None, max_size=2**20,
    ) as connection:  # fmt: skip
        yield StreamEnd(connection)


def asking(rest: Rest, device_id: str, kind: str, **params: Any) -> "asyncio.Task[Any]":
    """The call under way: the device has to answer meanwhile."""
    ttl = params.pop("ttl", 3600)
    body = {"kind": kind, "params": params, "ttlSeconds": ttl}
    return asyncio.create_task(rest.post(f"/devices/{device_id}/sessions", body))


class Opened:
    """A session whose sides are there."""

    def __init__(self, made: Json, asked: Json, person: StreamEnd, device: StreamEnd) -> None:
        self.made = made
        self.asked = asked
        self.person = person
        self.device = device

    @property
    def id(self) -> str:
        return str(self.made["id"])


@asynccontextmanager
async def session(
    rest: Rest,
    line: Device,
    *,
    url: str,
    token: str,
    device_token: str,
    kind: str = "shell",
    person_url: str | None = None,
    subprotocol: str | None = SUBPROTOCOL,
    **params: Any,
) -> AsyncGenerator[Opened]:
    """`url` of the replica with the device; the person is there, too, without its own."""
    call = asking(rest, line.device_id, kind, **params)
    asked = await line.find("session_open")
    path = f"/ws/sessions/{asked['sessionId']}"
    async with open_end(url, path, device_token) as device:
        answer = await call
        assert answer.status_code == 201, answer.text
        made = answer.json()["data"]
        assert made["status"] == "OPEN", made
        async with open_end(
            person_url or url, made["url"], token, subprotocol=subprotocol
        ) as person:
            yield Opened(made, asked, person, device)
