"""What a rule makes of a device. Pure.

What is noted of a device stands in a row (`WatchState`), and a record of an alert beside it. A row
begins with the first sign that a rule is about it. `matched` and `cleared` are what events say,
`passed` is what time does. All moments are the database's.

                  matched                    for_seconds passed
    (no row) ────────────────► held ─────────────────────────────► alert
                                │ cleared                           │ cleared
                                ▼                                   ▼
                             (no row) ◄──── clear_after passed ── clearing ─── matched ──► alert + 1

An event rule is held once `count` of its events came within `within` seconds, and cleared when none
came for `clear_after` seconds.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct, structs

from hub.rules.records import AbsentCondition, Condition, EventCondition, MetricCondition


class RuleTerms(Struct, frozen=True):
    """What of a rule decides."""

    condition: Condition
    for_seconds: int
    clear_after: int


class WatchState(Struct, frozen=True, kw_only=True):
    """`is_open`: there is an alert that is not resolved."""

    hits: tuple[datetime, ...] = ()
    """The newest events that matched, while they are not enough."""
    held_since: datetime | None = None
    cleared_at: datetime | None = None
    matched_at: datetime | None = None
    value: float | None = None
    is_open: bool = False


class WatchSignal(Struct, frozen=True):
    """What events of a batch say: so many matched, or it is over (0)."""

    matches: int
    value: float | None = None


class RuleVerdict(Struct, frozen=True):
    """`state` None: nothing is noted any more. An alert begins with a count of `opens`, counts up
    by `counts`, or is resolved."""

    state: WatchState | None
    opens: int = 0
    counts: int = 0
    resolves: bool = False


def is_idle(state: WatchState | None, signal: WatchSignal, terms: RuleTerms) -> bool:
    """Whether a signal changes nothing: asked before anything is locked."""
    if isinstance(terms.condition, EventCondition | AbsentCondition):
        return False
    if signal.matches == 0:
        return state is None or (state.is_open and state.cleared_at is not None)
    return state is not None and state.held_since is not None and state.cleared_at is None


def judged(
    state: WatchState, signals: Sequence[WatchSignal], terms: RuleTerms, now: datetime
) -> list[RuleVerdict]:
    """One after the other."""
    verdicts: list[RuleVerdict] = []
    for signal in signals:
        if signal.matches:
            verdict = matched(state, signal, terms, now)
        else:
            verdict = cleared(state, terms, now)
        verdicts.append(verdict)
        state = _after(verdict)
    return verdicts


def _after(verdict: RuleVerdict) -> WatchState:
    state = verdict.state or WatchState()
    if verdict.resolves:
        return structs.replace(state, is_open=False)
    return structs.replace(state, is_open=state.is_open or verdict.opens > 0)


def matched(state: WatchState, signal: WatchSignal, terms: RuleTerms, now: datetime) -> RuleVerdict:
    if isinstance(terms.condition, EventCondition):
        return _event_matched(state, signal, terms, terms.condition, now)
    again, is_timed = state.cleared_at is not None, not isinstance(terms.condition, MetricCondition)
    state = structs.replace(
        state, value=signal.value, cleared_at=None, held_since=state.held_since or now
    )
    if state.is_open:
        return RuleVerdict(state, counts=int(again))
    if terms.for_seconds and not is_timed:  # who says that time has passed has waited
        return RuleVerdict(state)
    return RuleVerdict(state, opens=1)


def _event_matched(
    state: WatchState,
    signal: WatchSignal,
    terms: RuleTerms,
    condition: EventCondition,
    now: datetime,
) -> RuleVerdict:
    state = structs.replace(state, matched_at=now)
    if state.is_open:
        return RuleVerdict(state, counts=signal.matches)
    before = _recent(state.hits, condition, now)
    newest = [*before, *[now] * min(signal.matches, condition.count)][-condition.count :]
    state = structs.replace(state, hits=tuple(newest))
    if len(newest) < condition.count:
        return RuleVerdict(state)
    state = structs.replace(state, held_since=state.held_since or now)
    if terms.for_seconds:
        return RuleVerdict(state)
    return RuleVerdict(structs.replace(state, hits=()), opens=len(before) + signal.matches)


def _recent(hits: Sequence[datetime], condition: EventCondition, now: datetime) -> list[datetime]:
    if condition.within is None:
        return list(hits)
    first = now - timedelta(seconds=condition.within)
    return [each for each in hits if each > first]


def cleared(state: WatchState, terms: RuleTerms, now: datetime) -> RuleVerdict:
    if isinstance(terms.condition, AbsentCondition):
        state = structs.replace(state, matched_at=now)
    if not state.is_open:
        return RuleVerdict(_rest(state, terms))
    if terms.clear_after:
        return RuleVerdict(structs.replace(state, cleared_at=state.cleared_at or now))
    return RuleVerdict(_rest(state, terms), resolves=True)


def passed(state: WatchState, terms: RuleTerms, now: datetime) -> RuleVerdict | None:
    """What is due; None for nothing."""
    if state.is_open:
        since = state.cleared_at
        if isinstance(terms.condition, EventCondition):
            since = state.matched_at
        if since is not None and now - since >= timedelta(seconds=terms.clear_after):
            return RuleVerdict(_rest(state, terms), resolves=True)
        return None
    if isinstance(terms.condition, EventCondition):
        return _event_passed(state, terms, terms.condition, now)
    if state.held_since is not None and _is_long(state.held_since, terms, now):
        return RuleVerdict(state, opens=1)
    return None


def _event_passed(
    state: WatchState, terms: RuleTerms, condition: EventCondition, now: datetime
) -> RuleVerdict | None:
    quiet = timedelta(seconds=terms.clear_after)
    if state.held_since is None:
        if condition.within is not None and not _recent(state.hits, condition, now):
            return RuleVerdict(None)
        return None
    if state.matched_at is not None and now - state.matched_at >= quiet:
        return RuleVerdict(None)
    if _is_long(state.held_since, terms, now):
        return RuleVerdict(structs.replace(state, hits=()), opens=max(len(state.hits), 1))
    return None


def _is_long(since: datetime, terms: RuleTerms, now: datetime) -> bool:
    return now - since >= timedelta(seconds=terms.for_seconds)


def _rest(state: WatchState, terms: RuleTerms) -> WatchState | None:
    """What is noted when it is over: of something that may be absent, when it came last."""
    if isinstance(terms.condition, AbsentCondition):
        return WatchState(matched_at=state.matched_at)
    return None


def lived_before(
    now: datetime, seconds: float, away: Sequence[tuple[datetime, datetime]]
) -> datetime:
    """The moment since which so many seconds have counted: those in which the hub was away (from,
    to) do not."""
    left, at = timedelta(seconds=seconds), now
    for since, until in sorted(away, reverse=True):
        if since >= at:
            continue
        lived = max(at - until, timedelta())
        if lived >= left:
            break
        left, at = left - lived, since
    return at - left
