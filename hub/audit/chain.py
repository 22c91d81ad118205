"""The chain of the audit: each row of an organisation is hashed with the hash of the one before, so
that none is changed, taken out or put in unnoticed. Pure.

A hash is SHA-256(the hash before ‖ RFC 8785 of the row). The row is an object with the columns of
`audit_log` as members, without those that are null; every number in it is text, and its time has
microseconds. So a column that is added later, and may be null, leaves the hashes of old rows as
they are. Before the first row stand 32 zero bytes.
"""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, cast

import msgspec
from msgspec import Struct

from protocol.canonical import canonical_json
from protocol.ids import OrgId

START: Final = bytes(32)
"""Stands before the first row."""
_exactly: Final = msgspec.json.Decoder(float_hook=str)
_sorted_json: Final = msgspec.json.Encoder(order="sorted")


class Sealable(Struct, frozen=True, kw_only=True):
    """A row, as the statements of `audit_chain.sql` read it."""

    org: OrgId
    audit_id: int
    at: datetime
    row: str
    """All its columns as JSON."""


class Seal(Struct, frozen=True, kw_only=True):
    org: OrgId
    number: int
    """Of the row in the chain of its organisation, from 1."""
    audit_id: int
    at: datetime
    """Of the row."""
    hash: bytes


class Head(Struct, frozen=True):
    """Up to where a chain is known."""

    number: int
    hash: bytes


NO_HEAD: Final = Head(0, START)


def document_of(row: str, at: datetime) -> dict[str, Any]:
    """What is hashed of a row. Numbers are their digits: a double would not keep all of them."""
    columns: dict[str, Any] = _exactly.decode(row)
    columns["at"] = _microseconds(at)
    for name in [name for name, value in columns.items() if type(value) is not str]:
        value = columns.pop(name)
        if value is not None:
            columns[name] = _as_text(value)
    return columns


def _microseconds(moment: datetime) -> str:
    text = msgspec.json.encode(moment.astimezone(UTC) if moment.tzinfo is not UTC else moment)
    seconds = text[1:20].decode()
    return f"{seconds}.{moment.microsecond:06}Z"


def _as_text(value: Any) -> Any:
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return {name: _as_text(each) for name, each in fields.items()}
    if isinstance(value, list):
        return [_as_text(each) for each in cast("list[Any]", value)]
    return str(value) if type(value) is int else value


def canonical(document: dict[str, Any]) -> bytes:
    """RFC 8785, of JSON without numbers. What is ASCII msgspec writes as the RFC asks, five times
    faster; beyond, the order of members by UTF-8 is not the one by UTF-16."""
    written = _sorted_json.encode(document)
    return written if written.isascii() else canonical_json(document)


def next_hash(before: bytes, row: str, at: datetime) -> bytes:
    return hashlib.sha256(before + canonical(document_of(row, at))).digest()


def sealed(heads: Mapping[OrgId, Head], rows: Iterable[Sealable]) -> list[Seal]:
    """The seals of rows, in their order, from the heads of their chains on."""
    ends = dict(heads)
    seals: list[Seal] = []
    for each in rows:
        before = ends.get(each.org, NO_HEAD)
        end = Head(before.number + 1, next_hash(before.hash, each.row, each.at))
        ends[each.org] = end
        seals.append(
            Seal(org=each.org, number=end.number, audit_id=each.audit_id, at=each.at, hash=end.hash)
        )
    return seals
