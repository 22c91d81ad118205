"""Keeps events for webhooks, in the transaction that makes each of them true.

What is wanted is remembered here, and read again when a webhook has changed on any replica; the
database is not asked for what nobody wants.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import structlog

from hub.accounts.service import VersionChange
from hub.base import metrics
from hub.base.database import Connection, after_commit
from hub.base.holding import Reach
from hub.queries.service import tree_of
from hub.telemetry.writer import OrgEvent
from hub.webhooks.batching import with_id
from hub.webhooks.records import kinds_of
from hub.webhooks.seeing import OwnerSight, may_have, reaches_of
from hub.webhooks.store import KeepingRow, KeptEvent, WebhookStore
from hub.webhooks.wanting import ByKind, EventWish, WantedEvents
from protocol.ids import DeviceId, OrgId, uuid7
from protocol.stream import RESTRICTED, StreamEvent

log = structlog.get_logger(__name__)


class WebhookKeeper:
    """A tap of telemetry. `wake` is called when something was committed for a webhook."""

    def __init__(self, store: WebhookStore, sight: OwnerSight, wake: Callable[[], None]) -> None:
        self._store = store
        self._sight = sight
        self._wake = wake
        self._wanted = WantedEvents()
        self._rows: dict[OrgId, list[KeepingRow]] = {}
        self._loading = asyncio.Lock()
        """One after the other: whoever reads last has read the newest."""

    # What is wanted

    async def load(self, org: OrgId | None = None) -> None:
        """What an organisation wants now, or each. Raises `Unavailable`."""
        async with self._loading:
            found: defaultdict[OrgId, list[KeepingRow]] = defaultdict(list)
            for row in await self._store.keeping(org):
                found[row.org].append(row)
            for each in {*found, *(self._rows if org is None else {org})}:
                self._rows[each] = found.get(each, [])
                await self._put(each)

    async def look(self) -> None:
        """What owners may see may have changed. Raises `Unavailable`."""
        async with self._loading:
            for org in list(self._rows):
                await self._put(org)

    def changed(self, changes: Sequence[VersionChange]) -> set[OrgId]:
        """Whose webhooks are to be loaded."""
        return {each.subject.org for each in changes if each.subject.kind == "webhook"}

    async def _put(self, org: OrgId) -> None:
        rows = self._rows[org]
        self._wanted.put(org, [await self._wish(row) for row in rows])
        if not rows:
            del self._rows[org]

    async def _wish(self, row: KeepingRow) -> EventWish:
        tree = None if row.query is None else tree_of(row.query, row.words)
        return EventWish(
            row.org, row.webhook_id, kinds_of(row.types), tree, await self._reaches(row)
        )

    async def _reaches(self, row: KeepingRow) -> tuple[Reach, ...]:
        """All, of one whose owner is gone: whoever takes it over is asked when it is delivered."""
        holding = await self._sight.holding(row.org, row.owner)
        return reaches_of(holding) if may_have(holding) else ()

    # The tap

    @property
    def wanted(self) -> Mapping[OrgId, ByKind]:
        return self._wanted.by_org

    async def keep(self, connection: Connection, events: Sequence[OrgEvent]) -> None:
        """Those of these that webhooks want, in the transaction of this connection."""
        wished = [(event, self._wanted.wishes(org, event.type)) for org, event in events]
        chosen = await self._chosen(connection, wished)
        kept: list[KeptEvent] = []
        for event, wishes in wished:
            body = with_id(event.body, uuid7())
            device_id = DeviceId(event.device_id) if event.device_id else None
            restricted = event.level == RESTRICTED
            kept += [
                KeptEvent(wish.org, wish.webhook_id, device_id, len(body), restricted, body)
                for wish in wishes
                if not wish.chooses or event.device_id in chosen[wish.webhook_id]
            ]
        if kept:
            await self._store.keep(connection, kept)
            after_commit(lambda: self._committed(len(kept)))

    async def _chosen(
        self, connection: Connection, wished: Sequence[tuple[StreamEvent, Sequence[EventWish]]]
    ) -> Mapping[str, frozenset[str]]:
        """Of each webhook that hears of some devices only, those among these."""
        asked: dict[str, tuple[EventWish, set[str]]] = {}
        for event, wishes in wished:
            for wish in wishes:
                if wish.chooses:
                    asked.setdefault(wish.webhook_id, (wish, set()))[1].add(event.device_id)
        return {
            webhook_id: await self._store.matching(connection, wish, devices)
            for webhook_id, (wish, devices) in asked.items()
        }

    def _committed(self, count: int) -> None:
        metrics.webhook_events.labels("kept").inc(count)
        self._wake()
