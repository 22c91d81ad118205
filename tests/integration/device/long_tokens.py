"""The broker for minutes, by hand: `python -m tests.integration.device.long_tokens [RENEWALS]`.

Two things at once, and one line of JSON for each at the end:

- issuers with lives of 20 s, 5 min and none said, with answers of 401, 500 and HTML in between, and
  clocks an hour ahead and behind: no token past its end, no two requests within 10 s, no part of a
  token in any read;
- as root, where Debian's Caddy is installed: 200 requests a second on one connection, through so
  many renewals (ten) and a restart of the agent: none fails, and none has a token that is over.
"""

import asyncio
import json
import random
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.integration.device.agents import Bench
from tests.integration.device.caddy import why_no_caddy
from tests.integration.device.local_program import open_directory
from tests.integration.device.scripted_hub import scripted_hub
from tests.integration.device.test_forward_proxy import Stream, Way, served
from tests.integration.device.tokens import Desk, desk_with
from tests.issuer import PAGE
from tests.plain_http import Reply

ODD = (Reply(401, {"error": "invalid_grant"}), Reply(500), PAGE, None)
CASES: dict[str, tuple[float | None, float]] = {
    "20 s, an hour ahead": (20.0, 3600.0),
    "20 s, an hour behind": (20.0, -3600.0),
    "20 s, killed": (20.0, 0.0),
    "5 min": (300.0, 0.0),
    "none said": (None, 0.0),
}
"""Life, and how far the issuer's clock is ahead."""
APART = 9.9
PAUSE = 0.01


async def issuer_case(name: str, seconds: float) -> dict[str, Any]:
    life, ahead = CASES[name]
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory()))
        hub = await stack.enter_async_context(scripted_hub())
        desk = await stack.enter_async_context(desk_with(Bench(directory, hub)))
        client = desk.client("node-agent")
        desk.issuer.life, desk.issuer.ahead = life, ahead
        desk.issuer.is_opaque = life is None
        desk.bench.settings = desk.settings('["node-agent"]')
        async with asyncio.TaskGroup() as tasks:
            life = tasks.create_task(living(desk, is_killed="killed" in name))
            await desk.has(client)
            reads = await reading(desk, client, seconds)
            life.cancel()
        pauses = desk.issuer.pauses(client)
        past = 0 if "killed" in name else reads["past"]  # nobody takes it away meanwhile
        ok = min(pauses, default=APART) >= APART and not past and not reads["odd"]
        return {"case": name, "ok": ok, "asked": len(desk.issuer.asked), **reads}


async def living(desk: Desk, *, is_killed: bool) -> None:
    """The agent, until cancelled; killed every few seconds, whatever it does just then."""
    while True:
        async with desk.bench.agent():
            seconds = random.uniform(1.5, 6.0)  # noqa: S311
            await asyncio.sleep(seconds if is_killed else 86_400)


async def reading(desk: Desk, client: str, seconds: float) -> dict[str, int]:
    """Reads, and of them those without a token, with one past its end, with none that was given."""
    counts = {"reads": 0, "none": 0, "past": 0, "odd": 0}
    until = time.monotonic() + seconds
    answers = 0
    while time.monotonic() < until:
        if len(desk.issuer.asked) > answers:  # each other answer is odd
            answers = len(desk.issuer.asked)
            if answers % 2:
                desk.issuer.script.append(ODD[answers // 2 % len(ODD)])
        token = desk.token(client)
        counts["reads"] += 1
        counts["none"] += token is None
        counts["odd"] += token is not None and token not in desk.issuer.given
        counts["past"] += token in desk.issuer.given and not desk.issuer.is_good(token or "")
        await asyncio.sleep(PAUSE)
    return counts


async def caddy_case(renewals: int) -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(open_directory())
        hub = await stack.enter_async_context(scripted_hub())
        desk = await stack.enter_async_context(desk_with(Bench(directory, hub)))
        desk.client("node-agent")
        desk.issuer.life = 15.0
        way = Way(desk)
        client = await stack.enter_async_context(served(way))
        stream = Stream(way, client)
        async with asyncio.TaskGroup() as tasks:
            async with desk.bench.agent() as agent:
                await desk.has("release-service")
                await way.is_there(client)
                tasks.create_task(stream.run())
                await reached(desk, renewals // 2)
                await agent.stop()
            async with desk.bench.agent():
                await reached(desk, renewals + 1)
                stream.end()
        admin = (await client.get(f"http://{way.caddy.admin}/config/")).text
        shown = [token for token in desk.issuer.given if token in admin]
        ok = not stream.failures and not desk.issuer.refused and not shown
        found = {"requests": stream.count, "failures": [str(each) for each in stream.failures]}
        return {"case": "caddy", "ok": ok, "renewals": desk.issuer.released, **found}


async def reached(desk: Desk, released: int) -> None:
    while desk.issuer.released < released:  # noqa: ASYNC110  (another process brings it about)
        await asyncio.sleep(0.1)


async def main(renewals: int) -> int:
    cases = [issuer_case(name, renewals * 12.0) for name in CASES]
    if (missing := why_no_caddy()) is None:
        cases.append(caddy_case(renewals))
    else:
        sys.stderr.write(f"without Caddy: {missing}\n")
    found = await asyncio.gather(*cases)
    for each in found:
        sys.stdout.write(json.dumps(each) + "\n")
    return 0 if all(each["ok"] for each in found) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int((*sys.argv, "10")[1]))))
