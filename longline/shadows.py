"""Whether our packages are ours, before one of them is imported.

Their names are everyday words. A `protocol.py` in the working directory, or another distribution
that has a `sql`, would be imported in place of ours and fail later, somewhere else. So a foreign
file is named instead, and nothing is imported.
"""

import hashlib
import os
import sys
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from longline.errors import USAGE, UserError

HOME: Final = Path(__file__).resolve().parents[1]
"""Where our packages are: a checkout, the `site-packages` of a wheel, an unpacked artifact."""

_INIT: Final = "__init__.py"


class Shadowed(UserError):
    """One of our packages is not ours, or not there."""

    def __init__(self, message: str) -> None:
        super().__init__(message, USAGE)


def check(packages: Iterable[str], home: Path = HOME) -> None:
    """Raises `Shadowed` for the first package that would not be imported from `home`, or whose file
    there was written over by somebody else. Imports none of them."""
    recorded = _recorded(home)
    for package in packages:
        own, found = home / package, _found(package)
        if found is None or (found.parent != own and not own.is_dir()):
            raise Shadowed(f"the package {package} is missing in {home}: install longline again")
        if found.parent != own:
            raise Shadowed(
                f"{found} shadows {own}, a package of Longline: move it away, start longline in"
                " another directory, or give it a virtual environment of its own"
            )
        _check_content(found, recorded.get(f"{package}/{found.name}"))


def _found(package: str) -> Path | None:
    """The file that an import would run; None without one, as in an empty directory."""
    try:
        spec = find_spec(package)
    except ValueError:  # in sys.modules, by somebody who left no spec
        file: str | None = getattr(sys.modules[package], "__file__", None)
    else:
        file = spec.origin if spec is not None and spec.has_location else None
    return Path(os.path.realpath(file)) if file else None


def _check_content(file: Path, recorded: str | None) -> None:
    """`recorded` as in RECORD (`sha256=…`); None when no installer has written it down."""
    if recorded is None:
        return
    digest = urlsafe_b64encode(hashlib.sha256(file.read_bytes()).digest()).decode().rstrip("=")
    if recorded != f"sha256={digest}":
        raise Shadowed(
            f"{file} is not the file of Longline: another distribution has written over it,"
            " install longline in a virtual environment of its own"
        )


def _recorded(home: Path) -> dict[str, str]:
    """The hash of each `__init__.py` that the installer of a wheel has written down. A checkout and
    an artifact have no record."""
    records = list(home.glob("longline-*.dist-info/RECORD"))
    if len(records) != 1:
        return {}
    rows = (row.split(",") for row in records[0].read_text("utf-8").splitlines())
    return {row[0]: row[1] for row in rows if row[0].endswith(_INIT)}
