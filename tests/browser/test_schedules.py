"""Schedules: made with a look at what is to come, run at once, their runs read, and deleted."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.acceptance.hub.clients import new_id
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.up import signed_in
from tests.browser import axe
from tests.browser.devices import Floor

Enter = Callable[..., Page]


def test_a_schedule_is_made_with_a_look_at_what_is_to_come(enter: Enter, floor: Floor) -> None:
    device_id, name = new_id("press"), new_id("night")
    with floor.device(device_id):
        make_run_and_delete(enter("/schedules"), name, device_id)


def make_run_and_delete(page: Page, name: str, device_id: str) -> None:
    page.get_by_role("button", name="New schedule").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill(name)
    coming = dialog.get_by_role("region", name="Comes next")
    dialog.get_by_label("Cron").fill("0 0 * * * *")
    expect(coming).to_contain_text("five fields")
    dialog.get_by_label("Cron").fill("30 2 * * *")
    dialog.get_by_label("Time zone").fill("Europe/Berlin")
    expect(coming.get_by_role("listitem")).to_have_count(5)
    dialog.get_by_label("Devices", exact=True).fill(f'id = "{device_id}"')
    dialog.get_by_role("combobox", name="Command").click()
    page.get_by_role("option", name="Force sync").click()
    dialog.get_by_label("Parameters").fill("[1]")
    expect(dialog.get_by_text("This is no JSON object.")).to_be_visible()
    expect(dialog.get_by_role("button", name="Create")).to_be_disabled()
    dialog.get_by_label("Parameters").fill("")
    axe.check(page)
    dialog.get_by_role("button", name="Create").click()

    row = page.locator("[data-schedule]", has_text=name)
    expect(row).to_contain_text("30 2 * * * · Europe/Berlin")
    expect(row).to_contain_text("active")
    row.get_by_role("button", name=f"Run now: {name}").click()
    row.get_by_role("button", name="Runs…").click()
    runs = page.get_by_role("dialog")
    expect(runs.locator("[data-run]")).to_contain_text("1 of 1 devices")
    expect(runs.locator("[data-run]")).to_contain_text("done")
    axe.check(page)
    runs.get_by_role("link", name="Commands").click()
    expect(page.locator("[data-command]")).to_have_count(1)

    page.goto(page.url.partition("/commands")[0] + "/schedules")
    page.get_by_role("button", name=f"Delete the schedule {name}").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)


def test_who_reads_alone_is_offered_no_more(enter: Enter, hub: HubProcess) -> None:
    name = new_id("yearly")
    with signed_in(hub.ready) as rest:
        body = {
            "name": name, "cron": "0 0 1 1 *", "target": {"query": "connected"},
            "command": {"type": "force_sync"}, "enabled": False,
        }  # fmt: skip
        assert rest.post("/schedules", json=body).status_code == 201
    page = enter("/schedules", as_="viewer")
    row = page.locator("[data-schedule]", has_text=name)
    expect(row).to_contain_text("disabled")
    expect(row.get_by_role("button", name="Runs")).to_be_visible()
    expect(row.get_by_role("button", name="Run now")).to_have_count(0)
    expect(page.get_by_role("button", name="New schedule")).to_have_count(0)
    expect(page.get_by_role("button", name=f"Delete the schedule {name}")).to_have_count(0)
    axe.check(page)
