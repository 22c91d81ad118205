"""Roll-outs of applications: as waves over devices that run what they are handed."""

import re
from collections.abc import Callable

import httpx
from playwright.sync_api import Locator, Page, expect

from tests.acceptance.hub.clients import Json, new_id
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.up import signed_in
from tests.browser import axe
from tests.browser.boxes import failing
from tests.browser.devices import Floor
from tests.browser.signing import PASSWORD

Enter = Callable[..., Page]
ROLL_OUT_MS = 40_000


def compose(tag: str) -> Json:
    return {"services": {"web": {"image": f"busybox:{tag}", "command": ["httpd", "-f"]}}}


def data_of(answer: httpx.Response) -> Json:
    assert answer.is_success, answer.text
    found: Json = answer.json()["data"]
    return found


def application(rest: httpx.Client) -> tuple[str, str, str]:
    """Its name, and two revisions of it, the older first."""
    made = data_of(
        rest.post("/applications", json={"name": new_id("shop"), "compose": compose("1")})
    )
    name = str(made["name"])
    newer = data_of(rest.put(f"/applications/{name}", json={"compose": compose("2")}))
    return name, str(made["revision"]["revision"]), str(newer["revision"]["revision"])


def assign(rest: httpx.Client, device_id: str, name: str, revision: str) -> None:
    data_of(rest.put(f"/devices/{device_id}/applications/{name}", json={"revision": revision}))


def roll_out(rest: httpx.Client, name: str, revision: str, **more: object) -> str:
    body = {"revision": revision, "soakSeconds": 1, **more}
    return str(data_of(rest.post(f"/applications/{name}/rollouts", json=body))["id"])


def count(page: Page, status: str) -> Locator:
    return page.locator(f"[data-count={status}] dd")


def target(page: Page, device_id: str) -> Locator:
    return page.locator(f"[data-target='{device_id}']")


def test_a_roll_out_is_seen_as_waves(enter: Enter, floor: Floor, hub: HubProcess) -> None:
    good, bad = new_id("box-a"), new_id("box-b")
    with floor.boxes(good, bad) as (_, broken), signed_in(hub.ready) as rest:
        name, older, newer = application(rest)
        for device_id in (good, bad):
            assign(rest, device_id, name, older)
        broken.says = failing("image_not_found", "busybox:2 is not there")
        page = enter(f"/applications/{name}")
        section = page.get_by_role("region", name="Roll-outs")
        expect(section).to_contain_text("Nothing was rolled out yet.")
        waves = [{"count": 1}, {"percent": 100}]
        rule = {"failedPercent": 50, "minimum": 2}
        rollout = roll_out(rest, name, newer, waves=waves, stopAt=rule)
        row = section.locator(f"[data-campaign-id='{rollout}']")
        expect(row).to_contain_text(newer[:12])
        expect(row).to_contain_text("1 of 2", timeout=ROLL_OUT_MS)
        axe.check(page)
        row.get_by_role("link").click()

        expect(page.get_by_role("heading", name=f"Roll-out of {name}")).to_be_visible()
        expect(count(page, "SUCCESS")).to_have_text("1")
        expect(count(page, "FAILED")).to_have_text("1", timeout=ROLL_OUT_MS)
        bars = page.locator("[data-wave]")
        expect(bars.nth(0).get_by_role("img")).to_have_attribute("aria-label", "1 succeeded")
        expect(bars.nth(1).get_by_role("img")).to_have_attribute("aria-label", "1 failed")
        expect(target(page, bad)).to_contain_text("web: busybox:2 is not there")
        expect(target(page, good)).to_contain_text("Success")
        expect(page.get_by_text("Stopped: 1 of 2 devices failed.")).to_be_visible()
        expect(page.get_by_role("button", name="Abort…")).to_have_count(0)
        axe.check(page)
        target(page, bad).get_by_role("link").click()
        expect(page.get_by_role("row").filter(has_text="image_not_found")).to_be_visible()


