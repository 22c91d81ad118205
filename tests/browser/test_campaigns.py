"""Campaigns: one made by hand, followed wave by wave, approved, aborted and tried again."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.acceptance.hub.clients import new_id
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.up import signed_in
from tests.browser import axe
from tests.browser.devices import Floor, fail, succeed

Enter = Callable[..., Page]


def test_a_command_goes_out_in_waves(enter: Enter, floor: Floor, hub: HubProcess) -> None:
    name, tag = new_id("night"), new_id("tag")
    ids = [new_id("wave"), new_id("wave")]
    with (
        floor.device(ids[0]) as first,
        floor.device(ids[1]) as second,
        signed_in(hub.ready) as rest,
    ):
        for each in ids:
            rest.patch(f"/devices/{each}", json={"tags": [tag]}).raise_for_status()
        first.answer, second.answer = succeed, fail
        page = enter("/campaigns")
        page.get_by_role("button", name="New campaign…").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Name").fill(name)
        dialog.get_by_role("combobox", name="Command").click()
        page.get_by_role("option", name="Pull logs").click()
        dialog.get_by_role("textbox", name="A query").fill("tag =")
        expect(dialog.get_by_text("query", exact=False).first).to_be_visible()
        dialog.get_by_role("textbox", name="A query").fill(f"tag = {tag}")
        expect(dialog.get_by_role("status")).to_contain_text("2 devices are targeted")
        axe.check(page)
        dialog.get_by_role("combobox", name="Approval").click()
        page.get_by_role("option", name="after the first wave").click()
        dialog.get_by_label("Type 2, the number of devices").fill("2")
        dialog.get_by_role("button", name="Begin for 2 devices").click()

        expect(page.get_by_role("heading", name=name)).to_be_visible()
        page.get_by_role("button", name="Begin wave 2").click()
        expect(page.get_by_role("button", name="Try 1 device again")).to_be_visible(timeout=20_000)
        axe.check(page)
        row = page.locator(f'[data-target="{ids[1]}"], [data-target="{ids[0]}"]')
        expect(row).to_have_count(2)
        expect(page.locator("[data-target]").filter(has_text="Failed")).to_have_count(1)
        for device in (first, second):
            device.answer = succeed
        page.get_by_role("button", name="Try 1 device again").click()
        expect(page.locator("[data-target]").filter(has_text="Failed")).to_have_count(0)
        expect(page.get_by_text("Attempt")).to_be_visible()

        page.goto(f"{hub.url}/campaigns")
        entry = page.get_by_role("link").filter(has_text=name)
        expect(entry).to_contain_text("Pull logs")
        expect(entry).to_contain_text("Success")
        axe.check(page)
        entry.click()
        expect(page.get_by_role("heading", name=name)).to_be_visible()
        page.set_viewport_size({"width": 360, "height": 740})
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_who_may_only_read_begins_none(enter: Enter, floor: Floor, hub: HubProcess) -> None:
    device_id, name = new_id("wave"), new_id("read")
    floor.register(device_id)
    with signed_in(hub.ready) as rest:
        body = {
            "name": name,
            "command": {"type": "force_sync"},
            "target": {"deviceIds": [device_id]},
            "windows": [{"cron": "0 2 * * SUN", "minutes": 90, "timezone": "device"}],
        }
        made = rest.post("/campaigns", json=body)
        made.raise_for_status()
        page = enter("/campaigns", as_="viewer")
        expect(page.get_by_role("button", name="New campaign…")).to_have_count(0)
        page.get_by_role("link").filter(has_text=name).click()
        expect(page.get_by_text("0 2 * * SUN (time of each device), 90 min")).to_be_visible()
        expect(page.get_by_role("button", name="Pause")).to_have_count(0)
        rest.post(f"/campaigns/{made.json()['data']['id']}/abort").raise_for_status()
