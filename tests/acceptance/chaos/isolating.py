"""A device that is put into quarantine and released again and again, whatever else is broken.

It makes durable events all the time, and what it does is recorded and checked like the rest: each
of its events is acknowledged in the end. That none is while it has been told of the quarantine, its
line notes (`line.py`); that nothing is dispatched to it is asked here.
"""

import asyncio
import random
from typing import Any, Final

import httpx

from tests.acceptance.chaos.caller import make_client
from tests.acceptance.chaos.history import Noted, Record

CALL_SECONDS: Final = 10.0
AGAIN_SECONDS: Final = 0.5


async def isolate(
    url: str, token: str, device: str, record: Record, stop: asyncio.Event, *, seed: int
) -> None:
    """Until `stop`; it is released then."""
    chance = random.Random(seed)  # noqa: S311
    async with make_client(url, token, seconds=CALL_SECONDS) as client:
        while not stop.is_set():
            await _done(client, f"/devices/{device}/quarantine", {"reason": "odd"})
            await _dispatch(client, device, record)
            await asyncio.sleep(chance.uniform(1, 6))
            await _dispatch(client, device, record)
            await _done(client, f"/devices/{device}/release", None)
            await asyncio.sleep(chance.uniform(1, 6))


async def _done(client: httpx.AsyncClient, path: str, body: dict[str, Any] | None) -> None:
    """However often it takes: an answer may be lost, and nobody knows."""
    while True:
        answer = await _post(client, path, body)
        if answer is not None and answer.status_code == 200:
            return
        await asyncio.sleep(AGAIN_SECONDS)


async def _dispatch(client: httpx.AsyncClient, device: str, record: Record) -> None:
    body = {"command": {"type": "force_sync"}, "delivery": "queue"}
    answer = await _post(client, f"/devices/{device}/commands", body)
    if answer is not None and answer.status_code in (200, 202):
        text = f"{device} was dispatched to: {answer.text}"
        record(Noted(rule="quarantine", text=text))


async def _post(
    client: httpx.AsyncClient, path: str, body: dict[str, Any] | None
) -> httpx.Response | None:
    try:
        return await client.post(path, json=body)
    except httpx.HTTPError:
        return None
