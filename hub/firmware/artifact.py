"""Names of artifacts. Pure.

An artifact is stored under its SHA-256, so that no name a caller gives ever reaches the file
system; the name is kept for display, cleaned of whatever could mislead who sees it.
"""

import re
from enum import Enum
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


class Wanted(Enum):
    """What a `Range` header asks of an artifact."""

    WHOLE = "whole"
    PART = "part"
    NOTHING = "nothing"
    """It begins behind the end: 416."""


_RANGE: Final = re.compile(r"bytes=(\d{1,18})?-(\d{1,18})?", re.ASCII)


def wanted(header: str | None, size: int) -> Wanted:
    """One range is served; a malformed header, another unit or several ranges are ignored, as
    RFC 9110 (14.2) allows."""
    found = _RANGE.fullmatch((header or "").replace(" ", ""))
    if found is None or found.group() == "bytes=-":
        return Wanted.WHOLE
    first, last = found.groups()
    if first is None:
        return Wanted.PART if int(last) else Wanted.NOTHING
    if last is not None and int(last) < int(first):
        return Wanted.WHOLE
    return Wanted.PART if int(first) < size else Wanted.NOTHING
