"""Health: replicas with their figures, what needs attention, what the cloud refused."""

import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.hub.clients import Json, bearer, new_id
from tests.acceptance.hub.process import HubProcess
from tests.browser import axe
from tests.browser.conftest import prepare
from tests.browser.devices import Floor
from tests.browser.signing import sign_in
from tests.cloud import Cloud

Enter = Callable[..., Page]


def test_a_replica_is_a_card_with_live_figures(enter: Enter, floor: Floor) -> None:
    with floor.device(new_id("filler")) as device:
        page = enter("/health", as_="viewer")
        card = page.locator("[data-replica]")
        expect(card).to_have_count(1)
        rate = card.get_by_role("figure", name="Events/s")
        # Two points make a line.
        expect(rate.locator("path")).to_have_attribute("d", re.compile("L"))
        # A page that asks late misses what one telling said of a moment.
        with floor.meanwhile(device.keep_saying(lambda: {"cpu": 1.0}, every=0.1)):
            expect(rate).to_have_accessible_name(re.compile(r"Events/s: (?!0 now)"))
        expect(page.get_by_label("Cloud queue")).to_contain_text("Nothing waits")
        axe.check(page)


def record(company: str) -> Json:
    return {
        "id": new_id("b"), "kind": "bottle", "companyId": company, "data": {"code": "010"},
        "ts": "2026-01-02T03:04:05.678Z",
    }  # fmt: skip


@pytest.mark.usefixtures("built")
def test_what_the_cloud_refused_is_tried_again(page: Page, floor: Floor, tmp_path: Path) -> None:
    cloud = Cloud()
    cloud.refuse = lambda _: True
    floor.run(cloud.start())
    hub = HubProcess(tmp_path, cloud_url=cloud.url, cloud_token="secret-token")
    hub.start()
    try:
        prepare(hub.ready)
        name = new_id("edge")
        address = f"{hub.url}/api/v1"
        key = {"X-Enrollment-Key": hub.ready["enrollmentKey"]}
        token = f"{address}/devices/{name}/token?companyId=acme"
        enrolled = httpx.post(token, headers=key).json()["data"]
        records = [record("acme"), record("acme"), record("acme")]
        headers = bearer(enrolled["token"])
        taken = httpx.post(f"{address}/sync", json={"records": records}, headers=headers)
        assert taken.status_code == 200, taken.text

        page.goto(f"{hub.url}/health")
        sign_in(page, "admin")
        expect(page.get_by_label("What needs attention")).to_contain_text(
            "The cloud has refused 3 records"
        )
        row = page.locator(f"[data-letter={records[0]['id']}]")
        expect(row).to_contain_text("422")
        axe.check(page)

        cloud.refuse = lambda _: False
        row.get_by_role("button", name="Try again").click()
        expect(page.get_by_text("1 record put back into the queue.")).to_be_visible()
        expect(row).to_have_count(0)
        page.get_by_role("button", name="Try all 2 again").click()
        expect(page.get_by_text("The hub is healthy")).to_be_visible()
        fleet = page.get_by_label("What the fleet needs")
        fleet.get_by_role("link", name="The only device is not connected.").click()
        expect(page).to_have_url(f"{hub.url}/devices?connected=false")
        expect(page.locator(f"[data-device='{name}']")).to_be_visible()
        assert sorted(cloud.ids()) == sorted(each["id"] for each in records)
    finally:
        hub.stop()
        floor.run(cloud.stop())
