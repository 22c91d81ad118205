"""What hatchling asks when it builds a wheel or an sdist; nothing of ours is imported here.

The console is taken in, or the build ends: a package that lacks it without saying so is found out
by its users. `LONGLINE_NO_CONSOLE=1` builds without it. In a checkout the built console must be of
the sources as they are; an sdist carries it and no sources.

The readme of the metadata is `README.md` without its pictures and without links into the checkout.

`python -m scripts.build_hook` prints the stamp of the console's sources, for ./scripts/console.
"""

import hashlib
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

BUILT: Final = "hub/web/static/console"
STAMP: Final = "stamp"
"""In the built console: of which sources it is."""

WITHOUT: Final = "LONGLINE_NO_CONSOLE"

_GENERATED: Final = {"node_modules", ".build"}
_PICTURE: Final = re.compile(r"<picture>.*?</picture>\n*", re.DOTALL)
_LINK_INSIDE: Final = re.compile(r"\[([^]]+)]\((?!https?://)[^)]*\)")


class ConsoleHook(BuildHookInterface[Any]):
    """Names the console as a part of what is built."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable" or os.environ.get(WITHOUT) == "1":
            return
        lack = lacking(Path(self.root))
        if lack is not None:
            self.app.abort(
                f"longline: the console is {lack}: run ./scripts/console in a checkout, "
                f"or build without it by {WITHOUT}=1"
            )
        build_data["artifacts"].append(f"/{BUILT}/")


class ReadmeHook(MetadataHookInterface):
    """Gives the metadata a readme that can be read outside of a checkout."""

    def update(self, metadata: dict[str, Any]) -> None:
        text = (Path(self.root) / "README.md").read_text("utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": outside(text)}


def outside(readme: str) -> str:
    return _LINK_INSIDE.sub(r"\1", _PICTURE.sub("", readme))


def lacking(root: Path) -> str | None:
    """What is wrong with the built console; None when it can be taken in."""
    built = root / BUILT
    if not (built / "index.html").is_file() or not (built / STAMP).is_file():
        return "not built"
    in_checkout = (root / "console" / "package.json").is_file()
    if in_checkout and (built / STAMP).read_text().strip() != stamp(root):
        return "older than its sources"
    return None


def stamp(root: Path) -> str:
    """One hash of what the console is built from: its files, and the Python that makes the
    contract."""
    contract = (path for name in ("hub", "protocol") for path in (root / name).rglob("*.py"))
    digest = hashlib.sha256()
    for path in sorted([*_files(root / "console"), *contract]):
        digest.update(f"{path.relative_to(root)}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    for at, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _GENERATED]
        yield from (Path(at) / name for name in names)


if __name__ == "__main__":
    sys.stdout.write(f"{stamp(Path(__file__).parents[1])}\n")
