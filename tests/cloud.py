"""A stand-in for the cloud: a real HTTP server that takes records, and fails when it is told to.

It keeps what it took in order, knows each record by its id within its company and kind, and answers
a request of which it has a part already with 409, having taken nothing of it: the harshest reading
of the contract."""

import asyncio
import json
from base64 import b64decode
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from urllib.parse import unquote

from tests.plain_http import Json, PlainServer, Reply, Request

TOKEN_PATH = "/token"


class Cloud(PlainServer):
    """`taken`: (path, item) in order. `script`: what to answer instead, request by request; None
    closes the connection without a word, having done what was asked when `forgetful`."""

    def __init__(self) -> None:
        super().__init__(self._answer_to)
        self.tokens = {"secret-token"}
        self.taken: list[tuple[str, Json]] = []
        self.requests: list[Request] = []
        self.script: deque[Reply | None] = deque()
        self.refuse: Callable[[Json], bool] = lambda _: False
        """An item that makes its whole request a 422."""
        self.forgetful = False
        """Take what came, and close the connection without an answer."""
        self.issued = 0
        self.token_seconds = 3600
        self._known: set[tuple[str, str]] = set()
        self._changed = asyncio.Condition()

    def ids(self, path: str | None = None) -> list[str]:
        return [item["id"] for at, item in self.taken if path in (None, at)]

    async def until(self, count: int, *, seconds: float = 15) -> None:
        """Wait until so many records are here."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: len(self.taken) >= count)

    # The server.

    async def _answer_to(self, request: Request) -> Reply | None:
        if request.path == TOKEN_PATH:
            return self._token(request)
        self.requests.append(request)
        if self.script:
            return self.script.popleft()
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return Reply(401, {"error": "who are you?"})
        items: list[Json] = json.loads(request.body)["items"]
        if any(self.refuse(item) for item in items):
            return Reply(422, {"error": "cannot take this"})
        names = [(request.path, item["id"]) for item in items]
        if self._known.intersection(names):
            return Reply(409, {"error": "known"})
        self._known.update(names)
        async with self._changed:
            self.taken += [(unquote(request.path), item) for item in items]
            self._changed.notify_all()
        return None if self.forgetful else Reply(200, {"ok": True})

    def _token(self, request: Request) -> Reply:
        basic = request.headers.get("authorization", "").removeprefix("Basic ")
        if b64decode(basic) != b"hub:s3cret" or b"client_credentials" not in request.body:
            return Reply(401, {"error": "invalid_client"})
        self.issued += 1
        token = f"issued-{self.issued}"
        self.tokens = {token}
        return Reply(200, {"access_token": token, "expires_in": self.token_seconds})


@asynccontextmanager
async def stand_in_cloud() -> AsyncGenerator[Cloud]:
    cloud = Cloud()
    await cloud.start()
    try:
        yield cloud
    finally:
        await cloud.stop()
