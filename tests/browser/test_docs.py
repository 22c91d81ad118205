"""The page of the API at `/docs`: Swagger UI shows our document under our policy."""

from playwright.sync_api import Page, expect

from tests.acceptance.hub.process import HubProcess


def test_the_viewer_shows_every_group_of_operations(page: Page, hub: HubProcess) -> None:
    """That no script and no style was refused is seen to by `context`."""
    page.goto(f"{hub.url}/docs")

    expect(page.locator(".info .title")).to_contain_text("Longline")
    document = page.request.get(f"{hub.url}/api/v1/openapi.json").json()
    for tag in document["tags"]:
        expect(page.locator(f'[data-tag="{tag["name"]}"]')).to_be_visible()


def test_an_operation_can_be_tried(page: Page, hub: HubProcess) -> None:
    page.goto(f"{hub.url}/docs")
    page.locator('[data-tag="process"]').click()
    operation = page.locator("#operations-process-healthz")
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()

    responses = operation.locator(".live-responses-table")
    expect(responses.get_by_role("cell", name="200", exact=True)).to_be_visible()
