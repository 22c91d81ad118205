"""G20: after the call that ended a credential has answered, nothing of it works, whatever is
renewed at that moment."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from tests.acceptance.chaos.cluster import PASSWORD, Cluster, running_cluster
from tests.acceptance.hub.clients import Json, Rest, bearer, new_id, open_socket, until

SPREAD_SECONDS = 5.0
RENEWALS = 12
"""So many renewals have gone through when the end comes."""


@pytest_asyncio.fixture
async def two(tmp_path: Path) -> AsyncGenerator[Cluster]:
    """Without a limit for their one address: how fast they renew is not the point."""
    async with running_cluster(tmp_path, replicas=2, address_rate="0") as cluster:
        yield cluster


class Renewing:
    """Somebody who renews in a loop, at two replicas in turn, until it is refused."""

    def __init__(self, two: Cluster, post: Callable[[httpx.AsyncClient], Awaitable[str | None]]):
        self._two = two
        self._post = post
        self.count = 0
        self.answers: list[int] = []

    async def run(self) -> None:
        async with (
            Rest.open(self._two.urls[0]) as one,
            Rest.open(self._two.urls[1]) as other,
        ):
            while await self._post((one, other)[self.count % 2].client):
                self.count += 1

    async def while_renewing(self, end: Callable[[], Awaitable[httpx.Response]]) -> None:
        """Ends the credential in the middle of the loop."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.run())

            async def going() -> bool:
                return self.count >= RENEWALS

            await until(going)
            answer = await end()
            assert answer.status_code == 200, answer.text


class User:
    """A session, and its newest tokens."""

    def __init__(self, user_id: str, grant: Json) -> None:
        self.user_id = user_id
        self.grant = grant
        self.first = str(grant["token"])

    @property
    def token(self) -> str:
        return str(self.grant["token"])

    async def renew(self, client: httpx.AsyncClient) -> str | None:
        body = {"refreshToken": self.grant["refreshToken"]}
        answer = await client.post("/auth/refresh", json=body)
        assert answer.status_code in (200, 401), answer.text
        if answer.status_code == 401:
            return None
        self.grant = answer.json()["data"]
        return self.token


async def signed_in(two: Cluster, role: str = "ADMIN") -> User:
    name = new_id("user")
    async with Rest.open(two.urls[0], two.admin_token) as admin:
        body = {"username": name, "password": PASSWORD, "role": role}
        made = (await admin.post("/users", body)).json()["data"]
        grant = await admin.post("/auth/login", {"username": name, "password": PASSWORD})
    return User(made["id"], grant.json()["data"])


async def refused_everywhere(two: Cluster, path: str, *tokens: str) -> None:
    async def refused() -> bool:
        return all([await _status(url, path, token) == 401 for url in two.urls for token in tokens])

    await until(refused, seconds=SPREAD_SECONDS)


async def _status(url: str, path: str, token: str) -> int:
    async with Rest.open(url, token) as rest:
        return (await rest.get(path)).status_code


@pytest.mark.parametrize("end", ["disable", "delete", "password", "log out"])
async def test_g20_a_session_that_renews_in_a_loop_ends(two: Cluster, end: str) -> None:
    for _ in range(4):
        user = await signed_in(two)
        async with Rest.open(two.urls[0], two.admin_token) as admin:

            async def ended(admin: Rest = admin, user: User = user) -> httpx.Response:
                path = f"/users/{user.user_id}"
                match end:
                    case "disable":
                        return await admin.client.patch(path, json={"disabled": True})
                    case "delete":
                        return await admin.client.delete(path)
                    case "password":
                        return await admin.client.patch(path, json={"password": PASSWORD + "!"})
                    case _:
                        return await admin.client.post("/auth/logout", headers=bearer(user.first))

            await Renewing(two, user.renew).while_renewing(ended)
        await refused_everywhere(two, "/auth/me", user.first, user.token)


async def test_g20_a_device_that_renews_in_a_loop_ends_and_its_heir_is_another(
    two: Cluster,
) -> None:
    for _ in range(3):
        device = await two.fleet(0).enroll()
        token = await two.fleet(0).token(device)
        tokens = [token]

        async def renew(
            client: httpx.AsyncClient, device: str = device, tokens: list[str] = tokens
        ) -> str | None:
            answer = await client.post(f"/devices/{device}/token", headers=bearer(tokens[-1]))
            assert answer.status_code in (200, 401, 403), answer.text
            if answer.status_code != 200:
                return None
            tokens.append(answer.json()["data"]["token"])
            return tokens[-1]

        async with Rest.open(two.urls[0], two.admin_token) as admin:
            await Renewing(two, renew).while_renewing(
                lambda admin=admin, device=device: admin.client.delete(f"/devices/{device}")
            )

            async def gone(tokens: list[str] = tokens) -> bool:
                answers = [await two_sync(url, token) for url in two.urls for token in tokens[-2:]]
                return answers == [401] * len(answers)

            await until(gone, seconds=SPREAD_SECONDS)
            assert (await admin.post("/devices", {"id": device})).status_code == 201
        for url in two.urls:
            assert await line_of(url, tokens[-1]) in (401, 4403)


async def two_sync(url: str, token: str) -> int:
    async with Rest.open(url, token) as rest:
        return (await rest.post("/sync", {"records": []})).status_code


async def line_of(url: str, token: str) -> int:
    """How a device socket with this token ends: a status, or a close code."""
    try:
        async with open_socket(f"{url}/ws/device", **bearer(token)) as line:
            return (await line.closed())[0]
    except Exception as error:  # the upgrade is refused
        response = getattr(error, "response", None)
        if response is None:
            raise
        return int(response.status_code)
