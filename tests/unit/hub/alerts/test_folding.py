"""What a batch of alerts does to their records."""

from msgspec import UNSET

from hub.alerts.folding import MOST_ROUNDS, AlertKey, fold
from protocol.dashboard import AlertEvent
from protocol.ids import DEFAULT_ORG, DeviceId

KEY = AlertKey(DEFAULT_ORG, DeviceId("d1"), "hot", "")


def raised(message: str = "m", *, count: int | None = None, device: str = "d1") -> AlertEvent:
    return AlertEvent(
        device_id=DeviceId(device),
        ts="t",
        severity="WARN",
        code="hot",
        message=message,
        count=UNSET if count is None else count,
    )


def over() -> AlertEvent:
    return AlertEvent(
        device_id=DeviceId("d1"), ts="t", severity="INFO", code="hot", message="", status="RESOLVED"
    )


def steps(*alerts: AlertEvent) -> list[tuple[bool, int]]:
    """Of the only record, round by round."""
    folded = fold([(DEFAULT_ORG, each) for each in alerts], "")
    return [(step.resolves, step.count) for each in folded.rounds for step in each.values()]


def test_alerts_that_follow_each_other_are_one_step_with_what_the_last_one_says() -> None:
    alerts = [raised("first"), raised("last", count=3)]
    (round_,), places = fold([(DEFAULT_ORG, each) for each in alerts], "")
    assert (round_[KEY].message, round_[KEY].count, round_[KEY].severity) == ("last", 4, "WARN")
    assert places == [0, 0]


def test_each_change_of_mind_is_a_step_of_a_later_round() -> None:
    assert steps(raised(), over(), raised(), raised()) == [(False, 1), (True, 1), (False, 2)]


def test_records_that_are_not_the_same_go_in_one_round() -> None:
    folded = fold([(DEFAULT_ORG, raised()), (DEFAULT_ORG, raised(device="d2"))], "")
    assert [len(each) for each in folded.rounds] == [2]
    assert fold([(DEFAULT_ORG, raised())], "webhook:w").rounds[0].keys() == {
        KEY._replace(subject="webhook:w")
    }


def test_a_device_that_goes_on_changing_its_mind_gets_no_more_rounds() -> None:
    alerts = [each for _ in range(MOST_ROUNDS) for each in (raised(), over())]
    found = steps(*alerts)
    assert len(found) == MOST_ROUNDS
    assert found[-1][0] is True
    assert steps(*alerts, raised("again"))[-1][0] is False
