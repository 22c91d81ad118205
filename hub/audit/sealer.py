"""Seals the rows of the audit, one replica at a time, and tells the anchor."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import structlog

from hub.audit.anchor import Anchor
from hub.audit.anchor_book import AnchorLine
from hub.audit.chain import Head
from hub.audit.chain_store import ChainHealth, SealStore, drops_in
from hub.base.database import Connection
from protocol.codec import rfc3339
from protocol.ids import OrgId

log = structlog.get_logger(__name__)

EVERY_SECONDS: Final = 1.0
LATE_SECONDS: Final = 60.0
"""After which a row that is not sealed is told of."""


class Sealer:
    """`clock`: seconds since 1970, by the database."""

    def __init__(self, store: SealStore, anchor: Anchor | None, clock: Callable[[], float]) -> None:
        self._store = store
        self._anchor = anchor
        self._clock = clock
        self._untold: dict[OrgId, Head] | None = None
        """What the anchor does not know yet; None: who sealed before may have told it, or not."""
        self._error: str | None = ""
        """Of the anchor, as it is noted; empty: not known."""

    async def run(self) -> None:
        """Until all is sealed that can be."""
        while await self.seal():
            pass
        await self.tell()

    async def seal(self) -> bool:
        """The next rows; whether there may be more."""
        if self._untold is None:
            self._untold = await self._store.heads()
        seals, more = await self._store.seal()
        self._untold.update({each.org: Head(each.number, each.hash) for each in seals})
        return more

    async def tell(self) -> None:
        """The anchor, of heads that it does not know; again when it could not be written."""
        if self._anchor is not None and self._untold:
            lines = [self._line(org, head) for org, head in self._untold.items()]
            if not await self._write(self._anchor, lines):
                return
        self._untold = {}
        await self._note(None)

    async def before_drop(self, connection: Connection) -> bool:
        """In the transaction that drops a partition: whether the anchor knows what goes."""
        if self._anchor is None:
            return True
        drops = await drops_in(connection)
        return await self._write(
            self._anchor,
            [
                self._line(org, drop.last, dropped=True, through=drop.through)
                for org, drop in drops.items()
            ],
        )

    async def health(self) -> ChainHealth:
        return await self._store.health(LATE_SECONDS)

    def _line(
        self, org: OrgId, head: Head, *, dropped: bool = False, through: int = 0
    ) -> AnchorLine:
        at = rfc3339(datetime.fromtimestamp(self._clock(), UTC))
        return AnchorLine(
            org=org,
            number=head.number,
            hash=head.hash.hex(),
            at=at,
            dropped=dropped,
            through=through,
        )

    async def _write(self, anchor: Anchor, lines: list[AnchorLine]) -> bool:
        try:
            await anchor.write(lines)
        except OSError as error:
            await self._note(error.strerror or type(error).__name__)
            return False
        return True

    async def _note(self, error: str | None) -> None:
        if error == self._error:
            return
        if error is not None:
            log.warning("audit_anchor_not_written", error=error)
        await self._store.note_anchor(error)
        self._error = error
