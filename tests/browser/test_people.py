"""Who may do what: roles, teams, bindings, and what they leave of the console."""

from collections.abc import Callable

import httpx
from playwright.sync_api import Page, expect
from pyotp.totp import TOTP

from tests.acceptance.hub.clients import new_id
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.up import signed_in
from tests.browser import axe
from tests.browser.signing import PASSWORD, sign_in

Enter = Callable[..., Page]


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=option, exact=True).click()


def two_devices(hub: HubProcess, group: str) -> tuple[str, str]:
    """One in a new group of this name, one outside."""
    inside, outside = new_id("filler"), new_id("capper")
    with signed_in(hub.ready) as rest:
        for device in (inside, outside):
            rest.post("/devices", json={"id": device, "name": device}).raise_for_status()
        made = rest.post("/device-groups", json={"name": group}).raise_for_status().json()["data"]
        members = f"/device-groups/{made['id']}/members"
        rest.post(members, json={"deviceIds": [inside]}).raise_for_status()
    return inside, outside


def test_give_a_colleague_least_rights(enter: Enter, hub: HubProcess) -> None:
    """Anna shall restart nothing and see one line: a role of a few rights, over one group."""
    role, group, username = new_id("watcher"), new_id("line"), new_id("anna")
    inside, outside = two_devices(hub, group)
    with signed_in(hub.ready) as rest:
        body = {"username": username, "password": PASSWORD, "role": "NONE"}
        rest.post("/users", json=body).raise_for_status()

    page = enter("/users?tab=roles")
    page.get_by_role("button", name="New role").click()
    page.get_by_role("dialog").get_by_label("Name").fill(role)
    page.get_by_role("dialog").get_by_role("button", name="New role").click()
    expect(page.get_by_role("heading", name=role, level=1)).to_be_visible()
    for tick in ("devices: get", "devices: list", "telemetry: list"):
        page.get_by_role("checkbox", name=tick, exact=True).check()
    axe.check(page)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="Save")).to_be_disabled()

    page.get_by_role("link", name="Users").click()
    page.get_by_role("link", name=username).click()
    page.get_by_role("button", name="Bind a role").click()
    choose(page, "Role", role)
    page.get_by_text("In a group").click()
    choose(page, "Group", group)
    page.get_by_role("dialog").get_by_role("button", name="Bind a role").click()
    expect(page.locator(f"[data-binding={role}]")).to_contain_text(f"group {group}")
    choose(page, "Right", "devices get")
    page.get_by_role("button", name="Look it up").click()
    expect(page.locator("[data-access=yes]")).to_contain_text(role)
    choose(page, "Right", "devices delete")
    page.get_by_role("button", name="Look it up").click()
    expect(page.locator("[data-access=no]")).to_be_visible()
    axe.check(page)

    browser = page.context.browser
    assert browser is not None
    with browser.new_context() as other:
        hers = other.new_page()
        hers.goto(hub.url)
        sign_in(hers, username)
        expect(hers.locator(f"[data-device={inside}]").first).to_be_visible()
        expect(hers.locator(f"[data-device={outside}]")).to_have_count(0)
        links = hers.get_by_role("navigation", name="Main").get_by_role("link")
        expect(links).to_have_text(["Fleet", "API reference"])
        hers.goto(f"{hub.url}/devices/{inside}")
        expect(hers.get_by_role("heading", name=inside, level=1)).to_be_visible()
        expect(hers.get_by_role("tab", name="Log")).to_be_visible()
        expect(hers.get_by_role("tab", name="Commands")).to_have_count(0)
        expect(hers.get_by_role("button", name="Send a command")).to_have_count(0)
        hers.goto(f"{hub.url}/audit")
        expect(
            hers.get_by_role("heading", name="You may not see this page.", level=1)
        ).to_be_visible()
        axe.check(hers)

        # What is taken away is gone from her page, too, when she comes back to it.
        hers.goto(f"{hub.url}/devices")
        expect(hers.locator(f"[data-device={inside}]").first).to_be_visible()
        page.get_by_role("button", name=f"Unbind {role}").click()
        page.get_by_role("dialog").get_by_role("button", name="Unbind", exact=True).click()
        expect(page.locator(f"[data-binding={role}]")).to_have_count(0)
        hers.evaluate("window.dispatchEvent(new Event('focus'))")
        expect(hers.locator(f"[data-device={inside}]")).to_have_count(0)
        expect(
            hers.get_by_role("heading", name="You may not see this page.", level=1)
        ).to_be_visible()


