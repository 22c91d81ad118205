"""A stream of server-sent events with a stream in memory: places, quiet, time, endings."""

import asyncio
from collections.abc import AsyncGenerator

import msgspec
import pytest

from dashboard_ws.core.filters import Area, Predicate, Sight
from dashboard_ws.event_stream import (
    COMMENT,
    MOST_STREAMS,
    RETRY,
    EventStream,
    StreamRequest,
    goodbye,
)
from dashboard_ws.ports import Authorised
from protocol.closing import CloseCode
from protocol.dashboard import Position
from tests.unit.dashboard_ws.fakes import ORG, FakeConnection, Message, make_authorised
from tests.unit.dashboard_ws.stream import make_event
from tests.unit.dashboard_ws.test_endpoint import House


class FakeResponse(FakeConnection):
    def end(self) -> None:
        self.ended = ("end", 0)

    def text(self) -> bytes:
        return bytes(self._taken)

    def heard(self) -> list[tuple[str | None, Message]]:
        """(id, data) of each message."""
        found: list[tuple[str | None, Message]] = []
        for block in self.text().decode().split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
            if "data" in fields:
                found.append((fields.get("id"), msgspec.json.decode(fields["data"])))
        return found

    def kinds(self) -> list[str]:
        return [data["type"] for _, data in self.heard()]


class Guest:
    def __init__(
        self,
        house: House,
        wanted: Predicate | None = None,
        *,
        since: Position | None = None,
        authorised: Authorised | None = None,
    ) -> None:
        self.response = FakeResponse()
        self.sight: Sight | None = Sight()
        request = StreamRequest(wanted=wanted or Predicate(), since=since, sight=self.seen)
        made = house.dashboards.stream(authorised or make_authorised(minutes=16), request)
        assert made is not None
        self.stream: EventStream = made
        self.stream.opened(self.response)

    async def seen(self, _: Authorised) -> Sight | None:
        return self.sight


