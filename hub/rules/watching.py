"""Which rules are about which events, as this replica remembers it, and what the events of a batch
say of each device. Pure.

Each event asks for it, so it is a look into a table: organisation, then kind, then metric. An event
is read only where a rule asks for what is in it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol

import msgspec
from msgspec import Struct

from hub.base.holding import Reach
from hub.queries.members import event_holds, member_of
from hub.queries.records import Tree
from hub.rules.judging import RuleTerms, WatchSignal
from hub.rules.records import (
    EVENT,
    LEVEL_RANKS,
    AbsentCondition,
    EventCondition,
    MetricCondition,
    RuleOwner,
)
from protocol.ids import DeviceId, OrgId
from protocol.stream import StreamEvent
from protocol.telemetry import Severity

_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode
MOST_TURNS: Final = 8
"""Of what a device says within a batch: each is a round of statements."""
_RANKS: Final = {"level": LEVEL_RANKS}


class WatchedRule(Struct, frozen=True, kw_only=True, eq=False):
    """A rule at work."""

    org: OrgId
    rule_id: str
    version: int
    name: str
    severity: Severity
    terms: RuleTerms
    owner: RuleOwner
    since: datetime
    """When it was made, or changed last."""
    tree: Tree | None
    """Of which devices; None: of all."""
    reaches: tuple[Reach, ...]
    """Which devices its owner sees: those in each of these."""


class StoredEvent(Protocol):
    """A row on its way to the database."""

    @property
    def event(self) -> StreamEvent: ...
    @property
    def status(self) -> tuple[str, dict[str, float], Any] | None: ...
    @property
    def source(self) -> "EventSource": ...


class EventSource(Protocol):
    @property
    def org(self) -> OrgId: ...
    @property
    def device_id(self) -> DeviceId: ...


WatchKey = tuple[WatchedRule, DeviceId]
Signals = dict[WatchKey, list[WatchSignal]]
OfMetric = tuple[WatchedRule, MetricCondition]
OfEvent = tuple[WatchedRule, EventCondition | AbsentCondition]


class RulesOfOrg:
    """Those of one organisation, by what they are about."""

    def __init__(self, rules: Iterable[WatchedRule]) -> None:
        self.rules = list(rules)
        self.metrics: defaultdict[str, list[OfMetric]] = defaultdict(list)
        self.events: defaultdict[str, list[OfEvent]] = defaultdict(list)
        for rule in self.rules:
            condition = rule.terms.condition
            if isinstance(condition, MetricCondition):
                self.metrics[condition.name].append((rule, condition))
            elif isinstance(condition, EventCondition | AbsentCondition):
                self.events[condition.kind].append((rule, condition))
        self.kinds = {kind if not kind.startswith(EVENT) else "event" for kind in self.events}
        if self.metrics:
            self.kinds.add("status")


class WatchedRules:
    def __init__(self) -> None:
        self.by_org: dict[OrgId, RulesOfOrg] = {}
        """Without those organisations that have none."""
        self.kinds: frozenset[str] = frozenset()

    def put(self, org: OrgId, rules: Iterable[WatchedRule]) -> None:
        """All of an organisation, from now on."""
        found = RulesOfOrg(rules)
        if found.rules:
            self.by_org[org] = found
        else:
            self.by_org.pop(org, None)
        self.kinds = frozenset().union(*(each.kinds for each in self.by_org.values()))

    def signals(self, rows: Sequence[StoredEvent]) -> Signals:
        """What these say, of each rule and device in order."""
        found: Signals = {}
        by_org = self.by_org
        for row in rows:
            rules = by_org.get(row.source.org)
            if rules is None:
                continue
            if row.status is not None:
                metrics = row.status[1]
                if not rules.metrics.keys().isdisjoint(metrics):
                    _of_metrics(found, rules.metrics, row.source.device_id, metrics)
            elif row.event.type in rules.kinds:
                _of_event(found, rules.events, row.source.device_id, row.event)
        return found


def _of_metrics(
    found: Signals,
    by_name: Mapping[str, Sequence[OfMetric]],
    device_id: DeviceId,
    metrics: Mapping[str, float],
) -> None:
    for name, value in metrics.items():
        for rule, condition in by_name.get(name, ()):
            if condition.fires(value):
                _add(found, (rule, device_id), WatchSignal(1, value))
            elif condition.clears(value):
                _add(found, (rule, device_id), WatchSignal(0))


def _of_event(
    found: Signals,
    by_kind: Mapping[str, Sequence[OfEvent]],
    device_id: DeviceId,
    event: StreamEvent,
) -> None:
    members = _Members(event)
    kind = EVENT + str(members("name")) if event.type == "event" else event.type
    for rule, condition in by_kind.get(kind, ()):
        if isinstance(condition, AbsentCondition):
            _add(found, (rule, device_id), WatchSignal(0))
        elif condition.where is None or event_holds(condition.where, members, _RANKS):
            _add(found, (rule, device_id), WatchSignal(1))


def _add(found: Signals, key: WatchKey, signal: WatchSignal) -> None:
    """Those that follow each other and say the same are one. After so many turns the last but one
    goes, so that what is said at the end stays."""
    signals = found.setdefault(key, [])
    if len(signals) == MOST_TURNS and bool(signals[-1].matches) != bool(signal.matches):
        signals.pop()
    if signals and bool(signals[-1].matches) == bool(signal.matches):
        signal = WatchSignal(signals[-1].matches + signal.matches, signal.value)
        signals.pop()
    signals.append(signal)


class _Members:
    """Those of an event, read when the first is asked for that is not known without."""

    def __init__(self, event: StreamEvent) -> None:
        self._event = event
        self._fields: dict[str, Any] | None = None

    def __call__(self, path: str) -> Any:
        if path == "level":
            return self._event.level
        if self._fields is None:
            self._fields = _decode(self._event.body)
        return member_of(self._fields, path)
