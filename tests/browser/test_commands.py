"""The commands of all devices: what there is, live, and one of them beside it."""

from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests.acceptance.hub.clients import new_id
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.up import signed_in
from tests.browser import axe
from tests.browser.devices import Floor, progress, stay_silent

Enter = Callable[..., Page]


def dispatch(hub: HubProcess, device_id: str, type_: str = "force_sync", **wish: object) -> str:
    with signed_in(hub.ready) as rest:
        answer = rest.post(
            f"/devices/{device_id}/commands",
            json={"command": {"type": type_}, **wish},
            headers={"Prefer": "respond-async"},
        )
    assert answer.status_code == 202, answer.text
    return str(answer.json()["data"]["commandId"])


def row(page: Page, command_id: str) -> Locator:
    return page.locator(f"[data-command='{command_id}']")


def test_a_command_is_followed_from_its_row_to_its_end(
    enter: Enter, floor: Floor, hub: HubProcess
) -> None:
    page = enter("/commands")
    with floor.device(new_id("follow")) as device:
        device.answer = progress(25, "upload")
        command = dispatch(hub, device.id)

        page.get_by_role("button", name="newer command").click()
        expect(row(page, command)).to_contain_text("Upload · 25 %")
        device.finish(output="all sent")
        expect(row(page, command)).to_contain_text("Success")
        expect(row(page, command)).to_contain_text("all sent")

        row(page, command).get_by_role("link", name="details").click()
        drawer = page.get_by_role("dialog", name="Force sync")
        expect(drawer).to_contain_text("The device says that it worked.")
        expect(drawer.locator("pre")).to_have_text("all sent")
        assert command in page.url, "the address leads to it"
        axe.check(page)


def test_what_is_under_way_can_be_cancelled(enter: Enter, floor: Floor, hub: HubProcess) -> None:
    device_id = new_id("cancel")
    floor.register(device_id)
    command = dispatch(hub, device_id, delivery="queue")
    page = enter(f"/commands?device={device_id}&command={command}", as_="operator")
    drawer = page.get_by_role("dialog", name="Force sync")
    expect(drawer).to_contain_text("The hub has it and waits until it can send it to the device.")

    drawer.get_by_role("button", name="Cancel command").click()

    expect(drawer).to_contain_text("It was stopped before it ended.")
    expect(drawer.get_by_role("button", name="Cancel command")).to_have_count(0)


def test_unknown_is_explained(enter: Enter, floor: Floor, hub: HubProcess) -> None:
    device_id = new_id("unknown")
    with floor.device(device_id, journalId="first") as device:
        device.answer = stay_silent
        command = dispatch(hub, device_id, "reboot_os")
        page = enter(f"/commands?device={device_id}&command={command}")
        drawer = page.get_by_role("dialog", name="Reboot OS")
        expect(drawer).to_contain_text("Sent")
    with floor.device(device_id, journalId="second"):
        expect(drawer).to_contain_text("Unknown")
        expect(drawer).to_contain_text("look at the device, then decide")
        expect(drawer).to_contain_text("they may do it a second time")
        axe.check(page)


def test_the_list_is_filtered_by_the_address(enter: Enter, floor: Floor, hub: HubProcess) -> None:
    device_id = new_id("filter")
    floor.register(device_id)
    failed = dispatch(hub, device_id)
    waiting = dispatch(hub, device_id, "pull_logs", delivery="queue")
    page = enter("/commands")
    expect(row(page, failed)).to_contain_text("The device was not connected.")

    page.get_by_role("combobox", name="Command").click()
    page.get_by_role("option", name="Pull logs").click()
    expect(row(page, failed)).to_have_count(0)
    expect(row(page, waiting)).to_contain_text("Waiting")
    page.get_by_role("combobox", name="State").click()
    page.get_by_role("option", name="Rejected").click()
    expect(page.get_by_role("heading", name="No command matches")).to_be_visible()
    assert "type=pull_logs" in page.url
    assert "status=REJECTED" in page.url
    page.get_by_role("button", name="Clear filters").click()
    expect(row(page, failed)).to_be_visible()
    axe.check(page)
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
