"""Accessibility as axe-core judges it, in both themes."""

from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Page

from tests.acceptance.hub.clients import Json

ROOT: Final = Path(__file__).parents[2]
SOURCE: Final = ROOT / "console" / "node_modules" / "axe-core" / "axe.min.js"
RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
THEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")

JUDGED: Final = """async tags => {
  const moves = ['transitionrun', 'animationstart'];
  let moved = false;
  const note = () => { moved = true; };
  const settled = () => Promise.allSettled(
    document.getAnimations()
      .filter(one => one.effect.getComputedTiming().endTime < Infinity)
      .map(one => one.finished));
  moves.forEach(move => document.addEventListener(move, note));
  try {
    for (let attempt = 1; ; attempt++) {
      moved = false;
      await settled();
      const found = await axe.run(document, {runOnly: tags, resultTypes: ['violations']});
      await new Promise(requestAnimationFrame);  // which hands out what began to move
      if (!moved || attempt === 5) return found;
    }
  } finally {
    moves.forEach(move => document.removeEventListener(move, note));
  }
}"""
"""What comes or fades while it is judged has the colours of neither state: it is judged again."""

ONLY_OPEN_MENUS: Final = """() => [...document.querySelectorAll('[role=menu]')].every(menu =>
  document.getElementById(menu.getAttribute('aria-labelledby'))?.ariaExpanded === 'true')"""


def check(page: Page) -> None:
    """Fails with what is wrong with what the page shows now."""
    page.wait_for_function(ONLY_OPEN_MENUS)  # one that is fading away is no part of the page
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        page.locator(f"html[data-mantine-color-scheme={theme}]").wait_for()
        page.evaluate(SOURCE.read_text())
        wrong = described(page.evaluate(JUDGED, RULES))
        assert wrong == [], "\n".join([theme, *wrong])


def described(found: Json) -> list[str]:
    return [
        f"{one['id']}: {one['help']}: {node['html'][:200]} {node['failureSummary']}"
        for one in found["violations"]
        for node in one["nodes"]
    ]
