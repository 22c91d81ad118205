"""The page of one device, tab by tab, against devices that play along."""

import json
import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page, WebSocketRoute, expect

from tests.acceptance.hub.clients import Json, new_id
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.up import signed_in, until
from tests.browser import axe
from tests.browser.devices import Floor, Simulated, fail, progress
from tests.browser.network import Network
from tests.browser.signing import sign_in

Enter = Callable[..., Page]


def lines(page: Page) -> Locator:
    """The lines of the log that are drawn."""
    return page.get_by_role("log", name="Log").locator("[data-level]")


def say(device: Simulated, line: str, level: str = "INFO", **fields: object) -> None:
    device.send("log_line", line=line, level=level, **fields)


def stored(hub: HubProcess, path: str, count: int, **query: str | int) -> None:
    """Waits until so many rows are there."""
    with signed_in(hub.ready) as rest:
        until(lambda: len(rest.get(path, params=query).json()["data"]) >= count)


def test_an_unknown_device_is_said_clearly(enter: Enter) -> None:
    page = enter("/devices/nobody-knows-it")
    expect(page.get_by_text("There is no such device.")).to_be_visible()
    axe.check(page)
    page.get_by_role("link", name="Go to the fleet").click()
    expect(page.get_by_role("heading", name="Fleet")).to_be_visible()


def test_a_device_is_seen_to_go_and_to_come_back(enter: Enter, floor: Floor) -> None:
    device_id = new_id("presence")
    with floor.device(device_id) as device:
        page = enter(f"/devices/{device_id}", as_="viewer")
        head = page.locator("#page [data-status]").first
        expect(head).to_have_text("Online")
        expect(page.get_by_text("Connected", exact=True)).to_be_visible()
        device.status("DEGRADED", temperature=21.5)
        expect(head).to_have_text("Degraded")
        expect(page.get_by_role("region", name="Metrics")).to_contain_text("21.5")
    expect(head).to_have_text("Offline")
    expect(page.get_by_text("Not connected", exact=True)).to_be_visible()
    states = page.get_by_role("list", name="Newest states")
    expect(states).to_contain_text("Offline")
    expect(states).to_contain_text("Degraded")
    with floor.device(device_id):
        expect(head).to_have_text("Online")
        expect(states.get_by_role("listitem").first).to_contain_text("Online")
        expect(page.get_by_role("img", name=re.compile("State over time"))).to_be_visible()


def test_programs_of_a_device_are_seen_to_fail_and_to_come_back(enter: Enter, floor: Floor) -> None:
    since = "2026-01-02T03:04:05.000Z"
    scanner: Json = {"name": "scanner", "ready": True, "since": since, "detail": None}
    with floor.device(new_id("programs")) as device:
        page = enter(f"/devices/{device.id}", as_="viewer")
        programs = page.get_by_role("region", name="Programs")
        expect(page.get_by_role("region", name="Last commands")).to_be_visible()
        expect(programs).to_have_count(0)
        device.send("status", status="ONLINE", agents=[scanner])
        expect(programs.get_by_role("listitem")).to_contain_text(["scannerReady"])
        device.send(
            "status", status="DEGRADED", agents=[{**scanner, "ready": False, "detail": "no head"}]
        )
        expect(programs.get_by_role("listitem")).to_contain_text(["Not ready"])
        expect(programs).to_contain_text("no head")
        page.reload()
        expect(programs).to_contain_text("no head")
        axe.check(page)


def test_charts_draw_what_was_and_what_comes(enter: Enter, floor: Floor, hub: HubProcess) -> None:
    with floor.device(new_id("chart")) as device:
        device.status(temperature=10.0, pressure=3.0)
        stored(hub, f"/devices/{device.id}/metrics", 1, name="temperature")
        page = enter(f"/devices/{device.id}?tab=charts&span=15m")
        chart = page.locator("[data-metric=temperature]")
        expect(chart).to_contain_text("min 10")
        drawn = chart.locator("canvas").evaluate("canvas => canvas.toDataURL()")
        device.status(temperature=30.0, pressure=3.0)
        expect(chart).to_contain_text("max 30")
        assert chart.locator("canvas").evaluate("canvas => canvas.toDataURL()") != drawn

        page.get_by_role("button", name="Pause").click()
        device.status(temperature=99.0, pressure=3.0)
        expect(page.get_by_role("button", name="Resume")).to_be_visible()
        expect(chart).not_to_contain_text("99")
        page.get_by_role("button", name="Resume").click()
        expect(chart).to_contain_text("max 99")

        box = chart.locator(".u-over").bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] - 2, box["y"] + box["height"] / 2)
        expect(chart.locator("output")).to_contain_text(re.compile(r"\d . 99"))

        page.get_by_role("combobox", name="Choose metrics").click()
        page.keyboard.press("Backspace")
        expect(page.locator("[data-metric]")).to_have_count(1)
        assert "metrics=pressure" in page.url


