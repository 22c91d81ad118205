"""The fan-out's own cases: shared buffers, gaps, outages, slow and broken members."""

import asyncio
from typing import Any

from msgspec import structs

from dashboard_ws.core.filters import Area, Predicate, Selection, Sight
from dashboard_ws.fanout import FanOut
from dashboard_ws.outlet import CHUNK, Outlet
from protocol.dashboard import Position
from protocol.stream import RESTRICTED, At, Entries, EventBatch, Lost, StreamEntry, StreamEvent
from tests.unit.dashboard_ws.fakes import ORG, REPLICA, WIRE, FakeConnection
from tests.unit.dashboard_ws.stream import FakeStream, make_event, standing

ALL: Selection = frozenset({Predicate()})
SCANS: Selection = frozenset({Predicate(types=frozenset({"scan"}))})
EVERYWHERE = Sight()


class Member:
    def __init__(
        self, fanout: FanOut, selection: Selection = ALL, sight: Sight = EVERYWHERE
    ) -> None:
        self.connection = FakeConnection()
        self.overfull = 0
        self.fanout = fanout
        self.selection = selection
        self.outlet = Outlet(self.connection, WIRE, self.leave, 0.0)
        self.outlet.sight = sight
        fanout.attach(self.outlet, selection)

    def leave(self) -> None:
        self.overfull += 1
        self.fanout.detach(self.outlet, self.selection)

    def story(self) -> list[Any]:
        return [
            m["offset"] if "offset" in m else (m["reason"], m["from"], m["to"])
            for m in self.connection.messages()
        ]


def make_fanout(stream: FakeStream) -> FanOut:
    return standing(FanOut(ORG, REPLICA), stream)


def test_a_tick_is_one_write_a_dashboard() -> None:
    stream = FakeStream()
    fanout = make_fanout(stream)
    members = [Member(fanout), Member(fanout), Member(fanout, SCANS)]
    entries = [stream.append(make_event(), make_event(kind="print")) for _ in range(5)]
    fanout.receive(Entries(entries))
    assert [member.connection.writes for member in members] == [1, 1, 1]
    assert members[0].story() == list(range(1, 11))
    assert members[2].story() == [1, 3, 5, 7, 9]
    assert members[0].outlet.received


def test_a_big_tick_is_written_in_chunks() -> None:
    stream = FakeStream()
    fanout = make_fanout(stream)
    member = Member(fanout)
    entry = stream.append(*(make_event("x" * 1000) for _ in range(200)))
    fanout.receive(Entries([entry]))
    assert member.connection.writes == 1 + 200 * 1050 // CHUNK
    assert member.story() == list(range(1, 201))


def test_what_was_trimmed_away_is_a_gap_in_its_place() -> None:
    stream = FakeStream()
    fanout = make_fanout(stream)
    member = Member(fanout)
    first = stream.append(make_event())
    stream.append(make_event(), make_event())
    last = stream.append(make_event())
    fanout.receive(Entries([first, last]))
    assert member.story() == [1, ("expired", 1, 3), 4]


def test_an_outage_without_loss_says_nothing() -> None:
    stream = FakeStream()
    fanout = make_fanout(stream)
    member = Member(fanout)
    fanout.receive(Lost())
    fanout.receive(At(stream.position()))
    assert member.story() == []


def test_before_the_first_position_nothing_was_promised() -> None:
    fanout = FanOut(ORG, REPLICA)
    member = Member(fanout)
    fanout.receive(At(Position(epoch="e1", offset=7)))
    assert member.story() == [("bus", None, 7)]


def test_a_dashboard_that_wants_nothing_is_in_no_audience() -> None:
    fanout = FanOut(ORG, REPLICA)
    member = Member(fanout, frozenset())
    fanout.detach(member.outlet, frozenset())
    assert list(fanout.index.audiences()) == []


def test_a_slow_member_delays_nobody_and_reads_the_rest_later() -> None:
    stream = FakeStream()
    fanout = make_fanout(stream)
    slow, other = Member(fanout), Member(fanout)
    slow.connection.reads = False
    for _ in range(200):
        fanout.receive(Entries([stream.append(make_event("x" * 1000))]))
    assert other.story() == list(range(1, 201))
    assert slow.connection.buffered() < 2 * CHUNK
    slow.connection.reads = True
    slow.connection.read()
    slow.outlet.pump()
    assert slow.story() == list(range(1, 201))
    assert slow.overfull == 0


def test_a_member_that_overflows_leaves_while_others_are_served() -> None:
    stream = FakeStream()
    fanout = make_fanout(stream)
    slow, other = Member(fanout), Member(fanout)
    slow.connection.reads = False
    for _ in range(100):
        fanout.receive(Entries([stream.append(*(make_event("x" * 9000, kind="alert"),) * 3)]))
    assert slow.overfull == 1
    assert len(other.story()) == 300


async def test_room_is_waited_for() -> None:
    member = Member(FanOut(ORG, REPLICA))
    member.connection.reads = False
    member.outlet.say(b"x" * CHUNK)
    waiting = asyncio.create_task(member.outlet.room())
    await asyncio.sleep(0)
    member.outlet.pump()
    await asyncio.sleep(0)
    assert not waiting.done()
    member.connection.read()
    member.outlet.pump()
    await waiting


