"""What a batch of alerts does to their records. Pure.

Alerts of one code and device that follow each other are one step, which raises or resolves their
record. Steps of a round are about different records, so that a statement takes a round at once; a
device that changes its mind again and again within a batch gets no more than `MOST_ROUNDS`.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from msgspec import UNSET, Struct

from protocol.dashboard import AlertEvent
from protocol.ids import DeviceId, OrgId
from protocol.telemetry import Severity

MOST_ROUNDS: Final = 8


class AlertKey(NamedTuple):
    """Of what is one record, as long as it is not resolved. `subject`: what of no device."""

    org_id: OrgId
    device_id: DeviceId | None
    code: str
    subject: str


class AlertStep(Struct):
    """So many alerts raise a record, or one of them resolves it."""

    key: AlertKey
    resolves: bool
    severity: Severity
    message: str
    count: int = 0


class FoldedAlerts(NamedTuple):
    """`places`: of each alert, the round whose step it is part of."""

    rounds: list[dict[AlertKey, AlertStep]]
    places: list[int]


def fold(alerts: Sequence[tuple[OrgId, AlertEvent]], subject: str) -> FoldedAlerts:
    rounds: list[dict[AlertKey, AlertStep]] = []
    last: dict[AlertKey, int] = {}
    places: list[int] = []
    for org, alert in alerts:
        key = AlertKey(org, alert.device_id, alert.code, subject)
        resolves = alert.status == "RESOLVED"
        place = last.get(key, -1)
        if place < 0 or (rounds[place][key].resolves != resolves and place + 1 < MOST_ROUNDS):
            place += 1
            if place == len(rounds):
                rounds.append({})
            rounds[place][key] = AlertStep(key, resolves, alert.severity, alert.message)
        step = rounds[place][key]
        step.resolves, step.severity, step.message = resolves, alert.severity, alert.message
        step.count += 1 if alert.count is UNSET else alert.count
        last[key] = place
        places.append(place)
    return FoldedAlerts(rounds, places)
