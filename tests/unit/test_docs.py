"""What stands in `docs/` is what the code says: generated parts, metrics, links, named files."""

import re
from pathlib import Path

import pytest

from hub.base.metrics import REGISTRY
from hub.base.settings import AGENT_VARIABLES, variables
from longline.packages import OURS
from scripts.build_hook import WITHOUT
from scripts.docs import DOCS, PART, PARTS, outdated

PAGES = sorted(DOCS.rglob("*.md"))


def test_every_generated_part_is_current() -> None:
    assert not outdated(), "run scripts/docs.py"


def test_every_part_is_shown_somewhere() -> None:
    shown = {found[1] for page in PAGES for found in PART.findall(page.read_text("utf-8"))}

    assert shown == set(PARTS)


def test_every_metric_is_explained_and_no_other() -> None:
    page = (DOCS / "operations.md").read_text("utf-8")
    explained = set(re.findall(r"^\| `(longline_\w+)`", page, re.MULTILINE))

    kept = {
        metric.name + ("_total" if metric.type == "counter" else "")
        for metric in REGISTRY.collect()
    }
    assert explained == kept


def test_of_every_metric_is_said_when_to_worry() -> None:
    page = (DOCS / "operations.md").read_text("utf-8")
    rows = re.findall(r"^\| `longline_\w+` \|(.*)\|(.*)\|$", page, re.MULTILINE)

    assert len(rows) == len(list(REGISTRY.collect()))
    assert all(meaning.strip() and worry.strip() for meaning, worry in rows)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_every_variable_that_is_named_is_a_setting(page: Path) -> None:
    named = set(re.findall(r"\bLONGLINE_[A-Z][A-Z_]*[A-Z]\b", page.read_text("utf-8")))

    assert named <= {name for name, _, _ in variables()} | AGENT_VARIABLES | {
        "LONGLINE_TEST_INSTALL",
        WITHOUT,
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_every_link_leads_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if not target.startswith(("http:", "https:")):
            assert (page.parent / target).exists(), target


def anchors(page: Path) -> set[str]:
    """What a heading is called in a link: as GitHub does it."""
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {
        re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_every_link_to_a_heading_leads_to_one(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    for target, heading in re.findall(r"\]\(([^)#\s:]*)#([^)\s]+)\)", text):
        there = page.parent / target if target else page
        assert heading in anchors(there), f"{target}#{heading}"


def test_every_heading_that_code_names_is_there() -> None:
    root = DOCS.parent
    sources = [
        path for name in (*OURS, "console/src", "deploy") for path in (root / name).rglob("*")
    ]
    for path in sources:
        if path.suffix in (".py", ".ts", ".tsx", ".yaml", ".sh") and "static" not in path.parts:
            for page, heading in re.findall(r"docs/([\w-]+\.md)#([\w-]+)", path.read_text("utf-8")):
                assert heading in anchors(DOCS / page), f"{path}: {page}#{heading}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_every_file_that_is_named_exists(page: Path) -> None:
    roots = "|".join((*OURS, "scripts", "tests", "docs", "deploy"))
    named = re.findall(rf"`((?:{roots})/[\w./-]*\w)`", page.read_text("utf-8"))
    for path in named:
        assert (DOCS.parent / path).exists(), path
