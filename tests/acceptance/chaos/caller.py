"""Callers that dispatch commands in every way there is, and repeat themselves.

Each call has a number. A call is answered, or lost: then nobody knows, and the same call is made
again later with the same id or Idempotency-Key. Some calls take the id or key of an earlier one for
another body: that must be a conflict.
"""

import asyncio
import contextlib
import itertools
import math
import random
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Final

import httpx
import msgspec
from msgspec import Struct

from tests.acceptance.chaos.device import BROKEN, COMMANDS
from tests.acceptance.chaos.history import (
    Answered,
    AnyFact,
    Asked,
    Grouped,
    Lost,
    Probed,
    Record,
)  # fmt: skip
from tests.acceptance.hub.clients import TLS, bearer

Json = dict[str, Any]
CALL_SECONDS: Final = 45.0
KEPT: Final = 50
PARAMS: Final[dict[str, Json]] = {"exec_shell": {"template": "uptime"}}
_numbers = itertools.count(1)


class Call(Struct):
    number: int
    kind: str
    path: str
    body: Json
    headers: dict[str, str]
    command: str | None


class Caller:
    """One client at a time. `devices` are the ids it may choose from; `absent` are never there."""

    def __init__(
        self, url: str, token: str, devices: list[str], absent: list[str], record: Record,
        *, seed: int, pause: float,
    ) -> None:  # fmt: skip
        self._client = make_client(url, token)
        self._devices = devices
        self._absent = absent
        self._record = record
        self._random = random.Random(seed)  # noqa: S311
        self._pause = pause
        self._made: list[Call] = []
        self._lost: list[Call] = []

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; then what was lost is asked for until it is answered."""
        turns: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (4, self._now), (4, self._queued), (3, self._waiting), (1, self._bulk),
            (2, self._cancel), (2, self._again), (1, self._otherwise), (1, self._group),
            (1, self._unnamed),
        ]  # fmt: skip
        weights = [weight for weight, _ in turns]
        async with self._client:
            while not stop.is_set():
                await self._random.choices(turns, weights)[0][1]()
                if self._lost and self._random.random() < 0.3:
                    await self._repeat(self._lost.pop(0))
                await asyncio.sleep(self._random.expovariate(1 / self._pause))
            while self._lost:
                await self._repeat(self._lost.pop(0))

    async def _now(self) -> None:
        await self._dispatch("now", timeoutMs=self._random.randint(2_000, 10_000))

    async def _queued(self) -> None:
        expires = _in(self._random.uniform(3, 20))
        await self._dispatch("queue", delivery="queue", timeoutMs=8_000, expiresAt=expires)

    async def _waiting(self) -> None:
        await self._dispatch("waiting", waits=True, timeoutMs=self._random.randint(2_000, 10_000))

    async def _dispatch(self, kind: str, *, waits: bool = False, **wish: Any) -> None:
        absent = self._random.random() < 0.1
        device = self._random.choice(self._absent if absent else self._devices)
        type_ = self._random.choice(COMMANDS)
        command = {"type": type_, **PARAMS.get(type_, {})}
        headers = {} if waits else {"Prefer": "respond-async"}
        named = self._random.random() < 0.7
        if named:
            command["id"] = f"c-{uuid.uuid4().hex[:16]}"
        else:
            headers["Idempotency-Key"] = uuid.uuid4().hex
        path = f"/devices/{device}/commands"
        body = {"command": command, **wish}
        await self._make(Call(next(_numbers), kind, path, body, headers, command.get("id")))

    async def _unnamed(self) -> None:
        """Nothing tells it from an equal one that waits: it may get that one."""
        device = self._random.choice(self._absent)
        body = {"command": {"type": "force_sync"}, "delivery": "queue", "expiresAt": _soon()}
        path, headers = f"/devices/{device}/commands", {"Prefer": "respond-async"}
        call = Call(next(_numbers), "unnamed", path, body, headers, None)
        self._record(Asked(call=call.number, kind=call.kind))
        await self._send(call, keep=False)

    async def _bulk(self) -> None:
        devices = self._random.sample(self._devices, min(15, len(self._devices)))
        body = {"deviceIds": devices, "command": {"type": "force_sync"}, "timeoutMs": 6_000}
        headers = {"Prefer": "respond-async", "Idempotency-Key": uuid.uuid4().hex}
        await self._make(Call(next(_numbers), "bulk", "/commands/bulk", body, headers, None))

    async def _make(self, call: Call) -> None:
        self._record(Asked(call=call.number, kind=call.kind, command=call.command))
        await self._send(call)
        self._made = [*self._made[-KEPT:], call]

    async def _cancel(self) -> None:
        named = [call for call in self._made if call.command is not None]
        if named:
            call = self._random.choice(named)
            await cancel(self._client, f"{call.path}/{call.command}", self._record)

    async def _again(self) -> None:
        if self._made:
            await self._repeat(self._random.choice(self._made))

    async def _repeat(self, call: Call) -> None:
        again = msgspec.structs.replace(call, number=next(_numbers))
        self._record(
            Asked(call=again.number, kind=call.kind, command=call.command, same=call.number)
        )
        await self._send(again)

    async def _otherwise(self) -> None:
        named = [call for call in self._made if call.kind != "bulk" and call not in self._lost]
        if not named:
            return
        call = self._random.choice(named)
        other = msgspec.structs.replace(
            call, number=next(_numbers), body=call.body | {"timeoutMs": 11_111}
        )
        self._record(
            Asked(
                call=other.number, kind=call.kind, command=call.command, same=call.number,
                other=True,
            )
        )  # fmt: skip
        await self._send(other, keep=False)

    async def _send(self, call: Call, *, keep: bool = True) -> None:
        answer = await _request(
            self._client, self._record, call.number, "POST", call.path,
            json=call.body, headers=call.headers,
        )  # fmt: skip
        if keep and (answer is None or answer.status_code >= 500):
            self._lost.append(call)
        if answer is not None:
            commands = commands_of(answer) if answer.status_code < 300 else []
            self._record(Answered(call=call.number, http=answer.status_code, commands=commands))

    async def _group(self) -> None:
        name = f"g-{uuid.uuid4().hex[:12]}"
        http = None
        with contextlib.suppress(httpx.TransportError):
            http = (await self._client.post("/device-groups", json={"name": name})).status_code
        self._record(Grouped(name=name, http=http))


async def cancel(client: httpx.AsyncClient, path: str, record: Record) -> int | None:
    """Cancels the command at `path`: the status of the answer; `None` when none came."""
    number = next(_numbers)
    record(Asked(call=number, kind="cancel", command=path.rpartition("/")[2]))
    answer = await _request(client, record, number, "DELETE", path)
    if answer is None:
        return None
    record(Answered(call=number, http=answer.status_code))
    return answer.status_code


async def _request(
    client: httpx.AsyncClient, record: Record, number: int, method: str, path: str, **more: Any
) -> httpx.Response | None:
    try:
        return await client.request(method, path, **more)
    except httpx.TransportError as error:
        record(Lost(call=number, why=type(error).__name__))
        return None


def _in(seconds: float) -> str:
    return _at(time.time() + seconds)


def _soon() -> str:
    """In 10 to 20 seconds: the same for all who ask for a while."""
    return _at(10 * math.ceil(time.time() / 10) + 10)


def _at(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def commands_of(answer: httpx.Response) -> list[tuple[str, str, str | None]]:
    """(id, status, error code) of each command that an answer tells of."""
    data: Json = answer.json()["data"]
    results: Json = data.get("results", {})  # of a bulk call that is not waited for
    entries: list[Json] = [data] if "commandId" in data else list(results.values())
    return [
        (entry["commandId"], entry["status"], _code(entry))
        for entry in entries
        if entry.get("commandId")
    ]


def _code(entry: Json) -> str | None:
    error: Json = entry.get("error") or {}
    return error.get("code")


def make_client(url: str, token: str | None, *, seconds: float = CALL_SECONDS) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=f"{url}/api/v1",
        headers=bearer(token) if token else {},
        timeout=seconds,
        trust_env=False,
        verify=TLS,
    )


async def probe(
    url: str, token: str, device: str, record: Record, stop: asyncio.Event, *, pause: float
) -> None:
    """Until `stop`, a small command to a device that is never hurt: how long does it take?"""
    async with make_client(url, token, seconds=5) as client:
        while not stop.is_set():
            began = time.monotonic()
            ok = await _probe(client, device)
            fact: AnyFact = Probed(began=began, ok=ok)
            record(fact)
            await asyncio.sleep(pause)


async def _probe(client: httpx.AsyncClient, device: str) -> bool:
    body = {"command": {"type": "force_sync"}, "timeoutMs": 3_000}
    try:
        answer = await client.post(f"/devices/{device}/commands", json=body)
    except httpx.TransportError:
        return False
    return answer.status_code == 200 and _code(answer.json()["data"]) in {None, BROKEN}
