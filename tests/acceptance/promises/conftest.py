"""Clusters for the named promises: each test breaks one, so each gets its own."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest_asyncio

from tests.acceptance.chaos.cluster import Cluster, running_cluster


@pytest_asyncio.fixture
async def one(tmp_path: Path) -> AsyncGenerator[Cluster]:
    """One replica."""
    async with running_cluster(tmp_path, replicas=1) as cluster:
        yield cluster


@pytest_asyncio.fixture
async def two(tmp_path: Path) -> AsyncGenerator[Cluster]:
    """Two replicas."""
    async with running_cluster(tmp_path, replicas=2) as cluster:
        yield cluster
