"""A limit of requests is the same on two replicas as on one, nearly; without Redis, of each."""

import asyncio
import signal
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest_asyncio

from tests.acceptance.chaos.cluster import PASSWORD, Cluster, running_cluster
from tests.acceptance.hub.clients import Rest, new_id
from tests.acceptance.hub.flood import paced, request_for

RATE = 100
SLACK = 0.05 * RATE
"""Answers that come in the second after the one that counted them."""
SECONDS = 6


@pytest_asyncio.fixture
async def two(tmp_path: Path) -> AsyncGenerator[Cluster]:
    async with running_cluster(tmp_path, replicas=2, request_rate=str(RATE)) as cluster:
        yield cluster


@pytest_asyncio.fixture
async def for_all(tmp_path: Path) -> AsyncGenerator[Cluster]:
    """The same for an organisation, and more for each user."""
    rates = {"org_request_rate": str(RATE), "request_rate": str(2 * RATE)}
    async with running_cluster(tmp_path, replicas=2, **rates) as cluster:
        yield cluster


async def asked(
    two: Cluster, token: str, rates: tuple[float, float], *, other: str | None = None
) -> list[list[int]]:
    """The statuses of each second, of calls at these rates to each replica; those to the second by
    another, if there is one."""
    found = await asyncio.gather(
        *(
            paced(url, request_for("/api/v1/auth/me", token=who), rate=rate, seconds=SECONDS)
            for url, rate, who in zip(two.urls, rates, (token, other or token), strict=True)
        )
    )
    answers = sorted(answer for part in found for answer in part)
    began = answers[0][0]
    seconds: list[list[int]] = [[] for _ in range(SECONDS)]
    for when, status in answers:
        assert status in (200, 429)
        seconds[min(SECONDS - 1, int(when - began))].append(status)
    return seconds


def given(seconds: list[list[int]]) -> list[int]:
    return [statuses.count(200) for statuses in seconds]


async def a_user(two: Cluster) -> str:
    name = new_id("user")
    async with Rest.open(two.urls[0], two.admin_token) as rest:
        body = {"username": name, "password": PASSWORD, "role": "VIEWER"}
        assert (await rest.post("/users", body)).status_code == 201
    return await asyncio.to_thread(two.log_in, name)


async def test_two_replicas_give_the_limit_of_one(two: Cluster) -> None:
    first, *others = given(await asked(two, await a_user(two), (1.25 * RATE, 1.25 * RATE)))
    assert RATE <= first <= 1.5 * RATE + SLACK
    assert 0.9 * RATE * len(others) <= sum(others) <= 1.1 * RATE * len(others)
    kept = given(await asked(two, await a_user(two), (0.6 * RATE, 0.35 * RATE)))
    asked_for = int(0.6 * RATE * SECONDS) + int(0.35 * RATE * SECONDS)
    # A busy machine sends some of them in bursts, which go over the limit of their second.
    assert 0.97 * asked_for <= sum(kept) <= asked_for


async def test_without_redis_each_replica_gives_its_own(two: Cluster) -> None:
    token = await a_user(two)
    two.servers.signal("valkey", signal.SIGSTOP)
    try:
        _, *others = given(await asked(two, token, (1.5 * RATE, 1.5 * RATE)))
    finally:
        two.servers.signal("valkey", signal.SIGCONT)
    assert 1.8 * RATE * len(others) <= sum(others) <= 2.1 * RATE * len(others)


async def test_two_replicas_give_an_organisation_the_limit_of_one(for_all: Cluster) -> None:
    token, other = await a_user(for_all), await a_user(for_all)
    rates = 1.25 * RATE, 1.25 * RATE
    first, *others = given(await asked(for_all, token, rates, other=other))
    assert RATE <= first <= 1.5 * RATE + SLACK
    assert 0.9 * RATE * len(others) <= sum(others) <= 1.1 * RATE * len(others)
