"""What applications name: config maps and registries, made, changed and deleted in the console."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.acceptance.hub.clients import new_id
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.up import signed_in
from tests.browser import axe

Enter = Callable[..., Page]
PASSWORD = "a pass of the registry"


def test_a_config_map_is_made_changed_and_deleted(enter: Enter, hub: HubProcess) -> None:
    name = new_id("site")
    page = enter("/applications")
    page.get_by_role("tab", name="Config maps").click()
    expect(page).to_have_url(f"{hub.url}/applications?tab=config-maps")
    page.get_by_role("button", name="New config map…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_label("Key 1").fill("site.conf")
    dialog.get_by_label("Value 1").fill("listen 80;\n")
    axe.check(page)
    dialog.get_by_role("button", name="Keep").click()
    row = page.get_by_role("row").filter(has_text=name)
    expect(row).to_contain_text("site.conf")
    axe.check(page)

    row.get_by_role("button", name="Edit…").click()
    expect(dialog.get_by_label("Value 1")).to_have_value("listen 80;\n")
    dialog.get_by_label("Value 1").fill("listen 8080;\n")
    dialog.get_by_role("button", name="Keep").click()
    expect(row.get_by_role("cell", name="2", exact=True)).to_be_visible()

    with signed_in(hub.ready) as rest:
        shop = new_id("shop")
        compose = {
            "services": {"web": {"image": "busybox:1", "configs": [name]}},
            "configs": {name: {"external": True}},
        }
        rest.post("/applications", json={"name": shop, "compose": compose}).raise_for_status()
        assert rest.get(f"/config-maps/{name}").json()["data"]["data"] == {
            "site.conf": "listen 8080;\n"
        }
    row.get_by_role("button", name=f"Delete the config map {name}").click()
    dialog.get_by_role("button", name="Delete", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("a revision of an application names")
    axe.check(page)
    with signed_in(hub.ready) as rest:
        rest.delete(f"/applications/{shop}").raise_for_status()
    dialog.get_by_role("button", name="Delete", exact=True).click()
    expect(row).to_have_count(0)


def test_a_registry_keeps_its_password_to_itself(enter: Enter, hub: HubProcess) -> None:
    name = new_id("ours")
    page = enter("/applications?tab=registries")
    page.get_by_role("button", name="New registry…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill(name)
    dialog.get_by_label("Address").fill("ftp://registry")
    dialog.get_by_label("Username").fill("puller")
    save = dialog.get_by_role("button", name="Save")
    expect(save).to_be_disabled()
    dialog.get_by_role("textbox", name="Password").fill(PASSWORD)
    axe.check(page)
    save.click()
    expect(dialog.get_by_role("alert")).to_contain_text("must be a URL")
    dialog.get_by_label("Address").fill(f"https://{name}.example.org")
    save.click()
    row = page.get_by_role("row").filter(has_text=name)
    expect(row).to_contain_text("puller, with a password")
    axe.check(page)

    row.get_by_role("button", name="Edit…").click()
    expect(dialog.get_by_role("textbox", name="Password")).to_have_value("")
    expect(save).to_be_disabled()
    dialog.get_by_label("Username").fill("")
    save.click()
    expect(row).not_to_contain_text("puller")
    with signed_in(hub.ready) as rest:
        found = rest.get(f"/registries/{name}").json()["data"]
    assert (found["username"], found["hasPassword"]) == (None, False)
    row.get_by_role("button", name=f"Delete the registry {name}").click()
    dialog.get_by_role("button", name="Delete", exact=True).click()
    expect(row).to_have_count(0)


def test_who_may_not_see_them_is_offered_neither(enter: Enter) -> None:
    page = enter("/applications", as_="viewer")
    expect(page.get_by_role("tab", name="Applications")).to_be_visible()
    expect(page.get_by_role("tab")).to_have_count(1)


def test_what_others_change_comes_by_itself(enter: Enter, hub: HubProcess) -> None:
    site, ours, shop = new_id("site"), new_id("ours"), new_id("shop")
    compose = {"services": {"web": {"image": "busybox:1"}}}
    page = enter("/applications")
    with signed_in(hub.ready) as rest:
        expect(page.get_by_role("tab", name="Applications")).to_be_visible()
        rest.post("/applications", json={"name": shop, "compose": compose}).raise_for_status()
        expect(page.get_by_role("link", name=shop)).to_be_visible()
        rest.delete(f"/applications/{shop}").raise_for_status()
        expect(page.get_by_role("link", name=shop)).to_have_count(0)
        page.get_by_role("tab", name="Config maps").click()
        body = {"name": site, "data": {"a": "1"}}
        rest.post("/config-maps", json=body).raise_for_status()
        expect(page.get_by_role("cell", name=site, exact=True)).to_be_visible()
        page.get_by_role("tab", name="Registries").click()
        url = f"https://{ours}.example.org"
        rest.post("/registries", json={"name": ours, "url": url}).raise_for_status()
        expect(page.get_by_role("cell", name=ours, exact=True)).to_be_visible()
