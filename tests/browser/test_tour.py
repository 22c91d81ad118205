"""Every page with something on it: accessible in both themes, and no wider than a phone."""

from collections.abc import Generator
from typing import Final

import pytest
from playwright.sync_api import Page, ViewportSize

from tests.browser import axe, tour
from tests.browser.signing import sign_in

PHONE: Final[ViewportSize] = {"width": 360, "height": 740}

WIDER_THAN_THE_SCREEN = """() => [...document.querySelectorAll('body *')]
  .filter(one => one.getBoundingClientRect().right > innerWidth + 1)
  .map(one => one.outerHTML.slice(0, 160))"""


@pytest.fixture(scope="module")
def url(built: None, tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """Ended with these tests: its devices keep drawing random numbers in this process, which
    hypothesis takes for a strategy that does."""
    with tour.factory(tmp_path_factory.mktemp("factory")) as url:
        yield url


@pytest.mark.parametrize("path", tour.PAGES.values(), ids=tour.PAGES.keys())
def test_a_page_is_accessible_in_both_themes_and_fits_a_phone(
    page: Page, url: str, path: str
) -> None:
    page.goto(url + path)
    sign_in(page, "admin")
    tour.settle(page)
    axe.check(page)
    page.set_viewport_size(PHONE)
    tour.settle(page)
    scrolls = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert not scrolls, page.evaluate(WIDER_THAN_THE_SCREEN)
