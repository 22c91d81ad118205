"""Which versions of a credential are good: two numbers for each session and device. Pure.

A token carries a version, and is good while lowest ≤ version ≤ highest. To end everything is to set
lowest above highest, in the row that every renewal locks; no time is compared, so no clock can
bring a credential back to life, and no renewal can overtake its end.

Both numbers only rise. So a replica may learn them in any order, from a look at the row or from the
feed of changes that it polls, and keeps the greater ones: what it knows is never wrong, only
behind. Behind means that a version above `highest` has to be looked up.
"""

from collections import OrderedDict
from enum import Enum
from typing import Final, Literal, NamedTuple

from msgspec import Struct

from protocol.ids import OrgId

Kind = Literal[
    "session", "user", "device", "signing_key", "rights", "certificate", "webhook", "alert_rule"
]

POLL_SECONDS: Final = 2.0
STALE_SECONDS: Final = 60.0
"""A view of ends that is older refuses dangerous commands."""
REMEMBERED: Final = 200_000


class Subject(NamedTuple):
    """`id` of a session: `user_id/session_id`; of a certificate `device_id/serial`, or `*` for the
    authorities; of rights a user or key, or `*` for everybody; of webhooks `*`."""

    org: OrgId
    kind: Kind
    id: str


class VersionRange(Struct, frozen=True):
    lowest: int
    highest: int

    def covers(self, version: int) -> bool:
        return self.lowest <= version <= self.highest

    def joined(self, other: "VersionRange") -> "VersionRange":
        """What both know."""
        return VersionRange(max(self.lowest, other.lowest), max(self.highest, other.highest))


class VersionChange(Struct, frozen=True):
    """The numbers of a credential have changed to these, on whatever replica."""

    subject: Subject
    standing: VersionRange

    @property
    def has_ended(self) -> bool:
        """Whether nothing of it is good."""
        return self.standing.lowest > self.standing.highest


class VersionVerdict(Enum):
    GOOD = "good"
    ENDED = "ended"
    UNKNOWN = "to be looked up"


class Standings:
    """What is remembered; the least recently used is forgotten first, and looked up again."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._known: OrderedDict[Subject, VersionRange] = OrderedDict()
        self._remembered = remembered

    def judge(self, subject: Subject, version: int) -> VersionVerdict:
        standing = self._known.get(subject)
        if standing is None:
            return VersionVerdict.UNKNOWN
        self._known.move_to_end(subject)
        if version < standing.lowest:
            return VersionVerdict.ENDED
        return VersionVerdict.GOOD if version <= standing.highest else VersionVerdict.UNKNOWN

    def learn(self, subject: Subject, standing: VersionRange) -> None:
        known = self._known.get(subject)
        self._known[subject] = standing if known is None else known.joined(standing)
        self._known.move_to_end(subject)
        if len(self._known) > self._remembered:
            self._known.popitem(last=False)
