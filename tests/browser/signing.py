"""Signing in, as a user does it."""

from playwright.sync_api import Page

PASSWORD = "harbour pilot 7"


def sign_in(page: Page, username: str, password: str = PASSWORD) -> None:
    page.get_by_label("Username").fill(username)
    page.get_by_role("textbox", name="Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_label("Username").wait_for(state="detached")
