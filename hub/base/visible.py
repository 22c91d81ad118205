"""Names for people, of anything: they show what they are. Pure."""

import re
import unicodedata
from typing import Final

from hub.base.errors import invalid

_HIDDEN: Final = frozenset({"Cc", "Cf", "Zl", "Zp", "Co", "Cn"})
"""Controls, format characters such as U+202E and U+200B, separators of lines, what is
unassigned."""


_ALIKE: Final = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC"})
"""Scripts whose letters are taken for one another; names of letters begin with their script."""
_WORD: Final = re.compile(r"\w+")


def mixes_alike(text: str) -> bool:
    """Whether it has letters of several scripts that look alike."""
    scripts = {unicodedata.name(c, "").partition(" ")[0] for c in text if c.isalpha()}
    return len(scripts & _ALIKE) > 1


def require_visible(text: str, field: str) -> str:
    """A name for people, of anything: it shows what it is. Words may be of several scripts, one
    word not. Raises `Invalid`."""
    hidden = next((c for c in text if unicodedata.category(c) in _HIDDEN), None)
    if hidden is not None:
        raise invalid(field, f"contains an invisible character (U+{ord(hidden):04X})")
    if not text.strip():
        raise invalid(field, "must not be blank")
    if any(map(mixes_alike, _WORD.findall(text))):
        raise invalid(field, "mixes look-alike letters of different scripts in one word")
    return text
