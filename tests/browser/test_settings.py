"""Settings: enrolment, retention, signing keys, the schema of configurations."""

import base64
import secrets
from collections.abc import Callable, Generator

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.hub.certified import new_key, request_of
from tests.acceptance.hub.clients import new_id
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.up import signed_in, until
from tests.browser import axe
from tests.browser.conftest import prepare
from tests.browser.devices import Floor
from tests.browser.signing import sign_in

Enter = Callable[..., Page]


@pytest.fixture(scope="module")
def own(built: None, tmp_path_factory: pytest.TempPathFactory) -> Generator[HubProcess]:
    """What is set here would disturb others."""
    process = HubProcess(tmp_path_factory.mktemp("own"))
    process.start()
    prepare(process.ready)
    yield process
    assert process.stop() == 0


@pytest.fixture
def settings(page: Page, own: HubProcess) -> Page:
    page.goto(f"{own.url}/settings")
    sign_in(page, "admin")
    return page


def test_enrolment_and_retention_are_set(settings: Page, own: HubProcess) -> None:
    page = settings
    auto = page.get_by_role("switch", name="Register unknown devices")
    expect(auto).to_be_checked()
    page.locator("label:has([role=switch])").first.click()
    expect(auto).not_to_be_checked()
    axe.check(page)
    page.locator("label:has([role=switch])").first.click()
    expect(auto).to_be_checked()

    again = page.get_by_role("combobox", name="Enrol known devices again")
    expect(again).to_have_value("When they are away")
    again.click()
    page.get_by_role("option", name="Never").click()
    expect(again).to_have_value("Never")
    again.click()
    page.get_by_role("option", name="When they are away").click()
    expect(again).to_have_value("When they are away")

    page.get_by_label("Log lines").fill("14")
    page.get_by_role("button", name="Save retention").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Log lines: 14 instead of 30 days")
    dialog.get_by_role("button", name="Keep less").click()
    with signed_in(own.ready) as rest:

        def is_saved() -> bool:
            found = rest.get("/settings").json()["data"]
            return (found["autoEnroll"], found["retention"]["logDays"]) == (True, 14)

        until(is_saved)
    expect(page.get_by_role("button", name="Save retention")).to_be_disabled()


def test_a_new_enrolment_key_is_shown_once_with_the_line_that_uses_it(
    settings: Page, own: HubProcess
) -> None:
    page = settings
    page.get_by_role("button", name="New key").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Make a new key").click()
    key = dialog.get_by_label("The new enrolment key").input_value()
    line = dialog.get_by_label("Command that adds a device").input_value()
    assert line == f"LONGLINE_ENROLLMENT_KEY={key} longline device --hub {own.url} --id my-device"
    floor = Floor(own.url, key)
    floor.register(new_id("newcomer"))
    floor.close()
    dialog.get_by_role("button", name="Done").click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_signing_keys_and_the_schema_come_and_go(settings: Page) -> None:
    page = settings
    page.get_by_role("button", name="Add a key").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("release")
    dialog.get_by_label("Public key").fill("no key")
    dialog.get_by_role("button", name="Add a key").click()
    expect(dialog).to_contain_text("base64")
    dialog.get_by_label("Public key").fill(base64.b64encode(secrets.token_bytes(32)).decode())
    dialog.get_by_role("button", name="Add a key").click()
    keys = page.get_by_role("table", name="Firmware signing keys")
    expect(keys).to_contain_text("release")
    keys.get_by_role("button", name="Delete: release").click()
    dialog.get_by_role("button", name="Delete").click()
    expect(keys).to_have_count(0)

    page.get_by_role("button", name="Write a schema").click()
    schema = page.get_by_label("JSON Schema")
    schema.fill("{")
    page.get_by_role("button", name="Save schema").click()
    expect(page.get_by_text("This is not valid JSON")).to_be_visible()
    schema.fill('{"type":"object","required":["rate"]}')
    page.get_by_role("button", name="Save schema").click()
    expect(page.get_by_text("last changed by admin")).to_be_visible()
    page.get_by_role("button", name="Delete schema").click()
    dialog.get_by_role("button", name="Delete schema").click()
    expect(page.get_by_text("None: any object may be desired.")).to_be_visible()


def test_who_may_not_administer_changes_nothing(enter: Enter) -> None:
    page = enter("/settings", as_="viewer")
    expect(page.get_by_role("switch", name="Register unknown devices")).to_be_disabled()
    for name in ("New key", "Save retention", "Add a key", "Write a schema"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)


