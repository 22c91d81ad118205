from device.workloads.back_off import BackOff, RestartWatch
from tests.unit.device.workloads.factories import DB, WEB


def test_each_service_waits_longer_and_by_itself() -> None:
    back_off = BackOff()
    assert [back_off.failed(WEB, 0.0) for _ in range(10)][-2:] == [256.0, 300.0]
    assert back_off.failed(DB, 0.0) == 1.0
    assert back_off.resting(0.5) == {WEB, DB}
    assert back_off.next_try(0.5) == 0.5
    assert back_off.resting(1.5) == {WEB}
    back_off.worked(WEB)
    assert back_off.resting(1.5) == frozenset()
    assert back_off.next_try(1.5) is None
    assert back_off.failed(WEB, 2.0) == 1.0
    back_off.clear()
    assert back_off.resting(2.0) == frozenset()


def test_five_restarts_within_ten_minutes_are_often() -> None:
    watch = RestartWatch()
    watch.note({"a": 100, "b": 0}, 0.0)
    for number in range(1, 6):
        watch.note({"a": 100 + number, "b": 0}, number * 60.0)
    assert watch.often(300.0) == {"a"}
    assert watch.often(700.0) == frozenset()
    watch.note({"b": 7}, 800.0)
    assert watch.often(800.0) == {"b"}
    watch.note({}, 801.0)
    assert watch.often(801.0) == frozenset()
