"""Reads records of production back: a page, one, and how many there are of which."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import UNSET, Struct, UnsetType

from hub.base.errors import NotFound
from hub.base.paging import Items, decode_cursor, page_of
from hub.base.retention import ShownSince, everything_since
from hub.edge.record_store import (
    CloudState,
    CountedBy,
    RecordFilter,
    RecordKey,
    RecordSpan,
    RecordStore,
)
from protocol.codec import rfc3339
from protocol.edge import Kind
from protocol.ids import DeviceId, OrgId

__all__ = ["CloudState", "CountedBy", "EdgeReader", "RecordFilter"]

_MEMBERS: Final[dict[CountedBy, str]] = {
    "kind": "kind",
    "company": "company_id",
    "device": "device_id",
    "day": "day",
}


class RecordItem(Struct, frozen=True, rename="camel", kw_only=True):
    id: str
    kind: Kind
    company_id: str
    device_id: str
    ts: str
    received_at: str
    data: dict[str, Any]
    cloud: CloudState
    """Also when it was deleted from the dead letters, a record is `dead`: it never reached the
    cloud."""
    cloud_at: str | None
    """Null while it waits, and where it is no longer known."""
    error: str | None


class RecordCount(Struct, frozen=True, rename="camel", kw_only=True):
    """With what was counted by."""

    kind: str | UnsetType = UNSET
    company_id: str | UnsetType = UNSET
    device_id: str | UnsetType = UNSET
    day: str | UnsetType = UNSET
    """In UTC."""
    count: int


class EdgeReader:
    """`clock` gives seconds since 1970; `shown_since`: since when an organisation is shown what
    there is."""

    def __init__(
        self,
        store: RecordStore,
        clock: Callable[[], float],
        shown_since: ShownSince = everything_since,
    ) -> None:
        self._store = store
        self._clock = clock
        self._shown_since = shown_since

    async def page(
        self, org: OrgId, asked: RecordFilter, cursor: str | None, limit: int
    ) -> Items[RecordItem]:
        span = await self._span(org, asked.since, asked.until)
        rows = await self._store.page(org, asked, span, _key(cursor), limit + 1)
        return page_of(
            rows,
            limit,
            key=lambda row: (row["received_at"], f"{row['device_id']}/{row['record_id']}"),
            item=_item,
        )

    async def one(self, org: OrgId, device_id: DeviceId, kind: Kind, record_id: str) -> RecordItem:
        """Raises `NotFound`."""
        since = await self._shown_since(org)
        row = await self._store.one(org, device_id, record_id, kind, since)
        if row is None:
            raise NotFound("no such record")
        return _item(row)

    async def counts(
        self,
        org: OrgId,
        by: Sequence[CountedBy],
        since: datetime | None,
        until: datetime | None,
    ) -> list[RecordCount]:
        """Those that there are, in order."""
        found = await self._store.counts(org, by, await self._span(org, since, until))
        members = [_MEMBERS[each] for each in by]
        return [
            RecordCount(**dict(zip(members, of, strict=True)), count=count) for of, count in found
        ]

    async def _span(self, org: OrgId, since: datetime | None, until: datetime | None) -> RecordSpan:
        shown = await self._shown_since(org)
        begin = max((each for each in (since, shown) if each is not None), default=None)
        return RecordSpan(begin, until or datetime.fromtimestamp(self._clock(), UTC))


def _key(cursor: str | None) -> RecordKey:
    """Raises `Invalid`."""
    key = decode_cursor(cursor)
    if key is None:
        return RecordKey()
    device_id, _, record_id = key[1].partition("/")  # no id of a device has one
    return RecordKey(key[0], device_id, record_id)


def _item(row: Any) -> RecordItem:
    finished = row["finished_at"]
    return RecordItem(
        id=row["record_id"],
        kind=row["kind"],
        company_id=row["company_id"],
        device_id=row["device_id"],
        ts=rfc3339(row["ts"]),
        received_at=rfc3339(row["received_at"]),
        data=row["data"],
        cloud=row["cloud"],
        cloud_at=None if finished is None else rfc3339(finished),
        error=row["error"],
    )
