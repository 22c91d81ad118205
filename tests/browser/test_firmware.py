"""Releases and deployments, with devices that update as they are told."""

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.acceptance.hub.clients import Json, new_id
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.up import signed_in
from tests.browser import axe
from tests.browser.devices import Floor

Enter = Callable[..., Page]
ROLL_OUT_MS = 40_000


def release(hub: HubProcess, version: str) -> Json:
    """One in a channel of its own."""
    with signed_in(hub.ready) as rest:
        answer = rest.post(
            "/firmware/releases",
            params={"version": version, "channel": new_id("channel")},
            content=os.urandom(2000),
            headers={"Content-Type": "application/octet-stream"},
        )
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()["data"]
    return made


def deploy(hub: HubProcess, version: str, devices: list[str], **terms: object) -> str:
    made = release(hub, version)
    body = {"releaseId": made["id"], "target": {"deviceIds": devices}, "soakSeconds": 1, **terms}
    with signed_in(hub.ready) as rest:
        answer = rest.post("/firmware/deployments", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["data"]["id"])


def count(page: Page, status: str) -> Locator:
    return page.locator(f"[data-count={status}] dd")


def target(page: Page, device_id: str) -> Locator:
    return page.locator(f"[data-target='{device_id}']")


def test_a_release_is_uploaded_signed_and_deleted(enter: Enter, tmp_path: Path) -> None:
    artifact = tmp_path / "agent-7.1.0.tar.gz"
    artifact.write_bytes(os.urandom(300_000))
    channel = new_id("uploaded")
    page = enter("/firmware?tab=releases")
    page.get_by_role("button", name="Upload a release").first.click()
    dialog = page.get_by_role("dialog")
    dialog.locator("input[type=file]").set_input_files(artifact)
    expect(dialog.get_by_label("Version")).to_have_value("7.1.0")
    dialog.get_by_label("Channel").fill("not a word!")
    expect(dialog.get_by_role("button", name="Upload", exact=True)).to_be_disabled()
    dialog.get_by_label("Channel").fill(channel)
    dialog.get_by_label("Type").fill("line-jar")
    axe.check(page)
    dialog.get_by_role("button", name="Upload", exact=True).click()
    expect(dialog).to_contain_text("Release 7.1.0 is uploaded, 300 kB.")
    expect(dialog).to_contain_text(hashlib.sha256(artifact.read_bytes()).hexdigest())
    dialog.get_by_role("button", name="Close").last.click()

    row = page.locator("[data-release='7.1.0']", has_text=channel)
    expect(row).to_contain_text("line-jar")
    expect(row).to_contain_text("agent-7.1.0.tar.gz")
    expect(row).to_contain_text("Unsigned")
    axe.check(page)

    page.get_by_role("button", name="Upload a release").first.click()
    dialog.locator("input[type=file]").set_input_files(artifact)
    dialog.get_by_label("Type").fill("line-jar")
    dialog.get_by_label("Channel").fill(channel)
    dialog.get_by_role("button", name="Upload", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("7.1.0")
    page.keyboard.press("Escape")

    row.get_by_role("button", name="Delete release 7.1.0").click()
    delete = page.get_by_role("button", name="Delete the release")
    expect(delete).to_be_disabled()
    page.get_by_label("Type 7.1.0 to confirm").fill("7.1.0")
    delete.click()
    expect(row).to_have_count(0)


def test_a_roll_out_in_waves(enter: Enter, floor: Floor, hub: HubProcess) -> None:
    tag = new_id("tag")
    made = release(hub, "2.0")
    with floor.updating(3) as devices:
        with signed_in(hub.ready) as rest:
            for device_id in devices:
                rest.patch(f"/devices/{device_id}", json={"tags": [tag]})
        page = enter(f"/firmware?deploy={made['id']}")
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("combobox", name="Tag").click()
        page.get_by_role("option", name=tag).click()
        expect(dialog.get_by_role("status")).to_contain_text("3 devices are targeted")
        dialog.get_by_label("Size of wave 2").fill("70")
        expect(dialog.get_by_role("alert")).to_have_text("Shares rise from wave to wave.")
        dialog.get_by_role("button", name="Remove wave 3").click()
        expect(dialog.get_by_role("alert")).to_have_count(0)
        dialog.get_by_label("Soak time, seconds").fill("1")
        begin = dialog.get_by_role("button", name="Deploy 2.0 to 3 devices")
        expect(begin).to_be_disabled()
        dialog.get_by_label("Type 3, the number of devices, to confirm").fill("3")
        axe.check(page)
        begin.click()

        expect(page.get_by_role("heading", name="Deployment of 2.0")).to_be_visible()
        expect(count(page, "SUCCESS")).to_have_text("3", timeout=ROLL_OUT_MS)
        expect(page.locator("#page [data-campaign=SUCCESS]").first).to_have_text("Success")
        waves = page.locator("[data-wave]")
        expect(waves).to_have_count(3)
        expect(waves.nth(0)).to_contain_text("1 / 1")
        expect(waves.nth(0).get_by_role("img")).to_have_attribute("aria-label", "1 succeeded")
        for device_id in devices:
            expect(target(page, device_id)).to_contain_text("Success")
        expect(page.get_by_role("button", name="Abort…")).to_have_count(0)
        axe.check(page)

        target(page, devices[0]).get_by_role("link").click()
        part = page.locator("[data-part=SUCCESS]")
        expect(part).to_contain_text("1 → 2.0")


def test_a_deployment_is_paused_resumed_and_aborted(
    enter: Enter, floor: Floor, hub: HubProcess
) -> None:
    device_id = new_id("away")
    floor.register(device_id)
    deployment = deploy(hub, "3.0", [device_id])
    page = enter("/firmware")
    row = page.locator(f"[data-campaign-id='{deployment}']")
    expect(row).to_contain_text("In progress")
    axe.check(page)
    row.get_by_role("link").click()
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#page [data-campaign=PAUSED]")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#page [data-campaign=IN_PROGRESS]").first).to_be_visible()
    page.get_by_role("button", name="Abort…").click()
    abort = page.get_by_role("button", name="Abort the deployment")
    expect(abort).to_be_disabled()
    page.get_by_label("Type 3.0 to confirm").fill("3.0")
    abort.click()
    expect(page.locator("#page [data-campaign=ABORTED]")).to_be_visible()
    expect(target(page, device_id)).to_contain_text("not begun: it was aborted before")


def test_why_it_stopped_is_said(enter: Enter, floor: Floor, hub: HubProcess) -> None:
    with floor.updating(2, becomes={"4.0": "1"}) as devices:
        deployment = deploy(
            hub, "4.0", devices,
            waves=[{"count": 1}, {"percent": 100}], stopAt={"failedPercent": 50, "minimum": 1},
        )  # fmt: skip
        page = enter(f"/firmware/deployments/{deployment}", as_="viewer")
        stopped = page.get_by_role("status").filter(has_text="Stopped")
        expect(stopped).to_contain_text("1 of 1 devices failed", timeout=ROLL_OUT_MS)
        expect(target(page, devices[0])).to_contain_text("came back with another version")
        expect(target(page, devices[1])).to_contain_text("Skipped")
        page.get_by_role("radiogroup", name="Status").get_by_text("Failed").click()
        expect(page.locator("[data-target]")).to_have_count(1)


def test_one_device_is_updated_from_its_page(enter: Enter, floor: Floor, hub: HubProcess) -> None:
    made = release(hub, "5.0")
    with floor.updating(1) as (device_id,):
        page = enter(f"/devices/{device_id}?tab=firmware")
        row = page.locator("[data-release='5.0']", has_text=made["channel"])
        expect(row).to_contain_text("newer")
        row.get_by_role("button", name="Update…").click()
        page.get_by_label(f"Type {device_id} to confirm").fill(device_id)
        page.get_by_role("button", name="Start the update").click()
        expect(page.get_by_role("heading", name="Deployment of 5.0")).to_be_visible()
        expect(target(page, device_id)).to_contain_text(re.compile("proving|Success"))


def test_a_viewer_may_look_and_no_more(enter: Enter, hub: HubProcess) -> None:
    made = release(hub, "6.0")
    page = enter("/firmware?tab=releases", as_="viewer")
    row = page.locator("[data-release='6.0']", has_text=made["channel"])
    expect(row).to_be_visible()
    expect(row.get_by_role("button")).to_have_count(0)
    for button in ("Upload a release", "New deployment"):
        expect(page.get_by_role("button", name=button)).to_have_count(0)
    page.goto(f"{hub.url}/firmware?deploy={made['id']}")
    expect(page.get_by_role("heading", name="Firmware")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("tab", name="Signing keys").click()
    expect(page.get_by_role("region", name="Firmware signing keys")).to_be_visible()
    expect(
        page.get_by_role("region", name="Firmware signing keys").get_by_role("button")
    ).to_have_count(0)


def test_an_unknown_deployment_is_said_clearly(enter: Enter) -> None:
    page = enter("/firmware/deployments/none")
    expect(page.get_by_text("There is no such deployment.")).to_be_visible()
    axe.check(page)


def test_a_device_shows_its_software_and_that_it_trusts_nobody(
    enter: Enter, floor: Floor, hub: HubProcess
) -> None:
    with signed_in(hub.ready) as rest:
        answer = rest.post(
            "/firmware/releases",
            params={"version": "9.1", "type": "line-jar", "channel": new_id("channel")},
            content=os.urandom(2000),
            headers={"Content-Type": "application/octet-stream"},
        )
    channel = answer.json()["data"]["channel"]
    device_id = new_id("jar")
    said = {
        "agentVersion": "1", "installers": ["agent", "line-jar", "recipes"],
        "versions": {"line-jar": "9.1"},
        "unsigned": True, "barred": ["ab" * 32],
    }  # fmt: skip
    with floor.device(device_id, **said):
        page = enter(f"/devices/{device_id}?tab=firmware")
        facts = page.locator("dl").first
        expect(facts).to_contain_text("line-jar 9.1")
        expect(facts).to_contain_text("Installsagent, line-jar, recipes")
        expect(facts).to_contain_text("unsigned is taken")
        expect(facts).to_contain_text("abababababab")
        row = page.locator("[data-release='9.1']", has_text=channel)
        expect(row).to_contain_text("line-jar")
        expect(row).to_contain_text("installed")
        expect(row.get_by_role("button")).to_have_text(["Pin…"])
        axe.check(page)


def test_a_version_is_pinned_and_set_free_from_the_page_of_the_device(
    enter: Enter, floor: Floor, hub: HubProcess
) -> None:
    made = release(hub, "4.0")
    device_id = new_id("pin")
    source = "https://updates.example.org"
    with floor.device(device_id, agentVersion="1", installers=["agent"], updateSource=source):
        page = enter(f"/devices/{device_id}?tab=firmware")
        expect(page.locator("dl").first).to_contain_text(f"Updates from{source}")
        expect(page.get_by_text("Nothing is pinned")).to_be_visible()
        row = page.locator("[data-release='4.0']", has_text=made["channel"])
        row.get_by_role("button", name="Pin…").click()
        page.get_by_label(f"Type {device_id} to confirm").fill(device_id)
        page.get_by_role("button", name="Pin", exact=True).click()
        pin = page.locator("[data-pin='agent']")
        expect(pin).to_contain_text("4.0")
        expect(pin).to_contain_text("pending")
        expect(row.get_by_role("button", name="Pin…")).to_have_count(0)
        axe.check(page)
        pin.get_by_role("button", name="Unpin").click()
        expect(page.get_by_text("Nothing is pinned")).to_be_visible()
        expect(page.get_by_role("button", name="Unpin")).to_have_count(0)
