"""The fleet: finding devices, choosing some, commanding them."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.acceptance.hub.clients import new_id
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.up import signed_in
from tests.browser import axe
from tests.browser.devices import Floor, fail, progress, stay_silent, succeed

Enter = Callable[..., Page]
SOON_MS = 3000
"""What the hub says at once is shown at once."""


def row(page: Page, device_id: str) -> Locator:
    return page.locator(f"[data-device='{device_id}']")


def choose_command(page: Page, title: str) -> None:
    page.get_by_role("combobox", name="Command").click()
    page.get_by_role("option", name=title).click()


def run_row(page: Page, device_id: str) -> Locator:
    return page.locator(f"[data-run='{device_id}']")


def test_a_device_is_seen_as_it_comes_changes_and_goes(enter: Enter, floor: Floor) -> None:
    mine = new_id("live")
    floor.register(new_id("other"))
    page = enter(f"/devices?q={mine}")
    expect(page.get_by_role("heading", name="No device matches")).to_be_visible()

    with floor.device(mine, agentVersion="9.8.7") as device:
        expect(row(page, mine)).to_contain_text("Online")
        expect(row(page, mine)).to_contain_text("9.8.7")
        device.status("DEGRADED", **{"cpu.percent": 71.5})
        expect(row(page, mine)).to_contain_text("Degraded")
        page.get_by_role("button", name="Columns").click()
        page.get_by_label("cpu.percent").set_checked(True)
        expect(row(page, mine)).to_contain_text("71.5")
        device.status("ONLINE", **{"cpu.percent": 12})
        expect(row(page, mine)).to_contain_text("12")
    expect(row(page, mine)).to_contain_text("Offline")


def test_what_others_change_is_seen_at_once(enter: Enter, floor: Floor, hub: HubProcess) -> None:
    mine = new_id("told")
    names = [f"{mine}-{name}" for name in ("renamed", "tagged", "deleted", "grouped")]
    floor.register(new_id("other"))
    page = enter(f"/devices?q={mine}")
    expect(page.get_by_role("heading", name="No device matches")).to_be_visible()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()

    with signed_in(hub.ready) as rest:
        for name in names:
            rest.post("/devices", json={"id": name, "name": name}).raise_for_status()
        for name in names:
            expect(row(page, name)).to_be_visible(timeout=SOON_MS)
        rest.patch(f"/devices/{names[0]}", json={"name": f"{mine} afresh"}).raise_for_status()
        expect(row(page, names[0])).to_contain_text(f"{mine} afresh", timeout=SOON_MS)
        rest.patch(f"/devices/{names[1]}", json={"tags": ["hall-9"]}).raise_for_status()
        expect(row(page, names[1])).to_contain_text("hall-9", timeout=SOON_MS)
        rest.delete(f"/devices/{names[2]}").raise_for_status()
        expect(row(page, names[2])).to_have_count(0, timeout=SOON_MS)

        group = rest.post("/device-groups", json={"name": f"{mine} group"}).json()["data"]["id"]
        members = f"/device-groups/{group}/members"
        rest.post(members, json={"deviceIds": [names[3]]}).raise_for_status()
        expect(row(page, names[3])).to_contain_text(f"{mine} group", timeout=SOON_MS)
        rest.put(f"/device-groups/{group}", json={"name": f"{mine} other"}).raise_for_status()
        expect(row(page, names[3])).to_contain_text(f"{mine} other", timeout=SOON_MS)
        rest.delete(f"/device-groups/{group}").raise_for_status()
        expect(row(page, names[3])).not_to_contain_text(f"{mine} other", timeout=SOON_MS)


def test_lists_of_other_records_follow_in_every_tab(enter: Enter, hub: HubProcess) -> None:
    mine = new_id("list")
    users = enter("/users")
    groups = users.context.new_page()
    groups.goto(f"{hub.url}/groups")
    for page in (users, groups):
        expect(page.get_by_text("Live", exact=True)).to_be_visible()

    with signed_in(hub.ready) as rest:
        user = {"username": mine, "password": "long enough for all", "role": "VIEWER"}
        id_ = rest.post("/users", json=user).json()["data"]["id"]
        expect(users.get_by_text(mine).first).to_be_visible(timeout=SOON_MS)
        rest.delete(f"/users/{id_}").raise_for_status()
        expect(users.get_by_text(mine)).to_have_count(0, timeout=SOON_MS)
        rest.post("/device-groups", json={"name": f"{mine}-group"}).raise_for_status()
        expect(groups.get_by_text(f"{mine}-group").first).to_be_visible(timeout=SOON_MS)


def test_many_changes_at_once_are_read_as_a_list(
    enter: Enter, floor: Floor, hub: HubProcess
) -> None:
    mine = new_id("many")
    ids = [f"{mine}-{number}" for number in range(60)]
    for device_id in (*ids, new_id("other")):
        floor.register(device_id)
    page = enter(f"/devices?q={mine}")
    expect(page.get_by_text("60 of ")).to_be_visible()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    singly: list[str] = []
    of_one = f"/devices/{mine}"
    page.on("request", lambda asked: singly.append(asked.url) if of_one in asked.url else None)

    with signed_in(hub.ready) as rest:
        group = rest.post("/device-groups", json={"name": mine}).json()["data"]["id"]
        members = f"/device-groups/{group}/members"
        rest.post(members, json={"deviceIds": ids}).raise_for_status()
    expect(row(page, ids[0])).to_contain_text(mine)
    expect(row(page, ids[0]).locator(f"[title='{mine}']")).to_be_visible(timeout=SOON_MS)
    assert singly == []


def test_what_a_filter_hides_is_not_chosen_silently(
    enter: Enter, floor: Floor, hub: HubProcess
) -> None:
    mine = new_id("hide")
    first = [f"{mine}-one-{number}" for number in range(3)]
    second = f"{mine}-two"
    for device_id in (*first, second):
        floor.register(device_id)
    page = enter(f"/devices?q={mine}-one", as_="operator")
    page.get_by_label("Select all 3 that match").check()
    bar = page.get_by_role("region", name="3 selected")
    expect(bar).to_contain_text("3 selected")
    expect(bar).not_to_contain_text("not shown here")

    page.get_by_label("Search name, ID or tag").fill(f"{mine}-two")
    expect(row(page, second)).to_be_visible()
    expect(bar).to_contain_text("3 selected, 3 not shown here")
    bar.get_by_role("button", name="Show them").click()
    for device_id in first:
        expect(row(page, device_id)).to_be_visible()
    expect(row(page, second)).to_have_count(0)
    bar.get_by_role("button", name="Show all that match again").click()
    expect(row(page, second)).to_be_visible()

    page.get_by_label("Search name, ID or tag").fill(first[0])
    expect(bar).to_contain_text("3 selected, 2 not shown here")
    bar.get_by_role("button", name="Leave out what is not shown").click()
    expect(page.get_by_role("region", name="1 selected")).to_be_visible()
    with signed_in(hub.ready) as rest:
        rest.delete(f"/devices/{first[0]}").raise_for_status()
    expect(page.get_by_role("region", name="1 selected")).to_have_count(0)


def test_filters_are_in_the_address_and_views_are_kept(
    enter: Enter, floor: Floor, hub: HubProcess
) -> None:
    prefix = new_id("hall")
    ids = [f"{prefix}-{name}" for name in ("a", "b", "c")]
    for device_id in (*ids, new_id("another")):
        floor.register(device_id)
    with signed_in(hub.ready) as rest:
        rest.patch(f"/devices/{ids[0]}", json={"tags": [prefix], "name": f"{prefix} filler"})
        group = rest.post("/device-groups", json={"name": prefix}).json()["data"]["id"]
        rest.post(f"/device-groups/{group}/members", json={"deviceIds": ids[:2]})
    page = enter("/devices", as_="manager")
    expect(page.get_by_role("grid")).to_be_visible()

    page.keyboard.press("/")
    page.keyboard.type(prefix)
    expect(page.get_by_text("3 of ")).to_be_visible()
    page.get_by_role("combobox", name="Group").click()
    page.get_by_role("option", name=prefix).click()
    expect(page.get_by_text("2 of ")).to_be_visible()
    expect(row(page, ids[2])).to_have_count(0)
    page.get_by_role("combobox", name="Tag").click()
    page.get_by_role("option", name=prefix).click()
    expect(page.get_by_text("1 of ")).to_be_visible()
    expect(row(page, ids[0])).to_contain_text(f"{prefix} filler")

    page.get_by_role("button", name="Views").click()
    page.get_by_label("Name of this view").fill("My hall")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("menuitem", name="My hall")).to_be_visible()
    page.keyboard.press("Escape")
    address = page.url
    page.get_by_role("link", name="Commands").click()
    page.get_by_role("link", name="Fleet").click()
    expect(page.get_by_text("1 of ")).to_have_count(0)
    page.get_by_role("button", name="Views").click()
    page.get_by_role("menuitem", name="My hall").click()
    expect(page.get_by_text("1 of ")).to_be_visible()
    assert page.url == address

    page.reload()
    expect(row(page, ids[0])).to_be_visible()
    expect(page.get_by_text("1 of ")).to_be_visible()


def test_the_order_is_by_what_is_clicked(enter: Enter, floor: Floor) -> None:
    prefix = new_id("order")
    with floor.devices(f"{prefix}-1", f"{prefix}-2", f"{prefix}-10") as (one, two, ten):
        one.status(load=5)
        two.status(load=50)
        ten.status(load=20)
        page = enter(f"/devices?q={prefix}")
        names = page.locator("[data-device] a")
        expect(names).to_have_text([f"{prefix}-1", f"{prefix}-2", f"{prefix}-10"])
        page.get_by_role("columnheader", name="Device").get_by_role("button").click()
        expect(page.get_by_role("columnheader", name="Device")).to_have_attribute(
            "aria-sort", "descending"
        )
        page.goto(page.url.split("?")[0] + f"?q={prefix}&sort=-metric:load")
        expect(page.locator("[data-device]")).to_have_count(3)
        ranked = page.evaluate(
            "[...document.querySelectorAll('[data-device]')]"
            ".sort((a, b) => a.getBoundingClientRect().y - b.getBoundingClientRect().y)"
            ".map(row => row.dataset.device)"
        )
        assert ranked == [two.id, ten.id, one.id]


def test_a_harmless_command_shows_progress_and_result(enter: Enter, floor: Floor) -> None:
    with floor.device(new_id("sync")) as device:
        device.answer = progress(40, "upload")
        page = enter(f"/devices?q={device.id}", as_="operator")
        page.get_by_label(f"Select {device.id}").check()
        page.get_by_role("button", name="Send a command").click()
        choose_command(page, "Force sync")
        page.get_by_role("button", name="Force sync").click()

        expect(run_row(page, device.id)).to_contain_text("Running")
        expect(run_row(page, device.id)).to_contain_text("Upload · 40 %")
        device.finish(output="17 records sent")
        expect(run_row(page, device.id)).to_contain_text("Success")
        expect(page.get_by_role("dialog").locator("pre")).to_have_text("17 records sent")
        expect(page.get_by_text("1 of 1 ended")).to_be_visible()


def test_something_dangerous_wants_the_name_and_the_reason(enter: Enter, floor: Floor) -> None:
    with floor.device(new_id("danger")) as device:
        page = enter(f"/devices?q={device.id}")
        page.get_by_label(f"Select {device.id}").check()
        page.get_by_role("button", name="Send a command").click()
        choose_command(page, "Disable device")
        send = page.get_by_role("button", name="Disable device", exact=True)
        expect(send).to_be_disabled()
        axe.check(page)

        page.get_by_label(f"Type {device.id} to confirm").fill(device.id[:-1])
        expect(send).to_be_disabled()
        page.get_by_label(f"Type {device.id} to confirm").fill(device.id)
        send.click()
        expect(page.get_by_text("This field is required.")).to_be_visible()
        assert device.commands == []
        page.get_by_label("Reason").fill("belt torn")
        send.click()

        expect(run_row(page, device.id)).to_contain_text("Success")
        assert [command["reason"] for command in device.commands] == ["belt torn"]


def test_many_are_previewed_followed_and_retried_where_it_failed(
    enter: Enter, floor: Floor, tmp_path: Path
) -> None:
    prefix = new_id("bulk")
    ids = [f"{prefix}-{number}" for number in range(4)]
    floor.register(f"{prefix}-offline")
    with floor.devices(*ids) as devices:
        devices[0].answer = fail
        devices[1].answer = stay_silent
        page = enter(f"/devices?q={prefix}")
        page.get_by_label("Select all 5 that match").check()
        page.get_by_role("button", name="Send a command").click()
        choose_command(page, "Clear queue")
        expect(page.get_by_text("4 connected")).to_be_visible()
        expect(page.get_by_text("1 not connected, fail at once")).to_be_visible()
        page.get_by_label("Type 5, the number of devices, to confirm").fill("5")
        page.get_by_role("button", name="Clear queue on 5 devices").click()

        expect(page.get_by_text("4 of 5 ended")).to_be_visible()
        expect(run_row(page, ids[0])).to_contain_text("printer_jammed: paper jam")
        expect(run_row(page, f"{prefix}-offline")).to_contain_text("The device was not connected.")
        axe.check(page)
        devices[1].finish()
        expect(page.get_by_text("5 of 5 ended")).to_be_visible()

        with page.expect_download() as download:
            page.get_by_role("button", name="Export CSV").last.click()
        download.value.save_as(tmp_path / "run.csv")
        rows = list(csv.DictReader(io.StringIO((tmp_path / "run.csv").read_text())))
        assert {line["Device"]: line["State"] for line in rows} == {
            ids[0]: "FAILED", ids[1]: "SUCCESS", ids[2]: "SUCCESS", ids[3]: "SUCCESS",
            f"{prefix}-offline": "FAILED",
        }  # fmt: skip

        devices[0].answer = succeed
        page.get_by_role("button", name="Retry 2 devices").click()
        expect(page.get_by_text("1 connected")).to_be_visible()
        page.get_by_label("Type 2, the number of devices, to confirm").fill("2")
        page.get_by_role("button", name="Clear queue on 2 devices").click()
        expect(run_row(page, ids[0])).to_contain_text("Success")
        assert [len(device.commands) for device in devices] == [2, 1, 1, 1]


def test_a_range_is_chosen_with_shift(enter: Enter, floor: Floor) -> None:
    prefix = new_id("range")
    ids = [f"{prefix}-{number}" for number in range(5)]
    for device_id in ids:
        floor.register(device_id)
    page = enter(f"/devices?q={prefix}", as_="operator")

    page.get_by_label(f"Select {ids[1]}").click()
    page.get_by_label(f"Select {ids[3]}").click(modifiers=["Shift"])
    expect(page.get_by_text("3 selected")).to_be_visible()
    page.get_by_role("grid").focus()
    for key in ("Home", "Space"):
        page.keyboard.press(key)
    expect(page.get_by_text("4 selected")).to_be_visible()
    page.get_by_role("button", name="Clear selection").click()
    expect(page.get_by_text("selected", exact=False)).to_have_count(0)


def test_who_may_only_look_is_offered_nothing_else(enter: Enter, floor: Floor) -> None:
    device_id = new_id("look")
    floor.register(device_id)
    page = enter(f"/devices?q={device_id}", as_="viewer")

    page.get_by_label(f"Select {device_id}").check()

    expect(page.get_by_role("button", name="Export CSV")).to_be_visible()
    expect(page.get_by_role("button", name="Send a command")).to_have_count(0)
    expect(page.get_by_role("link", name="Settings")).to_have_count(0)


def test_the_palette_finds_a_device(enter: Enter, floor: Floor) -> None:
    device_id = new_id("palette")
    floor.register(device_id)
    page = enter("/devices")
    expect(row(page, device_id).or_(page.get_by_role("grid"))).not_to_have_count(0)

    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Search pages").fill(device_id)
    expect(page.get_by_role("option", name=device_id)).to_be_visible()
    axe.check(page)
    page.keyboard.press("Enter")

    expect(page).to_have_url(f"{page.url.split('/devices')[0]}/devices/{device_id}")


def test_what_a_device_says_is_text(enter: Enter, floor: Floor, hub: HubProcess) -> None:
    device_id = new_id("html")
    floor.register(device_id)
    with signed_in(hub.ready) as rest:
        name = "<img src=x onerror=alert(1)>"
        rest.patch(f"/devices/{device_id}", json={"name": name, "tags": ["<b>bold</b>"]})
    page = enter(f"/devices?q={device_id}")

    expect(row(page, device_id)).to_contain_text(name)
    expect(row(page, device_id)).to_contain_text("<b>bold</b>")


def test_the_fleet_is_accessible(enter: Enter, floor: Floor) -> None:
    with floor.device(new_id("axe")) as device:
        device.status("ERROR", **{"cpu.percent": 3})
        page = enter(f"/devices?q={device.id}")
        expect(row(page, device.id)).to_contain_text("Error")
        axe.check(page)
        page.get_by_label(f"Select {device.id}").check()
        axe.check(page)
        page.set_viewport_size({"width": 360, "height": 740})
        expect(page.get_by_role("button", name="Filters")).to_be_visible()
        axe.check(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
