"""Has rules look at what is stored, in the transaction that stores it.

Rules at work are remembered here, and read again when one has changed on any replica.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Final

import structlog

from hub.accounts.service import VersionChange
from hub.base.database import Connection, after_commit
from hub.base.holding import Reach
from hub.queries.service import members_of, tree_of
from hub.rules.judging import RuleTerms
from hub.rules.raising import Raising
from hub.rules.records import AbsentCondition, AlertRule, clear_after, condition_of
from hub.rules.seeing import RuleSight, may_have, reaches_of
from hub.rules.store import RuleStore
from hub.rules.watching import Signals, StoredEvent, WatchedRule, WatchedRules, WatchKey
from protocol.ids import DeviceId, OrgId

log = structlog.get_logger(__name__)

GRAIN: Final = 5.0
"""Seconds: how exactly it is noted when something came last that may be absent."""
MOST_SIGNS: Final = 200_000


def grain_of(rule: WatchedRule) -> float:
    return min(GRAIN, rule.terms.for_seconds / 5)


class RuleKeeper:
    """A judge of telemetry."""

    def __init__(
        self,
        store: RuleStore,
        sight: RuleSight,
        raising: Raising,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._sight = sight
        self._raising = raising
        self._monotonic = monotonic
        self._watched = WatchedRules()
        self._rows: dict[OrgId, list[AlertRule]] = {}
        self._unloaded: set[OrgId | None] = set()
        """Whose rules are still to be loaded; None: everybody's."""
        self._signs: dict[tuple[str, DeviceId], float] = {}
        self._loading = asyncio.Lock()

    # Which rules there are

    async def load(self, org: OrgId | None = None) -> None:
        """Those of an organisation now, or of each. Raises `Unavailable`."""
        async with self._loading:
            await self._load(org)

    async def look(self) -> None:
        """What owners may see may have changed, and what could not be loaded is loaded now. Raises
        `Unavailable`."""
        async with self._loading:
            for org in list(self._unloaded):
                await self._load(org)
            for org in list(self._rows):
                await self._put(org)

    async def _load(self, org: OrgId | None) -> None:
        self._unloaded.add(org)
        found: defaultdict[OrgId, list[AlertRule]] = defaultdict(list)
        for rule in await self._store.at_work(org):
            found[rule.org].append(rule)
        for each in {*found, *(self._rows if org is None else {org})}:
            self._rows[each] = found.get(each, [])
            await self._put(each)
        self._unloaded.discard(org)

    def changed(self, changes: Sequence[VersionChange]) -> set[OrgId]:
        """Whose rules are to be loaded."""
        return {each.subject.org for each in changes if each.subject.kind == "alert_rule"}

    def rules(self) -> Mapping[OrgId, Sequence[WatchedRule]]:
        return {org: found.rules for org, found in self._watched.by_org.items()}

    async def _put(self, org: OrgId) -> None:
        rows = self._rows[org]
        self._watched.put(org, [each for row in rows if (each := await self._rule(row))])
        if not rows:
            del self._rows[org]

    async def _rule(self, row: AlertRule) -> WatchedRule | None:
        """None for one whose owner is gone: nothing is raised for it."""
        holding = await self._sight.holding(row.org, row.owner)
        return watched(row, reaches_of(holding)) if may_have(holding) else None

    # What is stored

    @property
    def kinds(self) -> Set[str]:
        return self._watched.kinds

    async def judge(self, connection: Connection, rows: Sequence[StoredEvent]) -> None:
        """In the transaction of this connection. What a rule makes of it must not keep it from
        being stored."""
        now = self._monotonic()
        signals = self._without_repeated_signs(self._watched.signals(rows), now)
        if signals:
            async with self._store.shielded(connection):
                noted = [
                    *map(_sign, filter(_is_sign, await self._raising.take(connection, signals)))
                ]
                after_commit(lambda: self._note_signs(noted, now))

    def _without_repeated_signs(self, signals: Signals, now: float) -> Signals:
        """Of what may be absent a sign is noted now and then only."""
        return {
            key: said
            for key, said in signals.items()
            if not _is_sign(key)
            or now - self._signs.get(_sign(key), float("-inf")) >= grain_of(key[0])
        }

    def _note_signs(self, signs: Sequence[tuple[str, DeviceId]], now: float) -> None:
        if len(self._signs) > MOST_SIGNS:
            self._signs.clear()
        self._signs.update(dict.fromkeys(signs, now))


def _is_sign(key: WatchKey) -> bool:
    return isinstance(key[0].terms.condition, AbsentCondition)


def _sign(key: WatchKey) -> tuple[str, DeviceId]:
    rule, device_id = key
    return rule.rule_id, device_id


def watched(row: AlertRule, reaches: tuple[Reach, ...]) -> WatchedRule:
    where = row.when.where or row.when.log
    condition = condition_of(row.when, None if where is None else members_of(where))
    terms = RuleTerms(condition, row.for_seconds, clear_after(condition, row.clear_after_seconds))
    return WatchedRule(
        org=row.org,
        rule_id=row.rule_id,
        version=row.version,
        name=row.name,
        severity=row.severity,
        terms=terms,
        owner=row.owner,
        since=row.updated_at,
        tree=None if row.query is None else tree_of(row.query, row.words),
        reaches=reaches,
    )
