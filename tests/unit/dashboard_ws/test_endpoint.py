"""A dashboard's handler with a stream in memory: authentication, time, groups, failures."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable
from typing import Any

import msgspec
import pytest

from dashboard_ws.core.filters import Area, Sight
from dashboard_ws.core.session import MAX_MESSAGE, MAX_MESSAGE_UNPROVEN
from dashboard_ws.dashboards import Dashboards
from dashboard_ws.ports import Authorised
from protocol.closing import CloseCode
from protocol.ids import OrgId
from protocol.stream import TailItem
from tests.unit.dashboard_ws.fakes import (
    ORG,
    REPLICA,
    FakeClock,
    FakeConnection,
    FakeGroups,
    FakeQueries,
    FakeTokens,
    Message,
    frame,
    make_authorised,
)
from tests.unit.dashboard_ws.stream import FakeStream, make_event


class House:
    """All that dashboards need, and the dashboards. The test moves the clock and looks."""

    def __init__(self) -> None:
        self.stream = FakeStream()
        self.tokens = FakeTokens()
        self.groups = FakeGroups()
        self.queries = FakeQueries()
        self.clock = FakeClock()
        self.dashboards = Dashboards(
            source=self.stream,
            tokens=self.tokens,
            groups=self.groups,
            queries=self.queries,
            clock=self.clock,
            frame=frame,
            replica_id=REPLICA,
        )

    async def is_dark(self) -> None:
        """Wait until nobody reads the stream: the last one turns off the light."""
        async with asyncio.timeout(5):
            for _ in itertools.count():
                if not self.stream.receivers:
                    return
                await asyncio.sleep(0.005)

    async def later(self, seconds: float) -> None:
        """Time passes, and a sweep comes."""
        self.clock.seconds += seconds
        await asyncio.sleep(0.03)


class Guest:
    def __init__(self, house: House, authorised: Authorised | None) -> None:
        self.connection = FakeConnection()
        dashboard = house.dashboards.handler(authorised)
        assert dashboard is not None
        self.dashboard = dashboard
        self.dashboard.opened(self.connection)

    async def ask(self, **fields: Any) -> None:
        self.dashboard.text(msgspec.json.encode(fields))
        await asyncio.sleep(0.005)

    def heard(self) -> list[Message]:
        return self.connection.messages()

    def kinds(self) -> list[str]:
        return [message["type"] for message in self.heard()]


@pytest.fixture
async def house(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[House]:
    monkeypatch.setattr("dashboard_ws.dashboards.SWEEP_SECONDS", 0.01)
    house = House()
    task = asyncio.create_task(house.dashboards.run())
    await asyncio.sleep(0)
    yield house
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def guest(house: House) -> Guest:
    guest = Guest(house, make_authorised(minutes=16))
    await asyncio.sleep(0)
    return guest


async def test_the_first_frame_may_prove_who_it_is(house: House) -> None:
    guest = Guest(house, None)
    assert guest.connection.max_message == MAX_MESSAGE_UNPROVEN
    await guest.ask(type="auth", token="ann")
    assert guest.heard() == [{"type": "auth_ok", "expiresAt": "2026-01-01T00:31:40.000Z"}]
    assert guest.connection.max_message == MAX_MESSAGE
    assert guest.dashboard.authorised == make_authorised(user_id="ann")


async def test_who_does_not_in_time_is_closed(house: House) -> None:
    guest = Guest(house, None)
    await house.later(4.9)
    assert guest.connection.ended is None
    await house.later(0.2)
    assert guest.connection.ended == ("close", CloseCode.NO_PROGRESS)


async def test_a_bad_token_closes(house: House) -> None:
    guest = Guest(house, None)
    await guest.ask(type="auth", token="bad")
    assert guest.connection.ended == ("close", CloseCode.NOT_AUTHENTICATED)


async def test_nobody_becomes_somebody_else(guest: Guest) -> None:
    await guest.ask(type="auth", token="ben")
    assert guest.connection.ended == ("close", CloseCode.NOT_AUTHENTICATED)


async def test_an_authorisation_runs_out(house: House, guest: Guest) -> None:
    await house.later(16 * 60 - 1)
    assert guest.connection.ended is None
    await house.later(2)
    assert guest.connection.ended == ("close", CloseCode.NOT_AUTHENTICATED)
    assert house.dashboards.sockets() == 0


async def test_a_token_that_cannot_be_checked_now_is_tried_later(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def check(token: str) -> Authorised | None:
        raise ConnectionError(token)

    monkeypatch.setattr(house.tokens, "check", check)
    guest = Guest(house, None)
    await guest.ask(type="auth", token="ann")
    assert guest.connection.ended == ("close", CloseCode.TRY_LATER)


async def test_an_event_that_two_subscriptions_want_comes_once(house: House, guest: Guest) -> None:
    await guest.ask(type="subscribe", subscriptions=[{"id": "a"}, {"id": "b", "types": ["scan"]}])
    house.stream.deliver(house.stream.append(make_event("x"), make_event("y", kind="print")))
    assert guest.kinds() == ["subscribed", "subscribed", "scan", "print"]


async def test_an_unsubscribed_dashboard_hears_nothing(house: House, guest: Guest) -> None:
    await guest.ask(type="subscribe", id="a")
    await guest.ask(type="unsubscribe", id="a")
    house.stream.deliver(house.stream.append(make_event()))
    assert guest.kinds() == ["subscribed", "unsubscribed"]


async def test_since_is_too_late_after_the_first_event(house: House, guest: Guest) -> None:
    await guest.ask(type="subscribe", id="a")
    house.stream.deliver(house.stream.append(make_event()))
    await guest.ask(type="subscribe", id="b", since={"epoch": "e1", "offset": 0})
    assert guest.heard()[-1]["code"] == "since_too_late"


async def test_what_was_live_goes_on_after_a_recovery(house: House, guest: Guest) -> None:
    house.stream.deliver(house.stream.append(make_event("past", device="a")))
    await guest.ask(type="subscribe", id="b", deviceIds=["b"])
    await guest.ask(type="subscribe", id="a", deviceIds=["a"], since={"epoch": "e1", "offset": 0})
    house.stream.deliver(house.stream.append(make_event("1", device="b")))
    house.stream.deliver(house.stream.append(make_event("2", device="a")))
    assert [message.get("code") for message in guest.heard()[2:]] == ["past", "1", "2"]


async def test_a_pong_during_a_recovery_is_no_further_than_what_was_sent(
    house: House, guest: Guest
) -> None:
    house.stream.deliver(house.stream.append(make_event()))
    since = {"type": "subscribe", "id": "a", "since": {"epoch": "e1", "offset": 0}}
    guest.dashboard.text(msgspec.json.encode(since))
    guest.dashboard.text(b'{"type":"ping"}')
    assert guest.heard()[-1]["offset"] == 0
    await asyncio.sleep(0.01)
    await guest.ask(type="ping")
    assert guest.heard()[-1] == {
        "type": "pong", "serverTime": "2026-01-01T00:16:40.000Z", "epoch": "e1", "offset": 1,
    }  # fmt: skip


async def test_a_group_is_resolved_first_and_followed(house: House, guest: Guest) -> None:
    house.groups.devices["g"] = {"a"}
    await guest.ask(type="subscribe", id="s", groupIds=["g"])
    house.stream.deliver(house.stream.append(make_event("1", device="a")))
    house.groups.devices["g"] = {"b"}
    house.dashboards.groups_changed(ORG)
    await house.later(0.1)
    house.stream.deliver(house.stream.append(make_event("2", device="a")))
    house.stream.deliver(house.stream.append(make_event("3", device="b")))
    assert [message.get("code") for message in guest.heard()] == [None, "1", "3"]


async def test_a_change_nobody_told_of_is_found_in_the_end(house: House, guest: Guest) -> None:
    await guest.ask(type="subscribe", id="s", groupIds=["g"])
    house.groups.devices["g"] = {"b"}
    await house.later(31)
    house.stream.deliver(house.stream.append(make_event("1", device="b")))
    assert guest.kinds() == ["subscribed", "scan"]


async def test_a_newer_token_with_another_clearance_keeps_the_groups(
    house: House, guest: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def check(token: str) -> Authorised:
        del token
        return msgspec.structs.replace(make_authorised(), sight=Sight(cleared=None))

    house.groups.devices["g"] = {"a"}
    await guest.ask(type="subscribe", id="s", groupIds=["g"])
    monkeypatch.setattr(house.tokens, "check", check)
    await guest.ask(type="auth", token="newer")
    house.stream.deliver(house.stream.append(make_event("1", device="a")))
    assert guest.kinds() == ["subscribed", "auth_ok", "scan"]


async def test_who_is_closed_by_the_last_frame_of_a_replay_joins_nobody(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answer closes it, and nothing is waited for after that."""
    keeper = Guest(house, make_authorised(user_id="keeper"))
    await keeper.ask(type="subscribe", id="s")
    guest = Guest(house, make_authorised())

    written: list[bytes] = []

    def write(frames: bytes) -> None:
        written.append(frames)
        if b"subscribed" in frames:
            guest.dashboard.close(CloseCode.SERVICE_RESTART)

    monkeypatch.setattr(guest.connection, "write", write)
    since = {"epoch": "e1", "offset": house.stream.last}
    await guest.ask(type="subscribe", id="s", since=since)
    assert guest.connection.ended == ("close", CloseCode.SERVICE_RESTART)
    house.stream.deliver(house.stream.append(make_event("1", device="a")))
    assert keeper.kinds() == ["subscribed", "scan"]
    assert len(written) == 1


