"""From the first start of a hub to the first device."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.hub.clients import new_id
from tests.acceptance.hub.process import HubProcess
from tests.browser import axe
from tests.browser.devices import Floor
from tests.browser.signing import PASSWORD, sign_in


@pytest.mark.usefixtures("built")
def test_a_fresh_hub_asks_for_a_password_then_for_a_device(page: Page, tmp_path: Path) -> None:
    hub = HubProcess(tmp_path)
    hub.start()
    try:
        page.goto(hub.url)
        sign_in(page, "admin", hub.ready["adminPassword"])

        expect(page.get_by_role("heading", name="Choose a new password")).to_be_visible()
        page.get_by_label("New password", exact=True).fill(PASSWORD)
        page.get_by_label("New password again").fill(PASSWORD)
        page.get_by_role("button", name="Change password").click()

        expect(page.get_by_role("heading", name="Add a device")).to_be_visible()
        expect(page.get_by_text("Live", exact=True)).to_be_visible()
        axe.check(page)

        page.get_by_role("button", name="Make a token").click()
        expect(page.get_by_text("It is not shown again")).to_be_visible()
        line = page.get_by_label("Command that adds a device").input_value()
        token = line.partition("=")[2].partition(" ")[0]
        assert token.startswith("lle_")
        packaged = page.get_by_label("On a machine with the agent's package")
        expect(packaged).to_have_value(
            f"echo {token} | sudo longline device enroll --hub {hub.url} --id my-device"
        )
        assert (
            line
            == f"LONGLINE_ENROLLMENT_KEY={token} longline device --hub {hub.url} --id my-device"
        )
        axe.check(page)
        floor = Floor(hub.url, token)
        with floor.device("filler-1"):
            row = page.locator("[data-device=filler-1]")
            expect(row).to_contain_text("Online")
        expect(row).to_contain_text("Offline")
        floor.close()

        page.reload()
        expect(page.locator("[data-device=filler-1]")).to_be_visible()
    finally:
        hub.stop()


def test_who_signs_out_is_out_in_every_tab(page: Page, hub: HubProcess) -> None:
    page.goto(hub.url)
    sign_in(page, "viewer")
    other = page.context.new_page()
    other.goto(hub.url)
    expect(other.get_by_role("heading", name="Fleet")).to_be_visible()

    page.get_by_role("button", name="Menu of viewer").click()
    page.get_by_role("menuitem", name="Sign out").click()

    expect(page.get_by_label("Username")).to_be_visible()
    expect(other.get_by_label("Username")).to_be_visible()
    other.reload()
    expect(other.get_by_label("Username")).to_be_visible()


def test_a_wrong_password_is_one_readable_line(page: Page, hub: HubProcess) -> None:
    page.goto(hub.url)
    page.get_by_label("Username").fill("viewer")
    page.get_by_role("textbox", name="Password").fill("not this one")
    page.get_by_role("button", name="Sign in", exact=True).click()

    expect(page.get_by_role("alert")).to_have_text("Wrong username or password.")


def test_keys_lead_everywhere(page: Page, hub: HubProcess, floor: Floor) -> None:
    floor.register(new_id("keys"))
    page.goto(hub.url)
    sign_in(page, "viewer")
    expect(page.get_by_role("grid")).to_be_visible()

    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(keys).to_contain_text("Go to Commands")
    expect(keys).not_to_contain_text("Go to Settings")
    axe.check(page)
    page.keyboard.press("Escape")
    expect(keys).to_have_count(0)
    page.keyboard.press("g")
    page.keyboard.press("c")
    expect(page.get_by_role("heading", name="Commands")).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("d")
    expect(page.get_by_role("grid")).to_be_visible()
    page.keyboard.press("/")
    expect(page.get_by_label("Search name, ID or tag")).to_be_focused()
    page.keyboard.type("gc?")
    expect(page.get_by_role("heading", name="Fleet")).to_be_visible()


def test_the_theme_is_remembered(page: Page, hub: HubProcess) -> None:
    page.goto(hub.url)
    sign_in(page, "viewer")
    page.get_by_role("button", name="Menu of viewer").click()
    page.get_by_title("Dark").click()

    dark = page.locator("html[data-mantine-color-scheme=dark]")
    expect(dark).to_be_attached()
    page.reload()
    expect(dark).to_be_attached()
    expect(page.get_by_role("heading", name="Fleet")).to_be_visible()
