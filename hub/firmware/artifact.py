"""Names of artifacts. Pure.

An artifact is stored under its SHA-256, so that no name a caller gives ever reaches the file
system; the name is kept for display, cleaned of whatever could mislead who sees it.
"""

import re
from enum import Enum
from typing import Final

from msgspec import Struct

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


class ByteRange(Struct, frozen=True):
    """Bytes `first` to `last`, both included."""

    first: int
    last: int


class RangeVerdict(Enum):
    """What else a request for an artifact comes to."""

    WHOLE = "whole"
    KNOWN = "known"
    """304: the caller has it."""
    ANOTHER = "another"
    """412: the caller wants another than this."""
    NOTHING = "nothing"
    """416: the range begins behind the end."""


class Asked(Struct, frozen=True, kw_only=True):
    """The headers that decide; several lines of one are joined by commas."""

    method: str
    if_match: str | None = None
    if_none_match: str | None = None
    if_range: str | None = None
    range: str | None = None


_TAGS: Final = re.compile(r'(W/)?("[^"]*")')
_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII | re.IGNORECASE)


def judge(asked: Asked, etag: str, size: int) -> ByteRange | RangeVerdict:
    """In the order of RFC 9110, 13.2.2. One range is served; a malformed header, another unit or
    several ranges are ignored, as section 14.2 allows."""
    if asked.if_match is not None and not _names(asked.if_match, etag, weak=False):
        return RangeVerdict.ANOTHER
    if asked.if_none_match is not None and _names(asked.if_none_match, etag, weak=True):
        return RangeVerdict.KNOWN
    if asked.method != "GET" or asked.if_range not in (None, etag):
        return RangeVerdict.WHOLE
    return _range(asked.range, size)


def _names(header: str, etag: str, *, weak: bool) -> bool:
    """Whether the list of tags holds this one, compared weakly or strongly (8.8.3.2)."""
    if header.strip() == "*":
        return True
    return any(tag == etag and (weak or not mark) for mark, tag in _TAGS.findall(header))


def _range(header: str | None, size: int) -> ByteRange | RangeVerdict:
    found = _RANGE.fullmatch((header or "").replace(" ", ""))
    if found is None:
        return RangeVerdict.WHOLE
    first, last = (_number(digits) for digits in found.groups())
    if first is None:
        return RangeVerdict.WHOLE if last is None else _suffix(last, size)
    if last is not None and last < first:
        return RangeVerdict.WHOLE
    if first >= size:
        return RangeVerdict.NOTHING
    return ByteRange(first, size - 1 if last is None else min(last, size - 1))


def _suffix(length: int, size: int) -> ByteRange | RangeVerdict:
    """The last bytes of an artifact."""
    return ByteRange(max(0, size - length), size - 1) if length and size else RangeVerdict.NOTHING


def _number(digits: str) -> int | None:
    """Cut to what is larger than any artifact: Python refuses thousands of digits."""
    return int(digits.lstrip("0")[:_DIGITS] or "0") if digits else None


_DIGITS: Final = 30
