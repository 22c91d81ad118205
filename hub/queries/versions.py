"""Versions as texts that sort as versions do (SemVer 2, precedence). Pure.

`version_key` in `sql/schema.sql` is the same for what is stored; a test holds them together.
Missing numbers are 0. Each number has its length before it, three digits; a space is before each
part of a pre-release, for it sorts before whatever a part may hold.
"""

import re
from typing import Final

_NUMBER: Final = r"(?:0|[1-9][0-9]*)"
_PART: Final = rf"(?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_VERSION: Final = re.compile(
    rf"({_NUMBER})(?:\.({_NUMBER}))?(?:\.({_NUMBER}))?"
    rf"(?:-({_PART}(?:\.{_PART})*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)
_LONGEST: Final = 999
"""Digits of a number whose length still fits in three."""


def version_key(text: str) -> str | None:
    """To compare by code points; None for what is no version."""
    found = _VERSION.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        return None
    *numbers, pre = found.groups()
    key = "".join(_counted(number or "0") for number in numbers)
    if pre is None:
        return key + "~"
    parts = (f"0{_counted(part)}" if part.isdecimal() else f"1{part}" for part in pre.split("."))
    return key + "!" + "".join(f" {part}" for part in parts)


def _counted(digits: str) -> str:
    return f"{len(digits):03}{digits}"
