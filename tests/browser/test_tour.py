"""Every page with something on it: accessible in both themes, and no wider than a phone."""

from collections.abc import Callable, Generator
from typing import Final

import pytest
from playwright.sync_api import Page, ViewportSize

from tests.acceptance.hub.process import HubProcess
from tests.acceptance.up import signed_in
from tests.browser import axe, scene, tour
from tests.browser.devices import Floor

PHONE: Final[ViewportSize] = {"width": 360, "height": 740}

WIDER_THAN_THE_SCREEN = """() => [...document.querySelectorAll('body *')]
  .filter(one => one.getBoundingClientRect().right > innerWidth + 1)
  .map(one => one.outerHTML.slice(0, 160))"""


@pytest.fixture(scope="module")
def at_work(floor: Floor, hub: HubProcess) -> Generator[None]:
    with signed_in(hub.ready) as rest, scene.at_work(floor, rest, hub.ready):
        yield


@pytest.mark.usefixtures("at_work")
@pytest.mark.parametrize("path", tour.PAGES.values(), ids=tour.PAGES.keys())
def test_a_page_is_accessible_in_both_themes_and_fits_a_phone(
    enter: Callable[..., Page], path: str
) -> None:
    page = enter(path)
    tour.settle(page)
    axe.check(page)
    page.set_viewport_size(PHONE)
    tour.settle(page)
    scrolls = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert not scrolls, page.evaluate(WIDER_THAN_THE_SCREEN)
