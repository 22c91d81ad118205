from cloud.api import Item
from hub.edge.alarm import MOST_A_SECOND, MOST_TEXT, Alarm, CloudAlert
from hub.edge.pushing import WaitingRecord
from protocol.ids import DEFAULT_ORG, DeviceId

D1, D2 = DeviceId("d1"), DeviceId("d2")


def letter(device_id: DeviceId = D1) -> WaitingRecord:
    return WaitingRecord(
        queue_id=1, device_id=device_id, kind="fixation", item=Item("fx-1", "t", {})
    )


def test_each_dead_letter_is_told_by_its_name() -> None:
    told = Alarm().buried(DEFAULT_ORG, letter(), "404: no such batch", 5.0)
    text = "the cloud rejects the fixation fx-1: 404: no such batch"
    assert told == CloudAlert(DEFAULT_ORG, D1, text)


def test_a_flood_of_one_device_is_summed_up_and_silences_no_other() -> None:
    alarm = Alarm()
    told = [alarm.buried(DEFAULT_ORG, letter(), "x" * 9999, 5.5) for _ in range(30)]
    assert [each is not None for each in told] == [True] * MOST_A_SECOND + [False] * 20
    assert told[0] is not None
    assert len(told[0].message) == MOST_TEXT
    assert alarm.buried(DEFAULT_ORG, letter(D2), "x", 5.9) is not None
    assert alarm.left_out(5.9) == []
    assert alarm.left_out(6.0) == [CloudAlert(DEFAULT_ORG, D1, "the cloud rejects 20 more records")]
    assert alarm.left_out(7.0) == []
    assert alarm.buried(DEFAULT_ORG, letter(), "x", 7.0) is not None
