"""Durations and sizes as Compose writes them. Pure."""

import re
from typing import Final

_DURATION: Final = re.compile(r"(?:\d{1,9}(?:\.\d{1,9})?(?:ns|us|ms|s|m|h|d)){1,5}\Z")
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ns|us|ms|s|m|h|d)")
_NANOSECONDS: Final = {
    "ns": 1,
    "us": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86_400 * 10**9,
}
_SIZE: Final = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*([kmgt]?)i?b?\Z", re.IGNORECASE)
_POWERS: Final = ["", "k", "m", "g", "t"]


def nanoseconds(text: str | float) -> int:
    """Of `1m30s`, or of a number of seconds. Raises `ValueError`."""
    if not isinstance(text, str):
        return round(text * 10**9)
    if text == "0":
        return 0
    if not _DURATION.match(text):
        raise ValueError(f"{text!r} is no duration")
    return sum(round(float(number) * _NANOSECONDS[unit]) for number, unit in _PART.findall(text))


def size(text: str | int) -> int:
    """Bytes of `64m`, `1.5gb` or a number. Raises `ValueError`."""
    if isinstance(text, int):
        return text
    found = _SIZE.match(text)
    if found is None:
        raise ValueError(f"{text!r} is no size")
    return int(float(found[1]) * 1024 ** _POWERS.index(found[2].lower()))