async def test_groups_that_cannot_be_resolved_are_tried_later(
    house: House, guest: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def members(org: str, group_ids: frozenset[str]) -> frozenset[str]:
        raise ConnectionError(org, group_ids)

    other = Guest(house, make_authorised(minutes=60))
    await other.ask(type="subscribe", id="s", groupIds=["g"])
    monkeypatch.setattr(house.groups, "members", members)
    house.dashboards.groups_changed(ORG)
    await house.later(0.1)
    await guest.ask(type="subscribe", id="s", groupIds=["h"])
    assert guest.connection.ended == ("close", CloseCode.TRY_LATER)
    assert other.connection.ended is None


async def test_a_binary_frame_is_an_invalid_one(guest: Guest) -> None:
    guest.dashboard.binary(b"")
    assert guest.heard()[0]["code"] == "invalid_frame"


async def test_answers_that_nobody_reads_close(guest: Guest) -> None:
    guest.connection.reads = False
    while guest.connection.ended is None:
        guest.dashboard.text(b'{"type":"ping"}')
    assert guest.connection.ended == ("close", CloseCode.NO_PROGRESS)
    assert guest.connection.buffered() < 128 * 1024
    guest.dashboard.closed(CloseCode.NO_PROGRESS)


async def test_no_progress_is_the_end(house: House, guest: Guest) -> None:
    guest.connection.reads = False
    await guest.ask(type="ping")
    await house.later(0)
    await house.later(8.9)
    assert guest.connection.ended is None
    await house.later(0.2)
    assert guest.connection.ended == ("abort", CloseCode.NO_PROGRESS)


async def test_a_dashboard_that_left_during_a_recovery_leaves_nothing(
    house: House, guest: Guest
) -> None:
    house.stream.deliver(house.stream.append(make_event()))
    since = {"type": "subscribe", "id": "a", "since": {"epoch": "e1", "offset": 0}}
    guest.dashboard.text(msgspec.json.encode(since))
    guest.dashboard.closed(1006)
    await house.is_dark()
    assert guest.heard() == []


async def test_a_tail_that_fails_is_begun_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard_ws.dashboards.RESTART_SECONDS", 0.01)
    tail = house.stream.tail
    failures = iter([True])

    async def failing(org: OrgId, receive: Callable[[TailItem], None]) -> None:
        if next(failures, False):
            raise ZeroDivisionError
        await tail(org, receive)

    monkeypatch.setattr(house.stream, "tail", failing)
    guest = Guest(house, make_authorised(minutes=60))
    async with asyncio.timeout(5):
        while not house.stream.receivers:  # noqa: ASYNC110 (nobody would set an event)
            await asyncio.sleep(0.01)
    await guest.ask(type="subscribe", id="a")
    assert guest.heard()[0]["epoch"] == "e1"


async def test_who_is_meant_is_disconnected(house: House, guest: Guest) -> None:
    unproven = Guest(house, None)
    gone = house.dashboards.disconnect(lambda who: who.user_id == "u-1", CloseCode.FORBIDDEN)
    assert gone == 1
    assert guest.connection.ended == ("close", CloseCode.FORBIDDEN)
    assert unproven.connection.ended is None
    guest.dashboard.close(CloseCode.NORMAL)
    assert guest.connection.ended == ("close", CloseCode.FORBIDDEN)


HALL = Sight(Area(frozenset({"hall"})))


def reader(house: House, sight: Sight = HALL) -> Guest:
    return Guest(house, msgspec.structs.replace(make_authorised(), sight=sight))


async def test_a_scoped_reader_follows_the_members_of_its_groups(house: House) -> None:
    house.groups.devices["hall"] = {"a"}
    guest = reader(house)
    await guest.ask(type="subscribe", id="s")
    for code, device in (("1", "a"), ("2", "b")):
        house.stream.deliver(house.stream.append(make_event(code, device=device)))
    house.groups.devices["hall"] = {"b"}
    house.dashboards.groups_changed(ORG)
    await house.later(0.1)
    for code, device in (("3", "a"), ("4", "b")):
        house.stream.deliver(house.stream.append(make_event(code, device=device)))
    assert [message.get("code") for message in guest.heard()] == [None, "1", "4"]


async def test_a_scoped_reader_recovers_what_it_may_see_now(house: House) -> None:
    house.groups.devices["hall"] = {"a"}
    for device in ("a", "b"):
        house.stream.deliver(house.stream.append(make_event(device, device=device)))
    guest = reader(house)
    await guest.ask(type="subscribe", id="s", since={"epoch": "e1", "offset": 0})
    await asyncio.sleep(0.02)
    assert [message.get("code") for message in guest.heard()] == [None, "a"]


async def test_rights_that_change_count_on_open_sockets(house: House) -> None:
    house.groups.devices["hall"] = {"a"}
    guest = reader(house, Sight(Area()))
    await guest.ask(type="subscribe", id="s")
    house.stream.deliver(house.stream.append(make_event("1", device="a")))
    house.tokens.sights["u-1"] = HALL
    house.dashboards.rights_changed(lambda who: who.user_id == "u-1")
    await asyncio.sleep(0.02)
    house.stream.deliver(house.stream.append(make_event("2", device="a")))
    assert [message.get("code") for message in guest.heard()] == [None, "2"]
    house.tokens.sights["u-1"] = None
    house.dashboards.rights_changed(lambda who: who.user_id == "u-1")
    await asyncio.sleep(0.02)
    assert guest.connection.ended == ("close", CloseCode.FORBIDDEN)


async def test_who_reads_slowly_gets_nothing_of_what_was_narrowed(house: House) -> None:
    house.groups.devices["hall"] = {"a", "b"}
    guest = reader(house)
    await guest.ask(type="subscribe", id="s")
    guest.connection.reads = False
    big = frame(b'{"type":"big","pad":"%b"}' % (b"x" * (1 << 17)))
    guest.connection.write(big)
    for code, device in (("1", "a"), ("2", "b")):
        house.stream.deliver(house.stream.append(make_event(code, device=device)))
    house.groups.devices["hall"] = {"b"}
    house.dashboards.groups_changed(ORG)
    await house.later(0.1)
    guest.connection.read()
    guest.connection.reads = True
    guest.dashboard.drained()
    assert [message.get("code") for message in guest.heard()] == [None, None, "2"]


async def test_when_nobody_knows_what_a_reader_may_see_it_comes_back_later(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_: Authorised) -> Sight | None:
        raise OSError("Postgres is away")

    guest = reader(house)
    monkeypatch.setattr(house.tokens, "sight", away)
    house.dashboards.rights_changed(lambda _: True)
    await asyncio.sleep(0.02)
    assert guest.connection.ended == ("close", CloseCode.TRY_LATER)
