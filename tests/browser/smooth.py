"""How smoothly the fleet scrolls while it changes: python -m tests.browser.smooth [--devices N]

A hub, a fleet of simulated devices, of which some speak so often that the hub hands the page so
many status events a second, and a page that scrolls from the top to the bottom and back. Prints one
line of JSON: times between frames in milliseconds (one of 60 a second is 16.7), the heap before and
after, and whether both are within their bounds. Not part of the tests: it measures this machine.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, cast

import httpx
from playwright.sync_api import CDPSession, sync_playwright

from tests.acceptance.hub.clients import Json
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.up import LONGLINE
from tests.browser.conftest import ARGUMENTS, CHROMIUM, prepare
from tests.browser.devices import Floor, Simulated
from tests.browser.signing import sign_in

TALKERS: Final = 200
"""Devices at the top of the list that bring nearly all events: the rows in sight."""
ENROL_SECONDS: Final = 600.0
LOOK_SECONDS: Final = 1.0
SMOOTH_P95_MS: Final = 34.0
"""Of two frames of 60 a second at most one is missed."""
FLAT_RATIO: Final = 1.25

SCROLL: Final = """async seconds => {
  const grid = document.querySelector('[role=grid]');
  const times = [];
  let last = performance.now();
  const end = last + seconds * 1000;
  let step = 37;
  while (last < end) {
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    times.push(now - last);
    last = now;
    grid.scrollTop += step;
    const bottom = grid.scrollTop + grid.clientHeight >= grid.scrollHeight - 1;
    if (bottom || grid.scrollTop === 0) step = bottom ? -37 : 37;
  }
  return times;
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=5000)
    parser.add_argument("--rate", type=float, default=1000, help="status events a second")
    parser.add_argument("--seconds", type=float, default=20, help="of scrolling")
    parser.add_argument("--minutes", type=float, default=0, help="of leaving it open before that")
    wish = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        hub = HubProcess(Path(folder), enrollment_rate="0")
        hub.start()
        stack.callback(hub.stop)
        prepare(hub.ready)
        stack.enter_context(fleet(hub, wish.devices - TALKERS))
        floor = Floor(hub.url, hub.ready["enrollmentKey"])
        stack.callback(floor.close)
        ids = [f"a-talker-{number:03}" for number in range(TALKERS)]
        devices = stack.enter_context(floor.devices(*ids))
        talk = stack.enter_context(talking(floor, devices, wish.rate))
        report = measure(hub, wish)
        report |= {"devices": wish.devices, "eventsPerSecond": round(talk())}
    sys.stdout.write(json.dumps(report) + "\n")
    raise SystemExit(0 if report["ok"] else 1)


@contextmanager
def fleet(hub: HubProcess, devices: int) -> Generator[None]:
    """So many that are there and say little; returns once all are."""
    process = subprocess.Popen(
        [*LONGLINE, "fleet", "--hub", hub.url, "--devices", str(devices)],
        env={**os.environ, "LONGLINE_ENROLLMENT_KEY": hub.ready["enrollmentKey"]},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        give_up = time.monotonic() + ENROL_SECONDS
        while connected(hub.url) < devices:
            assert time.monotonic() < give_up, "they did not all come"
            time.sleep(LOOK_SECONDS)  # to look costs the hub time, too
        yield
    finally:
        process.terminate()
        process.wait(30)


def connected(url: str) -> int:
    """How many devices are on a line."""
    said = httpx.get(f"{url}/metrics", timeout=30, trust_env=False).text
    found = re.search(r"^longline_lines (\S+)$", said, re.MULTILINE)
    return 0 if found is None else int(float(found[1]))


@contextmanager
def talking(floor: Floor, devices: list[Simulated], rate: float) -> Generator[Any]:
    """Yields a function: how many a second they have said so far."""
    stop = threading.Event()
    said, began = 0, time.monotonic()

    def talk() -> None:
        nonlocal said
        while not stop.is_set():
            due = int((time.monotonic() - began) * rate)
            for number in range(said, due):
                device = devices[number % len(devices)]
                device.send_soon("status", status="ONLINE", metrics={"cpu.percent": number % 97})
            said = max(said, due)
            stop.wait(0.01)

    thread = threading.Thread(target=talk, daemon=True)
    thread.start()
    try:
        yield lambda: said / (time.monotonic() - began)
    finally:
        stop.set()
        thread.join()


def measure(hub: HubProcess, wish: argparse.Namespace) -> Json:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        began = time.monotonic()
        page.goto(f"{hub.url}/devices")
        sign_in(page, "operator")
        page.get_by_text(f"{wish.devices:,} devices").wait_for(timeout=60_000)
        loaded = time.monotonic() - began
        inspector = page.context.new_cdp_session(page)
        page.evaluate(SCROLL, 3)  # what is compiled once is not what is measured
        before = heap(inspector)
        page.wait_for_timeout(wish.minutes * 60_000)
        worked = work(inspector)
        times = sorted(page.evaluate(SCROLL, wish.seconds))
        worked = {name: round(total - worked[name], 2) for name, total in work(inspector).items()}
        after = heap(inspector)
        browser.close()
    frames = {
        "count": len(times),
        "p50": at(times, 0.5),
        "p95": at(times, 0.95),
        "p99": at(times, 0.99),
        "longest": round(times[-1], 1),
    }
    ok = frames["p95"] <= SMOOTH_P95_MS and after <= before * FLAT_RATIO
    return {
        "ok": ok,
        "loadSeconds": round(loaded, 1),
        "frameMs": frames,
        "processorSeconds": {"of": wish.seconds, **worked},
        "heapMiB": {"before": before, "after": after},
    }


def at(times: list[float], share: float) -> float:
    return round(times[min(len(times) - 1, int(len(times) * share))], 1)


def ask(inspector: CDPSession, method: str, **parameters: str) -> Any:
    send = cast("Any", inspector).send
    return send(method, parameters)


def work(inspector: CDPSession) -> dict[str, float]:
    """Seconds of a processor that the page's thread has used so far, in all and by kind."""
    ask(inspector, "Performance.enable", timeDomain="threadTicks")
    found = {
        one["name"]: one["value"] for one in ask(inspector, "Performance.getMetrics")["metrics"]
    }
    kinds = ("Task", "Script", "RecalcStyle", "Layout")
    return {kind.lower(): found[f"{kind}Duration"] for kind in kinds}


def heap(inspector: CDPSession) -> float:
    """MiB that are in use after a collection."""
    ask(inspector, "HeapProfiler.collectGarbage")
    return round(ask(inspector, "Runtime.getHeapUsage")["usedSize"] / 2**20, 1)


if __name__ == "__main__":
    main()
