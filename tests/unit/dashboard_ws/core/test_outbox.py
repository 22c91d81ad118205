"""The outbox: one case for each rule, and a machine that compares it with a naive reading of G9."""

from typing import Any, Final

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from dashboard_ws.core.outbox import Outbox, Outgoing
from tests.unit.dashboard_ws.fakes import frame, unframe

LIMIT: Final = 4000
EPOCH: Final = "e1"
Message = dict[str, Any]


def make_event(
    offset: int, *, kind: str = "scan", device: str = "edge-1", size: int = 300
) -> Outgoing:
    text = b'{"offset":%d,"pad":"%b"}' % (offset, b"x" * max(0, size - 40))
    return Outgoing(EPOCH, offset, kind, device, frame(text))


def full(*kinds: str, size: int = 1000, limit: int = LIMIT) -> Outbox:
    """An outbox with an event of each of `kinds`, at offsets from 1 on."""
    outbox = Outbox(frame, limit=limit)
    for offset, kind in enumerate(kinds, 1):
        assert outbox.add_event(make_event(offset, kind=kind, size=size))
    return outbox


def everything(outbox: Outbox) -> list[Message]:
    messages: list[Message] = []
    while outbox:
        messages += [msgspec.json.decode(text) for text in unframe(outbox.take(500))]
    assert outbox.size == 0
    return messages


def story(outbox: Outbox) -> list[int | tuple[int, int]]:
    """Offsets of events, and `(from, to)` of gaps, in order."""
    return [m["offset"] if "offset" in m else (m["from"], m["to"]) for m in everything(outbox)]


def test_what_fits_goes_out_in_order() -> None:
    outbox = full("scan", "status", "alert")
    assert outbox.add_frame(frame(b'{"offset":0}'))
    assert story(outbox) == [1, 2, 3, 0]


def test_the_oldest_events_make_room_and_leave_one_gap() -> None:
    outbox = full("scan", "log_line", "event")
    assert outbox.add_event(make_event(4, size=1000))
    assert outbox.add_event(make_event(5, size=1000))
    assert story(outbox) == [(0, 2), 3, 4, 5]


def test_a_gap_stands_where_its_event_stood() -> None:
    outbox = full("alert", "scan", "alert", "scan", size=900)
    assert outbox.add_event(make_event(5, kind="alert", size=1500))
    assert story(outbox) == [1, (1, 2), 3, (3, 4), 5]


def test_gaps_on_both_sides_become_one() -> None:
    outbox = full("scan", "status", "scan", "status", size=900)
    # 4 supersedes 2, which goes first; then 1 and 3 go and stand beside it.
    assert outbox.add_event(make_event(5, kind="alert", size=2500))
    assert story(outbox) == [(0, 3), 4, 5]


def test_a_superseded_status_goes_before_any_event() -> None:
    outbox = full("scan", "status", "status", size=1200)
    assert outbox.add_event(make_event(4, size=900))
    assert story(outbox) == [1, (1, 2), 3, 4]


def test_a_new_status_supersedes_the_queued_one_of_its_device() -> None:
    outbox = full("scan", "status", "scan", size=1200)
    assert outbox.add_event(make_event(4, kind="status", size=900))
    assert story(outbox) == [1, (1, 2), 3, 4]


def test_the_newest_status_of_each_device_stays() -> None:
    outbox = Outbox(frame, limit=LIMIT)
    for offset, device in enumerate(("a", "b", "c"), 1):
        assert outbox.add_event(make_event(offset, kind="status", device=device, size=1200))
    assert not outbox.add_event(make_event(4, kind="status", device="d", size=1200))


def test_a_status_that_went_out_is_forgotten() -> None:
    outbox = full("status", size=1200)
    outbox.take(1)
    assert outbox.add_event(make_event(2, kind="status"))
    assert story(outbox) == [2]