@pytest.fixture
async def house(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[House]:
    monkeypatch.setattr("dashboard_ws.dashboards.SWEEP_SECONDS", 0.01)
    house = House()
    task = asyncio.create_task(house.dashboards.run())
    await asyncio.sleep(0)
    yield house
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def opened(guest: Guest) -> Guest:
    async with asyncio.timeout(5):
        while not guest.response.kinds():  # noqa: ASYNC110 - its own task brings it about
            await asyncio.sleep(0.002)
    return guest


async def test_it_begins_with_when_to_come_back_and_where_it_stands(house: House) -> None:
    guest = await opened(Guest(house))
    assert guest.response.text().startswith(RETRY)
    subscribed = {"type": "subscribed", "id": "stream", "epoch": "e1", "offset": 0}
    assert guest.response.heard() == [("e1:0", {**subscribed, "recovered": False})]
    house.stream.deliver(house.stream.append(make_event()))
    assert guest.response.heard()[1][0] == "e1:1"


async def test_who_comes_back_keeps_its_place_until_what_it_missed_is_sent(house: House) -> None:
    await opened(Guest(house))
    house.stream.deliver(house.stream.append(make_event(), make_event()))
    guest = await opened(Guest(house, since=Position(epoch="e1", offset=1)))
    assert [ident for ident, _ in guest.response.heard()] == ["e1:1", "e1:2"]
    assert guest.response.heard()[0][1]["offset"] == 2


async def test_a_gap_has_no_id(house: House) -> None:
    guest = await opened(Guest(house, since=Position(epoch="e0", offset=1)))
    assert [(ident, data["type"]) for ident, data in guest.response.heard()] == [
        ("e0:1", "subscribed"),
        (None, "gap"),
    ]


async def test_a_quiet_stream_is_told_its_place_and_that_it_lives(house: House) -> None:
    guest = await opened(Guest(house, Predicate(types=frozenset())))
    await house.later(0)
    house.stream.deliver(house.stream.append(make_event()))
    await house.later(15)
    assert guest.response.text().endswith(COMMENT)
    assert guest.response.kinds() == ["subscribed"]
    await house.later(15.1)
    assert guest.response.heard()[1:] == [("e1:1", {"type": "position"})]
    assert guest.response.text().count(COMMENT) == 2


async def test_who_does_not_read_is_sent_no_comment(house: House) -> None:
    guest = await opened(Guest(house))
    guest.response.reads = False
    house.stream.deliver(*(house.stream.append(make_event("x" * 1000)) for _ in range(300)))
    buffered = guest.response.buffered()
    await house.later(0)
    await house.later(8)
    await house.later(8)
    assert guest.response.ended == ("abort", CloseCode.NO_PROGRESS)
    assert guest.response.buffered() == buffered


async def test_what_must_be_kept_and_does_not_fit_is_4408(house: House) -> None:
    guest = await opened(Guest(house))
    guest.response.reads = False
    for _ in range(20):
        events = [make_event("x" * 1000, kind="alert") for _ in range(60)]
        house.stream.deliver(house.stream.append(*events))
    assert guest.response.ended == ("end", 0)
    guest.response.read()
    assert guest.response.heard()[-1][1] == {"type": "close", "code": 4408, "afterMs": 0}


async def test_it_lives_as_long_as_its_token(house: House) -> None:
    guest = await opened(Guest(house, authorised=make_authorised(minutes=17)))
    await house.later(30)
    assert guest.response.ended is None
    await house.later(1000)
    assert guest.response.ended == ("end", 0)
    assert guest.response.heard()[-1][1] == {"type": "close", "code": 4401, "afterMs": 0}


async def test_a_key_is_asked_about_again(house: House) -> None:
    key = msgspec.structs.replace(make_authorised(), expires_at=None, key_id="k1")
    guest = await opened(Guest(house, authorised=key))
    guest.sight = Sight(Area(devices=frozenset({"edge-2"})))
    await house.later(2)
    house.stream.deliver(house.stream.append(make_event(), make_event(device="edge-2")))
    assert [data["deviceId"] for _, data in guest.response.heard()[1:]] == ["edge-2"]
    guest.sight = None
    await house.later(2)
    assert guest.response.heard()[-1][1] == {"type": "close", "code": 4403, "afterMs": None}


async def test_a_query_is_asked_again(house: House) -> None:
    house.queries.devices_of["q"] = {"edge-1"}
    guest = await opened(Guest(house, Predicate(query="q")))
    events = make_event(), make_event(device="edge-2")
    house.stream.deliver(house.stream.append(*events))
    house.queries.devices_of["q"] = {"edge-2"}
    await house.later(2)
    house.stream.deliver(house.stream.append(*events))
    seen = [data["deviceId"] for _, data in guest.response.heard()[1:]]
    assert seen == ["edge-1", "edge-2"]


async def test_what_cannot_be_found_out_is_1013(house: House) -> None:
    guest = Guest(house, Predicate(query="unknown"))
    await opened(guest)
    close = guest.response.heard()[-1][1]
    assert (close["code"], close["afterMs"] > 5000) == (1013, True)


async def test_a_user_has_twenty_of_them(house: House) -> None:
    guests = [await opened(Guest(house)) for _ in range(MOST_STREAMS)]
    request = StreamRequest(wanted=Predicate(), since=None, sight=guests[0].seen)
    assert house.dashboards.stream(make_authorised(), request) is None
    assert house.dashboards.stream(make_authorised(user_id="other"), request) is not None
    assert (house.dashboards.streams(), house.dashboards.sockets()) == (MOST_STREAMS, 0)
    guests[0].stream.closed(1006)
    assert house.dashboards.stream(make_authorised(), request) is not None


async def test_a_drain_says_when_to_come_back(house: House) -> None:
    guest = await opened(Guest(house))
    assert house.dashboards.disconnect(lambda who: who.org == ORG, CloseCode.SERVICE_RESTART) == 1
    assert guest.response.heard()[-1][1]["code"] == 1012
    assert guest.response.ended == ("end", 0)


def test_a_browser_goes_by_retry() -> None:
    assert goodbye(CloseCode.FORBIDDEN).startswith(b"data:")
    assert goodbye(CloseCode.TRY_LATER).startswith(b"retry: ")
