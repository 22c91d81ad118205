"""Whoever loses a right in the middle of a run: renews in a loop meanwhile, and tries ever after.

One after another a user or a device is made, renews its token at the replicas in turn, and is ended
in one of the ways there are; then its tokens are shown to every replica until the run is over.
Between them users lose their rights while a command of theirs waits, and its device comes then. One
whose preparation is lost to a fault is left; a call that ends is repeated until it is answered.
"""

import asyncio
import contextlib
import itertools
import random
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

import httpx
from msgspec import Struct

from tests.acceptance.chaos.caller import cancel, make_client
from tests.acceptance.chaos.cluster import PASSWORD, Cluster
from tests.acceptance.chaos.device import Device
from tests.acceptance.chaos.history import Disowned, Ended, Record, Used
from tests.acceptance.hub.clients import bearer

Json = dict[str, Any]
CALL_SECONDS: Final = 20.0
RENEWALS: Final = 4
RENEW_SECONDS: Final = 8.0
"""So many renewals before the end, or so long."""
WAYS: Final = (
    "log out", "disable user", "reset password", "delete user", "delete device", "disable device",
    "owner disabled", "owner deleted",
)  # fmt: skip
NOT_NOW: Final = frozenset({401, 429})
"""Answers that may be others later: a user's token from ahead is none while a clock stands back."""


class Left(Exception):
    """A fault has hit the preparation."""


class Token(Struct):
    """Something that is shown: `renews` when a 200 would be a new token."""

    credential: str
    method: str
    path: str
    body: Json | None = None
    headers: dict[str, str] = {}
    renews: bool = False


class Renewing:
    """Renews at the replicas in turn, until it is refused; `newest` is what was got last."""

    def __init__(self, newest: Token, renewed: Callable[[Json], Token]) -> None:
        self.newest = newest
        self.enough = asyncio.Event()
        """Set when `RENEWALS` have gone through."""
        self.refused = False
        """Also when a renewal's answer was lost: the token that is shown again was used up."""
        self._renewed = renewed

    async def run(self, show: Callable[[Token, int], Awaitable[httpx.Response | None]]) -> None:
        count = 0
        for turn in itertools.count():
            answer = await show(self.newest, turn)
            if answer is not None and answer.status_code == 200:
                self.newest = self._renewed(answer.json()["data"])
                count += 1
                if count == RENEWALS:
                    self.enough.set()
            elif answer is not None and answer.status_code in {401, 403}:
                self.refused = True
                return
            await asyncio.sleep(0.1)


