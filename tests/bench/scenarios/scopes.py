"""200 dashboards of people who each have rights over a group of a large fleet, while devices come
into groups and leave them: what that costs commands. 99 of 100 take at most 100 ms (identity.md).
"""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx
from msgspec import Struct, structs

from tests.acceptance.hub.conftest import log_in
from tests.bench.devices import (
    Caller,
    Dashboard,
    Device,
    connect_dashboard,
    connect_devices,
    in_turns,
    keep_alive,
)
from tests.bench.figures import Measured
from tests.bench.hub import PASSWORD, Hub
from tests.bench.load import Goal
from tests.bench.subject import Pace, Rows, Span, times
from tests.tasks import in_background

DASHBOARDS: Final = 200
CONNECTED: Final = 100
IN_FLIGHT: Final = 10
MOVE_SECONDS: Final = 0.1
TICK_SECONDS: Final = 0.01
"""One scan of a device in turn: 100 a second."""
AT_ONCE: Final = 8


class Crowd(Struct, frozen=True):
    """Groups with the devices in each, and who has rights over it."""

    groups: list[str]
    members: list[list[str]]
    readers: list[str]
    """Their tokens."""
    anybody: list[str]
    """Tokens of as many sockets that see everything."""


async def scoped_dashboards(hub: Hub, pace: Pace) -> Rows:
    """200 dashboards over 5,000 devices, 10 commands in flight, three times: each names its
    devices; each is scoped to the same; and members move every 100 ms. Warms up first."""
    tokens = await hub.tokens(pace.fleet)
    async with administrator(hub) as rest:
        crowd = await _crowd(hub, rest, list(tokens))
        connected = dict(itertools.islice(tokens.items(), CONNECTED))
        devices = await connect_devices(hub.port, connected)
        names = list(connected)
        await _commands(hub, names, pace.seconds)
        rows: Rows = {}
        for row, by, moving in (
            ("scope-filter", crowd.anybody, False),
            ("scope-still", crowd.readers, False),
            ("scope-moving", crowd.readers, True),
        ):
            screens = await _screens(hub, crowd, by)
            async with (
                in_background(keep_alive([screen.tap for screen in screens])),
                in_background(_scan(devices)),
                in_background(_move(rest, crowd) if moving else asyncio.sleep(0)),
            ):
                measured = await _commands(hub, names, pace.seconds)
            for screen in screens:
                screen.tap.close()
            rows[row] = _beside(measured, rows.get("scope-filter"))
    for device in devices:
        device.tap.close()
    return rows


def _beside(measured: Measured, plain: Measured | None) -> Measured:
    if plain is None or not plain.p99 or not measured.p99:
        return measured
    return structs.replace(
        measured,
        note=f"p99 ×{measured.p99 / plain.p99:.2f}, CPU of the server "
        f"×{measured.server_us / plain.server_us:.2f} of scope-filter",
    )


@asynccontextmanager
async def administrator(hub: Hub) -> AsyncGenerator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{hub.port}/api/v1",
        headers={"Authorization": f"Bearer {hub.token}"},
        trust_env=False,
        timeout=60,
    ) as rest:
        yield rest


async def _post(rest: httpx.AsyncClient, path: str, body: object) -> dict[str, Any]:
    made = (await rest.post(path, json=body)).raise_for_status()
    found: dict[str, Any] = made.json()["data"]
    return found


async def _crowd(hub: Hub, rest: httpx.AsyncClient, devices: Sequence[str]) -> Crowd:
    members = [list(devices[n::DASHBOARDS]) for n in range(DASHBOARDS)]

    async def reader(number: str) -> tuple[str, str]:
        group = (await _post(rest, "/device-groups", {"name": f"hall {number}"}))["id"]
        await _post(rest, f"/device-groups/{group}/members", {"deviceIds": members[int(number)]})
        name = f"reader{number}"
        user = {"username": name, "password": PASSWORD, "role": "NONE"}
        subject = {"kind": "user", "id": (await _post(rest, "/users", user))["id"]}
        scope = {"kind": "group", "id": group}
        binding = {"role": "VIEWER", "subject": subject, "scope": scope}
        await _post(rest, "/role-bindings", binding)
        url = f"http://127.0.0.1:{hub.port}"
        return group, await asyncio.to_thread(log_in, url, name, PASSWORD)

    made = await in_turns(reader, [str(n) for n in range(DASHBOARDS)], at_once=AT_ONCE)
    viewers = await hub.viewers(DASHBOARDS)
    anybody = [viewers[n % len(viewers)] for n in range(DASHBOARDS)]
    return Crowd([group for group, _ in made], members, [token for _, token in made], anybody)


async def _screens(hub: Hub, crowd: Crowd, by: Sequence[str]) -> list[Dashboard]:
    """Who may see everything names the devices of a group."""
    goal = Goal()
    nothing: list[str] = []
    named = crowd.members if by is crowd.anybody else [nothing] * len(by)
    return [
        await connect_dashboard(hub.port, token, goal, device_ids=devices)
        for token, devices in zip(by, named, strict=True)
    ]


async def _scan(devices: Sequence[Device]) -> None:
    for device in itertools.cycle(devices):
        device.publisher.burst(1)
        await asyncio.sleep(TICK_SECONDS)


async def _move(rest: httpx.AsyncClient, crowd: Crowd) -> None:
    """The last device of a group comes into the next one, and leaves it again."""
    count = len(crowd.groups)
    for number in itertools.count():
        path = f"/device-groups/{crowd.groups[(number + 1) % count]}/members"
        body = {"deviceIds": [crowd.members[number % count][-1]]}
        (await rest.post(path, json=body)).raise_for_status()
        await asyncio.sleep(MOVE_SECONDS)
        (await rest.request("DELETE", path, json=body)).raise_for_status()
        await asyncio.sleep(MOVE_SECONDS)


async def _commands(hub: Hub, names: Sequence[str], seconds: float) -> Measured:
    callers = [await Caller.open(hub.port, hub.token) for _ in range(IN_FLIGHT)]
    free = list(zip(callers, names, strict=False))

    async def one() -> None:
        caller, device = free.pop()
        await caller.dispatch(device)
        free.append((caller, device))

    await times(IN_FLIGHT, one, seconds / 2)
    span = Span(hub)
    latencies = await times(IN_FLIGHT, one, seconds)
    measured = span.measured(len(latencies), latencies=latencies)
    for caller in callers:
        caller.close()
    return measured
