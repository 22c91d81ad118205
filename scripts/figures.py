#!/usr/bin/env python3
"""How a package is built: python scripts/figures.py PACKAGE…

A room is a module or a folder at the top of the package, an arrow a pair of rooms of which one
imports the other. A circle is a set of rooms that all reach each other. Of classes only public ones
at the top of a module count. PACKAGE may be a directory of another checkout.
"""

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[1]
USAGE: Final = 2
LONG: Final = 300


class Figures(NamedTuple):
    rooms: list[str]
    arrows: list[tuple[str, str]]
    circles: list[list[str]]
    homes: dict[str, list[str]]
    """Names of classes that more than one module defines, and the modules."""
    protocols: list[str]
    long: dict[str, int]
    """Modules of more than `LONG` lines."""


def figures(package: Path) -> Figures:
    """Of the package in the directory `package`."""
    modules = {module_of(path, package): ast.parse(path.read_bytes()) for path in sources(package)}
    rooms = sorted({name.split(".")[1] for name in modules if "." in name})
    arrows = sorted(set(arrows_of(modules, rooms)))
    lengths = {
        module_of(path, package): path.read_bytes().count(b"\n") for path in sources(package)
    }
    return Figures(
        rooms,
        arrows,
        circles_of(rooms, arrows),
        homes_of(modules),
        protocols_of(modules),
        {name: length for name, length in lengths.items() if length > LONG},
    )


def sources(package: Path) -> list[Path]:
    return sorted(package.rglob("*.py"))


def module_of(path: Path, package: Path) -> str:
    """Its dotted name, that of the package included."""
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def arrows_of(modules: Mapping[str, ast.Module], rooms: Iterable[str]) -> Iterator[tuple[str, str]]:
    known = set(rooms)
    for name, tree in modules.items():
        package, _, inside = name.partition(".")
        room = inside.split(".")[0]
        for imported in imports_of(tree):
            if imported.startswith(f"{package}."):
                other = imported.split(".")[1]
                if room and other in known and other != room:
                    yield room, other


def imports_of(tree: ast.Module) -> Iterator[str]:
    """What a module imports, wherever in it: names with their module before them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def circles_of(rooms: Iterable[str], arrows: Iterable[tuple[str, str]]) -> list[list[str]]:
    """The sets of two rooms and more that all reach each other."""
    edges: dict[str, set[str]] = {room: set() for room in rooms}
    for room, other in arrows:
        edges[room].add(other)
    reached = {room: _reached(room, edges) for room in edges}
    circles = {
        tuple(sorted(other for other in reached[room] if room in reached[other])) for room in edges
    }
    return sorted(list(circle) for circle in circles if len(circle) > 1)


def _reached(room: str, edges: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [room]
    while waiting:
        new = edges[waiting.pop()] - found
        found |= new
        waiting += new
    return found


def homes_of(modules: Mapping[str, ast.Module]) -> dict[str, list[str]]:
    homes: dict[str, list[str]] = {}
    for name, tree in modules.items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(name)
    return {name: places for name, places in sorted(homes.items()) if len(places) > 1}


def protocols_of(modules: Mapping[str, ast.Module]) -> list[str]:
    return [
        f"{name}.{node.name}"
        for name, tree in modules.items()
        for node in tree.body
        if isinstance(node, ast.ClassDef) and any(ast.unparse(b) == "Protocol" for b in node.bases)
    ]


def lines(package: str, found: Figures) -> Iterator[str]:
    yield f"{package}: {len(found.rooms)} rooms: {' '.join(found.rooms)}"
    yield f"{len(found.arrows)} arrows"
    for room in found.rooms:
        others = [other for one, other in found.arrows if one == room]
        if others:
            yield f"  {room} → {' '.join(others)}"
    yield f"{len(found.circles)} circles"
    yield from (f"  {' '.join(circle)}" for circle in found.circles)
    yield f"{len(found.homes)} class names with more than one home"
    yield from (f"  {name}: {' '.join(places)}" for name, places in found.homes.items())
    yield f"{len(found.protocols)} protocols: {' '.join(found.protocols)}"
    yield f"{len(found.long)} modules of more than {LONG} lines"
    yield from (f"  {name}: {length}" for name, length in found.long.items())


def main(packages: list[str]) -> int:
    missing = [package for package in packages if not (ROOT / package).is_dir()]
    if missing or not packages:
        sys.stderr.write("which package? python scripts/figures.py PACKAGE…\n")
        return USAGE
    for package in packages:
        print(*lines(package, figures(ROOT / package)), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
