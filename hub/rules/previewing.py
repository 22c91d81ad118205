"""What a rule would have raised, by the events that are stored."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Final, Literal, assert_never

from msgspec import Struct

from hub.base.errors import invalid
from hub.base.principal import Principal
from hub.queries.members import event_holds, member_of
from hub.queries.service import QueryService
from hub.rules.judging import RuleTerms, WatchSignal
from hub.rules.records import (
    EVENT,
    LEVEL_RANKS,
    AbsentCondition,
    EventCondition,
    MetricCondition,
    OfflineCondition,
    clear_after,
)
from hub.rules.replaying import Raised, replay, silences
from hub.rules.seeing import reaches_of
from hub.rules.service import GivenRule, condition_given, owner_of
from hub.rules.store import RuleStore, WantedDevices
from hub.rules.watching import WatchedRule
from protocol.codec import rfc3339
from protocol.commands import LEVELS
from protocol.ids import DeviceId, OrgId

MOST_ROWS: Final = 100_000
MOST_ITEMS: Final = 1_000


Fields = Mapping[str, Any]


class PreviewItem(Struct, frozen=True, rename="camel"):
    device_id: str
    at: str
    count: int


class RulePreview:
    """`clock` gives seconds since 1970, by the database."""

    def __init__(self, store: RuleStore, queries: QueryService, clock: Callable[[], float]) -> None:
        self._store = store
        self._queries = queries
        self._clock = clock

    async def of(self, by: Principal, given: GivenRule, since: datetime) -> list[PreviewItem]:
        """The newest first. Raises `Invalid`, also for more than can be looked through."""
        rule = await self._rule(by, given, since)
        async with self._store.database.transaction(deadline=10) as connection:
            devices = await self._store.candidates(connection, rule, WantedDevices())
        end = datetime.fromtimestamp(self._clock(), UTC)
        found = [
            (at, device_id, count)
            for device_id, raised in (await self._raised(rule, devices, since, end)).items()
            for at, count in raised
        ]
        found.sort(reverse=True)
        return [PreviewItem(device, rfc3339(at), count) for at, device, count in found[:MOST_ITEMS]]

    async def _rule(self, by: Principal, given: GivenRule, since: datetime) -> WatchedRule:
        condition, seconds = condition_given(given)
        after = clear_after(condition, given.clear_after_seconds)
        tree = None if given.query is None else await self._queries.read(by.org, given.query)
        return WatchedRule(
            org=by.org,
            rule_id="",
            version=0,
            name=given.name,
            severity=given.severity,
            terms=RuleTerms(condition, seconds, after),
            owner=owner_of(by),
            since=since,
            tree=tree,
            reaches=reaches_of(by.rights),
        )

    async def _raised(
        self, rule: WatchedRule, devices: Iterable[DeviceId], since: datetime, end: datetime
    ) -> dict[str, list[Raised]]:
        terms, past = rule.terms, _Past(self._store, rule.org, list(devices), since)
        match terms.condition:
            case OfflineCondition():
                rows = await past.of("presence")
                ended = {d: _ends(some) for d, some in rows}
                return {d: silences(each, terms.for_seconds, end) for d, each in ended.items()}
            case AbsentCondition(kind):
                rows = await past.of("events", _type(kind))
                came = {d: _signs(kind, some) for d, some in rows}
                return {d: silences(each, terms.for_seconds, end) for d, each in came.items()}
            case MetricCondition() as condition:
                rows = await past.of("metrics", condition.name)
                return {d: replay(_readings(condition, some), terms, end) for d, some in rows}
            case EventCondition() as condition:
                is_log = condition.kind == "log_line"
                events = past.of("logs") if is_log else past.of("events", _type(condition.kind))
                rows = await events
                return {d: replay(_matches(condition, some), terms, end) for d, some in rows}
            case _:
                assert_never(terms.condition)


class _Past:
    """What came of these devices since then."""

    def __init__(
        self, store: RuleStore, org: OrgId, devices: list[DeviceId], since: datetime
    ) -> None:
        self._store = store
        self._org = org
        self._devices = devices
        self._since = since

    async def of(
        self, kind: Literal["metrics", "events", "logs", "presence"], *more: str
    ) -> list[tuple[str, list[Fields]]]:
        """By device, in order. Raises `Invalid`."""
        rows = await self._store.past(
            self._org, kind, self._devices, self._since, MOST_ROWS + 1, *more
        )
        if len(rows) > MOST_ROWS:
            raise invalid("since", f"there are more than {MOST_ROWS} events: give a later moment")
        grouped = groupby(rows, key=lambda row: str(row["device_id"]))
        return [(device_id, [dict(row) for row in some]) for device_id, some in grouped]


def _type(kind: str) -> str:
    return "event" if kind.startswith(EVENT) else kind


def _is(kind: str, body: Fields) -> bool:
    return not kind.startswith(EVENT) or body.get("name") == kind.removeprefix(EVENT)


def _ends(rows: Iterable[Fields]) -> list[tuple[datetime, bool]]:
    return [(row["received_at"], not row["connected"]) for row in rows]


def _signs(kind: str, rows: Iterable[Fields]) -> list[tuple[datetime, bool]]:
    return [(row["received_at"], True) for row in rows if _is(kind, row["body"])]


def _readings(
    condition: MetricCondition, rows: Iterable[Fields]
) -> list[tuple[datetime, WatchSignal]]:
    found: list[tuple[datetime, WatchSignal]] = []
    for row in rows:
        if condition.fires(row["value"]):
            found.append((row["received_at"], WatchSignal(1, row["value"])))
        elif condition.clears(row["value"]):
            found.append((row["received_at"], WatchSignal(0)))
    return found


def _matches(
    condition: EventCondition, rows: Iterable[Fields]
) -> list[tuple[datetime, WatchSignal]]:
    found: list[tuple[datetime, WatchSignal]] = []
    for row in rows:
        fields: Fields = row["body"] if "body" in row else {**row, "level": LEVELS[row["level"]]}
        where = condition.where
        if _is(condition.kind, fields) and (where is None or _holds(where, fields)):
            found.append((row["received_at"], WatchSignal(1)))
    return found


def _holds(where: Any, fields: Fields) -> bool:
    return event_holds(where, lambda path: member_of(fields, path), {"level": LEVEL_RANKS})
