"""Groups: made, filled by search and by pasted ids, commanded, emptied, deleted."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.acceptance.hub.clients import new_id
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.up import signed_in, until
from tests.browser import axe
from tests.browser.devices import Floor

Enter = Callable[..., Page]


def test_a_group_is_made_filled_commanded_and_deleted(enter: Enter, floor: Floor) -> None:
    name = new_id("Line")
    one, two = new_id("filler"), new_id("capper")
    floor.register(two)
    with floor.device(one) as device:
        page = enter("/groups")
        page.get_by_role("button", name="New group").first.click()
        page.get_by_label("Name").fill(name)
        page.get_by_role("dialog").get_by_role("button", name="New group").click()
        expect(page.get_by_role("heading", name=name)).to_be_visible()
        expect(page.get_by_text("This group has no devices yet")).to_be_visible()

        page.get_by_role("button", name="Add devices").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Search by name or ID").fill(one)
        dialog.get_by_label(f"Select {one}").check()
        dialog.get_by_role("button", name="Add 1 device").click()
        expect(page.locator(f"[data-device={one}]")).to_contain_text("Online")

        page.get_by_role("button", name="Add devices").click()
        dialog.get_by_text("Paste IDs").click()
        dialog.get_by_label("Device IDs").fill(f"{one}\n{two}, nobody")
        expect(dialog.get_by_role("status")).to_contain_text("1 unknown, left out: nobody")
        dialog.get_by_role("button", name="Add 1 device").click()
        expect(page.locator(f"[data-device={two}]")).to_contain_text("Offline")
        axe.check(page)

        page.get_by_role("button", name="Send a command").click()
        dialog.get_by_role("combobox", name="Command").click()
        page.get_by_role("option", name="Force sync").click()
        dialog.get_by_role("button", name="Force sync").click()
        expect(dialog.get_by_role("status")).to_contain_text("2 of 2")
        assert [command["type"] for command in device.commands] == ["force_sync"]
        page.keyboard.press("Escape")

        page.get_by_label(f"Select {two}").check()
        page.get_by_role("button", name="Remove 1 device").click()
        expect(page.locator(f"[data-device={two}]")).to_have_count(0)

        page.get_by_role("link", name="All groups").click()
        expect(page.locator("[data-group]", has_text=name)).to_contain_text("1")
        page.get_by_role("link", name=name).click()
        page.get_by_role("button", name="Delete group").click()
        dialog.get_by_role("button", name="Delete group").click()
        expect(page.get_by_text(f"{name} is deleted.")).to_be_visible()
        expect(page.locator("[data-group]", has_text=name)).to_have_count(0)


def test_a_group_means_its_members_by_a_query(enter: Enter, floor: Floor, hub: HubProcess) -> None:
    name, one, two, tag = new_id("Line"), new_id("filler"), new_id("capper"), new_id("tag")
    for device_id in (one, two):
        floor.register(device_id)
    with signed_in(hub.ready) as rest:
        rest.patch(f"/devices/{one}", json={"tags": [tag]}).raise_for_status()
    page = enter("/groups")
    page.get_by_role("button", name="New group").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_label("Query").fill(f"tag == {tag}")
    dialog.get_by_role("button", name="New group").click()
    expect(dialog.get_by_text("does not fit here")).to_be_visible()
    axe.check(page)
    dialog.get_by_label("Query").fill(f"tag = {tag}")
    dialog.get_by_role("button", name="New group").click()
    expect(page.locator(f"[data-device={one}]")).to_be_visible()
    expect(page.locator(f"[data-device={two}]")).to_have_count(0)
    expect(page.get_by_role("button", name="Add devices")).to_have_count(0)
    axe.check(page)

    page.get_by_role("button", name="Change").click()
    dialog.get_by_label("Query").fill(f'id in ("{one}", "{two}")')
    dialog.get_by_role("button", name="Change").click()
    expect(page.locator(f"[data-device={two}]")).to_be_visible()
    page.get_by_role("link", name="All groups").click()
    expect(page.locator("[data-group]", has_text=name)).to_contain_text("id in")
    axe.check(page)


def test_who_may_not_manage_groups_sees_them_only(enter: Enter) -> None:
    page = enter("/groups", as_="viewer")
    expect(page.get_by_role("heading", name="Groups", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="New group")).to_have_count(0)


def test_a_group_gives_its_devices_a_configuration(
    enter: Enter, floor: Floor, hub: HubProcess
) -> None:
    name, device_id = new_id("Line"), new_id("filler")
    floor.register(device_id)
    with signed_in(hub.ready) as rest:
        made = rest.post("/device-groups", json={"name": name}).json()["data"]
        members = f"/device-groups/{made['id']}/members"
        assert rest.post(members, json={"deviceIds": [device_id]}).status_code == 200
    page = enter("/groups", as_="manager")
    page.get_by_role("link", name=name).click()
    page.get_by_role("button", name="Configuration").click()
    dialog = page.get_by_role("dialog")
    editor = dialog.get_by_label("Members")
    editor.fill("[1]")
    expect(dialog.get_by_text("A JSON object is needed.")).to_be_visible()
    editor.fill('{"scanner": {"baud": 9600}}')
    dialog.get_by_role("button", name="See what changes").click()
    expect(dialog.get_by_role("status")).to_contain_text("1 device would get")
    axe.check(page)
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)

    def is_desired() -> bool:
        with signed_in(hub.ready) as rest:
            found = rest.get(f"/devices/{device_id}/config").json()["data"]
        return found["desired"] == {"scanner": {"baud": 9600}}

    until(is_desired)
    page.goto(page.url.split("/groups")[0] + f"/devices/{device_id}?tab=config")
    expect(page.get_by_role("row", name="baud")).to_contain_text(name)
    page.get_by_role("button", name="Edit…").click()
    expect(page.get_by_label("Desired configuration")).to_have_value("{}")
    expect(page.get_by_text("the rest comes from its groups")).to_be_visible()