def test_a_device_that_waits_is_let_in_by_its_fingerprint(settings: Page, own: HubProcess) -> None:
    page = settings
    page.get_by_role("button", name="New token").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("press hall")
    dialog.get_by_label("Devices").fill("2")
    dialog.locator("label:has([role=switch])").first.click()
    axe.check(page)
    dialog.get_by_role("button", name="Make a token").click()
    line = dialog.get_by_label("Command that adds a device").input_value()
    token = line.partition("=")[2].partition(" ")[0]
    dialog.get_by_role("button", name="Done").click()
    row = page.locator("tr", has_text="press hall")
    expect(row).to_contain_text("0 of 2")

    good, bad = new_id("press"), new_id("press")
    with httpx.Client(base_url=f"{own.url}/api/v1", trust_env=False) as nobody:

        def ask(device: str, **shown: str) -> httpx.Response:
            headers = {"X-Enrollment-Token": token, **shown}
            return nobody.post(f"/devices/{device}/token", headers=headers)

        asked = {device: ask(device).json() for device in (good, bad)}
        waiting = page.locator(f"[data-request={good}]")
        expect(waiting).to_contain_text(asked[good]["fingerprint"])
        axe.check(page)
        waiting.get_by_role("button", name="Approve").click()
        expect(waiting).to_have_count(0)
        secret = {"X-Enrollment-Request": asked[good]["requestSecret"]}
        assert ask(good, **secret).status_code == 200

        waiting = page.locator(f"[data-request={bad}]")
        waiting.get_by_role("button", name="Reject").click()
        page.get_by_role("dialog").get_by_role("button", name="Reject").click()
        expect(waiting).to_have_count(0)
        secret = {"X-Enrollment-Request": asked[bad]["requestSecret"]}
        assert ask(bad, **secret).json()["code"] == "forbidden"

    row.get_by_role("button", name="Delete the token press hall").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)


def test_a_secret_is_kept_replaced_and_deleted(settings: Page, own: HubProcess) -> None:
    page, value = settings, secrets.token_hex(8)
    page.get_by_role("button", name="New secret…").click()
    page.get_by_role("textbox", name="Name").fill("wifi")
    page.get_by_role("textbox", name="Value 1").fill(value)
    page.get_by_role("button", name="Keep").click()
    row = page.get_by_role("row").filter(has_text="wifi")
    expect(row).to_contain_text("value")
    axe.check(page)
    expect(page.locator("body")).not_to_contain_text(value)
    row.get_by_role("button", name="Replace…").click()
    page.get_by_role("textbox", name="Value 1").fill("another")
    axe.check(page)
    page.get_by_role("button", name="Keep").click()
    with signed_in(own.ready) as rest:
        until(lambda: rest.get("/secrets/wifi").json()["data"]["version"] == 2)
    row.get_by_role("button", name="Delete the secret wifi").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(row).to_have_count(0)


def test_a_certificate_is_found_by_when_it_ends_and_revoked(
    settings: Page, own: HubProcess
) -> None:
    page, device_id = settings, new_id("press")
    with signed_in(own.ready) as rest:
        key = rest.post("/settings/enrollment-key").raise_for_status().json()["data"]
        made = httpx.post(
            f"{own.url}/api/v1/devices/{device_id}/certificate",
            json={"csr": request_of(new_key())},
            headers={"X-Enrollment-Key": key["enrollmentKey"]},
            trust_env=False,
        )
        serial = made.raise_for_status().json()["data"]["serial"]
    page.reload()
    row = page.locator(f"[data-certificate='{serial}']")
    expect(row).to_contain_text("Valid")
    axe.check(page)
    page.get_by_role("combobox", name="Expires").click()
    page.get_by_role("option", name="Within 30 days").click()
    expect(page.get_by_text("No certificates like that.")).to_be_visible()

    page.goto(f"{own.url}/devices/{device_id}")
    page.get_by_role("button", name=f"Revoke certificate {serial}").click()
    page.get_by_role("textbox", name="Reason").fill("it is lost")
    axe.check(page)
    page.get_by_role("button", name="Revoke", exact=True).click()
    expect(row).to_contain_text("Revoked")
    expect(row.get_by_role("button")).to_have_count(0)
    axe.check(page)
