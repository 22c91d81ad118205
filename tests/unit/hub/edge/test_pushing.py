from cloud.api import Answer, Item, Push
from hub.edge.pushing import MOST_ERROR, Settlement, WaitingRecord, in_time, of_one_kind, settle
from protocol.edge import Kind
from protocol.ids import DeviceId


def waiting(place: int, kind: Kind = "bottle") -> WaitingRecord:
    item = Item(f"r{place}", "t", {})
    return WaitingRecord(queue_id=place, device_id=DeviceId("d"), kind=kind, item=item)


ITEMS = [waiting(1), waiting(2)]


def test_a_request_carries_the_first_records_as_far_as_they_are_of_one_kind() -> None:
    row = [waiting(1, "batch"), waiting(2, "batch"), waiting(3, "fixation"), waiting(4, "batch")]
    assert of_one_kind(row) == row[:2]
    assert of_one_kind(row[2:]) == row[2:3]
    assert of_one_kind([]) == []


def test_what_the_cloud_took_is_done_and_the_lane_goes_on() -> None:
    settlement = settle(Push(ITEMS), Answer(200, "200: ok"), failures=3, draw=0)
    assert (settlement.done, settlement.dead, settlement.wait) == (ITEMS, (), None)


def test_a_failure_rests_the_lane_longer_each_time() -> None:
    settlement = settle(Push(ITEMS), Answer(503, "503: no", retry_after=0), failures=2, draw=0)
    assert settlement == Settlement(error="503: no", wait=2.0)
    wish = settle(Push(ITEMS), Answer(429, "429: slow", retry_after=7), failures=0, draw=0)
    assert wish.wait == 7


def test_a_refused_token_is_to_be_replaced() -> None:
    settlement = settle(Push(ITEMS), Answer(401, "401"), failures=0, draw=0)
    assert settlement.new_token
    assert not settlement.done
    assert not settlement.dead


def test_a_single_bad_record_is_a_dead_letter() -> None:
    push = Push(ITEMS)
    assert settle(push, Answer(400, "400: bad"), failures=0, draw=0).dead == ()
    settlement = settle(push, Answer(400, "x" * 9999), failures=0, draw=0)
    assert settlement.dead == ITEMS[:1]
    assert len(settlement.error) == MOST_ERROR
    assert settle(push, Answer(409, "409"), failures=0, draw=0).done == ITEMS[1:]


def test_a_request_must_end_before_its_lease_does() -> None:
    assert in_time(10.0, 14.0)
    assert not in_time(10.0, 14.1)