def test_a_roll_out_is_paused_resumed_and_aborted(
    enter: Enter, floor: Floor, hub: HubProcess
) -> None:
    away = new_id("away")
    floor.register(away)
    with signed_in(hub.ready) as rest:
        name, _, newer = application(rest)
        rollout = roll_out(rest, name, newer, target={"deviceIds": [away]})
        page = enter(f"/applications/{name}/rollouts/{rollout}")
        expect(page.locator("#page [data-campaign=IN_PROGRESS]").first).to_be_visible()
        page.get_by_role("button", name="Pause").click()
        expect(page.locator("#page [data-campaign=PAUSED]")).to_be_visible()
        page.get_by_role("button", name="Resume").click()
        expect(page.locator("#page [data-campaign=IN_PROGRESS]").first).to_be_visible()
        page.get_by_role("button", name="Abort…").click()
        page.get_by_label(f"Type {name} to confirm").fill(name)
        page.get_by_role("button", name="Abort the roll-out").click()
        expect(page.locator("#page [data-campaign=ABORTED]")).to_be_visible()
        expect(target(page, away)).to_contain_text("not begun: it was aborted before")
        page.get_by_role("link", name=f"Go to {name}").click()
        expect(page.locator(f"[data-campaign-id='{rollout}']")).to_contain_text("Aborted")

        page.goto(f"{hub.url}/applications/{name}/rollouts/nothing")
        expect(page.get_by_text("There is no such roll-out.")).to_be_visible()


def test_a_roll_out_waits_where_its_owner_has_lost_the_right(
    enter: Enter, floor: Floor, hub: HubProcess
) -> None:
    away, deputy = new_id("away"), new_id("deputy")
    floor.register(away)
    with signed_in(hub.ready) as rest:
        body = {"username": deputy, "password": PASSWORD, "role": "ADMIN"}
        user = data_of(rest.post("/users", json=body))
        name, _, newer = application(rest)
        with signed_in(hub.ready | {"adminUser": deputy, "adminPassword": PASSWORD}) as theirs:
            rollout = roll_out(theirs, name, newer, target={"deviceIds": [away]})
        page = enter(f"/applications/{name}/rollouts/{rollout}")
        expect(page.locator("#page [data-campaign=IN_PROGRESS]").first).to_be_visible()
        data_of(rest.patch(f"/users/{user['id']}", json={"role": "VIEWER"}))
        notice = page.get_by_text("Paused: whoever started it may not do this any more")
        expect(notice).to_be_visible()
        axe.check(page)
        page.get_by_role("button", name="Resume").click()
        expect(notice).to_have_count(0)
        expect(page.locator("#page [data-campaign=IN_PROGRESS]").first).to_be_visible()


def test_a_roll_out_is_begun_in_its_dialog(enter: Enter, floor: Floor, hub: HubProcess) -> None:
    first, second, tag = new_id("box-a"), new_id("box-b"), new_id("tag")
    with floor.boxes(first, second) as boxes, signed_in(hub.ready) as rest:
        name, older, newer = application(rest)
        for device_id in (first, second):
            assign(rest, device_id, name, older)
            data_of(rest.patch(f"/devices/{device_id}", json={"tags": [tag]}))
        page = enter(f"/applications/{name}")
        page.get_by_role("button", name="Roll out…").click()
        dialog = page.get_by_role("dialog")
        reached = dialog.get_by_role("status")
        expect(dialog.get_by_role("combobox", name="Revision")).to_have_value(
            re.compile(rf"^{newer[:12]} · .* · admin$")
        )
        expect(reached).to_contain_text("2 devices are targeted")
        axe.check(page)
        dialog.get_by_text("A query", exact=True).click()
        query = dialog.get_by_role("textbox", name="A query")
        query.fill("tag = (")
        expect(dialog.locator("[data-error]").first).to_be_visible()
        query.fill(f"tag = {tag}")
        expect(reached).to_contain_text("2 devices are targeted")
        dialog.get_by_role("button", name="Remove wave 2").click()
        dialog.get_by_role("button", name="Remove wave 2").click()
        dialog.get_by_label("Soak time, seconds").fill("1")
        begin = dialog.get_by_role("button", name="Roll out to 2 devices")
        expect(begin).to_be_disabled()
        dialog.get_by_label("Type 2, the number of devices, to confirm").fill("2")
        axe.check(page)
        begin.click()

        expect(page.get_by_role("heading", name=f"Roll-out of {name} {newer[:12]}")).to_be_visible()
        expect(count(page, "SUCCESS")).to_have_text("2", timeout=ROLL_OUT_MS)
        expect(page.locator("[data-wave]")).to_have_count(2)
        assert {box.runs[name] for box in boxes} == {newer}


