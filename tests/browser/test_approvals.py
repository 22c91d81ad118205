"""What a second person approves: set, asked for, approved by somebody else, seen live."""

from collections.abc import Generator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.acceptance.hub.clients import Json, new_id
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.up import signed_in
from tests.browser import axe
from tests.browser.conftest import prepare
from tests.browser.devices import Floor
from tests.browser.signing import PASSWORD, sign_in


@pytest.fixture(scope="module")
def own(built: None, tmp_path_factory: pytest.TempPathFactory) -> Generator[HubProcess]:
    """What is set here would disturb others. There is a second administrator: bert."""
    process = HubProcess(tmp_path_factory.mktemp("own"))
    process.start()
    prepare(process.ready)
    with signed_in(process.ready) as rest:
        shown = {"password": PASSWORD}
        assert rest.post("/auth/reauthenticate", json=shown).status_code == 200
        bert = {"username": "bert", "password": PASSWORD, "role": "ADMIN"}
        assert rest.post("/users", json=bert).status_code == 201
    yield process
    assert process.stop() == 0


@pytest.fixture
def floor(own: HubProcess) -> Generator[Floor]:
    running = Floor(own.url, own.ready["enrollmentKey"])
    yield running
    running.close()


@pytest.fixture
def bert(browser: Browser, own: HubProcess) -> Generator[Page]:
    """Another person's browser."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    page = context.new_page()
    page.goto(f"{own.url}/approvals")
    sign_in(page, "bert")
    yield page
    context.close()


def set_to(rest: httpx.Client, settings: Json) -> None:
    assert rest.patch("/settings", json=settings).status_code == 200


def send(page: Page, command: str, typed: str = "") -> None:
    """In the dialog of a device."""
    page.get_by_role("button", name="Send a command").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox", name="Command").click()
    page.get_by_role("option", name=command).click()
    if typed:
        dialog.get_by_label(f"Type {typed} to confirm").fill(typed)
    dialog.get_by_role("button", name=command).click()


def test_a_command_waits_until_another_person_has_approved_it(
    page: Page, bert: Page, own: HubProcess, floor: Floor
) -> None:
    with signed_in(own.ready) as rest:
        set_to(rest, {"approvals": {"resources": ["commands/reboot_os"]}})
    name = new_id("filler")
    with floor.device(name) as device:
        page.goto(f"{own.url}/devices/{name}")
        sign_in(page, "admin")
        expect(bert.get_by_text("Nothing waits for an approval.")).to_be_visible()
        send(page, "Reboot OS", typed=name)
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("Another person has to approve it.")
        expect(dialog.locator("[data-run]")).to_contain_text("Awaiting")
        axe.check(page)
        assert device.commands == []

        bert.get_by_role("link", name="Reboot os").click()  # which came by itself
        inbox = bert.get_by_role("dialog")
        expect(inbox).to_contain_text('"type": "reboot_os"')
        expect(inbox.get_by_role("link", name=name)).to_be_visible()
        axe.check(bert)
        inbox.get_by_label("Comment").fill("after the shift")
        inbox.get_by_role("button", name="Approve").click()
        expect(bert.get_by_text("Approved: it is carried out.")).to_be_visible()
        expect(inbox).to_contain_text("after the shift")
        expect(dialog.get_by_role("status")).to_contain_text("1 of 1")
        assert [command["type"] for command in device.commands] == ["reboot_os"]

        dialog.get_by_role("button", name="Close").click()
        page.goto(f"{own.url}/approvals?show=decided")
        row = page.locator("[data-approval]").first
        expect(row).to_contain_text("Approved")
        expect(row).to_contain_text(name)


def test_whoever_asked_takes_it_back_and_others_reject_it(
    page: Page, bert: Page, own: HubProcess, floor: Floor
) -> None:
    name = new_id("capper")
    floor.register(name)
    page.goto(f"{own.url}/devices/{name}")
    sign_in(page, "admin")
    with signed_in(own.ready) as rest:
        for _ in range(2):
            body = {"command": {"type": "force_sync"}, "approval": True}
            held = rest.post(f"/devices/{name}/commands", json=body)
            assert held.status_code == 202
    bert.locator("[data-approval]", has_text=name).first.get_by_role("link").click()
    inbox = bert.get_by_role("dialog")
    inbox.get_by_role("button", name="Reject").click()
    expect(inbox).to_contain_text("Rejected")

    page.goto(f"{own.url}/approvals")
    page.locator("[data-approval]", has_text=name).get_by_role("link").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("You asked for it")
    dialog.get_by_role("button", name="Take it back").click()
    expect(dialog).to_contain_text("Cancelled")
    with signed_in(own.ready) as rest:
        records = rest.get(f"/devices/{name}/commands").json()["data"]
        codes = {record["error"]["code"] for record in records}
        assert codes == {"approval_rejected", "cancelled"}


def test_what_is_weakened_waits_itself(page: Page, bert: Page, own: HubProcess) -> None:
    page.goto(f"{own.url}/settings")
    sign_in(page, "admin")
    section = page.get_by_role("region", name="A second person")
    section.get_by_label("Devices in one call").fill("20")
    section.get_by_role("button", name="Save").click()
    expect(section.get_by_role("button", name="Save")).to_be_disabled()
    section.get_by_label("Devices in one call").fill("30")
    section.get_by_role("button", name="Save").click()
    expect(page.get_by_text("another person has to approve it first")).to_be_visible()
    expect(section.get_by_label("Devices in one call")).to_have_value("20")
    axe.check(page)

    bert.get_by_role("link", name="Settings", exact=True).last.click()
    inbox = bert.get_by_role("dialog")
    expect(inbox).to_contain_text('"perCall": 30')
    inbox.get_by_role("button", name="Approve").click()
    expect(section.get_by_label("Devices in one call")).to_have_value("30")


def test_an_application_that_too_many_would_lose_says_so(
    page: Page, own: HubProcess, floor: Floor
) -> None:
    name, tag, ids = new_id("shop"), new_id("tag"), [new_id("box") for _ in "abc"]
    for device_id in ids:
        floor.register(device_id)
    with signed_in(own.ready) as rest:

        def tag_all(*tags: str) -> None:
            for device_id in ids:
                rest.patch(f"/devices/{device_id}", json={"tags": tags}).raise_for_status()

        tag_all(tag)
        body = {
            "name": name,
            "compose": "services:\n  web:\n    image: busybox:1\n",
            "target": f"tag = {tag}",
            "removeWhenUnmatched": True,
        }
        made = rest.post("/applications", json=body).json()["data"]
        current = {"revision": made["revision"]["revision"]}
        rest.put(f"/applications/{name}/current", json=current).raise_for_status()
        page.goto(f"{own.url}/applications/{name}")
        sign_in(page, "admin")
        expect(page.locator("[data-workload]")).to_have_count(3)
        set_to(rest, {"blastRadius": {"perHour": 2}})
        tag_all()
        notice = page.get_by_text("More devices match no more than may lose it in an hour")
        expect(notice).to_be_visible()
        axe.check(page)
        tag_all(tag)
        page.get_by_role("button", name="Look again").click()
        expect(notice).to_have_count(0)
        expect(page.locator("[data-workload]")).to_have_count(3)
