"""Live without lies: what the console says when the network or a clock is wrong."""

import time

from playwright.sync_api import Page, expect

from tests.acceptance.hub.clients import new_id
from tests.acceptance.hub.process import HubProcess
from tests.browser import axe
from tests.browser.devices import Floor
from tests.browser.network import Network
from tests.browser.signing import sign_in

PATIENCE_MS = 40_000
"""A line that says nothing is asked after 15 s, and given up 10 s later."""


def test_a_cut_is_seen_and_what_was_missed_is_made_good(
    page: Page, floor: Floor, network: Network
) -> None:
    with floor.device(new_id("cut")) as device:
        page.goto(f"{network.url}/devices?q={device.id}")
        sign_in(page, "viewer")
        row = page.locator(f"[data-device={device.id}]")
        expect(row).to_contain_text("Online")
        expect(page.get_by_text("Live", exact=True)).to_be_visible()

        network.cut()
        banner = page.get_by_role("status").filter(has_text="Not connected to the hub")
        expect(banner).to_be_visible()
        device.status("ERROR")
        expect(row).to_contain_text("Online")
        axe.check(page)

        network.restore()
        expect(row).to_contain_text("Error")
        expect(banner).to_have_count(0)
        expect(page.get_by_text("Live", exact=True)).to_be_visible()


def test_a_network_that_swallows_everything_is_noticed(
    page: Page, floor: Floor, network: Network
) -> None:
    floor.register(new_id("silent"))
    page.goto(network.url)
    sign_in(page, "viewer")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()

    network.freeze()
    banner = page.get_by_role("status").filter(has_text="Not connected to the hub")
    expect(banner).to_be_visible(timeout=PATIENCE_MS)

    network.restore()
    expect(banner).to_have_count(0, timeout=PATIENCE_MS)


def test_a_clock_that_is_wrong_is_said(page: Page, hub: HubProcess) -> None:
    page.clock.install(time=time.time() - 3600)
    page.goto(hub.url)
    sign_in(page, "viewer")

    hint = page.get_by_role("status").filter(has_text="clock")
    expect(hint).to_contain_text("behind the hub's")


def test_a_session_that_ended_elsewhere_asks_to_sign_in_again(
    page: Page, hub: HubProcess, floor: Floor
) -> None:
    floor.register(new_id("ended"))
    page.goto(f"{hub.url}/commands")
    sign_in(page, "operator")
    expect(page.get_by_role("heading", name="Commands")).to_be_visible()

    page.context.clear_cookies()
    page.reload()

    expect(page.get_by_label("Username")).to_be_visible()
    kept = page.evaluate("Object.keys(localStorage).concat(Object.keys(sessionStorage))")
    assert set(kept) <= {"longline-theme", "longline-org"}, "no token is where scripts can read it"
    sign_in(page, "operator")
    expect(page.get_by_role("heading", name="Commands")).to_be_visible()
