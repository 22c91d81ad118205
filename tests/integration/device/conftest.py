from collections.abc import AsyncGenerator
from pathlib import Path

import pytest_asyncio

from tests.integration.device.agents import Bench
from tests.integration.device.scripted_hub import scripted_hub


@pytest_asyncio.fixture
async def bench(tmp_path: Path) -> AsyncGenerator[Bench]:
    async with scripted_hub() as hub:
        yield Bench(tmp_path, hub)
