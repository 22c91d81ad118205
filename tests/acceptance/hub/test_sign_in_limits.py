"""How many may try to sign in: identity.md, 7. Each test has a hub of its own, because addresses
are counted, too."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest_asyncio

from tests.acceptance.hub.clients import Rest, new_id
from tests.acceptance.hub.conftest import log_in
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.hub.test_accounts import new_user


@pytest_asyncio.fixture
async def hub(tmp_path: Path) -> AsyncGenerator[HubProcess]:
    process = HubProcess(tmp_path)
    process.start()
    yield process
    process.stop()


@pytest_asyncio.fixture
async def rest(hub: HubProcess) -> AsyncGenerator[Rest]:
    token = log_in(hub.url, "admin", hub.ready["adminPassword"])
    async with Rest.open(hub.url, token) as client:
        yield client


async def test_attempts_in_parallel_do_not_pass_the_limit(hub: HubProcess, rest: Rest) -> None:
    async with new_user(hub, rest) as user:
        answers = await asyncio.gather(*(user.log_in(f"wrong {n}") for n in range(40)))
        statuses = [answer.status_code for answer in answers]
        assert (statuses.count(401), statuses.count(429)) == (10, 30)
        assert (await user.log_in()).status_code == 429


async def test_a_crowd_with_the_right_password_is_let_in(hub: HubProcess, rest: Rest) -> None:
    async with new_user(hub, rest) as user:
        answers = await asyncio.gather(*(user.log_in() for _ in range(15)))
        assert {answer.status_code for answer in answers} == {200}


async def test_strangers_who_sign_in_do_not_make_everybody_wait(
    hub: HubProcess, rest: Rest
) -> None:
    async with Rest.open(hub.url) as nobody:
        nobody.client.timeout = httpx.Timeout(60)

        async def unknown() -> httpx.Response:
            return await nobody.post("/auth/login", {"username": new_id("x"), "password": "wrong"})

        answers = await asyncio.gather(*(unknown() for _ in range(35)))
    refused = [answer for answer in answers if answer.status_code == 503]
    assert len(refused) >= 10, "more than twenty waited"
    assert {answer.status_code for answer in answers} <= {401, 429, 503}
    assert {answer.json()["code"] for answer in refused} == {"overloaded"}
    assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)
    assert log_in(hub.url, "admin", hub.ready["adminPassword"])
