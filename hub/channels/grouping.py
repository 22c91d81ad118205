"""When a channel tells of what waits, and what it says. Pure.

The first alert waits ten seconds for others; then everything that waits goes into one message, and
the next goes `group_seconds` later. What is silenced, or held back by a rule that fires, waits on;
when it is resolved meanwhile nobody is told.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from hub.alerts.records import Alert, AlertItem, item_of
from hub.channels.records import WaitingAlert
from protocol.codec import encode, rfc3339

FIRST_SECONDS: Final = 10.0
LOOK_SECONDS: Final = 2.0
"""Between two looks at what is held back."""
MOST_SHOWN: Final = 20
"""Alerts in a message; the others are counted."""
TRIED_SECONDS: Final = 3600.0
FIRST_PAUSE: Final = 10.0
LONGEST_PAUSE: Final = 300.0
_RANKS: Final = {"CRITICAL": 0, "WARN": 1, "INFO": 2}


class MessagePlan(Struct, frozen=True, kw_only=True):
    """Numbers of what waits: to tell of now, to hold, and to drop. `wait`: how many seconds until
    there may be something; None: until something comes."""

    tell: list[WaitingAlert]
    hold: list[int]
    drop: list[int]
    wait: float | None


def plan(
    waiting: Sequence[WaitingAlert], *, quiet: float | None, group_seconds: float
) -> MessagePlan:
    """`quiet`: for how many seconds the channel has sent nothing; None: it never has."""
    back = [each for each in waiting if _is_held_back(each)]
    drop = [each.number for each in waiting if _is_over(each)]
    hold = [each.number for each in back if not each.held and each.number not in drop]
    ready = [each for each in waiting if not _is_held_back(each) and not _is_over(each)]
    if not ready:
        is_waiting = len(drop) < len(waiting)
        return MessagePlan(tell=[], hold=hold, drop=drop, wait=LOOK_SECONDS if is_waiting else None)
    first = FIRST_SECONDS - max(each.age for each in ready)
    next_ = 0.0 if quiet is None else group_seconds - quiet
    wait = max(first, next_, 0.0)
    return MessagePlan(tell=[] if wait else ready, hold=hold, drop=drop, wait=wait)


def _is_held_back(each: WaitingAlert) -> bool:
    return each.is_inhibited or each.alert.silenced_by is not None


def _is_over(each: WaitingAlert) -> bool:
    return each.alert.resolved_at is not None and (each.held or _is_held_back(each))


class AlertsMessage(Struct, frozen=True, kw_only=True, tag_field="type", tag="longline.alerts"):
    """`data` has the first 20; `counts` how many there are of each rule."""

    timestamp: str
    count: int
    counts: dict[str, int]
    data: list[AlertItem]


class TestMessage(Struct, frozen=True, kw_only=True, tag_field="type", tag="longline.test"):
    timestamp: str


def body_of(alerts: Sequence[Alert], now: datetime) -> str:
    """For a webhook."""
    message = AlertsMessage(
        timestamp=rfc3339(now),
        count=len(alerts),
        counts=_counts(alerts),
        data=[item_of(each) for each in _shown(alerts)],
    )
    return encode(message).decode()


def body_of_test(now: datetime) -> str:
    return encode(TestMessage(timestamp=rfc3339(now))).decode()


def subject_of(alerts: Sequence[Alert]) -> str:
    """Of an e-mail: one line, whatever rules are called."""
    worst = _shown(alerts)[0].severity
    what = ", ".join(f"{rule} ({count})" for rule, count in _counts(alerts).items())
    alert = "alert" if len(alerts) == 1 else "alerts"
    return " ".join(f"[{worst}] {len(alerts)} {alert}: {what}".split())[:200]


def text_of(alerts: Sequence[Alert]) -> str:
    """Of an e-mail."""
    lines = [f"{rule}: {count}" for rule, count in _counts(alerts).items()]
    lines.append("")
    for each in _shown(alerts):
        when = rfc3339(each.first_at)
        lines.append(f"{each.severity} {each.device_id or '-'} {each.message} ({when})")
        if each.resolved_at is not None:
            lines[-1] += ", resolved"
    if len(alerts) > MOST_SHOWN:
        lines.append(f"and {len(alerts) - MOST_SHOWN} more")
    return "\n".join(lines) + "\n"


def pause_after(attempts: int) -> float:
    return min(FIRST_PAUSE * 2.0 ** min(attempts - 1, 20), LONGEST_PAUSE)


def is_given_up(age: float) -> bool:
    return age >= TRIED_SECONDS


def _shown(alerts: Sequence[Alert]) -> list[Alert]:
    """The worst first."""
    return sorted(alerts, key=lambda each: (_RANKS[each.severity], each.first_at))[:MOST_SHOWN]


def _counts(alerts: Sequence[Alert]) -> dict[str, int]:
    return dict(Counter(each.rule or each.code for each in alerts).most_common())
