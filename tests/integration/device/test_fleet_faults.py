"""`longline fleet --script` against a scripted hub: each fault is what it says."""

import asyncio
import itertools
import json
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.integration.device.agents import Bench
from tests.integration.device.scripted_hub import DEADLINE
from tests.integration.device.test_fleet import ended, longline

Json = dict[str, Any]


class RunningFleet:
    def __init__(self) -> None:
        self.counts: Json = {}
        """When it has ended."""
        self.err = ""


@asynccontextmanager
async def fleet(bench: Bench, script: str, *more: str) -> AsyncGenerator[RunningFleet]:
    file = bench.directory / "faults.toml"
    file.write_text(script)
    process = await longline(
        "fleet", "--hub", bench.hub.url, "--devices", "3", "--script", str(file), *more
    )
    running = RunningFleet()
    try:
        yield running
        process.send_signal(signal.SIGTERM)
        code, out, running.err = await ended(process)
        assert code == 0, running.err
        running.counts = json.loads(out)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def fault(kind: str, **fields: object) -> str:
    lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in fields.items())
    return f'[[fault]]\nkind = "{kind}"\nat = 0\n{lines}'


def hellos(bench: Bench) -> int:
    return len(bench.hub.of("hello"))


async def test_drop_and_flap_cut_lines(bench: Bench) -> None:
    script = fault("drop", devices="1") + fault("flap", devices="2-3", seconds=1, every=1)
    async with fleet(bench, script) as running:
        await bench.hub.until(lambda: hellos(bench) >= 3 + 1 + 4)
    assert running.counts["faults"] == 1 + 2 + 2
    assert running.counts["reconnects"] >= 5
    assert "drop of 1 device" in running.err


async def test_a_clone_takes_the_line_with_the_same_token(bench: Bench) -> None:
    async with fleet(bench, fault("clone", devices="2", seconds=30)) as running:
        await bench.hub.until(lambda: hellos(bench) == 4)
        boots = {hello["bootId"] for hello in bench.hub.of("hello")}
        tokens = len(bench.hub.tokens)
    assert (len(boots), tokens) == (4, 3)
    assert running.counts["faults"] == 1


async def test_nothing_passes_a_frozen_way_until_it_thaws(bench: Bench) -> None:
    script = fault("freeze", seconds=2)
    async with fleet(bench, script, "--rate", "100"):
        await bench.hub.until(lambda: len(bench.hub.of("scan")) > 0)
        moments: list[tuple[float, int]] = []
        loop = asyncio.get_running_loop()
        until = loop.time() + 3.5
        while loop.time() < until:
            moments.append((loop.time(), len(bench.hub.of("scan"))))
            await asyncio.sleep(0.05)
    longest = max(
        len([1 for _, count in moments if count == total]) for total in {n for _, n in moments}
    )
    assert longest * 0.05 > 1.0, "a second or more without a word"
    assert moments[-1][1] > moments[0][1]
    assert hellos(bench) == 3, "and no line was lost"


async def test_a_portal_answers_in_place_of_the_hub(bench: Bench) -> None:
    async with fleet(bench, fault("portal", devices="1", seconds=1)) as running:
        await bench.hub.until(lambda: hellos(bench) == 4)
    assert running.counts["reconnects"] == 1
    assert running.counts["linesOpened"] == 4


async def test_a_slow_way_delays(bench: Bench) -> None:
    async with fleet(bench, fault("slow", devices="1-3", seconds=60, delay=0.7)):
        await bench.hub.until(lambda: hellos(bench) == 3)
        async with asyncio.timeout(DEADLINE):
            for number in itertools.count():
                if await _seconds_of(bench, f"c{number}") > 1.3:  # there and back
                    break


async def _seconds_of(bench: Bench, command_id: str) -> float:
    began = asyncio.get_running_loop().time()
    await bench.hub.run("exec_shell", command_id, template="any")
    return asyncio.get_running_loop().time() - began


async def test_replies_come_late_and_everything_twice(bench: Bench) -> None:
    script = fault("late", seconds=60, delay=1) + fault("duplicate", seconds=60)
    async with fleet(bench, script, "--rate", "50") as running:
        await bench.hub.until(lambda: _repeated(bench) >= 10)
        assert await _seconds_of(bench, "c1") > 0.9
    assert running.counts["commandsRun"] == 1
    assert running.counts["eventsSent"] > running.counts["eventsCreated"]


def _repeated(bench: Bench) -> int:
    names = [(each["bootId"], each["seq"]) for each in bench.hub.of("scan")]
    return len(names) - len(set(names))


async def test_a_clock_that_is_off(bench: Bench) -> None:
    script = fault("clock", seconds=60, by=-3600)
    async with fleet(bench, script, "--rate", "50"):
        await bench.hub.until(lambda: any(scan.get("ts") for scan in bench.hub.of("scan")))
    (scan, *_) = [scan for scan in bench.hub.of("scan") if scan.get("ts")]
    off = datetime.now(UTC) - datetime.fromisoformat(scan["ts"])
    assert 3590 < off.total_seconds() < 3660


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ('[[fault]]\nkind = "fire"\nat = 1\n', "fire"),
        (fault("drop", devices="4"), "numbered from 1 to 3"),
        ("x", "faults.toml"),
    ],
)
async def test_a_wrong_script_is_one_line(bench: Bench, script: str, said: str) -> None:
    file = bench.directory / "faults.toml"
    file.write_text(script)
    process = await longline(
        "fleet", "--hub", bench.hub.url, "--devices", "3", "--script", str(file)
    )
    code, _, err = await ended(process)
    assert (code, err.count("\n")) == (2, 1)
    assert said in err
