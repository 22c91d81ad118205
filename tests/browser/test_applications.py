"""Applications: made from a Compose file, aimed, seen on a device, and deleted."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.acceptance.hub.clients import new_id
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.up import signed_in, until
from tests.browser import axe
from tests.browser.boxes import failing
from tests.browser.devices import Floor

Enter = Callable[..., Page]
COMPOSE = "services:\n  web:\n    image: busybox:1\n"
WORKLOADS = {
    "accepts": ["desired"],
    "sections": {"workloads": {"version": "", "hash": ""}},
}


def test_an_application_from_its_file_to_its_device(
    enter: Enter, floor: Floor, hub: HubProcess
) -> None:
    name, device_id, tag = new_id("shop"), new_id("box"), new_id("tag")
    with floor.device(device_id, **WORKLOADS), signed_in(hub.ready) as rest:
        rest.patch(f"/devices/{device_id}", json={"tags": [tag]}).raise_for_status()
        page = enter("/applications")
        axe.check(page)
        page.get_by_role("button", name="New application").first.click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Name").fill(name)
        dialog.get_by_label("Compose file").fill(COMPOSE + "    build: .\n")
        dialog.get_by_role("button", name="Create").click()
        expect(dialog.get_by_text("Line 4")).to_be_visible()
        axe.check(page)
        dialog.get_by_label("Compose file").fill(COMPOSE)
        dialog.get_by_role("button", name="Create").click()
        expect(page.get_by_role("heading", name=name)).to_be_visible()
        axe.check(page)

        page.get_by_role("textbox", name="Target").fill('name ~ "press-*"')
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("a device could come in by what it says")).to_be_visible()
        page.get_by_role("textbox", name="Target").fill(f"tag = {tag}")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("The target is changed.")).to_be_visible()
        page.get_by_role("button", name="Make current").click()

        page.get_by_label("Remove it from devices that match no more").check()
        page.get_by_role("button", name="Save").click()

        def is_saved() -> bool:
            found = rest.get(f"/applications/{name}").json()["data"]
            return (found["target"], found["removeWhenUnmatched"]) == (f"tag = {tag}", True)

        until(is_saved)

        page.goto(f"{hub.url}/devices/{device_id}?tab=applications")
        row = page.get_by_role("row").filter(has_text="web")
        expect(row).to_contain_text(name)
        axe.check(page)
        row.get_by_role("button", name="Stop").click()
        expect(row).to_contain_text("Stopped by hand")

        page.goto(f"{hub.url}/applications/{name}")
        expect(page.get_by_role("row").filter(has_text=device_id)).to_be_visible()
        axe.check(page)


def test_an_application_is_given_to_a_device_by_hand(
    enter: Enter, floor: Floor, hub: HubProcess
) -> None:
    name, box_id = new_id("shop"), new_id("box")
    compose = COMPOSE + "    volumes:\n      - data:/data\nvolumes:\n  data: {}\n"
    with floor.boxes(box_id), signed_in(hub.ready) as rest:
        made = rest.post("/applications", json={"name": name, "compose": compose})
        revision = made.json()["data"]["revision"]["revision"]
        page = enter(f"/devices/{box_id}?tab=applications")
        page.get_by_role("button", name="Add an application…").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("combobox", name="Application").click()
        page.get_by_role("option", name=name).click()
        add = dialog.get_by_role("button", name="Add")
        expect(add).to_be_disabled()
        dialog.get_by_role("combobox", name="Revision").click()
        page.get_by_role("option", name=revision[:12]).click()
        dialog.get_by_label("Keep this revision").check()
        axe.check(page)
        add.click()
        row = page.locator(f"[data-assigned='{name}']")
        expect(row).to_contain_text(revision[:12])
        expect(row).to_contain_text("Keeps its revision")
        expect(page.get_by_role("row").filter(has_text="web")).to_contain_text("Running")
        axe.check(page)

        row.get_by_role("button", name="Change…").click()
        dialog.get_by_label("Keep this revision").uncheck()
        dialog.get_by_role("button", name="Save").click()
        expect(row).not_to_contain_text("Keeps its revision")

        row.get_by_role("button", name="Remove…").click()
        expect(dialog).to_contain_text("data")
        expect(dialog.get_by_label("Keep them")).to_be_checked()
        dialog.get_by_label("Delete them with what is in them").check()
        axe.check(page)
        dialog.get_by_role("button", name="Remove", exact=True).click()
        expect(row).to_have_count(0)
        (entry,) = rest.get(
            "/audit-log", params={"target": box_id, "action": "device.unassign_application"}
        ).json()["data"]
        assert entry["detail"] == {"application": name, "volumes": True}


def test_the_list_counts_services_by_their_state(
    enter: Enter, floor: Floor, hub: HubProcess
) -> None:
    name, good, bad, quiet = new_id("shop"), new_id("box"), new_id("box"), new_id("box")
    floor.register(quiet)
    with floor.boxes(good, bad) as (_, broken), signed_in(hub.ready) as rest:
        made = rest.post("/applications", json={"name": name, "compose": COMPOSE})
        body = {"revision": made.json()["data"]["revision"]["revision"]}
        page = enter("/applications")
        row = page.locator(f"[data-application='{name}']")
        expect(row).to_be_visible()
        broken.says = failing("image_not_found", "no such image")
        for device_id in (good, bad, quiet):
            path = f"/devices/{device_id}/applications/{name}"
            rest.put(path, json=body).raise_for_status()
        expect(row.locator("[data-state=running]")).to_have_text("1 Running")
        expect(row.locator("[data-state=error]")).to_have_text("1 Error")
        expect(row.locator("[data-state=unknown]")).to_have_text("1 Nothing said yet")
        axe.check(page)


def test_who_may_not_change_applications_sees_them_only(enter: Enter) -> None:
    page = enter("/applications", as_="viewer")
    expect(page.get_by_role("heading", name="Applications", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="New application")).to_have_count(0)