def test_progress_is_what_the_kernel_takes() -> None:
    member = Member(FanOut(ORG, REPLICA))
    member.connection.reads = False
    member.outlet.say(b"x" * 1000)
    assert not member.outlet.is_stalled(0.0)
    assert not member.outlet.is_stalled(8.9)
    member.outlet.say(b"x")
    assert member.outlet.is_stalled(9.0)
    member.connection.read()
    assert not member.outlet.is_stalled(9.5)


# While the stream is away


def batch(number: int, *codes: str) -> EventBatch:
    return EventBatch(replica_id=REPLICA, number=number, events=[make_event(c) for c in codes])


def back(stream: FakeStream, shown: EventBatch) -> StreamEntry:
    """The stream takes a batch of ours in the end."""
    entry = stream.append(*shown.events)
    return structs.replace(entry, writer=shown.replica_id, number=shown.number)


def codes(member: Member) -> list[str]:
    return [m["code"] for m in member.connection.messages() if "code" in m]


def test_events_of_our_own_go_on_in_an_epoch_of_their_own_between_gaps() -> None:
    stream = FakeStream()
    fanout = make_fanout(stream)
    member = Member(fanout)
    fanout.receive(Entries([stream.append(make_event("a"))]))
    fanout.receive(Lost())
    fanout.show(batch(1, "b", "c"))
    fanout.show(batch(2, "d"))
    at = fanout.position
    assert at is not None
    assert (at.epoch[0], at.offset) == ("~", 3)
    entry = back(stream, batch(1, "b", "c"))
    fanout.receive(At(Position(epoch="e1", offset=1)))
    assert fanout.position == Position(epoch="e1", offset=1)
    fanout.receive(Entries([entry, back(stream, batch(2, "d")), stream.append(make_event("e"))]))
    assert member.story() == [1, ("bus", None, 0), 1, 2, 3, ("epoch", None, 1), ("bus", 1, 4), 5]
    assert codes(member) == ["a", "b", "c", "d", "e"]
    assert fanout.position == Position(epoch="e1", offset=5)


def test_a_new_epoch_after_the_interim_is_one_gap() -> None:
    stream = FakeStream()
    fanout = make_fanout(stream)
    member = Member(fanout)
    fanout.show(batch(1, "a"))
    fanout.receive(stream.begin_epoch())
    fanout.receive(Entries([back(stream, batch(1, "a")), back(stream, batch(2, "b"))]))
    assert member.story() == [("bus", None, 0), 1, ("epoch", None, 0), ("bus", 0, 1), 2]
    assert codes(member) == ["a", "b"]


def test_a_stream_that_is_away_from_the_start_begins_with_the_interim() -> None:
    fanout = FanOut(ORG, REPLICA)
    member = Member(fanout)
    fanout.show(batch(1, "a"))
    fanout.receive(At(Position(epoch="e1", offset=7)))
    assert member.story() == [("bus", None, 0), 1, ("bus", None, 7)]


def test_a_batch_that_came_out_of_the_stream_is_not_shown_though_its_answer_was_lost() -> None:
    stream = FakeStream()
    fanout = make_fanout(stream)
    member = Member(fanout)
    fanout.receive(Entries([back(stream, batch(4, "a"))]))
    fanout.show(batch(4, "a"))
    assert codes(member) == ["a"]
    assert fanout.position == stream.position()


def test_a_second_outage_is_another_interim_epoch() -> None:
    stream = FakeStream()
    fanout = make_fanout(stream)
    member = Member(fanout)
    epochs: list[str] = []
    for number in (1, 2):
        fanout.show(batch(number, f"c{number}"))
        assert fanout.position is not None
        epochs.append(fanout.position.epoch)
        fanout.receive(At(stream.position()))
    fanout.receive(Entries([back(stream, batch(n, f"c{n}")) for n in (1, 2, 3)]))
    assert codes(member) == ["c1", "c2", "c3"]
    assert len(set(epochs)) == 2


def test_a_reader_gets_what_its_sight_reaches_and_hears_of_every_gap() -> None:
    stream = FakeStream()
    fanout = make_fanout(stream)
    hall = Sight(Area(frozenset({"hall"}), frozenset({"desk"})))
    member, nobody = Member(fanout, sight=hall), Member(fanout, sight=Sight(Area()))
    assert fanout.index.place({"hall": frozenset({"a"})}) == {"a"}
    devices = ("a", "b", "desk")
    fanout.receive(Entries([stream.append(*(make_event(device=each) for each in devices))]))
    assert member.story() == [1, 3]
    fanout.index.place({"hall": frozenset({"b"})})
    fanout.receive(Entries([stream.append(*(make_event(device=each) for each in devices))]))
    assert member.story() == [1, 3, 5, 6]
    stream.append(make_event())
    fanout.receive(Entries([stream.append(make_event(device="a"))]))
    assert member.story()[-1] == ("expired", 6, 7)
    assert nobody.story() == [("expired", 6, 7)]


def test_what_is_restricted_is_open_where_the_reader_is_cleared() -> None:
    stream = FakeStream()
    fanout = make_fanout(stream)
    member = Member(fanout, sight=Sight(cleared=Area(frozenset({"hall"}))))
    fanout.index.place({"hall": frozenset({"a"})})
    body = b'{"type":"command_result","deviceId":"x","output":"s3cret"}'
    events = [StreamEvent(device, "command_result", RESTRICTED, body) for device in ("a", "b")]
    fanout.receive(Entries([stream.append(*events)]))
    assert [message["output"] for message in member.connection.messages()] == ["s3cret", "hidden"]
