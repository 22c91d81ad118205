"""Devices' own commands in the browser: a form of what the device says, and what becomes of it."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from tests.acceptance.hub.clients import Json, new_id
from tests.acceptance.hub.process import HubProcess
from tests.browser import axe
from tests.browser.devices import Floor
from tests.browser.test_device import until

Enter = Callable[..., Page]

CALIBRATE: Json = {
    "name": "calibrate", "title": "Calibrate the axis", "danger": "yes", "timeoutMs": 20_000,
    "schema": {
        "type": "object",
        "required": ["axis", "step"],
        "additionalProperties": False,
        "properties": {
            "axis": {"enum": ["x", "y"], "title": "Which axis"},
            "step": {"type": "number", "maximum": 2.5, "description": "In millimetres."},
            "note": {"type": "string", "pattern": "^[a-z ]*$"},
        },
    },
}  # fmt: skip
PAINT: Json = {"name": "paint", "title": "Paint it", "danger": "no", "schema": {"type": "object"}}


def own(*commands: Json) -> Json:
    """What `hello` says of it; the floor answers what it is."""
    return {
        "commands": ["force_sync", "custom"],
        "accepts": ["describe"],
        "custom": {"hash": new_id("hash"), "commands": list(commands)},
    }


def choose(page: Any, title: str) -> None:
    page.get_by_role("combobox", name="Command").click()
    page.page.get_by_role("option", name=title).click()


def test_a_form_is_drawn_from_what_the_device_says(enter: Enter, floor: Floor) -> None:
    with floor.device(new_id("own"), **own(CALIBRATE)) as device:
        page = enter(f"/devices/{device.id}?tab=commands")
        form = page.get_by_role("region", name="Send a command")
        choose(form, "Calibrate the axis")
        send = form.get_by_role("button", name="Calibrate the axis")
        expect(send).to_be_disabled()
        expect(form).to_contain_text("In millimetres.")
        axe.check(page)
        form.get_by_label(f"Type {device.id} to confirm").fill(device.id)
        form.get_by_label("Step").fill("3")
        send.click()
        expect(form).to_contain_text("This field is required.")
        assert device.commands == []

        form.get_by_role("combobox", name="Which axis").click()
        page.get_by_role("option", name="y", exact=True).click()
        form.get_by_label("Step").fill("1.5")
        form.get_by_label("Note").fill("UPPER")
        send.click()
        expect(form).to_contain_text("command.args.note")
        form.get_by_label("Note").fill("fine")
        send.click()
        until(lambda: len(device.commands) == 1)
        assert device.commands[0]["name"] == "calibrate"
        assert device.commands[0]["args"] == {"axis": "y", "step": 1.5, "note": "fine"}

        history = page.get_by_role("region", name="History")
        history.get_by_role("link", name="Calibrate").click()
        record = page.get_by_role("dialog", name="Calibrate")
        expect(record).to_contain_text("The device says that it worked.")
        expect(record).to_contain_text("fine")
        axe.check(page)


def test_many_are_offered_what_all_of_them_have(enter: Enter, floor: Floor) -> None:
    group = new_id("both")
    with (
        floor.device(f"{group}-1", **own(CALIBRATE, PAINT)) as one,
        floor.device(f"{group}-2", **own(PAINT)) as other,
    ):
        page = enter(f"/devices?q={group}")
        page.get_by_label("Select all 2 that match").check()
        page.get_by_role("button", name="Send a command").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("combobox", name="Command").click()
        expect(page.get_by_role("option", name="Paint it")).to_be_visible()
        expect(page.get_by_role("option", name="Calibrate the axis")).to_have_count(0)
        page.get_by_role("option", name="Paint it").click()
        dialog.get_by_role("button", name="Paint it on 2 devices").click()
        expect(dialog).to_contain_text("2 of 2 ended")
        assert [device.commands[0]["name"] for device in (one, other)] == ["paint", "paint"]


def test_whoever_may_not_send_them_is_not_offered_any(
    enter: Enter, floor: Floor, hub: HubProcess
) -> None:
    with floor.device(new_id("own"), **own(PAINT)) as device:
        page = enter(f"/devices/{device.id}?tab=commands", as_="manager")
        form = page.get_by_role("region", name="Send a command")
        form.get_by_role("combobox", name="Command").click()
        expect(page.get_by_role("option", name="Force sync")).to_be_visible()
        expect(page.get_by_role("option", name="Paint it")).to_have_count(0)
