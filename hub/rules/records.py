"""A rule, and what it asks for. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Final, Literal, assert_never

from msgspec import Meta, Struct

from hub.base.errors import FieldError, Invalid, invalid
from hub.queries.members import paths_of
from hub.queries.records import Tree, Value, comparisons
from protocol.commands import LEVELS
from protocol.ids import OrgId
from protocol.telemetry import MetricName, Severity

LONGEST: Final = 604_800
MOST_RULES: Final = 200
SHORTEST_OFFLINE: Final = 60
SHORTEST_ABSENT: Final = 5
QUIET_SECONDS: Final = 300
"""After so long without a matching event it is over, where a rule does not say."""
LEVEL_RANKS: Final = {level: number for number, level in enumerate(LEVELS)}
LOG_MEMBERS: Final = frozenset({"level", "line", "source"})
EVENT: Final = "event:"
"""What a named event is called among the kinds of events."""

Name = Annotated[str, Meta(min_length=1, max_length=256)]
Seconds = Annotated[int, Meta(ge=1, le=LONGEST)]
Where = Annotated[str, Meta(min_length=1)]


class When(
    Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    forbid_unknown_fields=True,
    omit_defaults=True,
):
    """Just one of `metric`, `event`, `log`, `offline` and `absent`, with what belongs to it."""

    metric: MetricName | None = None
    above: float | None = None
    below: float | None = None
    clear_below: float | None = None
    clear_above: float | None = None
    event: Name | None = None
    """`scan`, `print`, or the name of an event."""
    where: Where | None = None
    """The query language over its members."""
    log: Where | None = None
    """The query language over `level`, `line` and `source`."""
    count: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    within_seconds: Seconds | None = None
    offline: bool | None = None
    """`true`."""
    absent: Name | None = None


class MetricCondition(Struct, frozen=True):
    """Above, or below, `limit`; over when it is beyond `clear` on the other side."""

    name: str
    is_above: bool
    limit: float
    clear: float

    def fires(self, value: float) -> bool:
        return value > self.limit if self.is_above else value < self.limit

    def clears(self, value: float) -> bool:
        if self.clear == self.limit:
            return not self.fires(value)
        return value < self.clear if self.is_above else value > self.clear


class EventCondition(Struct, frozen=True):
    """So many of these events; of log lines `kind` is `log_line`."""

    kind: str
    where: Tree | None
    count: int
    within: int | None


class OfflineCondition(Struct, frozen=True):
    pass


class AbsentCondition(Struct, frozen=True):
    kind: str


Condition = MetricCondition | EventCondition | OfflineCondition | AbsentCondition


class RuleOwner(Struct, frozen=True):
    """Who answers for a rule: it is about the devices that they may see."""

    kind: str
    id: str
    key: str | None


class AlertRule(Struct, frozen=True, kw_only=True):
    """`notify`: names of channels; `inhibited_by`: of rules."""

    org: OrgId
    rule_id: str
    version: int
    name: str
    query: str | None
    words: Mapping[str, str]
    when: When
    for_seconds: int
    clear_after_seconds: int | None
    severity: Severity
    labels: Mapping[str, str]
    notify: list[str]
    inhibited_by: list[str]
    sharing: str | None
    reason: Literal["owner_lacks_right"] | None
    owner: RuleOwner
    owner_name: str
    created_at: datetime
    created_by: str
    updated_at: datetime


def kind_of(event: str) -> str:
    return event if event in ("scan", "print") else EVENT + event


def required_fields(when: When) -> str:
    """What the rule is about. Raises `Invalid` for none, and for more than one."""
    if when.offline is False:
        raise invalid("when.offline", "is true where it is named")
    given = {
        "metric": when.metric, "event": when.event, "log": when.log,
        "offline": when.offline, "absent": when.absent,
    }  # fmt: skip
    named = [name for name, value in given.items() if value is not None]
    if len(named) != 1:
        raise invalid("when", f"names just one of {', '.join(given)}")
    _refuse_others(when, named[0])
    return named[0]


_BELONG: Final[Mapping[str, frozenset[str]]] = {
    "metric": frozenset({"above", "below", "clear_below", "clear_above"}),
    "event": frozenset({"where", "count", "within_seconds"}),
    "log": frozenset({"count", "within_seconds"}),
    "offline": frozenset(),
    "absent": frozenset(),
}
_WIRE: Final = dict(zip(When.__struct_fields__, When.__struct_encode_fields__, strict=True))


def _refuse_others(when: When, named: str) -> None:
    for field, wire in _WIRE.items():
        if (
            field not in _BELONG
            and field not in _BELONG[named]
            and getattr(when, field) is not None
        ):
            raise invalid(f"when.{wire}", f"does not belong to {named}")


def condition_of(when: When, where: Tree | None) -> Condition:
    """`where`: the filter of its events, which is read already. Raises `Invalid`."""
    match required_fields(when):
        case "metric":
            return _metric(when)
        case "offline":
            return OfflineCondition()
        case "absent":
            return AbsentCondition(kind_of(when.absent or ""))
        case about:
            if when.count is not None and when.within_seconds is None:
                raise invalid("when.withinSeconds", "count needs it")
            kind = "log_line" if about == "log" else kind_of(when.event or "")
            return EventCondition(kind, where, when.count or 1, when.within_seconds)


def _metric(when: When) -> MetricCondition:
    name = when.metric or ""
    if (when.above is None) == (when.below is None):
        raise invalid("when.above", "give above or below")
    if when.above is not None:
        if when.clear_above is not None:
            raise invalid("when.clearAbove", "belongs to below")
        clear = when.above if when.clear_below is None else when.clear_below
        if clear > when.above:
            raise invalid("when.clearBelow", "must not be above the limit")
        return MetricCondition(name, True, when.above, clear)
    if when.clear_below is not None:
        raise invalid("when.clearBelow", "belongs to above")
    limit = when.below or 0.0
    clear = limit if when.clear_above is None else when.clear_above
    if clear < limit:
        raise invalid("when.clearAbove", "must not be below the limit")
    return MetricCondition(name, False, limit, clear)


def require_log_members(where: Tree) -> None:
    """Raises `Invalid`."""
    for path in paths_of(where):
        if path not in LOG_MEMBERS:
            raise invalid("when.log", f"a log line has no {path}")
    for each in comparisons(where):
        if each.field.key == "level" and each.operator != "~":
            _require_levels(each.values)


def _require_levels(values: Sequence[Value]) -> None:
    for value in values:
        if value not in LEVELS:
            message = f"{value} is no level: one of {', '.join(LEVELS)}"
            raise Invalid(
                f"when.log: {message}",
                errors=[FieldError("when.log", message, expected=list(LEVELS))],
            )


def seconds_of(condition: Condition, given: int | None) -> int:
    """How long it must be so. Raises `Invalid`."""
    match condition:
        case OfflineCondition():
            return _at_least(SHORTEST_OFFLINE, SHORTEST_OFFLINE if given is None else given)
        case AbsentCondition():
            if given is None:
                raise invalid("forSeconds", "absent needs it")
            return _at_least(SHORTEST_ABSENT, given)
        case MetricCondition() | EventCondition():
            return given or 0
        case _:
            assert_never(condition)


def _at_least(least: int, given: int) -> int:
    if given < least:
        raise invalid("forSeconds", f"is {least} at least")
    return given


def clear_after(condition: Condition, given: int | None) -> int:
    """How long it must be over."""
    if given is not None:
        return given
    if isinstance(condition, EventCondition):
        return condition.within or QUIET_SECONDS
    return 0


def message_of(condition: Condition, for_seconds: int, value: float | None) -> str:
    match condition:
        case MetricCondition(name, is_above, limit):
            found = "" if value is None else f"{value:g}, "
            return f"{name} is {found}{'above' if is_above else 'below'} {limit:g}"
        case EventCondition(kind, _, count, within):
            what = "lines of the log" if kind == "log_line" else kind.removeprefix(EVENT)
            return f"{count} of {what}" + ("" if within is None else f" within {within} s")
        case OfflineCondition():
            return f"no line for {for_seconds} s"
        case AbsentCondition(kind):
            return f"no {kind.removeprefix(EVENT)} for {for_seconds} s"
        case _:
            assert_never(condition)
