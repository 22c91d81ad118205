"""Raw clients: REST by httpx, devices and dashboards by websockets. They know no more of the hub
than the protocol says."""

import asyncio
import json
import ssl
import time
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

DEADLINE = 8.0
MORE_ASKS = 2
TLS = ssl.create_default_context()
"""Made once: a client that makes its own takes longer for it than for the request."""
Json = dict[str, Any]


async def until(condition: Callable[[], Awaitable[bool]], *, seconds: float = DEADLINE) -> None:
    """Fails when `condition` has not come true by then."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - another process brings it about
            await asyncio.sleep(0.02)


def new_id(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def wait_asked_by(answer: httpx.Response) -> float | None:
    """Seconds, where the hub is not available at this moment: a client then asks again."""
    return float(answer.headers["Retry-After"]) if answer.status_code == 503 else None


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


class Rest:
    """One caller of `/api/v1`."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.password: str | None = None
        """Of who has signed in, for what needs a sign-in of the last minutes."""

    async def show_again(self) -> None:
        """Show the password again, where it is known."""
        if self.password is not None:
            answer = await self.post("/auth/reauthenticate", {"password": self.password})
            assert answer.status_code == 200, answer.text

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, token: str | None = None) -> AsyncGenerator["Rest"]:
        headers = bearer(token) if token else {}
        async with httpx.AsyncClient(
            base_url=f"{url}/api/v1", headers=headers, timeout=12, trust_env=False, verify=TLS
        ) as client:
            yield cls(client)

    async def get(self, path: str, **query: Any) -> httpx.Response:
        return await self.client.get(path, params=query)

    async def post(self, path: str, body: object = None, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(path, json=body, headers=named)

    async def answered(self, method: str, path: str, **asked: Any) -> tuple[int, str]:
        """(status, text); of an answer that has no end, no text."""
        async with self.client.stream(method, path, **asked) as answer:
            if answer.headers.get("content-type", "").startswith("text/event-stream"):
                return answer.status_code, ""
            return answer.status_code, (await answer.aread()).decode(errors="replace")

    async def data(self, path: str, **query: Any) -> Any:
        """`data` of a GET that must succeed."""
        response = await self.get(path, **query)
        assert response.status_code == 200, response.text
        return response.json()["data"]

    async def dispatch(
        self,
        device_id: str,
        command: str | Json = "force_sync",
        *,
        headers: dict[str, str] | None = None,
        **wish: Any,
    ) -> httpx.Response:
        """`command` by its type, or in full."""
        full = {"type": command} if isinstance(command, str) else command
        return await self.client.post(
            f"/devices/{device_id}/commands", json={"command": full, **wish}, headers=headers
        )

    async def accept(self, device_id: str, command: str | Json = "force_sync", **wish: Any) -> str:
        """The id of a command that is not waited for."""
        response = await self.dispatch(
            device_id, command, headers={"Prefer": "respond-async"}, **wish
        )
        assert response.status_code == 202, response.text
        return str(response.json()["data"]["commandId"])

    async def record(self, device_id: str, command_id: str) -> Json:
        found: Json = await self.data(f"/devices/{device_id}/commands/{command_id}")
        return found

    async def until_status(
        self, device_id: str, command_id: str, status: str, *, seconds: float = DEADLINE
    ) -> Json:
        """The record, once it has this status."""
        found: Json = {}

        async def reached() -> bool:
            nonlocal found
            found = await self.record(device_id, command_id)
            return found["status"] == status

        try:
            await until(reached, seconds=seconds)
        except TimeoutError:
            raise AssertionError(f"still {found['status']}, not {status}: {found}") from None
        return found


class Socket:
    """A WebSocket that speaks JSON text frames."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, type_: str, **fields: Any) -> None:
        await self.connection.send(json.dumps({"type": type_, **fields}))

    async def send_raw(self, message: str | bytes) -> None:
        await self.connection.send(message)

    async def frame(self, *, seconds: float = DEADLINE) -> Json:
        """The next frame, whatever it is."""
        async with asyncio.timeout(seconds):
            found: Json = json.loads(await self.connection.recv())
            return found

    async def expect(self, type_: str, *, seconds: float = DEADLINE, **fields: Any) -> Json:
        """The next frame, which must be this one."""
        found = await self.frame(seconds=seconds)
        shown = {name: found.get(name) for name in ("type", *fields)}
        assert shown == {"type": type_, **fields}, found
        return found

    async def find(self, type_: str, *, seconds: float = DEADLINE, **fields: Any) -> Json:
        """The next frame of this shape; those before it are passed over."""
        async with asyncio.timeout(seconds):
            while True:
                found = await self.frame(seconds=seconds)
                if found["type"] == type_ and fields.items() <= found.items():
                    return found

    async def settled(self) -> list[Json]:
        """What was on its way: everything up to the answer to a ping."""
        await self.send("ping")
        found: list[Json] = []
        while (frame := await self.frame())["type"] != "pong":
            found.append(frame)
        return found

    async def closed(self, *, seconds: float = DEADLINE) -> tuple[int, str]:
        """(code, reason) once the hub has closed it; frames before that are passed over."""
        async with asyncio.timeout(seconds):
            try:
                while True:
                    await self.connection.recv()
            except ConnectionClosed as error:
                if error.rcvd is None:
                    raise AssertionError("the connection broke without a close frame") from None
                return error.rcvd.code, error.rcvd.reason


@asynccontextmanager
async def open_socket(url: str, **headers: str) -> AsyncGenerator[Socket]:
    """`url` as http; raises `InvalidStatus` when the upgrade is refused."""
    async with connect(
        url.replace("http", "ws", 1), additional_headers=headers, compression=None, proxy=None,
        open_timeout=DEADLINE, close_timeout=2,
    ) as connection:  # fmt: skip
        yield Socket(connection)


async def closed_for_silence(url: str) -> tuple[int, float]:
    """(close code, after how many seconds) of a socket whose client never says who it is."""
    async with open_socket(url) as socket:
        began = now()
        return (await socket.closed())[0], now() - began


async def closed_for_size(url: str) -> int:
    """The close code for a message over 4 KiB before authentication."""
    async with open_socket(url) as socket:
        await socket.send("auth", token="x" * 4096)
        return (await socket.closed())[0]


class Device(Socket):
    """The line of one device, after its welcome."""

    def __init__(self, connection: ClientConnection, device_id: str, welcome: Json) -> None:
        super().__init__(connection)
        self.device_id = device_id
        self.welcome = welcome

    async def hello(self, **fields: Any) -> None:
        await self.send("hello", **{"bootId": "boot-1", **fields})

    async def command(self, type_: str = "force_sync", **fields: Any) -> Json:
        """The next frame, which must be this command."""
        return await self.expect(type_, **fields)

    async def succeed(self, command_id: str, **fields: Any) -> None:
        """Send the result, and hear that it is committed."""
        await self.send("result", commandId=command_id, success=True, **fields)
        await self.find("result_ack", commandId=command_id)


TOKENS: dict[tuple[str, str], str] = {}
"""By enrolment key and device: the fleets of one hub share them."""


class Fleet:
    """Enrols devices and opens their lines."""

    def __init__(self, url: str, enrollment_key: str) -> None:
        self._url = url
        self._key = enrollment_key

    async def token(self, device_id: str, **about: str) -> str:
        """The device's token: got by the enrolment key or token once, then kept, as a device does.
        `about`: what it says of itself at first, such as its `companyId`."""
        if (self._key, device_id) not in TOKENS:
            path = f"/devices/{device_id}/token?{urlencode(about)}"
            async with Rest.open(self._url) as rest:
                kind = "Token" if self._key.startswith("lle_") else "Key"
                headers = {f"X_Enrollment_{kind}": self._key}
                answer = await rest.post(path, **headers)
                for _ in range(MORE_ASKS):
                    if (seconds := wait_asked_by(answer)) is not None:
                        await asyncio.sleep(seconds)
                        answer = await rest.post(path, **headers)
            assert answer.status_code == 200, answer.text
            TOKENS[self._key, device_id] = str(answer.json()["data"]["token"])
        return TOKENS[self._key, device_id]

    def forget(self, device_id: str) -> None:
        """The device lost its token, or it was ended."""
        TOKENS.pop((self._key, device_id), None)

    async def enroll(self, prefix: str = "dev") -> str:
        """The id of a new device that is not on a line."""
        device_id = new_id(prefix)
        await self.token(device_id)
        return device_id

    @asynccontextmanager
    async def line(self, device_id: str) -> AsyncGenerator[Device]:
        token = await self.token(device_id)
        async with open_socket(f"{self._url}/ws/device", **bearer(token)) as socket:
            welcome = await socket.expect("welcome", deviceId=device_id)
            yield Device(socket.connection, device_id, welcome)

    @asynccontextmanager
    async def new_line(self, prefix: str = "dev") -> AsyncGenerator[Device]:
        async with self.line(new_id(prefix)) as device:
            yield device


def now() -> float:
    return time.monotonic()