def test_a_log_is_followed_filtered_paused_and_downloaded(
    enter: Enter, floor: Floor, hub: HubProcess, tmp_path: Path
) -> None:
    with floor.device(new_id("log")) as device:
        for number in range(700):
            say(device, f"old {number}", source="app" if number % 2 else "kernel")
        stored(hub, f"/devices/{device.id}/logs", 500, limit=500)
        page = enter(f"/devices/{device.id}?tab=log")
        log = page.get_by_role("log", name="Log")
        expect(lines(page).last).to_contain_text("old 699")
        expect(page.get_by_text("Following")).to_be_visible()

        say(device, "<b>bold</b> claims", "ERROR")
        expect(lines(page).last).to_contain_text("<b>bold</b> claims")
        expect(page.get_by_text("501 lines")).to_be_visible()

        # Scrolled up it stays, until it is asked to follow again.
        log.evaluate("box => { box.scrollTop = 0 }")
        jump = page.get_by_role("button", name="Jump to newest")
        expect(jump).to_be_visible()
        page.get_by_role("button", name="Load older lines").click()
        expect(page.get_by_text("701 lines")).to_be_visible()
        log.evaluate("box => { box.scrollTop = 0 }")
        expect(page.get_by_text("The log begins here.")).to_be_visible()
        expect(lines(page).first).to_contain_text("old 0")
        jump.click()
        expect(lines(page).last).to_contain_text("bold")

        page.get_by_role("button", name="Pause").click()
        for number in range(3):
            say(device, f"meanwhile {number}")
        expect(page.get_by_role("button", name="Resume (3 new)")).to_be_visible()
        expect(lines(page).filter(has_text="meanwhile")).to_have_count(0)
        page.get_by_role("button", name="Resume (3 new)").click()
        expect(lines(page).filter(has_text="meanwhile")).to_have_count(3)

        page.get_by_label("Search in the log").fill("MEANWHILE 1")
        expect(lines(page)).to_have_count(1)
        expect(page.locator("mark")).to_have_text("meanwhile 1")
        axe.check(page)
        with page.expect_download() as download:
            page.get_by_role("button", name="Download").click()
        file = tmp_path / "log.txt"
        download.value.save_as(file)
        assert re.fullmatch(r"\S+Z INFO  meanwhile 1\n", file.read_text())
        page.get_by_label("Search in the log").fill("")

        page.get_by_role("combobox", name="Level").click()
        page.get_by_role("option", name="Error").click()
        expect(lines(page)).to_have_count(1)
        say(device, "not so bad", "WARN")
        say(device, "bad", "ERROR")
        expect(lines(page)).to_have_count(2)
        assert "level=ERROR" in page.url


def test_a_search_in_the_log_looks_through_all_that_is_kept(
    enter: Enter, floor: Floor, hub: HubProcess
) -> None:
    with floor.device(new_id("needle")) as device:
        say(device, "NEEDLE-EARLY", "WARN")
        for number in range(900):
            say(device, f"hay {number}")
        stored(hub, f"/devices/{device.id}/logs", 1, q="hay 899")
        page = enter(f"/devices/{device.id}?tab=log", as_="viewer")
        expect(lines(page).last).to_contain_text("hay 899")
        search = page.get_by_label("Search in the log")
        search.fill("needle-early")
        expect(lines(page)).to_have_count(1)
        expect(page.get_by_text("searched all that is kept")).to_be_visible()
        expect(search).to_be_focused()
        search.fill("hay")
        expect(page.get_by_text(re.compile("searched back to .+"))).to_be_visible()
        search.fill("needle-never")
        expect(page.get_by_text("No line of all that is kept matches.")).to_be_visible()
        say(device, "here is a NEEDLE-NEVER")
        expect(lines(page)).to_have_count(1)


def test_one_source_of_a_log(enter: Enter, floor: Floor, hub: HubProcess) -> None:
    with floor.device(new_id("source")) as device:
        say(device, "from the app", source="app")
        say(device, "from the kernel", source="kernel")
        stored(hub, f"/devices/{device.id}/logs", 2)
        page = enter(f"/devices/{device.id}?tab=log&source=app", as_="viewer")
        expect(lines(page)).to_have_text([re.compile("from the app")])
        say(device, "another of the kernel", source="kernel")
        say(device, "another of the app", source="app")
        expect(lines(page)).to_have_count(2)
        expect(page.get_by_role("button", name="Pull logs")).to_have_count(0)


