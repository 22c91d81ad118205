"""`scripts/package deb|rpm agent|hub [--into dist]`: build, and print the files that were made.

The agent's package comes with `longline-agent-sudo`, for machines without polkit."""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from scripts.packaging import deb, rpm
from scripts.packaging.contents import MADE_OF, Release
from scripts.packaging.stage import stage
from scripts.packaging.wheels import CannotBuild, fetched, own_wheel, version_in

MAKERS: Final = {"deb": deb.make, "rpm": rpm.make}


def main(arguments: list[str]) -> int:
    chosen = parser().parse_args(arguments)
    try:
        for made in build(chosen.kind, chosen.product, root=Path.cwd(), into=chosen.into):
            print(made)
    except (CannotBuild, OSError) as error:
        print(f"scripts/package: {error}", file=sys.stderr)
        return 1
    return 0


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="scripts/package", description="Build a package.")
    made.add_argument("kind", choices=sorted(MAKERS))
    made.add_argument("product", choices=sorted(MADE_OF))
    made.add_argument("--into", type=Path, default=Path("dist"), help="The folder for it.")
    return made


def build(kind: str, product: str, *, root: Path, into: Path) -> list[Path]:
    """What was made, in `into`. `root` holds the sources. Raises `CannotBuild`, `OSError`."""
    release = Release(version=version_in(root), epoch=epoch(root))
    into.mkdir(parents=True, exist_ok=True)
    made: list[Path] = []
    with tempfile.TemporaryDirectory() as scratch:
        for package in MADE_OF[product]:
            wheels: list[Path] = []
            if package.home is not None:
                folder = Path(scratch) / "wheels"
                wheels = [*fetched(root, package.extras, folder), own_wheel(root, package, folder)]
            tree = Path(scratch) / package.name
            staged = stage(package, wheels, root=root, tree=tree, kind=kind, release=release)
            made.append(MAKERS[kind](package, staged, release, root=root, into=into))
    return made


def epoch(root: Path) -> int:
    """The time that everything in a package bears: SOURCE_DATE_EPOCH, else that of the commit."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given is None:
        argv = ["git", "-C", str(root), "log", "-1", "--format=%ct"]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)  # noqa: S603
        given = done.stdout.strip()
    if not given.isdecimal():
        raise CannotBuild("set SOURCE_DATE_EPOCH: this is no checkout whose commit says a time")
    return int(given)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
