"""The anchor: a file outside of the database that knows how far the chain of the audit had come, so
that whoever may change all of the database cannot make the chain anew. Pure.

Each line is JSON. It holds the head of an organisation's chain at a moment; with `dropped`, the
last number whose seal goes with a partition, and `through`, the last whose row does.
"""

from collections.abc import Iterable

import msgspec
from msgspec import Struct

from protocol.ids import OrgId


class AnchorLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    org: OrgId
    number: int
    hash: str
    """In hex."""
    at: str
    """When it was written."""
    dropped: bool = False
    through: int = 0


class AnchorBook:
    """What anchors know. Pure."""

    def __init__(self) -> None:
        self.unreadable = 0
        """Lines: what a crash has cut off."""
        self.hashes: dict[OrgId, dict[int, str]] = {}
        self.conflicts: list[AnchorLine] = []
        """Lines that say otherwise than one before them."""
        self._drops: dict[tuple[OrgId, int, str], int] = {}

    def add(self, lines: Iterable[bytes]) -> None:
        for text in filter(None, map(bytes.strip, lines)):
            try:
                self._add(msgspec.json.decode(text, type=AnchorLine))
            except msgspec.MsgspecError:
                self.unreadable += 1

    def _add(self, line: AnchorLine) -> None:
        if line.dropped:
            place = (line.org, line.number, line.hash)
            self._drops[place] = max(line.through, self._drops.get(place, 0))
        if line.number == 0:
            return
        known = self.hashes.setdefault(line.org, {}).setdefault(line.number, line.hash)
        if known != line.hash:
            self.conflicts.append(line)

    def knows_drop(self, org: OrgId, number: int, digest: bytes, through: int) -> bool:
        return self._drops.get((org, number, digest.hex()), -1) >= through