def test_an_event_that_finds_only_what_is_kept_becomes_the_gap() -> None:
    outbox = full("alert", "command_result", "alert", size=1200)
    assert outbox.add_event(make_event(4, size=1200))
    assert outbox.add_event(make_event(5, size=1200))
    assert story(outbox) == [1, 2, 3, (3, 5)]


def test_even_a_gap_may_not_fit() -> None:
    outbox = full("alert", size=1000, limit=1010)
    assert not outbox.add_event(make_event(2))


def test_what_must_be_kept_and_does_not_fit_is_told() -> None:
    outbox = full("alert", "alert", "alert", size=1200)
    assert not outbox.add_event(make_event(4, kind="command_result", size=1200))
    assert not outbox.add_frame(frame(b"x" * 1200))


def test_a_chunk_ends_at_the_budget() -> None:
    outbox = full("scan", "scan", "scan", size=300)
    assert len(list(unframe(outbox.take(1)))) == 1
    assert len(list(unframe(outbox.take(10_000)))) == 2
    assert outbox.take(1) == b""


class OutboxMachine(RuleBasedStateMachine):
    """Every event comes once and in order, or lies in a gap; what is kept always comes."""

    def __init__(self) -> None:
        super().__init__()
        self.outbox = Outbox(frame, limit=LIMIT)
        self.offset = 0
        self.overfull = False
        self.given: dict[int, Outgoing] = {}
        self.sent: list[Message] = []

    @precondition(lambda self: not self.overfull)
    @rule(
        kind=st.sampled_from(["scan", "log_line", "status", "status", "alert", "command_result"]),
        device=st.sampled_from("abc"),
        size=st.integers(100, 900),
        skip=st.integers(1, 3),
    )
    def add(self, kind: str, device: str, size: int, skip: int) -> None:
        self.offset += skip
        event = make_event(self.offset, kind=kind, device=device, size=size)
        self.overfull = not self.outbox.add_event(event)
        self.given[self.offset] = event

    @precondition(lambda self: not self.overfull)
    @rule(budget=st.integers(1, 2000))
    def take(self, budget: int) -> None:
        self.sent += [msgspec.json.decode(text) for text in unframe(self.outbox.take(budget))]

    @precondition(lambda self: self.overfull)
    @rule()
    def come_back(self) -> None:
        self.outbox = Outbox(frame, limit=LIMIT)
        self.overfull = False
        self.given.clear()
        self.sent.clear()

    @invariant()
    def is_bounded(self) -> None:
        assert self.overfull or 0 <= self.outbox.size <= LIMIT

    def teardown(self) -> None:
        if self.overfull:
            return
        self.sent += everything(self.outbox)
        self.compare()

    def compare(self) -> None:
        came = [message["offset"] for message in self.sent if "offset" in message]
        gaps = [(m["from"], m["to"]) for m in self.sent if "from" in m]
        order = [m["offset"] if "offset" in m else m["to"] for m in self.sent]
        assert order == sorted(set(order))
        newest: dict[str, int] = {}
        for offset, event in self.given.items():
            if event.type == "status":
                newest[event.device_id] = offset
        for offset, event in self.given.items():
            lost = any(lower < offset <= upper for lower, upper in gaps)
            assert (offset in came) != lost
            if event.type in ("alert", "command_result"):
                assert not lost
        assert all(offset in came for offset in newest.values())


TestOutboxMachine = OutboxMachine.TestCase
TestOutboxMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_what_a_reader_may_not_see_any_more_goes_without_a_trace() -> None:
    outbox = Outbox(frame, limit=LIMIT)
    kinds = ("scan", "status", "alert")
    for offset, (kind, device) in enumerate(((k, d) for k in kinds for d in ("a", "b")), 1):
        assert outbox.add_event(make_event(offset, kind=kind, device=device))
    assert outbox.add_frame(frame(b'{"offset":0}'))
    outbox.withdraw(lambda device_id: device_id == "b")
    assert story(outbox) == [2, 4, 6, 0]
    assert outbox.add_event(make_event(7, kind="status", device="a"))
    assert story(outbox) == [7]
