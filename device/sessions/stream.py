"""The device's socket of a session. What is sent waits for the socket; what comes waits for whoever
reads."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from protocol.sessions import LONGEST_DATA

LAST_SECONDS: Final = 1.0
"""For what came before the close to be taken."""


class StreamLost(Exception):
    """The other side is gone."""


class Stream:
    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def send(self, channel: int, data: bytes) -> None:
        """In as many messages as it takes. Raises `StreamLost`."""
        for start in range(0, len(data), LONGEST_DATA):
            await self.say(bytes((channel,)) + data[start : start + LONGEST_DATA])

    async def say(self, message: bytes) -> None:
        """One message, with its channel. Raises `StreamLost`."""
        try:
            await self._connection.send(message)
        except ConnectionClosed:
            raise StreamLost from None

    async def messages(self) -> AsyncIterator[bytes]:
        """Until it is closed."""
        try:
            async for message in self._connection:
                if isinstance(message, bytes) and message:
                    yield message
        except ConnectionClosed:
            return

    async def gone(self) -> None:
        """Until it has been closed for a while, also where nobody reads what has come."""
        await self._connection.wait_closed()
        await asyncio.sleep(LAST_SECONDS)

    async def close(self) -> None:
        await self._connection.close()
