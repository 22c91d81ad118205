"""Which dead letters are told one by one, and which are summed up. Pure.

Each new dead letter is an alert of its device. Alerts are never dropped on their way to dashboards,
so a device whose records all fail may not make them without end: ten in a second, and one more that
says how many were left out."""

from collections import Counter
from typing import Final

from msgspec import Struct

from hub.edge.pushing import WaitingRecord
from protocol.ids import DeviceId, OrgId

CODE: Final = "dead_letter"
MOST_A_SECOND: Final = 10
MOST_TEXT: Final = 1000


class CloudAlert(Struct, frozen=True):
    """An alert to raise."""

    org: OrgId
    device_id: DeviceId
    message: str


class Alarm:
    """Times are monotonic seconds."""

    def __init__(self) -> None:
        self._second = 0
        self._told: Counter[tuple[OrgId, DeviceId]] = Counter()
        self._left_out: Counter[tuple[OrgId, DeviceId]] = Counter()

    def buried(
        self, org: OrgId, letter: WaitingRecord, reason: str, now: float
    ) -> CloudAlert | None:
        """A record became a dead letter; None when it is summed up later."""
        if int(now) != self._second:
            self._second = int(now)
            self._told.clear()
        whose = org, letter.device_id
        if self._told[whose] >= MOST_A_SECOND:
            self._left_out[whose] += 1
            return None
        self._told[whose] += 1
        text = f"the cloud rejects the {letter.kind} {letter.item.id}: {reason}"
        return CloudAlert(org, letter.device_id, text[:MOST_TEXT])

    def left_out(self, now: float) -> list[CloudAlert]:
        """What seconds before this one left out."""
        if int(now) == self._second:
            return []
        told = [
            CloudAlert(org, device_id, f"the cloud rejects {count} more records")
            for (org, device_id), count in self._left_out.items()
        ]
        self._left_out.clear()
        return told
