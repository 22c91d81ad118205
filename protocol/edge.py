"""Records of production (bottles, batches, pallets, fixations): what the device hands to the hub
with `POST /sync`, or to the cloud by itself.

A record's id names it for ever among those of its device, so that it can be handed over again. Two
records of a device with one id are the same when their digests are equal."""

import hashlib
from datetime import datetime
from typing import Annotated, Any, Final, Literal, cast, get_args

import msgspec
from msgspec import Meta, Struct

from protocol.codec import rfc3339

Kind = Literal["bottle", "batch", "pallet", "fixation"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

MOST_RECORDS: Final = 1000
"""In one call of `POST /sync`."""
MOST_RECORD_BYTES: Final = 32 * 1024

_EXACT: Final = 2.0**53
"""Below it every whole number is a float, too."""

# Ids stand in paths: no slash, no white space, no control characters, no step to another folder.
_CHARACTER: Final = r"[^\s/\x00-\x1f\x7f]"
_NO_DOT: Final = r"[^\s/.\x00-\x1f\x7f]"
_IN_PATHS: Final = (  # all but "." and "..", without a look-ahead: RE2 has none
    rf"^(?:{_NO_DOT}|\.{_NO_DOT}|{_NO_DOT}{_CHARACTER}|{_CHARACTER}{{3,128}})$(?!\n)"
)
RecordId = Annotated[str, Meta(pattern=_IN_PATHS)]
CompanyId = Annotated[str, Meta(pattern=_IN_PATHS)]


class EdgeRecord(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """One production record."""

    id: RecordId
    kind: Kind
    company_id: CompanyId
    ts: Annotated[datetime, Meta(tz=True)]
    data: dict[str, Any] = {}


class Refusal(Struct, frozen=True):
    """Why one record was rejected; the others were accepted. `forbidden`: it belongs to a company
    that is not the device's."""

    id: str
    code: Literal["invalid", "conflict", "forbidden"]
    message: str


class SyncAnswer(Struct, frozen=True):
    """What is accepted is committed."""

    accepted: list[str]
    refused: list[Refusal]


def digest(record: EdgeRecord) -> bytes:
    """Equal for equal content, however it was written."""
    content = [record.kind, record.company_id, rfc3339(record.ts), _in_one_form(record.data)]
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).digest()


def _in_one_form(value: object) -> object:
    """`value`, decoded JSON, with each number in its one form."""
    match value:
        case bool():
            return value
        case int() | float():
            number = float(value)
            return int(number) if number.is_integer() and abs(number) < _EXACT else number
        case list():
            return [_in_one_form(item) for item in cast("list[object]", value)]
        case dict():
            fields = cast("dict[str, object]", value)
            return {name: _in_one_form(item) for name, item in fields.items()}
        case _:
            return value
