"""What a device should have of a section, what it has, and whether that is to be handed over. Pure.

A section is handed over while its hash is not the one that the device named, but for a version that
the device could not take or has undone: that one rests until it changes.
"""

from datetime import datetime
from typing import Any, Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from protocol.canonical import hash_of
from protocol.frames import DesiredStatus, SectionState
from protocol.sections import INITIAL, PRODUCTION, SmallKind

STEERING: Final[dict[SmallKind, frozenset[str]]] = {
    PRODUCTION: frozenset({"enable_device", "disable_device"})
}
"""Commands that move a section by themselves: while one is unfinished it is not handed over."""


SectionStatus = Literal["in_sync", "pending", "failed", "rolled_back"]


class SectionRow(Struct, frozen=True, kw_only=True):
    kind: SmallKind
    version: int
    document: dict[str, Any]
    hash: str
    taken: dict[str, Any] | None = None
    """None: not known, or none of what the hub knows."""
    taken_hash: str | None = None
    refused: int | None = None
    error: dict[str, Any] | None = None
    changed_at: datetime | None = None
    """As it was read: what was made of an older row does not overwrite a newer."""


def initial(kind: SmallKind) -> SectionRow:
    """Of a device for which nothing else was ever wanted."""
    document = INITIAL[kind]
    return SectionRow(kind=kind, version=0, document=document, hash=hash_of(document))


_INITIAL: Final = {kind: initial(kind) for kind in INITIAL}


def after_hello(row: SectionRow, said: SectionState) -> SectionRow:
    refused = row.version if said.refused == str(row.version) else row.refused
    return replace(row, taken=_document_of(row, said.hash), taken_hash=said.hash, refused=refused)


def after_taking(row: SectionRow, report: DesiredStatus) -> SectionRow:
    """What a device says of another than the wanted document counts for nothing: it is handed over
    that one. Nor does a failure of the same document in an earlier version: it is tried again."""
    if report.hash != row.hash or report.status == "trial":
        return row
    if report.status == "applied":
        return replace(row, taken=row.document, taken_hash=row.hash, refused=None, error=None)
    if report.version != str(row.version):
        return row
    said = report.error
    error = None if said is None else {"code": said.code, "message": said.message}
    return replace(row, refused=row.version, error=error)


def status_of(row: SectionRow) -> SectionStatus:
    """Whether the device has what is wanted of the section."""
    if row.taken_hash == row.hash:
        return "in_sync"
    if row.refused != row.version:
        return "pending"
    undone = row.error is not None and row.error["code"] == "rolled_back"
    return "rolled_back" if undone else "failed"


def is_to_hand_over(row: SectionRow) -> bool:
    return row.taken_hash != row.hash and row.refused != row.version


def _document_of(row: SectionRow, digest: str | None) -> dict[str, Any] | None:
    known = ((row.hash, row.document), (row.taken_hash, row.taken))
    beginning = _INITIAL[row.kind]
    return next(
        (document for named, document in (*known, (beginning.hash, beginning.document))
         if named == digest),
        None,
    )  # fmt: skip
