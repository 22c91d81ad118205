"""Those who keep events for somebody outside: each is written in the transaction that makes it
true, so that neither is without the other."""

from collections.abc import Collection, Mapping, Sequence, Set
from typing import Final, Protocol

from hub.base.database import Connection
from hub.telemetry.rows import EventRow
from protocol.ids import OrgId
from protocol.stream import StreamEvent

OrgEvent = tuple[OrgId, StreamEvent]
_NOTHING: Final = frozenset[str]()


class EventTap(Protocol):
    """A floor above that keeps events."""

    @property
    def wanted(self) -> Mapping[OrgId, Collection[str]]:
        """The types that it keeps. What the hub says itself of a line is `presence`."""
        ...

    async def keep(self, connection: Connection, events: Sequence[OrgEvent]) -> None:
        """These, which it wants, in the transaction of this connection."""
        ...


class AlertRecords(Protocol):
    """A floor above that keeps a record of each alert."""

    async def note(
        self, connection: Connection, alerts: Sequence[OrgEvent], *, subject: str = ""
    ) -> Sequence[StreamEvent]:
        """These alerts, each with the id of its record, in the transaction of this connection.
        `subject`: what of no device they are about."""
        ...


class RowJudge(Protocol):
    """A floor above that decides by what is stored."""

    @property
    def kinds(self) -> Set[str]:
        """The types of events that it looks at."""
        ...

    async def judge(self, connection: Connection, rows: Sequence[EventRow]) -> None:
        """These are new, in the transaction of this connection."""
        ...


class Taps:
    """Nothing is made or written for nobody."""

    def __init__(self) -> None:
        self._taps: list[EventTap] = []
        self.records: AlertRecords | None = None
        """None where alerts are events and nothing more."""
        self.judge: RowJudge | None = None

    def add(self, tap: EventTap) -> None:
        self._taps.append(tap)

    def may_want(self, kinds: Set[str]) -> bool:
        """Whether somebody wants some of these, of some organisation: asked once a batch, so that
        events which concern nobody are not looked at one by one."""
        return any(
            not kinds.isdisjoint(wanted) for tap in self._taps for wanted in tap.wanted.values()
        )

    def wants(self, org: OrgId, kind: str) -> bool:
        """Whether such an event has to be committed together with what it tells."""
        return any(kind in tap.wanted.get(org, _NOTHING) for tap in self._taps)

    async def note(
        self, connection: Connection, alerts: Sequence[OrgEvent], *, subject: str = ""
    ) -> Sequence[StreamEvent]:
        """As `AlertRecords.note`: before they are stored, kept or shown."""
        if self.records is None or not alerts:
            return [event for _, event in alerts]
        return await self.records.note(connection, alerts, subject=subject)

    async def keep(self, connection: Connection, events: Collection[OrgEvent]) -> None:
        """Those of these that somebody wants, in the transaction of this connection."""
        for tap in self._taps:
            wanted = tap.wanted
            some = [each for each in events if each[1].type in wanted.get(each[0], _NOTHING)]
            if some:
                await tap.keep(connection, some)
