"""Accessibility as axe-core judges it, in both themes."""

from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Page

from tests.acceptance.hub.clients import Json

ROOT: Final = Path(__file__).parents[2]
SOURCE: Final = ROOT / "console" / "node_modules" / "axe-core" / "axe.min.js"
RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
THEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")

SETTLED: Final = """() => Promise.allSettled(
  document.getAnimations()
    .filter(one => one.effect.getComputedTiming().endTime < Infinity)
    .map(one => one.finished))"""

ONLY_OPEN_MENUS: Final = """() => [...document.querySelectorAll('[role=menu]')].every(menu =>
  document.getElementById(menu.getAttribute('aria-labelledby'))?.ariaExpanded === 'true')"""


def check(page: Page) -> None:
    """Fails with what is wrong with what the page shows now."""
    page.wait_for_function(ONLY_OPEN_MENUS)  # one that is fading away is no part of the page
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        page.locator(f"html[data-mantine-color-scheme={theme}]").wait_for()
        # Colours that are still on their way from one theme to the other belong to neither.
        page.evaluate(SETTLED)
        page.evaluate(SOURCE.read_text())
        found = page.evaluate(
            "tags => axe.run(document, {runOnly: tags, resultTypes: ['violations']})", RULES
        )
        wrong = described(found)
        assert wrong == [], "\n".join([theme, *wrong])


def described(found: Json) -> list[str]:
    return [
        f"{one['id']}: {one['help']}: {node['html'][:200]} {node['failureSummary']}"
        for one in found["violations"]
        for node in one["nodes"]
    ]
