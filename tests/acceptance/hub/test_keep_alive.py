"""Who ends an idle HTTP connection: the balancer, whose timer is the shorter one."""

import asyncio
import time
from pathlib import Path
from urllib.parse import urlsplit

from hub.base.settings import Settings
from tests.acceptance.hub.process import HubProcess

USUAL_BALANCER_SECONDS = 60
KEPT_SECONDS = 3.0
REQUEST = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def idle_seconds(url: str) -> float:
    """How long the hub keeps a connection after an answer."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(REQUEST)
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    answered = time.monotonic()
    async with asyncio.timeout(30):
        await reader.read()  # the body, and then the end
    writer.close()
    return time.monotonic() - answered


async def test_an_idle_connection_is_kept_as_long_as_the_settings_say(tmp_path: Path) -> None:
    assert Settings().keep_alive_seconds > USUAL_BALANCER_SECONDS
    hub = HubProcess(tmp_path, keep_alive_seconds=f"{KEPT_SECONDS:g}")
    await asyncio.to_thread(hub.start)
    try:
        assert await idle_seconds(hub.url) >= KEPT_SECONDS - 0.5
    finally:
        await asyncio.to_thread(hub.stop)
