"""Every page of the console, in both themes: the pictures of `docs/console/`.

    python -m tests.browser.tour

takes them anew, with a hub, a fleet and a browser of its own.
"""

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from tests.acceptance.hub.process import HubProcess
from tests.acceptance.up import signed_in
from tests.browser import scene
from tests.browser.conftest import ARGUMENTS, CHROMIUM, build, prepare
from tests.browser.devices import Floor
from tests.browser.signing import sign_in

PICTURES: Final = Path(__file__).parents[2] / "docs" / "console"
LIVELY_MS: Final = 5000
"""So long something live comes in before a picture is taken."""
SIZE: Final[ViewportSize] = {"width": 1280, "height": 800}
THEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
DEVICE: Final = f"/devices/{scene.SHOWN}"

PAGES: Final = {
    "fleet": "/devices",
    "device": f"{DEVICE}?span=1h",
    "device-charts": f"{DEVICE}?tab=charts&span=1h",
    "device-log": f"{DEVICE}?tab=log",
    "device-commands": f"{DEVICE}?tab=commands",
    "device-config": f"{DEVICE}?tab=config",
    "device-firmware": f"{DEVICE}?tab=firmware",
    "device-events": f"{DEVICE}?tab=events",
    "device-raw": f"{DEVICE}?tab=raw",
    "commands": "/commands",
    "firmware": "/firmware",
    "groups": "/groups",
    "users": "/users",
    "audit": "/audit",
    "settings": "/settings",
    "health": "/health",
}
"""Name of the picture → path."""


def settle(page: Page) -> None:
    """Until nothing is being loaded any more and the fleet is live."""
    page.locator("main").wait_for()
    page.get_by_text("Live", exact=True).first.wait_for()
    page.wait_for_load_state("networkidle")


def visit(page: Page, url: str, path: str) -> None:
    page.goto(url + path)
    settle(page)


@contextmanager
def factory(folder: Path) -> Generator[str]:
    """The URL of a hub with the scene at work."""
    hub = HubProcess(folder)
    hub.start()
    try:
        prepare(hub.ready)
        floor = Floor(hub.url, hub.ready["enrollmentKey"])
        with signed_in(hub.ready) as rest, scene.at_work(floor, rest, hub.ready):
            yield hub.url
        floor.close()
    finally:
        hub.stop()


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    build()
    with (
        tempfile.TemporaryDirectory() as folder,
        factory(Path(folder)) as url,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        _take(browser, url)
        browser.close()


def _take(browser: Browser, url: str) -> None:
    page = browser.new_page(viewport=SIZE, locale="en-GB")
    page.goto(url)
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        page.screenshot(path=PICTURES / f"sign-in-{theme}.png")
    sign_in(page, "admin")
    for name, path in PAGES.items():
        visit(page, url, path)
        page.wait_for_timeout(LIVELY_MS)
        for theme in THEMES:
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            page.screenshot(path=PICTURES / f"{name}-{theme}.png", animations="disabled")
            print(f"{name}-{theme}.png")


if __name__ == "__main__":
    main()