def test_pulled_lines_appear_in_the_log(enter: Enter, floor: Floor) -> None:
    def pull(command: Json) -> list[Json]:
        of = {"commandId": command["id"]}
        line = {"type": "log_line", "line": "out of the archive", "level": "INFO", **of}
        return [line, {"type": "result", "success": True, "data": {"lines": 1}, **of}]

    with floor.device(new_id("pull")) as device:
        device.answer = pull
        page = enter(f"/devices/{device.id}?tab=log", as_="operator")
        page.get_by_role("button", name="Pull logs").click()
        page.get_by_role("dialog").get_by_role("button", name="Pull logs", exact=True).click()
        expect(page.get_by_role("dialog")).to_contain_text("Success")
        page.keyboard.press("Escape")
        expect(lines(page)).to_have_text([re.compile("out of the archive")])


def test_a_command_from_its_form_to_its_retry(enter: Enter, floor: Floor) -> None:
    with floor.device(new_id("command")) as device:
        device.answer = progress(40, "upload")
        page = enter(f"/devices/{device.id}?tab=commands", as_="operator")
        history = page.get_by_role("region", name="History")
        form = page.get_by_role("region", name="Send a command")
        form.get_by_role("combobox", name="Command").click()
        page.get_by_role("option", name="Force sync").click()
        form.get_by_role("button", name="Force sync").click()
        expect(history).to_contain_text("Upload · 40 %")
        until(lambda: len(device.commands) == 1)
        device.finish(success=False)
        expect(history).to_contain_text("Failed")

        history.get_by_role("link", name="Force sync").click()
        record = page.get_by_role("dialog", name="Force sync")
        expect(record).to_contain_text("it did not work")
        axe.check(page)
        device.answer = fail
        record.get_by_role("button", name="again").click()
        again = page.get_by_role("dialog", name=f"Send a command to {device.id}")
        again.get_by_role("button", name="Force sync").click()
        until(lambda: len(device.commands) == 2)
        expect(history.get_by_role("link")).to_have_count(2)
        expect(history).to_contain_text("printer_jammed")


def test_something_dangerous_asks_for_the_name(enter: Enter, floor: Floor) -> None:
    with floor.device(new_id("danger")) as device:
        page = enter(f"/devices/{device.id}")
        page.get_by_role("button", name="More actions").click()
        page.get_by_role("menuitem", name="Disable production").click()
        dialog = page.get_by_role("dialog")
        send = dialog.get_by_role("button", name="Disable device")
        expect(send).to_be_disabled()
        dialog.get_by_label("Reason").fill("cleaning")
        dialog.get_by_label(f"Type {device.id} to confirm").fill(device.id)
        send.click()
        expect(dialog).to_contain_text("Success")
        assert device.commands[0]["reason"] == "cleaning"


def test_who_is_blocked_is_unblocked_and_deleted(enter: Enter, floor: Floor) -> None:
    device_id = new_id("blocked")
    with floor.device(device_id):
        page = enter(f"/devices/{device_id}")
        page.get_by_role("button", name="More actions").click()
        page.get_by_role("menuitem", name="Block…").click()
        page.get_by_label(f"Type {device_id} to confirm").fill(device_id)
        page.get_by_role("button", name="Block", exact=True).click()
        expect(page.get_by_text("Blocked", exact=True)).to_be_visible()
        page.get_by_role("button", name="More actions").click()
        page.get_by_role("menuitem", name="Unblock").click()
        expect(page.get_by_text("Blocked", exact=True)).to_have_count(0)

    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Delete").click()
    delete = page.get_by_role("button", name="Delete the device")
    expect(delete).to_be_disabled()
    page.get_by_label(f"Type {device_id} to confirm").fill(device_id)
    delete.click()
    expect(page.get_by_role("heading", name="Fleet")).to_be_visible()
    page.goto(page.url.partition("/devices")[0] + f"/devices/{device_id}")
    expect(page.get_by_text("There is no such device.")).to_be_visible()


