"""Signing in by a passkey and by a provider: Chromium's own authenticator, a real provider."""

from collections.abc import Generator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.hub.clients import new_id
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.sign_in.provider import CLIENT, SECRET, ProviderProcess, install
from tests.acceptance.up import signed_in
from tests.browser import axe
from tests.browser.conftest import prepare
from tests.browser.signing import PASSWORD, sign_in


@pytest.fixture(scope="module")
def own(built: None, tmp_path_factory: pytest.TempPathFactory) -> Generator[HubProcess]:
    """One that trusts a provider on this machine."""
    process = HubProcess(tmp_path_factory.mktemp("own"), webhook_allow="127.0.0.1")
    process.start()
    prepare(process.ready)
    yield process
    assert process.stop() == 0


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Generator[ProviderProcess]:
    folder = tmp_path_factory.mktemp("provider")
    install(folder)
    process = ProviderProcess(folder)
    yield process
    process.stop()


def home_of(hub: HubProcess) -> str:
    """Passkeys need a name."""
    return f"http://localhost:{urlsplit(hub.url).port}"


def with_authenticator(page: Page) -> None:
    """The page's browser has one that keeps passkeys and finds its user verified."""
    session = page.context.new_cdp_session(page)
    send = session.send  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
        "hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    send("WebAuthn.addVirtualAuthenticator", {"options": options})


def open_passkeys(page: Page, name: str) -> None:
    page.get_by_role("button", name=f"Menu of {name}").click()
    page.get_by_role("menuitem", name="Passkeys").click()


def close_passkeys(page: Page) -> None:
    page.get_by_role("dialog", name="Passkeys").get_by_role("button", name="Close").click()


def leave(page: Page, name: str) -> None:
    close_passkeys(page)
    page.get_by_role("button", name=f"Menu of {name}").click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page.get_by_label("Username")).to_be_visible()


def test_a_passkey_is_added_signs_in_and_is_removed(page: Page, own: HubProcess) -> None:
    with_authenticator(page)
    page.goto(f"{home_of(own)}/devices")
    axe.check(page)
    sign_in(page, "operator")
    open_passkeys(page, "operator")
    expect(page.get_by_text("No passkeys yet")).to_be_visible()
    axe.check(page)
    page.get_by_label("Name of a new passkey").fill("This laptop")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.locator("[data-passkey='This laptop']")).to_be_visible()
    axe.check(page)

    leave(page, "operator")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("button", name="Menu of operator")).to_be_visible()

    open_passkeys(page, "operator")
    page.get_by_role("button", name="Remove the passkey This laptop").click()
    dialog = page.get_by_role("dialog", name="Remove the passkey This laptop?")
    dialog.get_by_role("button", name="Remove", exact=True).click()
    expect(page.locator("[data-passkey]")).to_have_count(0)
    leave(page, "operator")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_text("This passkey is not known here")).to_be_visible()
    axe.check(page)


def test_at_an_address_no_passkey_is_offered(page: Page, own: HubProcess) -> None:
    page.goto(f"{own.url}/devices")
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_have_count(0)


def test_an_administrator_who_lacks_a_passkey_adds_one(page: Page, own: HubProcess) -> None:
    name = new_id("boss")
    with signed_in(own.ready) as rest:
        body = {"username": name, "password": PASSWORD, "role": "ADMIN"}
        rest.post("/users", json=body).raise_for_status()
    with_authenticator(page)
    page.goto(f"{home_of(own)}/settings")
    sign_in(page, "admin")
    page.get_by_role("combobox", name="Administrators show").click()
    page.get_by_role("option", name="A passkey").click()
    expect(page.get_by_text("sign in with a passkey yourself first")).to_be_visible()
    open_passkeys(page, "admin")
    page.get_by_label("Name of a new passkey").fill("Mine")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.locator("[data-passkey=Mine]")).to_be_visible()
    close_passkeys(page)
    page.get_by_role("combobox", name="Administrators show").click()
    page.get_by_role("option", name="A passkey").click()
    expect(page.get_by_role("combobox", name="Administrators show")).to_have_value("A passkey")
    axe.check(page)

    browser = page.context.browser
    assert browser is not None
    with browser.new_context() as other:
        theirs = other.new_page()
        with_authenticator(theirs)
        theirs.goto(f"{home_of(own)}/")
        sign_in(theirs, name)
        title = "Your organisation asks for more."
        expect(theirs.get_by_role("heading", name=title, level=1)).to_be_visible()
        axe.check(theirs)
        theirs.get_by_role("button", name="Add a passkey").click()
        theirs.get_by_label("Name of a new passkey").fill("Theirs")
        theirs.get_by_role("dialog").get_by_role("button", name="Add a passkey").click()
        expect(theirs.locator("[data-passkey=Theirs]")).to_be_visible()
        close_passkeys(theirs)
        theirs.reload()
        expect(theirs.get_by_role("heading", name="Fleet", level=1)).to_be_visible()
    page.get_by_role("combobox", name="Administrators show").click()
    page.get_by_role("option", name="A password").click()
    expect(page.get_by_role("combobox", name="Administrators show")).to_have_value("A password")


def test_a_provider_is_made_changed_used_and_deleted(
    page: Page, own: HubProcess, provider: ProviderProcess
) -> None:
    page.goto(f"{home_of(own)}/users?tab=providers")
    sign_in(page, "admin")
    page.get_by_role("button", name="New provider").click()
    axe.check(page)
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("Works account")
    dialog.get_by_label("Issuer").fill(provider.issuer)
    dialog.get_by_label("Client id").fill(CLIENT)
    dialog.get_by_role("textbox", name="Client secret").fill(SECRET)
    dialog.get_by_role("switch", name="Make accounts for new people").click()
    dialog.get_by_role("button", name="New provider").click()
    callback = page.get_by_label("Redirect URI").input_value()
    assert callback.startswith(f"{home_of(own)}/api/v1/auth/oidc/")
    provider.start([callback])
    sub = new_id("sub")
    provider.person(sub, preferred_username=sub, name="Petra")
    page.get_by_role("button", name="Done").click()

    page.get_by_role("button", name="Actions for Works account").click()
    page.get_by_role("menuitem", name="Change").click()
    expect(page.get_by_label("Issuer")).to_have_value(provider.issuer)
    expect(page.get_by_role("dialog")).not_to_contain_text(SECRET)
    axe.check(page)
    page.get_by_role("dialog").get_by_label("Name", exact=True).fill("Plant account")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("[data-provider='Plant account']")).to_be_visible()

    browser = page.context.browser
    assert browser is not None
    with browser.new_context() as other:
        hers = other.new_page()
        hers.goto(f"{home_of(own)}/")
        axe.check(hers)
        hers.get_by_role("link", name="Sign in by Plant account").click()
        hers.locator("input[name=login]").fill(sub)
        hers.locator("input[name=password]").fill("any")
        hers.locator("button[type=submit]").click()
        hers.locator("button[type=submit]").click()
        expect(hers.get_by_role("button", name="Menu of Petra")).to_be_visible()

    with browser.new_context() as other:
        refused = other.new_page()
        refused.goto(f"{home_of(own)}/login?error=provider_unavailable")
        said = refused.get_by_role("alert")
        expect(said).to_have_text("The provider does not answer at the moment. Try again later.")
        axe.check(refused)

    page.get_by_role("button", name="Actions for Plant account").click()
    page.get_by_role("menuitem", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator("[data-provider]")).to_have_count(0)