def test_a_refresh_waits_for_another_person(enter: Enter, floor: Floor, hub: HubProcess) -> None:
    away = new_id("away")
    floor.register(away)
    with signed_in(hub.ready) as rest:
        name, _, _ = application(rest)
    page = enter(f"/applications/{name}")
    page.get_by_role("button", name="Roll out…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("status")).to_contain_text("0 devices are targeted")
    dialog.get_by_role("combobox", name="Revision").click()
    page.get_by_role("option", name="The present content").click()
    dialog.get_by_text("Selected devices", exact=True).click()
    dialog.get_by_role("combobox", name="Selected devices").fill(away)
    page.get_by_role("option", name=away).click()
    dialog.get_by_label("Ask another person first").check()
    dialog.get_by_role("button", name="Roll out to 1 device").click()

    expect(page.locator("#page [data-campaign=AWAITING]")).to_be_visible()
    expect(page.get_by_text("Another person has to approve it.")).to_be_visible()
    here = page.url
    page.get_by_role("link", name="Open the approval").click()
    drawer = page.get_by_role("dialog", name=f"Roll-out of {name}")
    drawer.get_by_role("link", name=here.rpartition("/")[2]).click()
    expect(page.locator("#page [data-campaign=AWAITING]")).to_be_visible()
    assert page.url == here


def test_revisions_are_compared_and_gone_back_to(
    enter: Enter, floor: Floor, hub: HubProcess
) -> None:
    box_id = new_id("box")
    with floor.boxes(box_id) as (box,), signed_in(hub.ready) as rest:
        name, older, newer = application(rest)
        assign(rest, box_id, name, newer)
        data_of(rest.put(f"/applications/{name}/current", json={"revision": newer}))
        page = enter(f"/applications/{name}")
        page.locator(f"[data-revision='{older}']").get_by_role("link").click()
        expect(page.get_by_role("heading", name=f"Revision {older[:12]} of {name}")).to_be_visible()
        expect(page.locator("[data-line=removed]")).to_have_text(re.compile(r"image: busybox:2$"))
        expect(page.locator("[data-line=added]")).to_have_text(re.compile(r"image: busybox:1$"))
        axe.check(page)
        page.get_by_label("Compare with nothing").click()
        content = page.get_by_role("group", name="Content")
        expect(content).to_contain_text("httpd")
        axe.check(page)

        page.get_by_role("link", name=f"Go to {name}").click()
        row = page.locator(f"[data-revision='{older}']")
        row.get_by_role("button", name="Roll back to this…").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("combobox", name="Revision")).to_have_value(
            re.compile(rf"^{older[:12]} · ")
        )
        dialog.get_by_label("Soak time, seconds").fill("1")
        dialog.get_by_role("button", name="Roll out to 1 device").click()
        expect(count(page, "SUCCESS")).to_have_text("1", timeout=ROLL_OUT_MS)
        page.get_by_role("link", name=f"Go to {name}").click()
        expect(page.locator(f"[data-revision='{older}']")).to_contain_text("Current revision")
        assert box.runs == {name: older}