def test_tags_are_changed_by_a_manager(enter: Enter, floor: Floor) -> None:
    device_id = new_id("tags")
    floor.register(device_id)
    page = enter(f"/devices/{device_id}", as_="manager")
    page.get_by_role("button", name="Edit tags").click()
    tags = page.get_by_role("textbox", name="Tags").or_(page.get_by_role("combobox", name="Tags"))
    tags.fill("hall-7")
    tags.press("Tab")  # tags of other devices are offered, over the button
    page.get_by_role("button", name="Save").click()
    facts = page.locator("dl").first
    expect(facts).to_contain_text("hall-7")
    page.get_by_role("button", name=re.compile("Production data")).click()
    page.get_by_role("menuitem", name="Direct to the cloud").click()
    expect(facts).to_contain_text("Direct to the cloud")


def test_a_configuration_is_reviewed_pushed_and_seen_to_arrive(enter: Enter, floor: Floor) -> None:
    def apply(command: Json) -> list[Json]:
        data = {"version": 1, "applied": ["printer.dpi"], "restartRequired": list[str]()}
        return [{"type": "result", "commandId": command["id"], "success": True, "data": data}]

    with floor.device(new_id("config"), configVersion=0) as device:
        device.answer = apply
        page = enter(f"/devices/{device.id}?tab=config", as_="manager")
        expect(page.get_by_text("Nothing was pushed yet", exact=True)).to_be_visible()
        page.get_by_role("button", name="Edit…").click()
        editor = page.get_by_label("Desired configuration")
        editor.fill("{oops")
        expect(page.get_by_text("This is not valid JSON")).to_be_visible()
        editor.fill('{"printer": null}')
        expect(page.get_by_text("printer is null")).to_be_visible()
        editor.fill('{"printer": {"dpi": 300}}')
        page.get_by_role("button", name="Review changes").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.locator("pre")).to_contain_text('"dpi": 300')
        assert device.commands == [], "nothing is sent before it was seen"
        axe.check(page)
        dialog.get_by_role("button", name="Push configuration").click()
        expect(dialog).to_contain_text("Success")
        page.keyboard.press("Escape")
        assert device.commands[0]["patch"] == {"printer": {"dpi": 300}}
        expect(page.locator("[data-push='1']")).to_contain_text("Applied")
        expect(page.locator("tr", has_text="dpi")).to_contain_text("300")


def test_a_configuration_that_the_schema_forbids(
    enter: Enter, floor: Floor, hub: HubProcess
) -> None:
    schema = {"properties": {"printer": {"properties": {"dpi": {"maximum": 600}}}}}
    with signed_in(hub.ready) as rest, floor.device(new_id("schema")) as device:
        assert rest.put("/config-schema", json={"schema": schema}).status_code == 200
        try:
            page = enter(f"/devices/{device.id}?tab=config")
            page.get_by_role("button", name="Edit…").click()
            page.get_by_label("Desired configuration").fill('{"printer": {"dpi": 9000}}')
            page.get_by_role("button", name="Review changes").click()
            page.get_by_role("button", name="Push configuration").click()
            alert = page.get_by_role("dialog").get_by_role("alert")
            expect(alert).to_contain_text("violates the schema")
            expect(alert).to_contain_text("dpi")
        finally:
            rest.delete("/config-schema")


def test_events_come_live_and_from_the_history(enter: Enter, floor: Floor, hub: HubProcess) -> None:
    with floor.device(new_id("events")) as device:
        device.send("scan", code="first", valid=True)
        stored(hub, f"/devices/{device.id}/events", 1, type="scan")
        page = enter(f"/devices/{device.id}?tab=events", as_="viewer")
        rows = page.locator("[data-event]")
        expect(rows).to_have_count(1)
        device.send("print", jobId="job-1", ok=False, data={"pages": 3})
        device.send("alert", severity="CRITICAL", code="hot", message="<i>too</i> hot")
        expect(rows).to_have_count(3)
        rows.filter(has_text="job-1").click()
        expect(page.get_by_role("region", name="Print")).to_contain_text('"pages": 3')
        page.get_by_role("radiogroup").get_by_text("Alert").click()
        expect(rows).to_have_count(1)
        expect(rows).to_contain_text("<i>too</i> hot")


def test_raw_frames_stop_when_they_are_told_to(enter: Enter, floor: Floor) -> None:
    with floor.device(new_id("raw")) as device:
        page = enter(f"/devices/{device.id}?tab=raw")
        frames = page.get_by_role("log", name="Frames")
        expect(frames).to_contain_text("Nothing has come yet")
        device.send("event", name="one", data={})
        expect(frames.locator("pre")).to_have_count(1)
        page.get_by_role("button", name="Pause").click()
        device.send("event", name="two", data={})
        say(device, "three")
        expect(page.get_by_role("button", name="Resume")).to_be_visible()
        expect(frames.locator("pre")).to_have_count(1)
        page.get_by_role("button", name="Resume").click()
        expect(frames.locator("pre")).to_have_count(3)


