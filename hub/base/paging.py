"""Pages of a list: opaque cursors that hold the sort key of the last row shown.

A cursor made of (time, id) is stable while rows are added: lists are newest first, and a page
begins strictly behind the key. Outside, it is bound to its list and filters: a key of another list
would be taken for a place in this one.
"""

import base64
import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final, Generic, TypeVar

import msgspec
from msgspec import Struct

from hub.base.errors import Invalid, invalid

R = TypeVar("R")
T = TypeVar("T")

DIGITS: Final = 19

PageKey = tuple[datetime, str]
"""(time, id) of a row."""


class Items(Struct, Generic[T], frozen=True):
    """One page of a list, newest first. `next` is the cursor of the following page; None at the
    end."""

    items: list[T]
    next: str | None = None


def page_of(
    rows: Sequence[R], limit: int, *, key: Callable[[R], PageKey], item: Callable[[R], T]
) -> Items[T]:
    """One page out of `limit + 1` fetched rows: the surplus row only says that there is more."""
    shown = rows[:limit]
    more = len(rows) > limit
    return Items([item(row) for row in shown], encode_cursor(key(shown[-1])) if more else None)


def encode_cursor(key: PageKey) -> str:
    raw = msgspec.json.encode([key[0].isoformat(), key[1]])
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decode_cursor(cursor: str | None) -> PageKey | None:
    """None for the first page. Raises `Invalid`."""
    if cursor is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        moment, ident = msgspec.json.decode(raw, type=tuple[str, str])
        at = datetime.fromisoformat(moment)
        key = (at.astimezone(UTC), ident) if at.tzinfo and "\0" not in ident else None
    except (ValueError, OverflowError, msgspec.MsgspecError):
        key = None
    if key is None:
        raise _bad_cursor()
    return key


def decode_number_cursor(cursor: str | None) -> tuple[datetime, int] | None:
    """The same where the id is a number below 2^63."""
    key = decode_cursor(cursor)
    if key is None:
        return None
    if not (key[1].isascii() and key[1].isdigit() and len(key[1]) < DIGITS):
        raise _bad_cursor()
    return key[0], int(key[1])


def bind(cursor: str, path: str, query: Struct) -> str:
    """The cursor as callers get it, good for the list of this path with these filters only."""
    return _mark(path, query) + cursor


def unbind(cursor: str, path: str, query: Struct) -> str:
    """Raises `Invalid` for the cursor of another list, or of other filters."""
    mark = _mark(path, query)
    if not cursor.startswith(mark):
        raise _bad_cursor()
    return cursor.removeprefix(mark)


def _mark(path: str, query: Struct) -> str:
    values = msgspec.structs.asdict(query).items()
    filters = {name: value for name, value in values if name not in ("limit", "cursor", "offset")}
    digest = hashlib.sha256(msgspec.json.encode([path, filters])).digest()
    return base64.urlsafe_b64encode(digest[:6]).decode()


def _bad_cursor() -> Invalid:
    return invalid("cursor", "invalid cursor")
