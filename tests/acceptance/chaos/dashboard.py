"""A dashboard that writes down all it receives, and comes back where it left.

It subscribes to everything, by name: without names it would not get all there is. Its place is the
position that the hub last told it: in `subscribed`, an event, a `gap` or a `pong`; after a broken
socket it asks for what came since.
"""

import asyncio
import contextlib
import random
from typing import Any, Final, get_args

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from protocol.dashboard import EventType
from tests.acceptance.chaos.history import Gap, Record, Saw, Subscribed
from tests.acceptance.hub.clients import bearer

Json = dict[str, Any]
PING_SECONDS: Final = 2.0
EVERYTHING: Final = get_args(EventType)
Place = tuple[str, int]


class Dashboard:
    """`name` must be its own; `place` is where it stands."""

    def __init__(self, url: str, name: str, token: str, record: Record, *, seed: int) -> None:
        self.name = name
        self.place: Place | None = None
        self.connection: ClientConnection | None = None
        self._url = f"{url.replace('http', 'ws', 1)}/ws/dashboard"
        self._token = token
        self._record = record
        self._random = random.Random(seed)  # noqa: S311
        self._socket = 0

    async def run(self) -> None:
        while True:
            with contextlib.suppress(OSError, TimeoutError, InvalidHandshake, ConnectionClosed):
                async with connect(
                    self._url, compression=None, proxy=None, open_timeout=8, close_timeout=1,
                    additional_headers=bearer(self._token), ping_interval=10, ping_timeout=10,
                    max_queue=1024,
                ) as connection:  # fmt: skip
                    await self._watch(connection)
            await asyncio.sleep(self._random.uniform(0.2, 1.5))

    async def leave(self) -> None:
        """Close the socket; `run` comes back."""
        if self.connection is not None:
            await self.connection.close()

    async def _watch(self, connection: ClientConnection) -> None:
        self._socket += 1
        since = self.place
        wish: Json = {"type": "subscribe", "id": "all", "types": EVERYTHING}
        if since is not None:
            wish["since"] = {"epoch": since[0], "offset": since[1]}
        await connection.send(msgspec.json.encode(wish).decode())
        self.connection = connection
        pings = asyncio.create_task(_ping(connection))
        try:
            async for message in connection:
                self._note(msgspec.json.decode(message, type=Json), since)
        finally:
            self.connection = None
            pings.cancel()

    def _note(self, frame: Json, since: Place | None) -> None:
        where: Json = {"dashboard": self.name, "socket": self._socket}
        match frame["type"]:
            case "subscribed":
                self._record(
                    Subscribed(
                        **where, epoch=frame["epoch"], offset=frame["offset"],
                        recovered=frame["recovered"], since=since,
                    )
                )  # fmt: skip
                if not frame["recovered"]:
                    self._stand(frame["epoch"], frame["offset"])
            case "gap":
                self._record(
                    Gap(
                        **where, epoch=frame["epoch"], lower=frame["from"], upper=frame["to"],
                        reason=frame["reason"],
                    )
                )  # fmt: skip
                self._stand(frame["epoch"], frame["to"])
            case "pong":
                self._stand(frame["epoch"], frame["offset"])
            case "error":
                raise AssertionError(f"{self.name} was refused: {frame}")
            case _:
                self._record(_saw(where, frame))
                self._stand(frame["epoch"], frame["offset"])

    def _stand(self, epoch: str | None, offset: int | None) -> None:
        if epoch is not None and offset is not None:
            self.place = (epoch, offset)


def _saw(where: Json, frame: Json) -> Saw:
    mark = frame.get("data", {}).get("mark") if frame["type"] == "event" else None
    return Saw(
        **where, epoch=frame["epoch"], offset=frame["offset"], type=frame["type"],
        mark=(mark[0], mark[1], mark[2]) if mark else None,
        command=frame.get("commandId"), status=frame.get("status"),
    )  # fmt: skip


async def _ping(connection: ClientConnection) -> None:
    with contextlib.suppress(ConnectionClosed):
        while True:
            await asyncio.sleep(PING_SECONDS)
            await connection.send('{"type":"ping"}')
