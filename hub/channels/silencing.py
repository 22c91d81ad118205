"""Silences: of which alerts nobody is told for a while."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import structlog
from msgspec import Struct

from hub.audit.entries import audit_entry
from hub.audit.service import AuditService
from hub.base.errors import Invalid, NotFound, TooMany, Unavailable, invalid
from hub.base.holding import Right
from hub.base.paging import Items, decode_cursor, page_of
from hub.base.principal import Principal
from hub.channels.records import MOST_SILENCES, MOST_SILENT_DAYS, Silence, SilenceOwner
from hub.channels.store import ChannelStore, SilenceContent
from hub.queries.service import QueryService, tree_of
from hub.rights.access import may_everywhere
from hub.rights.memory import RightsMemory
from protocol.ids import OrgId

log = structlog.get_logger(__name__)

NO_SILENCE: Final = "no such silence"
SEES: Final = "telemetry:list"


class GivenSilence(Struct, frozen=True, kw_only=True):
    query: str
    rule: str | None
    until: datetime
    comment: str


class Silencing:
    def __init__(
        self,
        store: ChannelStore,
        audit: AuditService,
        queries: QueryService,
        rights: RightsMemory,
    ) -> None:
        self._store = store
        self._audit = audit
        self._queries = queries
        self._rights = rights

    async def look(self) -> None:
        """What fires is marked, and what is not silenced any more. Raises `Unavailable`."""
        await self._store.unsilence_alerts()
        await self.mark(None)

    async def mark(self, org: OrgId | None) -> None:
        """What fires of an organisation, or of all. A silence is about the devices that its owner
        sees; one that cannot be looked at holds up no other. Raises `Unavailable`."""
        for silence in await self._store.active(org):
            try:
                await self._mark(silence)
            except (Unavailable, Invalid) as error:
                log.warning("silence_not_marked", silence=silence.silence_id, error=error.detail)

    async def _mark(self, silence: Silence) -> None:
        owner = silence.owner
        holding = await self._rights.holding(silence.org, owner.kind, owner.id, owner.key)
        reach = await self._rights.joined(silence.org, holding.reaches(SEES, ""))
        tree = tree_of(silence.query, silence.words)
        await self._store.silence_alerts(silence, tree, reach)

    async def list(self, by: Principal, *, cursor: str | None, limit: int) -> Items[Silence]:
        """Who has the right over some devices only sees their own."""
        everywhere = may_everywhere(by, "silences:list")
        rows = await self._store.silences(
            by.org,
            of=None if everywhere else owner_of(by),
            before=decode_cursor(cursor),
            limit=limit + 1,
        )
        return page_of(
            rows, limit, key=lambda row: (row.created_at, row.silence_id), item=lambda row: row
        )

    async def get(self, by: Principal, silence_id: str, right: Right = "silences:get") -> Silence:
        """Raises `NotFound`."""
        found = await self._store.silence(by.org, silence_id)
        mine = found is not None and found.owner == owner_of(by) and by.rights.anywhere(right)
        if found is None or not (may_everywhere(by, right) or mine):
            raise NotFound(NO_SILENCE)
        return found

    async def create(self, by: Principal, given: GivenSilence) -> Silence:
        """Raises `Invalid`, `TooMany`."""
        words: Mapping[str, str] = await self._queries.read_kept(by.org, given.query)
        async with self._store.database.tenant(by.org).transaction() as connection:
            await self._store.change_alone(connection, by.org)
            if await self._store.count_silences(connection, by.org) >= MOST_SILENCES:
                raise TooMany(f"an organisation has {MOST_SILENCES} silences at most")
            rule_id = None
            if given.rule is not None:
                rule_id = await self._store.rule_named(connection, by.org, given.rule)
                if rule_id is None:
                    raise invalid("rule", f"there is no rule {given.rule}")
            content = SilenceContent(
                query=given.query,
                words=words,
                rule_id=rule_id,
                until=given.until,
                comment=given.comment,
            )
            silence_id = await self._store.add_silence(
                connection, by.org, content, owner_of(by), by.actor, days=MOST_SILENT_DAYS
            )
            if silence_id is None:
                raise invalid("until", f"is in the next {MOST_SILENT_DAYS} days")
            entry = audit_entry(by, "silence.create", silence_id, query=given.query)
            await self._audit.record(connection, entry)
        return await self.get(by, silence_id, "silences:create")

    async def delete(self, by: Principal, silence_id: str) -> None:
        """Raises `NotFound`."""
        await self.get(by, silence_id, "silences:delete")
        async with self._store.database.tenant(by.org).transaction() as connection:
            await self._store.delete_silence(connection, by.org, silence_id)
            await self._audit.record(connection, audit_entry(by, "silence.delete", silence_id))


def owner_of(by: Principal) -> SilenceOwner:
    return SilenceOwner(by.kind, by.subject, by.key_id)