class Ends:
    """`url` is the balancer's; the replicas are asked directly."""

    def __init__(self, cluster: Cluster, url: str, record: Record, *, seed: int) -> None:
        self.idle = asyncio.Event()
        """Set when nobody is being ended any more, after `stop`."""
        self._cluster = cluster
        self._url = url
        self._record = record
        self._random = random.Random(seed)  # noqa: S311
        self._stop = False
        self._dead: list[Token] = []
        self._heirs: asyncio.TaskGroup
        self._admin = make_client(url, cluster.admin_token, seconds=CALL_SECONDS)
        self._anybody = make_client(url, None, seconds=CALL_SECONDS)
        self._replicas = [make_client(it, None, seconds=CALL_SECONDS) for it in cluster.urls]

    def stop(self) -> None:
        self._stop = True

    async def run(self) -> None:
        """For ever: after `stop` only what was ended is tried."""
        async with asyncio.TaskGroup() as self._heirs:
            self._heirs.create_task(self._try_the_dead())
            try:
                await self._until_stopped()
            finally:
                self.idle.set()

    async def _until_stopped(self) -> None:
        for way in self._ways():
            if self._stop:
                return
            try:
                await self._one(way, f"{way.replace(' ', '-')}-{uuid.uuid4().hex[:8]}")
            except (Left, httpx.TransportError):
                await asyncio.sleep(0.5)

    def _ways(self) -> Iterator[str]:
        """Each once before any comes again."""
        while True:
            yield from self._random.sample(WAYS, len(WAYS))

    async def _one(self, way: str, name: str) -> None:
        if way.startswith("owner"):
            await self._lose_the_right(way, name)
        elif way.endswith("device"):
            await self._end_device(way, name)
        else:
            await self._end_user(way, name)

    # Who renews

    async def _end_user(self, way: str, name: str) -> None:
        user, grant = await self._signed_in(name, "VIEWER")
        me = Token(name, "GET", "/auth/me", headers=bearer(grant["token"]))

        def renewal(grant: Json) -> Token:
            body = {"refreshToken": grant["refreshToken"]}
            me.headers = bearer(grant["token"])
            return Token(name, "POST", "/auth/refresh", body=body, renews=True)

        first = Token(name, "GET", "/auth/me", headers=bearer(grant["token"]))
        renewing = Renewing(renewal(grant), renewal)
        match way:
            case "log out":
                await self._end(renewing, name, "POST", "/auth/logout", by=me)
            case "disable user":
                await self._end(renewing, name, "PATCH", f"/users/{user}", json={"disabled": True})
            case "reset password":
                body = {"password": PASSWORD + "!"}
                await self._end(renewing, name, "PATCH", f"/users/{user}", json=body)
            case _:
                await self._end(renewing, name, "DELETE", f"/users/{user}")
        self._dead += [first, me, renewing.newest]

    async def _end_device(self, way: str, name: str) -> None:
        token = await self._enrolled(name)

        def renewal(grant: Json) -> Token:
            headers, path = bearer(grant["token"]), f"/devices/{name}/token"
            return Token(name, "POST", path, headers=headers, renews=True)

        renewing = Renewing(renewal({"token": token}), renewal)
        path = f"/devices/{name}"
        if way == "disable device":
            await self._end(renewing, name, "PATCH", path, json={"disabled": True})
        else:
            await self._end(renewing, name, "DELETE", path)
        newest = renewing.newest.headers
        self._dead.append(renewing.newest)
        for headers in (bearer(token), newest):
            body: Json = {"records": []}
            self._dead.append(Token(name, "POST", "/sync", body=body, headers=headers))

    async def _end(
        self,
        renewing: Renewing,
        credential: str,
        method: str,
        path: str,
        by: Token | None = None,
        **more: Any,
    ) -> None:
        """In the middle of the loop. `by` is the newest token of whoever ends it himself: an older
        one may be from ahead of a clock that was put back, and refused until that is past it."""
        loop = asyncio.create_task(renewing.run(self._show))
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RENEW_SECONDS):
                    await renewing.enough.wait()
            await self._until_answered(credential, method, path, renewing, by, **more)
            await asyncio.wait([loop], timeout=CALL_SECONDS)
        finally:
            loop.cancel()

    async def _until_answered(
        self,
        credential: str,
        method: str,
        path: str,
        renewing: Renewing | None = None,
        by: Token | None = None,
        **more: Any,
    ) -> None:
        """Raises `Left` when nobody can know when it ended."""
        lost = False
        while True:
            http = 0
            if by is not None:
                more["headers"] = by.headers
            with contextlib.suppress(httpx.TransportError):
                http = (await self._admin.request(method, path, **more)).status_code
            if http == 200 or (lost and http == 404):  # gone by the call whose answer was lost
                return self._record(Ended(credential=credential))
            ended_before = lost or (renewing is not None and renewing.refused)
            if ended_before and http == 401 and path == "/auth/logout":
                raise Left
            if 0 < http < 500 and http not in NOT_NOW:
                raise AssertionError(f"{method} {path} was answered {http}")
            lost |= http not in NOT_NOW
            await asyncio.sleep(0.3)

    async def _try_the_dead(self) -> None:
        for turn in itertools.count():
            await asyncio.sleep(0.1)
            if self._dead:
                await self._show(self._random.choice(self._dead), turn)

    async def _show(self, token: Token, turn: int) -> httpx.Response | None:
        number = turn % len(self._replicas)
        began = time.monotonic()
        try:
            answer = await self._replicas[number].request(
                token.method, token.path, json=token.body, headers=token.headers
            )
        except httpx.TransportError:
            return None
        self._record(
            Used(
                credential=token.credential, replica=self._cluster.urls[number], began=began,
                http=answer.status_code, renewed=token.renews and answer.status_code == 200,
            )
        )  # fmt: skip
        return answer

    # Whose command waits

    async def _lose_the_right(self, way: str, name: str) -> None:
        """The command waits for a device that comes when its owner has no right any more."""
        user, grant = await self._signed_in(name, "ADMIN")
        token = await self._enrolled(name)
        command = f"c-{name}"
        path = f"/devices/{name}/commands"
        try:
            answer = await self._admin.post(
                path,
                json={"command": {"type": "clear_queue", "id": command}, "delivery": "queue"},
                headers={"Prefer": "respond-async"} | bearer(grant["token"]),
            )
        except httpx.TransportError:
            await self._withdraw(f"{path}/{command}")
            raise
        if answer.status_code != 202:
            await self._withdraw(f"{path}/{command}")
            raise Left
        if way == "owner deleted":
            await self._until_answered(name, "DELETE", f"/users/{user}")
        else:
            await self._until_answered(name, "PATCH", f"/users/{user}", json={"disabled": True})
        self._record(Disowned(command=command))
        heir = Device(self._url, name, token, self._record, rate=1, seed=0)
        heir.stopping = True
        self._heirs.create_task(heir.run())

    async def _withdraw(self, path: str) -> None:
        """It may have been accepted, and nobody would come for it."""
        while True:
            http = await cancel(self._admin, path, self._record)
            if http is not None and http < 500 and http not in NOT_NOW:
                return
            await asyncio.sleep(0.3)

    # What they are made of

    async def _signed_in(self, name: str, role: str) -> tuple[str, Json]:
        """(user id, grant)"""
        body = {"username": name, "password": PASSWORD, "role": role}
        made = _data(await self._admin.post("/users", json=body), 201)
        login = {"username": name, "password": PASSWORD}
        return made["id"], _data(await self._anybody.post("/auth/login", json=login), 200)

    async def _enrolled(self, name: str) -> str:
        headers = {"X-Enrollment-Key": self._cluster.enrollment_key}
        answer = await self._anybody.post(f"/devices/{name}/token", headers=headers)
        return str(_data(answer, 200)["token"])


def _data(answer: httpx.Response, http: int) -> Json:
    """Raises `Left`."""
    if answer.status_code != http:
        raise Left(answer.text)
    found: Json = answer.json()["data"]
    return found
