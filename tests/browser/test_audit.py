"""The audit log: found by words, by cell and by time, in the address; exported."""

import json
import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.acceptance.hub.clients import new_id
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.up import signed_in
from tests.browser import axe

Enter = Callable[..., Page]
CHANGES = 130


def test_deeds_are_found_and_exported(enter: Enter, hub: HubProcess, tmp_path: Path) -> None:
    device_id = new_id("audited")
    with signed_in(hub.ready) as rest:
        rest.post("/devices", json={"id": device_id})
        for number in range(CHANGES):
            rest.patch(f"/devices/{device_id}", json={"name": f"n{number}"})

    page = enter("/audit", as_="viewer")
    page.get_by_label("Search actor, action, target").fill(f"{device_id[-8:]} device.")
    expect(page).to_have_url(re.compile(rf"q=.*{device_id[-8:]}"))
    expect(page.locator("[data-audit='device.update']").first).to_contain_text(device_id)
    axe.check(page)

    grid = page.get_by_role("grid", name="Audit")
    first = page.locator("[data-audit='device.create']")
    expect(page.get_by_text("100+ rows")).to_be_visible()
    for _ in range(3):  # the second page comes on the way
        grid.evaluate("grid => grid.scrollTo(0, grid.scrollHeight)")
        page.wait_for_function("() => true")
    expect(page.get_by_text(f"{CHANGES + 1} rows")).to_be_visible()
    grid.evaluate("grid => grid.scrollTo(0, grid.scrollHeight)")
    expect(first).to_be_visible()

    first.get_by_role("button", name="device.create", exact=True).click()
    expect(page).to_have_url(re.compile("action=device.create"))
    expect(page.get_by_text("1 row", exact=True)).to_be_visible()
    first.get_by_role("button", name="Details of").click()
    expect(page.get_by_role("dialog")).to_contain_text("admin")
    page.keyboard.press("Escape")

    page.get_by_role("button", name="Action: device.create").click()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Export").click()
        page.get_by_role("menuitem", name="As JSON").click()
    saved.value.save_as(tmp_path / "audit.json")
    rows = json.loads((tmp_path / "audit.json").read_text())
    assert len(rows) == CHANGES + 1
    assert rows[0]["detail"] == {"name": f"n{CHANGES - 1}"}
    with page.expect_download() as saved:
        page.get_by_role("button", name="Export").click()
        page.get_by_role("menuitem", name="As CSV").click()
    saved.value.save_as(tmp_path / "audit.csv")
    assert len((tmp_path / "audit.csv").read_text().splitlines()) == CHANGES + 2

    page.get_by_role("combobox", name="Time").click()
    page.get_by_role("option", name="Last hour").click()
    page.reload()
    expect(page.get_by_role("combobox", name="Time")).to_have_value("Last hour")
    expect(page.locator("[data-audit='device.update']").first).to_be_visible()