def test_a_team_gives_its_members_a_role(enter: Enter, hub: HubProcess) -> None:
    team, username = new_id("night"), new_id("ben")
    with signed_in(hub.ready) as rest:
        body = {"username": username, "password": PASSWORD, "role": "NONE"}
        rest.post("/users", json=body).raise_for_status()
    page = enter("/users?tab=teams")
    page.get_by_role("button", name="New team").click()
    page.get_by_role("dialog").get_by_label("Team").fill(team)
    page.get_by_role("dialog").get_by_role("button", name="New team").click()
    expect(page.get_by_role("heading", name=team, level=1)).to_be_visible()
    choose(page, "Add members", username)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Add members").click()
    expect(page.locator(f"[data-member={username}]")).to_be_visible()
    page.get_by_role("button", name="Bind a role").click()
    choose(page, "Role", "Operator")
    page.get_by_role("dialog").get_by_role("button", name="Bind a role").click()
    expect(page.locator("[data-binding=OPERATOR]")).to_contain_text("Everywhere")
    axe.check(page)
    page.get_by_role("link", name="Users").click()
    page.get_by_role("link", name=username).click()
    choose(page, "Right", "commands/force_sync create")
    page.get_by_role("button", name="Look it up").click()
    expect(page.locator("[data-access=yes]")).to_contain_text(f"team {team}")


def test_an_invitation_makes_a_member(enter: Enter, hub: HubProcess) -> None:
    username = new_id("carl")
    page = enter("/users?tab=invitations")
    page.get_by_role("button", name="Invite somebody").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Username").fill(username)
    dialog.get_by_role("button", name="Invite somebody").click()
    link = dialog.get_by_label("Link of the invitation").input_value()
    dialog.get_by_role("button", name="Done").click()
    expect(page.locator("[data-invitation]")).to_contain_text(username)
    axe.check(page)

    browser = page.context.browser
    assert browser is not None
    with browser.new_context() as other:
        theirs = other.new_page()
        theirs.goto(hub.url + link[link.index("/invitation") :])
        theirs.get_by_label("Username").fill(username)
        theirs.get_by_label("Password", exact=True).fill(PASSWORD)
        axe.check(theirs)
        theirs.get_by_role("button", name="Create the account").click()
        expect(theirs.get_by_role("heading", name="Fleet", level=1)).to_be_visible()
        assert "invitation" not in theirs.url
        theirs.goto(hub.url + link[link.index("/invitation") :])
        theirs.get_by_role("button", name="Accept the invitation").click()
        expect(theirs.get_by_text("was used, has ended or was withdrawn")).to_be_visible()


def test_a_code_is_asked_for_after_the_password(enter: Enter, hub: HubProcess) -> None:
    username = new_id("dora")
    with signed_in(hub.ready) as rest:
        body = {"username": username, "password": PASSWORD, "role": "VIEWER"}
        rest.post("/users", json=body).raise_for_status()
    page = enter("/devices", as_=username)
    page.get_by_role("button", name=f"Menu of {username}").click()
    page.get_by_role("menuitem", name="Second factor").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Set it up").click()
    expect(dialog.get_by_role("img", name="QR code")).to_be_visible()
    totp = TOTP(dialog.get_by_label("Secret for the authenticator program").input_value())
    axe.check(page)
    dialog.get_by_label("The code that it shows now").fill(totp.now())
    dialog.get_by_role("button", name="Confirm").click()
    codes = dialog.get_by_label("Recovery codes").input_value().split()
    assert len(codes) == 10
    dialog.get_by_role("button", name="I have kept them").click()
    page.get_by_role("button", name=f"Menu of {username}").click()
    page.get_by_role("menuitem", name="Sign out").click()

    sign_in(page, username)
    page.get_by_label("Code").fill("000000")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("not right")
    axe.check(page)
    page.get_by_label("Code").fill(codes[0])
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Fleet", level=1)).to_be_visible()


def test_a_program_is_signed_in_by_the_code_that_it_shows(enter: Enter, hub: HubProcess) -> None:
    asking = httpx.Client(base_url=f"{hub.url}/api/v1/auth/device", trust_env=False)
    with asking:
        codes = asking.post("/authorize", data={"client_id": "longline-cli"}).json()
        address = codes["verification_uri_complete"]
        page = enter(address[address.index("/device?") :], as_="viewer")
        page.get_by_role("button", name="Go on").click()
        expect(page.get_by_text("longline-cli wants to act as viewer.")).to_be_visible()
        axe.check(page)
        page.get_by_role("button", name="Approve").click()
        expect(page.get_by_role("heading", name="It is signed in")).to_be_visible()
        got = asking.post(
            "/token",
            data={
                "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
                "device_code": codes["device_code"],
                "client_id": "longline-cli",
            },
        )
        assert got.status_code == 200


def test_the_administrator_of_the_installation_changes_organisation(
    enter: Enter, hub: HubProcess
) -> None:
    org = new_id("north")
    page = enter("/organisations")
    page.get_by_role("button", name="New organisation").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill(f"Plant {org}")
    dialog.get_by_label("ID").fill(org)
    dialog.get_by_role("button", name="New organisation").click()
    expect(page.locator(f"[data-org={org}]")).to_be_visible()
    axe.check(page)
    page.get_by_role("button", name="Menu of admin").click()
    page.get_by_role("menuitem", name=f"Switch to Plant {org}").click()
    expect(page.locator(f"[data-org={org}]")).to_contain_text("this one")
    page.reload()
    expect(page.locator(f"[data-org={org}]")).to_contain_text("this one")
    with signed_in(hub.ready):
        pass  # who names no organisation signs in to the last one, and other tests are to come
