#!/usr/bin/env python3
"""Write the generated parts of `docs/` anew: python scripts/docs.py [--check]

A generated part stands between `<!-- generated: NAME -->` and `<!-- end -->`; everything else in a
page is written by hand. `--check` writes nothing and exits 1 when a page is out of date.
"""

import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from hub.base.errors import PROBLEMS
from hub.base.settings import variables
from hub.campaigns import journey
from hub.rights.access import FOR_DEVICES, MINIMUM, Door
from hub.routes import ROUTES, RULES
from hub.web.route import Route
from protocol.closing import CLOSINGS, Closing
from protocol.commands import COMMANDS
from protocol.lifecycle import ENDED, STEPS, LifecycleEvent, State

DOCS: Final = Path(__file__).parents[1] / "docs"
PART: Final = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def renewed(page: str) -> str:
    """`page` with every generated part written anew. Raises `KeyError` for an unknown name."""
    return PART.sub(lambda found: f"{found[1]}\n{PARTS[found[2]]()}\n\n{found[3]}", page)


def outdated() -> dict[Path, str]:
    """The pages that are not as they should be, and what they should hold."""
    found: dict[Path, str] = {}
    for path in sorted(DOCS.rglob("*.md")):
        text = path.read_text("utf-8")
        if renewed(text) != text:
            found[path] = renewed(text)
    return found


def markdown(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def settings() -> str:
    rows = ((f"`{name}`", f"`{default}`", about) for name, default, about in variables())
    return markdown(("variable", "default", "what it is"), rows)


def close_codes() -> str:
    rows = ((str(int(code)), row.reason, _come_back(row)) for code, row in CLOSINGS.items())
    return markdown(("code", "reason", "come back?"), rows)


def _come_back(row: Closing) -> str:
    if not row.come_back:
        return "no"
    wait = f", after {row.wait_seconds:.0f} s at least" if row.wait_seconds else ""
    return f"yes{wait}{', with a new token' if row.new_token else ''}"


def commands() -> str:
    rows = (
        (
            f"`{name}`",
            " ".join((spec.params.__doc__ or "").split()),
            str(spec.danger),
            "yes" if spec.redeliverable else "no",
            f"{spec.timeout_ms // 1000} s",
            RULES.role_of(name),
        )
        for name, spec in COMMANDS.items()
    )
    head = ("type", "what it does", "danger", "safe to send again", "default timeout", "least role")
    return markdown(head, rows)


def paths() -> str:
    rows = ((route.method, f"`{route.path}`", _who(route), route.summary) for route in ROUTES)
    return markdown(("method", "path", "who", "what"), rows)


_DOORS: Final[dict[Any, str]] = {
    Door.ANY_USER: "every user",
    Door.SESSION: "who has signed in",
    Door.INSTANCE: "instance administrator",
}


def _who(route: Route) -> str:
    if RULES.is_open(route.action):
        return "open"
    if route.action in _DOORS:
        return _DOORS[route.action]
    role = MINIMUM.get(route.action, "")
    roles = [role] if role else []
    return ", ".join([*roles, "devices"] if route.action in FOR_DEVICES else roles)


def problems() -> str:
    rows = (
        (", ".join(map(str, row.statuses)), f"`{code}`", row.title)
        for code, row in PROBLEMS.items()
    )
    return markdown(("status", "code", "title"), rows)


def command_states() -> str:
    """The table of `protocol/lifecycle.py` as a diagram; one arrow for each pair of states."""
    labels: dict[tuple[State, State], list[str]] = {}
    for source, steps in STEPS.items():
        for event, target in steps.items():
            # A second colon would end the label.
            label = str(event).replace(":", "")
            labels.setdefault((source, target), []).append(label)
    arrows = [f"    {a} --> {b}: {', '.join(names)}" for (a, b), names in labels.items()]
    ends = [f"    {state} --> [*]" for state in State if state in ENDED]
    begin = f"    [*] --> {State.PENDING}: accepted"
    return "\n".join(["```mermaid", "stateDiagram-v2", begin, *arrows, *ends, "```"])


def command_steps() -> str:
    rows = ((str(event), *_steps(event)) for event in LifecycleEvent)
    return markdown(("what happens", "in", "then"), rows)


def _steps(event: LifecycleEvent) -> tuple[str, str]:
    sources = [state for state in State if event in STEPS.get(state, {})]
    targets = list(dict.fromkeys(str(STEPS[state][event]) for state in sources))
    stays = all(STEPS[state][event] is state for state in sources)
    return " ".join(sources), "the same" if stays else " or ".join(targets)


def deployment_steps() -> str:
    rows = (
        (str(event), " ".join(f"`{phase}`" for phase in phases), f"`{target}`")
        for event in journey.TargetEvent
        for target, phases in _phases(event).items()
    )
    return markdown(("what happens", "in", "then"), rows)


def _phases(event: journey.TargetEvent) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for (phase, each), target in journey.STEPS.items():
        if each is event:
            found.setdefault(str(target), []).append(str(phase))
    return found


PARTS: Final[dict[str, Callable[[], str]]] = {
    "settings": settings,
    "close_codes": close_codes,
    "commands": commands,
    "paths": paths,
    "problems": problems,
    "command_states": command_states,
    "command_steps": command_steps,
    "deployment_steps": deployment_steps,
}


def main() -> int:
    stale = outdated()
    for path, text in stale.items():
        print(path.relative_to(DOCS.parent))
        if "--check" not in sys.argv[1:]:
            path.write_text(text, "utf-8")
    return 1 if stale and "--check" in sys.argv[1:] else 0


if __name__ == "__main__":
    sys.exit(main())
