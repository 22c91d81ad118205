from hypothesis import given
from hypothesis import strategies as st

from device.events.outbox import WINDOW, EventKey, HeldEvent, Outbox, OutboxBounds

OLD = [HeldEvent(EventKey("old", n), 10, alert=False) for n in (3, 4)]


def make_outbox(events: int = 100, size: int = 10_000) -> Outbox:
    return Outbox(boot_id="b", bounds=OutboxBounds(events=events, bytes=size), held=OLD)


def test_events_of_an_earlier_start_keep_their_names_and_go_first() -> None:
    outbox = make_outbox()
    outbox.add(size=10, alert=False)
    assert outbox.take(10) == [EventKey("old", 3), EventKey("old", 4), EventKey("b", 1)]
    assert outbox.take(10) == []


def test_a_new_line_begins_at_the_lowest_unacknowledged() -> None:
    outbox = make_outbox()
    outbox.take(10)
    assert outbox.acknowledge("old", 3) == [EventKey("old", 3)]
    outbox.rewind()
    assert outbox.take(10) == [EventKey("old", 4)]


def test_an_acknowledgement_is_cumulative_within_its_boot_id_only() -> None:
    outbox = make_outbox()
    for _ in range(3):
        outbox.add(size=10, alert=False)
    assert outbox.acknowledge("b", 2) == [EventKey("b", 1), EventKey("b", 2)]
    assert outbox.acknowledge("b", 2) == []
    assert outbox.acknowledge("nobody", 9) == []
    assert outbox.take(10) == [EventKey("old", 3), EventKey("old", 4), EventKey("b", 3)]


def test_the_oldest_telemetry_goes_first_and_alerts_stay() -> None:
    outbox = make_outbox(events=3)
    assert outbox.add(size=10, alert=True).dropped == []
    assert outbox.add(size=10, alert=True).dropped == [EventKey("old", 3)]
    assert outbox.add(size=10, alert=True).dropped == [EventKey("old", 4)]
    assert outbox.add(size=10, alert=False).dropped == [EventKey("b", 4)]
    assert outbox.add(size=10, alert=True).dropped == [EventKey("b", 1)]


def test_the_bound_in_bytes_holds_too() -> None:
    outbox = make_outbox(size=50)
    assert outbox.add(size=40, alert=False).dropped == [EventKey("old", 3)]
    assert outbox.bytes == 50


def test_a_window_is_under_way_at_most() -> None:
    outbox = Outbox(boot_id="b", bounds=OutboxBounds())
    for _ in range(WINDOW + 1):
        outbox.add(size=1, alert=False)
    assert len(outbox.take(WINDOW + 1)) == WINDOW
    assert outbox.take(1) == []
    outbox.acknowledge("b", 1)
    assert outbox.take(5) == [EventKey("b", WINDOW + 1)]


def test_discarding_and_clearing() -> None:
    outbox = make_outbox()
    assert outbox.discard(EventKey("old", 3))
    assert not outbox.discard(EventKey("old", 3))
    assert outbox.clear() == [EventKey("old", 4)]
    assert outbox.take(5) == []
    assert (outbox.depth, outbox.bytes) == (0, 0)


@given(st.lists(st.sampled_from(["add", "send", "commit", "ack", "lose"]), max_size=120))
def test_everything_reaches_the_hub_once_and_in_order(steps: list[str]) -> None:
    outbox = Outbox(boot_id="b", bounds=OutboxBounds())
    on_line: list[EventKey] = []
    stored: list[int] = []
    created = 0

    def commit() -> None:
        if on_line and (key := on_line.pop(0)).seq > (stored[-1] if stored else 0):
            stored.append(key.seq)

    for step in steps:
        if step == "add":
            outbox.add(size=1, alert=False)
            created += 1
        elif step == "send":
            on_line += outbox.take(3)
        elif step == "commit":
            commit()
        elif step == "ack":
            outbox.acknowledge("b", stored[-1] if stored else 0)
        else:
            on_line.clear()
            outbox.rewind()
    outbox.rewind()
    # The line is another one now: the hub reads what it is sent from the lowest on.
    on_line = outbox.take(WINDOW)
    while on_line:
        commit()
    assert stored == list(range(1, created + 1))


def test_other_bounds_take_effect_at_once() -> None:
    outbox = make_outbox()
    assert outbox.rebound(OutboxBounds(events=1, bytes=10_000)) == [EventKey("old", 3)]
    assert outbox.rebound(OutboxBounds(events=100, bytes=10_000)) == []
    assert outbox.depth == 1
