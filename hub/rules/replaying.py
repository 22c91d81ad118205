"""What a rule would have raised of a device. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from hub.rules.judging import RuleTerms, WatchSignal, WatchState, judged, passed

Raised = tuple[datetime, int]
"""When, and with which count in the end."""


def replay(
    signals: Sequence[tuple[datetime, WatchSignal]], terms: RuleTerms, end: datetime
) -> list[Raised]:
    """By what events said, in order."""
    raised: list[Raised] = []
    state = WatchState()
    for at, signal in signals:
        state = _passed(state, terms, at, raised)
        (verdict,) = judged(state, [signal], terms, at)
        if verdict.opens:
            raised.append((at, verdict.opens))
        elif verdict.counts:
            raised[-1] = (raised[-1][0], raised[-1][1] + verdict.counts)
        state = _next(state, verdict.state, opens=verdict.opens > 0, resolves=verdict.resolves)
    _passed(state, terms, end, raised)
    return raised


def _passed(state: WatchState, terms: RuleTerms, at: datetime, raised: list[Raised]) -> WatchState:
    verdict = passed(state, terms, at)
    if verdict is None:
        return state
    if verdict.opens and state.held_since is not None:
        raised.append((state.held_since + timedelta(seconds=terms.for_seconds), verdict.opens))
    return _next(state, verdict.state, opens=verdict.opens > 0, resolves=verdict.resolves)


def _next(
    before: WatchState, after: WatchState | None, *, opens: bool, resolves: bool
) -> WatchState:
    state = after or WatchState()
    is_open = opens or (before.is_open and not resolves)
    return WatchState(
        hits=state.hits,
        held_since=state.held_since,
        cleared_at=state.cleared_at,
        matched_at=state.matched_at,
        value=state.value,
        is_open=is_open,
    )


def silences(signs: Sequence[tuple[datetime, bool]], seconds: int, end: datetime) -> list[Raised]:
    """Of what is so from one sign on (True) to the next, of either kind: each time that it was for
    so long."""
    long = timedelta(seconds=seconds)
    pairs = pairwise([*signs, (end, False)])
    return [(at + long, 1) for (at, begins), (until, _) in pairs if begins and until - at >= long]
