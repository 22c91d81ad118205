"""Signing a command in the browser: Chromium's own authenticator, a real hub, and a real agent that
trusts nobody but this passkey."""

from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

from tests.acceptance.hub.clients import new_id
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.up import signed_in
from tests.browser import axe
from tests.browser.agents import connected_agent
from tests.browser.signing import PASSWORD, sign_in
from tests.browser.test_sign_in import close_passkeys, open_passkeys, with_authenticator
from tests.signing import Signer


def open_keys(page: Page, name: str) -> None:
    page.get_by_role("button", name=f"Menu of {name}").click()
    page.get_by_role("menuitem", name="Command keys").click()


def new_admin(hub: HubProcess) -> str:
    name = new_id("boss")
    with signed_in(hub.ready) as rest:
        body = {"username": name, "password": PASSWORD, "role": "ADMIN"}
        rest.post("/users", json=body).raise_for_status()
    return name


def signing(operator: str) -> str:
    """What the file of an agent says that trusts nobody but `operator`, a line of it."""
    return (
        f'[firmware]\ntrusted_keys = ["{"A" * 43}="]\n'
        '[signed_commands]\norg = "default"\nrequire = ["disable_device"]\n'
        f"operators = [{operator}]\n"
    )


def test_a_passkey_signs_what_the_device_wants_signed(
    page: Page, hub: HubProcess, tmp_path: Path
) -> None:
    name = new_admin(hub)
    with_authenticator(page)
    page.goto(f"http://localhost:{urlsplit(hub.url).port}/devices")
    sign_in(page, name)
    open_passkeys(page, name)
    page.get_by_label("Name of a new passkey").fill("Mine")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.locator("[data-passkey=Mine]")).to_be_visible()
    close_passkeys(page)

    open_keys(page, name)
    operator = page.get_by_label("Operator for the passkey Mine").input_value()
    assert operator.startswith('{ key = "ssh-ed25519 ')
    axe.check(page)
    page.get_by_role("dialog", name="Command keys").get_by_role("button", name="Close").click()

    with connected_agent(hub, tmp_path, signing(operator)) as device_id:
        page.goto(f"http://localhost:{urlsplit(hub.url).port}/devices/{device_id}?tab=commands")
        form = page.get_by_role("region", name="Send a command")

        def disable(*, signed: bool) -> None:
            form.get_by_role("combobox", name="Command").click()
            page.get_by_role("option", name="Disable device").click()
            form.get_by_label("Reason").fill("cleaning")
            form.get_by_label(f"Type {device_id} to confirm").fill(device_id)
            if signed:
                form.get_by_label("Sign with a passkey").check()
                axe.check(page)
            form.get_by_role("button", name="Disable device").click()

        disable(signed=False)
        history = page.get_by_role("region", name="History")
        expect(history).to_contain_text("Rejected")
        page.reload()
        disable(signed=True)
        expect(history).to_contain_text("Success")
        history.get_by_role("link", name="Disable device").first.click()
        record = page.get_by_role("dialog", name="Disable device")
        expect(record).to_contain_text("Signed by")
        axe.check(page)


def test_command_keys_are_added_and_removed(page: Page, hub: HubProcess) -> None:
    name, key = new_admin(hub), Signer()
    page.goto(f"{hub.url}/devices")
    sign_in(page, name)
    open_keys(page, name)
    dialog = page.get_by_role("dialog", name="Command keys")
    expect(dialog).to_contain_text("No command keys yet")
    axe.check(page)
    dialog.get_by_label("Name of a new key").fill("Laptop")
    dialog.get_by_label("Public key", exact=True).fill("hello")
    dialog.get_by_role("button", name="Add a key").click()
    expect(page.get_by_text("not a public key as OpenSSH writes it")).to_be_visible()
    dialog.get_by_label("Public key", exact=True).fill(f"{key.line} anna@laptop")
    dialog.get_by_role("button", name="Add a key").click()
    expect(page.locator("[data-command-key=Laptop]")).to_contain_text(key.line)
    axe.check(page)
    page.get_by_role("button", name="Remove the key Laptop").click()
    sure = page.get_by_role("dialog", name="Remove the key Laptop?")
    sure.get_by_role("button", name="Remove", exact=True).click()
    expect(page.locator("[data-command-key]")).to_have_count(0)
