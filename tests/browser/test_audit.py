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
from tests.browser.devices import Floor

Enter = Callable[..., Page]
CHANGES = 130


def test_entries_are_found_and_exported(enter: Enter, hub: HubProcess, tmp_path: Path) -> None:
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
    expect(page.get_by_text("100+ entries")).to_be_visible()
    for _ in range(3):  # the second page comes on the way
        grid.evaluate("grid => grid.scrollTo(0, grid.scrollHeight)")
        page.wait_for_function("() => true")
    expect(page.get_by_text(f"{CHANGES + 1} entries")).to_be_visible()
    grid.evaluate("grid => grid.scrollTo(0, grid.scrollHeight)")
    expect(first).to_be_visible()

    first.get_by_role("button", name="device.create", exact=True).click()
    expect(page).to_have_url(re.compile("action=device.create"))
    expect(page.get_by_text("1 entry", exact=True)).to_be_visible()
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
    assert rows[0]["changes"] == {"name": [f"n{CHANGES - 2}", f"n{CHANGES - 1}"]}
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


def test_what_was_done_to_a_device_is_found_by_it(
    enter: Enter, hub: HubProcess, floor: Floor
) -> None:
    ids = [new_id("bulk"), new_id("bulk")]
    for device_id in ids:
        floor.register(device_id)
    with signed_in(hub.ready) as rest:
        bulk = {"deviceIds": ids, "command": {"type": "force_sync"}, "delivery": "queue"}
        rest.post("/commands/bulk", json=bulk, headers={"Prefer": "respond-async"})
        group = rest.post("/device-groups", json={"name": f"Hall of {ids[0]}"}).json()["data"]["id"]
        rest.post(f"/device-groups/{group}/members", json={"deviceIds": ids})
        rest.patch(f"/devices/{ids[0]}", json={"name": "Filler"})

    page = enter("/audit", as_="viewer")
    device = page.get_by_role("combobox", name="Device")
    device.fill(ids[0])
    page.get_by_role("option", name=re.compile(ids[0])).click()
    expect(page).to_have_url(re.compile(f"target={ids[0]}"))
    expect(page.locator("[data-audit='command.force_sync']")).to_contain_text("batchId")
    expect(page.get_by_text(f"groupId=Hall of {ids[0]}")).to_be_visible()
    renamed = page.locator("[data-audit='device.update']")
    expect(renamed).to_contain_text('→ "Filler"')
    expect(renamed).to_contain_text("127.0.0.1")
    expect(renamed).to_contain_text("OK")
    renamed.get_by_role("button", name="Details of").click()
    expect(page.get_by_role("dialog")).to_contain_text("Changes")
    axe.check(page)
    page.keyboard.press("Escape")
    page.get_by_role("combobox", name="Outcome").click()
    page.get_by_role("option", name="Refused").click()
    expect(page.get_by_text("Nothing matches")).to_be_visible()


def test_a_new_entry_appears_by_itself(enter: Enter, hub: HubProcess) -> None:
    """Also one that changes no record, of which no event tells."""
    device_id = new_id("audited")
    page = enter(f"/audit?target={device_id}", as_="viewer")
    expect(page.get_by_role("heading", name="Audit")).to_be_visible()
    expect(page.locator("[data-audit]")).to_have_count(0)
    with signed_in(hub.ready) as rest:
        rest.post("/devices", json={"id": device_id})
        command = {"type": "force_sync"}
        rest.post(
            f"/devices/{device_id}/commands",
            json={"command": command, "delivery": "queue"},
            headers={"Prefer": "respond-async"},
        )
    expect(page.locator("[data-audit='device.create']")).to_be_visible()
    expect(page.locator("[data-audit='command.force_sync']")).to_be_visible()
