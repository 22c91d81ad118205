"""Sessions on a device's page: a terminal in the dock, a log, and a recording that is played."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.hub.clients import new_id
from tests.acceptance.hub.process import HubProcess
from tests.browser import axe

Enter = Callable[..., Page]


@pytest.fixture
def device(hub: HubProcess, tmp_path: Path) -> Generator[str]:
    """A real agent, which opens shells."""
    device_id = new_id("box")
    file, log = tmp_path / "agent.toml", tmp_path / "app.log"
    log.write_text("the first line\n")
    file.write_text(
        f'hub = "{hub.url}"\nid = "{device_id}"\nstate_dir = "{tmp_path}/state"\n'
        f'socket = "{tmp_path}/s"\n[sessions]\nshell = true\n'
        f'[logs]\nfiles = ["{log}"]\ndefault = "file:{log}"\n'
    )
    key = {"LONGLINE_ENROLLMENT_KEY": str(hub.ready["enrollmentKey"])}
    with (tmp_path / "agent.log").open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "longline", "device", "--config", file],
            stdout=said, stderr=said, env=os.environ | key,
        )  # fmt: skip
    yield device_id
    process.send_signal(signal.SIGTERM)
    process.wait(15)


def test_a_terminal_a_log_and_a_recording(
    enter: Enter, device: str, tmp_path: Path, hub: HubProcess
) -> None:
    page = enter(f"/devices/{device}?tab=sessions")
    expect(page.get_by_text("Connected", exact=True)).to_be_visible()
    page.get_by_role("button", name="Open a shell").click()
    dock = page.get_by_role("region", name="Shell")
    screen = dock.locator(".xterm-rows")
    expect(screen).to_contain_text(re.compile("[#$]"))
    page.keyboard.type("printf '\\033[38;2;1;2;3mwor''ks\\033[0m\\n'; tty\n")
    expect(screen).to_contain_text("works")
    expect(screen).to_contain_text("/dev/pts/")
    page.get_by_role("tab", name="Overview").click()
    expect(screen).to_contain_text("works")
    page.get_by_role("tab", name="Sessions").click()
    axe.check(page)
    dock.locator(".xterm-screen").click()
    page.keyboard.type("exit\n")
    expect(dock.get_by_role("status")).to_have_text("Ended.")
    dock.get_by_role("button", name="Close").click()

    page.reload()
    row = page.locator("[data-session]").first
    expect(row).to_contain_text("finished")
    row.get_by_role("button", name="Play").click()
    played = page.get_by_role("region", name="Recording")
    expect(played.locator(".xterm-rows")).to_contain_text("works")
    expect(played.get_by_role("status")).to_have_text("Played to its end")

    page.get_by_role("button", name="Follow the log").click()
    log = page.get_by_role("region", name="Log")
    expect(log.locator(".xterm-rows")).to_contain_text("the first line")
    with (tmp_path / "app.log").open("a") as file:
        file.write("the next line\n")
    expect(log.locator(".xterm-rows")).to_contain_text("the next line")


def test_who_may_not_open_a_shell(enter: Enter, device: str) -> None:
    page = enter(f"/devices/{device}?tab=sessions", as_="operator")
    expect(page.get_by_role("button", name="Follow the log")).to_be_visible()
    expect(page.get_by_role("button", name="Open a shell")).to_have_count(0)
    expect(page.get_by_role("button", name="Open sh in it")).to_have_count(0)
