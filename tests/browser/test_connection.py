"""Live without lies: what the console says when the network or a clock is wrong."""

import time
from collections.abc import Generator

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.chaos.proxy import Address, Proxy
from tests.acceptance.hub.clients import new_id
from tests.acceptance.hub.process import HubProcess
from tests.browser import axe
from tests.browser.devices import Floor
from tests.browser.signing import sign_in

PATIENCE_MS = 40_000
"""A line that says nothing is asked after 15 s, and given up 10 s later."""


class Network:
    """Between the browser and the hub."""

    def __init__(self, floor: Floor, hub: HubProcess) -> None:
        self._target: Address | None = ("127.0.0.1", int(hub.url.rpartition(":")[2]))
        self._kept = self._target
        self.proxy = Proxy(lambda: self._target)
        self._floor = floor

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.proxy.port}"

    def cut(self) -> None:
        self._target = None
        self._floor.call(self.proxy.cut)

    def restore(self) -> None:
        self._target = self._kept
        self._floor.call(self.proxy.thaw)

    def freeze(self) -> None:
        """Nothing moves, and nobody is told."""
        self._floor.call(self.proxy.freeze)


@pytest.fixture
def network(floor: Floor, hub: HubProcess) -> Generator[Network]:
    network = Network(floor, hub)
    with floor.beside(network.proxy.serve(), until=lambda: network.proxy.port != 0):
        yield network


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
    assert page.evaluate("Object.keys(localStorage).concat(Object.keys(sessionStorage))") in (
        [], ["longline-theme"],
    )  # fmt: skip
    sign_in(page, "operator")
    expect(page.get_by_role("heading", name="Commands")).to_be_visible()
