"""A limit of requests is the same on two replicas as on one, nearly; without Redis, of each."""

import asyncio
import signal
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest_asyncio
from msgspec import Struct

from hub.base.limiter import EARLY
from tests.acceptance.chaos.cluster import PASSWORD, Cluster, running_cluster
from tests.acceptance.hub.clients import Rest, new_id
from tests.acceptance.hub.flood import paced, request_for

RATE = 100
SECONDS = 6
LEAST = 0.85
"""Of what may be given: a client that stands still for a moment asks too late for some of it."""
FIRST = 0.5
"""Of a quota: what two replicas may give too much before they have told each other."""


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


class Given(Struct, frozen=True):
    """What came of calls over some time."""

    units: int
    windows: float
    """How many quotas one bucket can have given in that time: it began full, and half a window's
    part comes back early."""


async def given(
    two: Cluster, token: str, rates: tuple[float, float], *, other: str | None = None
) -> Given:
    """Call at these rates on each replica; the second by another, if there is one."""
    began = time.monotonic()
    found = await asyncio.gather(
        *(
            paced(url, request_for("/api/v1/auth/me", token=who), rate=rate, seconds=SECONDS)
            for url, rate, who in zip(two.urls, rates, (token, other or token), strict=True)
        )
    )
    windows = time.monotonic() - began + 1 + EARLY
    statuses = [status for part in found for status in part]
    assert set(statuses) <= {200, 429}
    return Given(statuses.count(200), windows)


async def a_user(two: Cluster) -> str:
    name = new_id("user")
    async with Rest.open(two.urls[0], two.admin_token) as rest:
        body = {"username": name, "password": PASSWORD, "role": "VIEWER"}
        assert (await rest.post("/users", body)).status_code == 201
    return await asyncio.to_thread(two.log_in, name)


def is_of_one_bucket(given: Given) -> bool:
    """What one replica may give, and the little that goes over it in the first window."""
    return LEAST * RATE * SECONDS <= given.units <= RATE * (given.windows + FIRST)


async def test_two_replicas_give_the_limit_of_one(two: Cluster) -> None:
    over = await given(two, await a_user(two), (1.25 * RATE, 1.25 * RATE))
    assert is_of_one_bucket(over), over
    kept = await given(two, await a_user(two), (0.6 * RATE, 0.35 * RATE))
    asked_for = int(0.6 * RATE * SECONDS) + int(0.35 * RATE * SECONDS)
    # A busy machine sends some of them in bursts, which go over the limit of their second.
    assert 0.97 * asked_for <= kept.units <= asked_for


async def test_without_redis_each_replica_gives_its_own(two: Cluster) -> None:
    token = await a_user(two)
    two.servers.signal("valkey", signal.SIGSTOP)
    try:
        alone = await given(two, token, (1.5 * RATE, 1.5 * RATE))
    finally:
        two.servers.signal("valkey", signal.SIGCONT)
    assert 2 * LEAST * RATE * SECONDS <= alone.units <= 2 * RATE * alone.windows, alone


async def test_two_replicas_give_an_organisation_the_limit_of_one(for_all: Cluster) -> None:
    token, other = await a_user(for_all), await a_user(for_all)
    over = await given(for_all, token, (1.25 * RATE, 1.25 * RATE), other=other)
    assert is_of_one_bucket(over), over
