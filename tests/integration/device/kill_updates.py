"""An update that is killed -9 at a step drawn from a seed: the old version runs or the new one.

    python -m tests.integration.device.kill_updates 100 [first seed]

The step is any change of the files that count, by the launcher or the agent, also in the trial and
while it is rolled back; the version is a good one or one that fails in its own way; half of the
time the line is cut as well, and half of the versions come as a pin, handed over at each `hello`.
Afterwards a device must be there that answers, of the old version or of the new one, of the new one
only if it was confirmed, and never of one that cannot work.
"""

import asyncio
import contextlib
import itertools
import random
import sys
import tempfile
import time
from pathlib import Path

from msgspec import Struct
from websockets.exceptions import ConnectionClosed

from device.update.own_version import installed_version
from protocol.canonical import hash_of
from protocol.sections import software_document
from tests.integration.device.scripted_hub import Frame, ScriptedHub, scripted_hub
from tests.integration.device.updates import (
    BROKEN,
    HANG_SECONDS,
    SupervisedDevice,
    make_artifact,
    offer,
)
from tests.tasks import in_background

MOST_STEPS = 36
"""A whole update, with a rollback, takes no more."""
OLD, NEW = installed_version(), "2.0"
LONGEST_SECONDS = 60.0


class Survived(Struct, frozen=True):
    """What came of a seed."""

    kind: str
    fatal_step: int
    steps: int
    cut: bool
    pinned: bool
    runs: str

    @property
    def killed(self) -> bool:
        return self.steps >= self.fatal_step


async def survive(folder: Path, seed: int) -> Survived:
    """Raises `AssertionError` when the device is dead, or runs what it must not."""
    draw = random.Random(seed)  # noqa: S311
    kind = draw.choice(["good", "good", "good", *BROKEN])
    cut, pinned = draw.random() < 0.5, draw.random() < 0.5
    async with scripted_hub() as hub:
        device = SupervisedDevice(folder, hub.url)
        device.fault_at = draw.randint(1, MOST_STEPS)
        device.trial_seconds = HANG_SECONDS if kind == "hang" else device.trial_seconds
        content = make_artifact(folder / "artifact", NEW, BROKEN.get(kind))
        offered = offer(hub, NEW, content)
        async with device.running():
            await hub.frame("hello", agentVersion=OLD)
            cutting = _cut(hub, draw.uniform(0, 3)) if cut else asyncio.sleep(0)
            async with in_background(cutting):
                runs = await (_pin if pinned else _update)(hub, device, offered)
            await _answers(hub, seed)
            state = device.record().get("state")
            assert (runs == NEW) == (state == "confirmed"), (seed, runs, device.record())
            assert kind == "good" or runs == OLD, (seed, kind)
        return Survived(kind, device.fault_at, device.steps_taken(), cut, pinned, runs)


async def _update(hub: ScriptedHub, device: SupervisedDevice, offered: Frame) -> str:
    """Ask until something came of it, as a campaign does; the version that runs in the end."""
    async with asyncio.timeout(LONGEST_SECONDS):
        for attempt in range(20):
            begin = len(hub.frames)
            if not await hub.try_command("update_firmware", f"u{attempt}", **offered):
                await asyncio.sleep(0.3)
                continue
            if await _over(hub, device, begin):
                break
        while True:
            version = hub.of("hello")[-1]["agentVersion"]
            state = device.record().get("state")
            if (version == NEW) == (state == "confirmed") and state != "trial":
                return str(version)
            await asyncio.sleep(0.1)


async def _pin(hub: ScriptedHub, device: SupervisedDevice, offered: Frame) -> str:
    """Hand the pin over as a hub does, until the device has taken or refused it; the version that
    runs in the end."""
    document = software_document({"agent": NEW}, ())
    names = ("releaseId", "url", "sha256", "size")
    artifact = {name: offered[name] for name in names} | {"filename": "agent.tar.gz"}
    async with (
        asyncio.timeout(LONGEST_SECONDS),
        in_background(_hand_over(hub, document, {"agent": artifact})),
    ):
        while True:
            ends = [f["status"] for f in hub.of("desired_status") if f["status"] != "trial"]
            version, state = hub.of("hello")[-1]["agentVersion"], device.record().get("state")
            if ends and state != "trial" and (version == NEW) == (state == "confirmed"):
                assert ends[-1] == ("applied" if version == NEW else "rolled_back"), ends
                return str(version)
            await asyncio.sleep(0.1)


async def _hand_over(hub: ScriptedHub, document: Frame, artifacts: Frame) -> None:
    """At the beginning, and to each line whose `hello` says something else."""
    seen = 0
    while True:
        for hello in [f for f in hub.frames[seen:] if f["type"] == "hello"][-1:]:
            section = hello["sections"]["software"]
            if section["hash"] != hash_of(document) and section.get("refused") != "1":
                with contextlib.suppress(ConnectionClosed):
                    await hub.hand_over("software", "1", document, artifacts=artifacts)
        seen = len(hub.frames)
        await asyncio.sleep(0.05)


async def _over(hub: ScriptedHub, device: SupervisedDevice, begin: int) -> bool:
    """Whether an update was tried and ended; False: nothing will come of this command."""
    until = time.monotonic() + 15
    while time.monotonic() < until:
        if device.record().get("state") in ("confirmed", "failed"):
            return True
        results = [f for f in hub.frames[begin:] if f["type"] == "result"]
        if any(not result["success"] for result in results) and not device.record():
            return False
        await asyncio.sleep(0.05)
    return False


async def _cut(hub: ScriptedHub, seconds: float) -> None:
    await asyncio.sleep(seconds)
    hub.cut()


async def _answers(hub: ScriptedHub, seed: int) -> None:
    """A device is there, and does what it is told: the next one, when one is killed just now."""
    async with asyncio.timeout(LONGEST_SECONDS):
        for attempt in itertools.count():
            begin, name = len(hub.frames), f"alive-{seed}-{attempt}"
            if await hub.try_command("pull_logs", name, lines=1, source="agent"):
                await hub.until(lambda begin=begin, name=name: _said(hub, begin, name) is not None)
                said = _said(hub, begin, name) or {}
                if said["type"] == "result":
                    assert said["success"] is True
                    return
            await asyncio.sleep(0.2)


def _said(hub: ScriptedHub, begin: int, name: str) -> Frame | None:
    """What came of a command, or that another one is there."""
    return next(
        (f for f in hub.frames[begin:] if f["type"] == "hello" or (f.get("commandId") == name
         and f["type"] == "result")),
        None,
    )  # fmt: skip


async def main(count: int, first: int) -> None:
    began = time.monotonic()
    room = asyncio.Semaphore(3)
    failures: list[int] = []
    killed = 0

    async def one(seed: int) -> None:
        nonlocal killed
        async with room:
            with tempfile.TemporaryDirectory() as folder:
                try:
                    found = await survive(Path(folder), seed)
                except (AssertionError, TimeoutError) as error:
                    failures.append(seed)
                    print(f"seed {seed}: {type(error).__name__} {error}", flush=True)
                    log = (Path(folder) / "agent.log").read_text("utf-8", "replace")
                    print(log[-3000:], flush=True)
                else:
                    killed += found.killed
                    print(f"seed {seed}: {found}", flush=True)

    await asyncio.gather(*(one(first + number) for number in range(count)))
    seconds = time.monotonic() - began
    print(f"{count} updates, {killed} killed at a step, {len(failures)} failed, {seconds:.0f} s")
    if failures:
        sys.exit(f"failed: {failures}")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0))
