from device.records.ways import (
    MOST_SYNC_BYTES,
    Fates,
    LaneBackoff,
    RecordBounds,
    fates,
    fitting,
    way_of,
)
from protocol.edge import MOST_RECORDS, Refusal, SyncAnswer


def test_untried_records_go_the_present_way() -> None:
    assert way_of("VIA_LOCAL_SERVER") == "hub"
    assert way_of("DIRECT_CLOUD") == "cloud"


def test_both_bounds_count() -> None:
    bounds = RecordBounds(records=2, bytes=10)
    assert bounds.admit(records=2, size=10)
    assert not bounds.admit(records=3, size=1)
    assert not bounds.admit(records=1, size=11)


def test_how_many_go_into_one_call() -> None:
    assert fitting([]) == 0
    assert fitting([1] * 5000) == MOST_RECORDS
    assert fitting([MOST_SYNC_BYTES, 1]) == 1
    assert fitting([MOST_SYNC_BYTES // 2 - 1] * 3) == 2


def test_an_answer_counts_only_for_what_was_sent() -> None:
    answer = SyncAnswer(
        ["a", "stranger"],
        [Refusal("b", "conflict", "why"), Refusal("other", "invalid", "why")],
    )
    assert fates(["a", "b", "c"], answer) == Fates(["a"], [("b", "conflict: why")])


def test_what_the_hub_does_not_take_from_this_device_waits() -> None:
    answer = SyncAnswer([], [Refusal("a", "forbidden", "why"), Refusal("b", "forbidden", "why")])
    assert fates(["a"], answer) == Fates([], [], {"a": "forbidden: why"})


def test_a_lane_that_failed_rests_longer_each_time_and_the_others_go_on() -> None:
    backoff: LaneBackoff[str] = LaneBackoff(lambda: 0.0)
    assert backoff.first(["a", "b"], 100.0) == "a"
    assert backoff.failed("a", 100.0, wish=0) == 0.5
    assert backoff.failed("a", 100.0, wish=0) == 1.0
    assert backoff.first(["a", "b"], 100.0) == "b"
    assert backoff.first(["a"], 100.5) is None
    assert backoff.wait(["a"], 100.5) == 0.5
    assert backoff.wait(["a", "b"], 100.5) == 0.0
    assert backoff.wait([], 100.5) is None
    assert backoff.first(["a"], 101.0) == "a"
    backoff.went_well("a")
    assert backoff.failed("a", 101.0, wish=9) == 9


def test_nobody_rests_when_there_is_a_hurry() -> None:
    backoff: LaneBackoff[str] = LaneBackoff(lambda: 0.0)
    backoff.failed("a", 100.0, wish=60)
    backoff.hurry()
    assert backoff.first(["a"], 100.0) == "a"
    assert backoff.failed("a", 100.0, wish=0) == 1.0
