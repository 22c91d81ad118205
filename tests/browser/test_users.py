"""Users and API keys: made, shown once, changed, taken away."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import httpx
from playwright.sync_api import Page, expect

from tests.acceptance.hub.clients import new_id
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.up import signed_in
from tests.browser import axe
from tests.browser.signing import PASSWORD, sign_in

Enter = Callable[..., Page]


def menu(page: Page, username: str, item: str) -> None:
    page.get_by_role("button", name=f"Actions for {username}").click()
    page.get_by_role("menuitem", name=item, exact=True).click()


def test_a_new_user_gets_a_password_that_is_due(enter: Enter, hub: HubProcess) -> None:
    username = new_id("anna")
    page = enter("/users")
    page.get_by_role("button", name="New user").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Username").fill(username)
    dialog.get_by_role("combobox", name="Role").click()
    page.get_by_role("option", name="Operator").click()
    dialog.get_by_role("button", name="New user").click()
    shown = dialog.get_by_label(f"Password of {username}")
    expect(shown).to_be_visible()
    password = shown.input_value()
    dialog.get_by_role("button", name="Done").click()
    row = page.locator(f"[data-user={username}]")
    expect(row).to_contain_text("New password due")
    expect(page.get_by_role("dialog")).to_have_count(0)
    axe.check(page)

    browser = page.context.browser
    assert browser is not None
    with browser.new_context() as other:
        theirs = other.new_page()
        theirs.goto(hub.url)
        sign_in(theirs, username, password)
        expect(theirs.get_by_role("heading", name="Choose a new password")).to_be_visible()

    menu(page, username, "Disable")
    dialog.get_by_role("button", name="Disable").click()
    expect(row).to_contain_text("Disabled")
    menu(page, username, "Enable")
    expect(row).to_contain_text("Active")
    menu(page, username, "Reset password")
    dialog.get_by_role("button", name="Reset password").click()
    expect(shown).to_be_visible()
    assert shown.input_value() != password
    dialog.get_by_role("button", name="Done").click()
    row.get_by_role("combobox").click()
    page.get_by_role("option", name="Manager").click()
    dialog.get_by_role("button", name="Save").click()
    expect(row.get_by_role("combobox")).to_have_value("Manager")
    menu(page, username, "Delete")
    delete = dialog.get_by_role("button", name="Delete")
    expect(delete).to_be_disabled()
    dialog.get_by_label(f"Type {username} to confirm").fill(username)
    delete.click()
    expect(row).to_have_count(0)


def test_an_api_key_is_shown_once_and_works_until_it_is_deleted(
    enter: Enter, hub: HubProcess
) -> None:
    name = new_id("mes")
    page = enter("/users?tab=keys")
    page.get_by_role("button", name="New API key").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_role("button", name="New API key").click()
    shown = dialog.get_by_label(f"Key {name}")
    expect(shown).to_be_visible()
    key = shown.input_value()

    def status() -> int:
        headers = {"Authorization": f"Bearer {key}"}
        return httpx.get(f"{hub.url}/api/v1/devices", headers=headers, trust_env=False).status_code

    assert status() == 200
    dialog.get_by_role("button", name="Done").click()
    row = page.locator(f"[data-key={name}]")
    expect(row).to_contain_text("Viewer")
    expect(page.get_by_text(key)).to_have_count(0)
    axe.check(page)
    row.get_by_role("button").click()
    dialog.get_by_role("button", name="Delete key").click()
    expect(row).to_have_count(0)
    assert status() == 401


def make_sign_ins_old(hub: HubProcess) -> None:
    """As if everybody had signed in an hour ago."""

    async def change() -> None:
        connection = await asyncpg.connect(hub.ready["databaseUrl"])
        await connection.execute(
            "UPDATE user_session SET authenticated_at = now() - interval '1 hour'"
        )
        await connection.close()

    # Playwright has a loop in this thread.
    with ThreadPoolExecutor(1) as other:
        other.submit(asyncio.run, change()).result()


def test_an_old_sign_in_is_asked_for_the_password_and_the_call_goes_on(
    enter: Enter, hub: HubProcess
) -> None:
    username = new_id("chief")
    page = enter("/users")
    page.get_by_role("button", name="New user").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Username").fill(username)
    dialog.get_by_role("combobox", name="Role").click()
    page.get_by_role("option", name="Administrator").click()
    make_sign_ins_old(hub)
    dialog.get_by_role("button", name="New user").click()

    ask = page.get_by_role("dialog", name="Your password, please")
    expect(ask).to_be_visible()
    axe.check(page)
    ask.get_by_label("Current password").fill("not this one")
    ask.get_by_role("button", name="Go on").click()
    expect(ask).to_contain_text("not right")
    ask.get_by_label("Current password").fill(PASSWORD)
    ask.get_by_role("button", name="Go on").click()
    expect(page.get_by_label(f"Password of {username}")).to_be_visible()
    dialog.get_by_role("button", name="Done").click()
    role = page.locator(f"[data-user={username}]").get_by_role("combobox")
    expect(role).to_have_value("Administrator")


def test_a_manager_sees_users_and_changes_none(enter: Enter) -> None:
    page = enter("/users", as_="manager")
    expect(page.locator("[data-user=admin]")).to_contain_text("Administrator")
    expect(page.get_by_role("button", name="New user")).to_have_count(0)
    expect(page.get_by_role("button", name="Actions for admin")).to_have_count(0)


def test_a_viewer_reaches_his_api_keys_by_the_user_menu(enter: Enter) -> None:
    page = enter("/devices", as_="viewer")
    page.get_by_role("button", name="Menu of viewer").click()
    page.get_by_role("menuitem", name="API keys").click()
    expect(page.get_by_role("heading", name="API keys", level=1)).to_be_visible()
    expect(page).to_have_title("API keys · Longline")
    expect(page.get_by_role("tab")).to_have_count(0)
    expect(page.get_by_role("button", name="New API key")).to_be_visible()
    axe.check(page)


def test_a_user_sees_and_ends_his_sessions(enter: Enter, hub: HubProcess) -> None:
    username = new_id("roamer")
    with signed_in(hub.ready) as rest:
        body = {"username": username, "password": PASSWORD, "role": "VIEWER"}
        rest.post("/users", json=body).raise_for_status()
    elsewhere = {"adminUser": username, "adminPassword": PASSWORD, "url": hub.url}
    with signed_in(elsewhere) as other:
        assert other.get("/auth/me").status_code == 200
        page = enter("/devices", as_=username)
        page.get_by_role("button", name=f"Menu of {username}").click()
        page.get_by_role("menuitem", name="Where I am signed in").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.locator("[data-session]")).to_have_count(2)
        expect(dialog.get_by_text("this one")).to_have_count(1)
        axe.check(page)
        dialog.get_by_role("button", name="End", exact=True).click()
        expect(dialog.locator("[data-session]")).to_have_count(1)
        assert other.get("/auth/me").status_code == 401


def test_the_palette_leads_to_api_keys(enter: Enter) -> None:
    page = enter("/devices", as_="operator")
    expect(page.get_by_role("heading", name="Fleet", level=1)).to_be_visible()
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Search pages").fill("api")
    page.get_by_role("option", name="API keys").click()
    expect(page.get_by_role("heading", name="API keys", level=1)).to_be_visible()
