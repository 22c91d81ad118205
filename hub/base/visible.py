"""Names for people, of anything: they show what they are. Pure."""

import unicodedata
from typing import Final

from hub.base.errors import invalid

_HIDDEN: Final = frozenset({"Cc", "Cf", "Zl", "Zp", "Co", "Cn"})
"""Controls, format characters such as U+202E and U+200B, separators of lines, what is
unassigned."""


def require_visible(text: str, field: str) -> str:
    """A name for people, of anything: it shows what it is. Raises `Invalid`."""
    hidden = next((c for c in text if unicodedata.category(c) in _HIDDEN), None)
    if hidden is not None:
        raise invalid(field, f"holds a character that is not shown (U+{ord(hidden):04X})")
    if not text.strip():
        raise invalid(field, "must not be blank")
    return text
