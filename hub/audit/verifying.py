"""What is wrong with the chain of the audit: a row that was edited, is missing or was put in, and a
tail that was cut. Pure."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from hub.audit.anchor_book import AnchorBook
from hub.audit.chain import NO_HEAD, Head, next_hash
from protocol.codec import rfc3339
from protocol.ids import OrgId


class Link(Struct, frozen=True, kw_only=True):
    """A seal with its row."""

    org: OrgId
    number: int
    audit_id: int
    at: datetime
    hash: bytes
    row: str | None
    """As JSON; None: it is not there, or not at its time."""


class Drop(Struct, frozen=True):
    """What went with its partition."""

    last: Head
    """The chain begins behind it."""
    through: int
    """Rows of seals up to here may be missing."""


class Unplaced(Struct, frozen=True, kw_only=True):
    """A row that has no place in the chain."""

    org: OrgId
    audit_id: int
    at: datetime
    actor: str
    action: str
    is_past: bool
    """The sealer has gone by, and will not come back to it."""


class ChainCheck:
    """Given all links in order, answers what is wrong, a line each. `moved`: the organisation and
    id of rows without a place."""

    def __init__(
        self,
        drops: Mapping[OrgId, Drop],
        anchor: AnchorBook | None,
        moved: Collection[tuple[OrgId, int]] = (),
    ) -> None:
        self._drops = drops
        self._anchored = {} if anchor is None else anchor.hashes
        self._moved = moved
        self._ends: dict[OrgId, int] = {}
        self._before: bytes | None = None
        """The hash before the next link; None: it is not known."""

    def look(self, link: Link) -> list[str]:
        begin = self._drops.get(link.org, Drop(NO_HEAD, 0))
        if link.org not in self._ends:
            self._ends[link.org], self._before = begin.last.number, begin.last.hash
        findings = self._gap(link)
        findings += self._of_row(link, begin.through)
        known = self._anchored.get(link.org, {}).get(link.number)
        if known is not None and known != link.hash.hex():
            findings.append(
                f"{link.org}: number {link.number} is not the one that the anchor knows"
            )
        self._ends[link.org], self._before = link.number, link.hash
        return findings

    def _gap(self, link: Link) -> list[str]:
        first = self._ends[link.org] + 1
        if link.number == first:
            return []
        self._before = None
        return [f"{link.org}: {_numbers(first, link.number - 1)} missing in the chain"]

    def _of_row(self, link: Link, through: int) -> list[str]:
        name = f"{link.org}: number {link.number} (row {link.audit_id})"
        if link.row is None:
            if link.number <= through:
                return []
            moved = (link.org, link.audit_id) in self._moved
            return [f"{name} was edited: its time" if moved else f"{name} is missing"]
        if self._before is not None and next_hash(self._before, link.row, link.at) != link.hash:
            return [f"{name} was edited"]
        return []

    def end(self) -> list[str]:
        """When all links have been looked at: tails that were cut."""
        findings: list[str] = []
        for org, known in self._anchored.items():
            begin = self._drops.get(org, Drop(NO_HEAD, 0)).last.number
            last, there = max(known), max(self._ends.get(org, 0), begin)
            if last > there:
                missing = _numbers(there + 1, last)
                findings.append(f"{org}: the tail was cut: {missing} missing that the anchor knows")
        return findings


def drops_unknown(drops: Mapping[OrgId, Drop], anchor: AnchorBook) -> list[str]:
    """Beginnings of chains that the anchor does not know of."""
    return [
        f"{org}: the chain begins behind number {drop.last.number}, and rows up to number"
        f" {drop.through} may be gone: the anchor knows of no such partition"
        for org, drop in drops.items()
        if not anchor.knows_drop(org, drop.last.number, drop.last.hash, drop.through)
    ]


def conflicts_of(anchor: AnchorBook) -> list[str]:
    return [
        f"{line.org}: the anchor knows two hashes of number {line.number}"
        for line in anchor.conflicts
    ]


def unplaced_findings(rows: Sequence[Unplaced], sealed: Collection[tuple[OrgId, int]]) -> list[str]:
    """`sealed`: rows that are told of already, by their numbers."""
    return [_of_unplaced(row) for row in rows if (row.org, row.audit_id) not in sealed]


def _of_unplaced(row: Unplaced) -> str:
    what = f"{row.org}: row {row.audit_id} ({row.action} by {row.actor} at {rfc3339(row.at)})"
    if row.is_past:
        return f"{what} was inserted: it is not in the chain"
    return f"{what} is not sealed: is a hub at work?"


def _numbers(first: int, last: int) -> str:
    return f"number {first} is" if first == last else f"numbers {first} to {last} are"
