"""Names of artifacts. Pure.

An artifact is stored under its SHA-256, so that no name a caller gives ever reaches the file
system; the name is kept for display, cleaned of whatever could mislead who sees it.
"""

import re
from typing import Final

_NOT_PLAIN: Final = re.compile(r"[^A-Za-z0-9._ +()@=-]+")
LONGEST_NAME: Final = 128


def display_name(filename: str) -> str:
    """The last part of a path, of plain characters only, never empty, never a hidden file."""
    last = re.split(r"[/\\]", filename)[-1]
    plain = _NOT_PLAIN.sub("_", last).strip(" .")
    return plain[:LONGEST_NAME] or "artifact"


def stored_name(sha256: str) -> str:
    """Below the firmware directory: `ab/abcdef…`, so that no directory grows too wide."""
    return f"{sha256[:2]}/{sha256}"
