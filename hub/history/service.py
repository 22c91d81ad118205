"""Pages of the fleet's history, and all of them one after the other."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from msgspec import structs

from hub.accounts.service import AccountService
from hub.base.database import limited_to
from hub.base.holding import Right
from hub.base.paging import Items, PageKey, decode_cursor, encode_cursor
from hub.base.principal import Principal
from hub.base.retention import ShownOf, days, hours, not_before
from hub.history.exporting import MOST_ROWS
from hub.history.records import EventsFilter, HistoryItem, LogsFilter, PastRow
from hub.history.store import HistoryStore
from hub.queries.service import QueryService, Tree
from protocol.ids import OrgId

EVENTS: Final[Right] = "events:list"
EXPORT_PAGE: Final = 2_000

_Read = Callable[[Sequence[str] | None, PageKey | None, int], Awaitable[list[PastRow]]]


class ExportPart(NamedTuple):
    items: list[HistoryItem]
    ends: bool
    next: str | None
    """Of the last part: the cursor of what is left."""


class HistoryService:
    """`clock` is the database's, in seconds since 1970; `shown_of` says for how long an
    organisation is shown what there is."""

    def __init__(
        self,
        store: HistoryStore,
        accounts: AccountService,
        queries: QueryService,
        clock: Callable[[], float],
        shown_of: ShownOf,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._queries = queries
        self._clock = clock
        self._shown_of = shown_of

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)

    async def query(self, org: OrgId, text: str | None) -> Tree | None:
        """Raises `Invalid`."""
        return None if text is None else await self._queries.read(org, text)

    async def events(
        self, by: Principal, asked: EventsFilter, cursor: str | None, limit: int
    ) -> Items[HistoryItem]:
        asked = await self._shown_events(by.org, asked)
        devices = await self._store.meant(by.org, asked)
        rows = await self._store.events(by.org, asked, devices, decode_cursor(cursor), limit + 1)
        return _page(rows, limit)

    async def logs(
        self, by: Principal, asked: LogsFilter, cursor: str | None, limit: int
    ) -> Items[HistoryItem]:
        asked = await self._shown_logs(by.org, asked)
        devices = await self._store.meant(by.org, asked)
        rows = await self._store.logs(by.org, asked, devices, decode_cursor(cursor), limit + 1)
        return _page(rows, limit)

    async def export_events(
        self, by: Principal, asked: EventsFilter, cursor: str | None
    ) -> AsyncIterator[ExportPart]:
        async for part in self._parts(
            by, cursor, lambda after, limit: self.events(by, asked, after, limit)
        ):
            yield part

    async def export_logs(
        self, by: Principal, asked: LogsFilter, cursor: str | None
    ) -> AsyncIterator[ExportPart]:
        async for part in self._parts(
            by, cursor, lambda after, limit: self.logs(by, asked, after, limit)
        ):
            yield part

    async def _parts(
        self,
        by: Principal,
        cursor: str | None,
        read: Callable[[str | None, int], Awaitable[Items[HistoryItem]]],
    ) -> AsyncIterator[ExportPart]:
        """Each with the rights of its moment: whoever has none any more gets no end."""
        left = MOST_ROWS
        while True:
            present = await self._present(by)
            if present is None:
                return
            with limited_to(present.reach, present.subject):
                page = await read(cursor, min(left, EXPORT_PAGE))
            left -= len(page.items)
            ends = page.next is None or not left
            yield ExportPart(page.items, ends, page.next)
            if ends:
                return
            cursor = page.next

    async def _present(self, by: Principal) -> Principal | None:
        """With what it may see now; None for who may see nothing."""
        if by.key_id is not None:
            rights = await self._accounts.rights_of_key(by.org, by.key_id)
        elif self._accounts.has_ended(by):
            rights = None
        else:
            rights = await self._accounts.rights_of(by.org, by.subject, by.session_id or "")
        if rights is None or not rights.anywhere(EVENTS):
            return None
        return structs.replace(by, reach=await self._accounts.reach_of(by.org, rights, EVENTS))

    async def _shown_events(self, org: OrgId, asked: EventsFilter) -> EventsFilter:
        shown = hours((await self._shown_of(org)).raw_hours)
        return structs.replace(asked, since=self._since(asked.since, shown))

    async def _shown_logs(self, org: OrgId, asked: LogsFilter) -> LogsFilter:
        shown = days((await self._shown_of(org)).log_days)
        return structs.replace(asked, since=self._since(asked.since, shown))

    def _since(self, since: datetime, shown: timedelta | None) -> datetime:
        return not_before(since, shown, self.now()) or since


def _page(rows: list[PastRow], limit: int) -> Items[HistoryItem]:
    items = [row.item for row in rows[:limit]]
    if len(rows) <= limit:
        return Items(items)
    last = rows[limit - 1]
    return Items(items, encode_cursor((last.received_at, last.device_id)))