def test_a_viewer_sees_all_and_may_change_nothing(enter: Enter, floor: Floor) -> None:
    with floor.device(new_id("viewer")) as device:
        page = enter(f"/devices/{device.id}", as_="viewer")
        expect(page.locator("#page [data-status]").first).to_have_text("Online")
        for button in ("Send a command", "More actions", "Edit tags"):
            expect(page.get_by_role("button", name=button)).to_have_count(0)
        for tab, button in (
            ("Commands", "Force sync"), ("Configuration", "Edit…"), ("Log", "Pull logs"),
        ):  # fmt: skip
            page.get_by_role("tab", name=tab).click()
            expect(page.get_by_role("tabpanel")).to_be_visible()
            expect(page.get_by_role("button", name=button)).to_have_count(0)
        expect(page.get_by_role("region", name="Send a command")).to_have_count(0)


def test_a_cut_network_leaves_a_mark_in_the_log_and_no_line_is_lost(
    page: Page, floor: Floor, network: Network
) -> None:
    with floor.device(new_id("cut")) as device:
        page.goto(f"{network.url}/devices/{device.id}?tab=log")
        sign_in(page, "viewer")
        say(device, "before")
        expect(lines(page)).to_have_text([re.compile("before")])

        network.cut()
        expect(page.get_by_text("Not connected to the hub")).to_be_visible()
        for number in range(5):
            say(device, f"meanwhile {number}")
        network.restore()

        expect(lines(page).filter(has_text="meanwhile")).to_have_count(5)
        say(device, "after")
        said = ["before", *(f"meanwhile {number}" for number in range(5)), "after"]
        expect(lines(page)).to_have_text([re.compile(one) for one in said])
        expect(page.get_by_text("Not connected to the hub")).to_have_count(0)


def test_what_cannot_be_replayed_is_read_and_marked(
    page: Page, floor: Floor, hub: HubProcess
) -> None:
    """The stream has moved on so far, or has begun anew, that the hub sends a gap."""
    gap = {"type": "gap", "epoch": "x", "from": None, "to": None, "reason": "slow"}
    sockets: list[WebSocketRoute] = []

    def between(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        sockets.append(socket)

        def down(message: str | bytes) -> None:
            if "swallowed" not in str(message):
                socket.send(message)

        server.on_message(down)
        socket.on_message(server.send)

    page.route_web_socket(re.compile("/ws/dashboard"), between)
    with floor.device(new_id("gap")) as device:
        page.goto(f"{hub.url}/devices/{device.id}?tab=log")
        sign_in(page, "viewer")
        say(device, "before")
        expect(lines(page)).to_have_text([re.compile("before")])
        say(device, "swallowed 1")
        say(device, "swallowed 2")
        say(device, "after")
        expect(lines(page)).to_have_text([re.compile("before"), re.compile("after")])

        sockets[-1].send(json.dumps(gap))

        expect(lines(page)).to_have_text(
            [re.compile(one) for one in ("before", "swallowed 1", "swallowed 2", "after")]
        )
        expect(page.locator("[data-gap]")).to_have_count(1)
        axe.check(page)


def test_a_device_is_put_into_quarantine_and_released(enter: Enter, floor: Floor) -> None:
    with floor.device(new_id("odd")) as device:
        page = enter(f"/devices/{device.id}")
        page.get_by_role("button", name="More actions").click()
        page.get_by_role("menuitem", name="Quarantine…").click()
        page.get_by_role("textbox", name="Reason").fill("odd scans")
        page.get_by_role("button", name="Put into quarantine").click()
        banner = page.get_by_role("status").filter(has_text="In quarantine, by admin")
        expect(banner).to_contain_text("odd scans")
        axe.check(page)
        page.get_by_role("button", name="Release").click()
        expect(banner).to_have_count(0)


def test_who_may_not_release_a_device_sees_that_it_is_in_quarantine(
    enter: Enter, floor: Floor, hub: HubProcess
) -> None:
    with floor.device(new_id("odd")) as device:
        page = enter(f"/devices/{device.id}", as_="viewer")
        expect(page.get_by_text("Connected", exact=True)).to_be_visible()
        with signed_in(hub.ready) as rest:
            path = f"/devices/{device.id}/quarantine"
            assert rest.post(path, json={"reason": "odd scans"}).status_code == 200
        expect(page.get_by_text("odd scans")).to_be_visible()
        expect(page.get_by_role("button", name="Release")).to_have_count(0)
