"""Who keeps events for somebody outside is given what it wants, and asked for nothing else."""

from collections.abc import Collection, Mapping, Sequence
from typing import cast

from hub.base.database import Connection
from hub.telemetry.taps import OrgEvent, Taps
from protocol.ids import DEFAULT_ORG, OrgId
from protocol.stream import StreamEvent

OTHER = OrgId("other")
NOWHERE = cast("Connection", None)


class Kept:
    def __init__(self, wanted: Mapping[OrgId, Collection[str]]) -> None:
        self.wanted = wanted
        self.events: list[OrgEvent] = []
        self.calls = 0

    async def keep(self, connection: Connection, events: Sequence[OrgEvent]) -> None:
        self.calls += 1
        self.events += events


def event(kind: str, org: OrgId = DEFAULT_ORG) -> OrgEvent:
    return org, StreamEvent("d1", kind, "", b"{}")


async def test_each_gets_what_it_wants_in_order() -> None:
    taps, one, two = Taps(), Kept({DEFAULT_ORG: {"scan"}}), Kept({OTHER: {"scan", "print"}})
    taps.add(one)
    taps.add(two)
    mine, theirs = event("scan"), event("print", OTHER)
    await taps.keep(NOWHERE, [event("print"), mine, theirs, mine])
    assert one.events == [mine, mine]
    assert two.events == [theirs]
    assert taps.wants(DEFAULT_ORG, "scan")
    assert not taps.wants(DEFAULT_ORG, "print")


async def test_who_wants_none_of_it_is_not_asked() -> None:
    taps, idle = Taps(), Kept({})
    taps.add(idle)
    assert not taps.may_want({"scan"})
    await taps.keep(NOWHERE, [event("scan")])
    assert idle.calls == 0
    idle.wanted = {OTHER: {"scan"}}
    assert taps.may_want({"scan", "print"})
    assert not taps.may_want({"print"})
    await taps.keep(NOWHERE, [event("scan")])
    assert idle.calls == 0
