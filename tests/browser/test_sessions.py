"""Sessions on a device's page: a terminal in the dock, a log, and a recording that is played."""

import re
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.hub.process import HubProcess
from tests.browser import axe
from tests.browser.agents import connected_agent

Enter = Callable[..., Page]


@pytest.fixture
def device(hub: HubProcess, tmp_path: Path) -> Generator[str]:
    """A real agent, which opens shells."""
    log = tmp_path / "app.log"
    log.write_text("the first line\n")
    more = f'[sessions]\nshell = true\n[logs]\nfiles = ["{log}"]\ndefault = "file:{log}"\n'
    with connected_agent(hub, tmp_path, more) as device_id:
        yield device_id


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
