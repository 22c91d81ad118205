from msgspec import structs

from hub.telemetry.quota import (
    ALERTS,
    DAY_SECONDS,
    MOST_BOOTS,
    MOST_METRICS,
    AlertPace,
    Quota,
    Summed,
)
from protocol.telemetry import Alert


def fits(quota: Quota, size: int, now: float) -> bool:
    quota.left -= size
    return quota.left >= 0 or quota.renewed(size, now)


def test_g15_a_day_has_a_sum_and_the_next_day_begins_anew() -> None:
    quota = Quota(1_000, now=0.0)
    assert [fits(quota, 400, 1.0) for _ in range(3)] == [True, True, False]
    assert fits(quota, 200, 2.0)
    assert not fits(quota, 1, 3.0)
    quota.told = True
    assert fits(quota, 1_000, DAY_SECONDS)
    assert not quota.told
    assert not fits(quota, 1, DAY_SECONDS + 1)


def test_without_a_limit_everything_fits() -> None:
    quota = Quota(0, now=0.0)
    assert all(fits(quota, 10**9, 1.0) for _ in range(10))


def test_g15_names_of_metrics_are_bounded_and_known_ones_go_on() -> None:
    quota = Quota(0, now=0.0)
    names = [f"m{number}" for number in range(MOST_METRICS + 10)]
    first = dict.fromkeys(names[:MOST_METRICS], 1.0)
    assert quota.known(first, 1.0) is first
    assert quota.known(first, 1.0) is first
    assert quota.known({"m0": 2.0, names[-1]: 3.0}, 1.0) == {"m0": 2.0}
    assert quota.known({names[-1]: 3.0}, 1.0) == {}
    assert quota.known({names[-1]: 3.0}, DAY_SECONDS) == {names[-1]: 3.0}


def test_g15_starts_of_an_agent_are_bounded() -> None:
    quota = Quota(0, now=0.0)
    assert all(quota.may_begin(f"b{number}", 1.0) for number in range(MOST_BOOTS))
    assert quota.may_begin("b0", 1.0)
    assert not quota.may_begin("another", 1.0)
    assert quota.may_begin("another", DAY_SECONDS)


def alert(code: str = "x", message: str = "m") -> Alert:
    return Alert(severity="WARN", code=code, message=message)


class Second:
    """Alerts of one second."""

    def __init__(self) -> None:
        self.pace = AlertPace()
        self.wanted = 0

    def _later(self) -> None:
        self.wanted += 1

    def take(self, *alerts: Alert, now: float = 1.0) -> list[bool]:
        return [self.pace.takes(each, now, later=self._later) for each in alerts]


def test_g10_ten_alerts_of_a_second_are_told_and_the_others_as_one_of_each_code() -> None:
    second = Second()
    assert all(second.take(*(alert() for _ in range(ALERTS))))
    assert second.wanted == 0
    more = [alert("x", "1"), alert("y", "2"), alert("x", "3")]
    assert second.take(*more) == [False, False, False]
    assert second.wanted == 1
    assert second.pace.summed() == [
        Summed(more[1], 1, stored=False),
        Summed(more[2], 2, stored=False),
    ]
    assert second.pace.summed() == []
    assert second.take(alert(), now=2.0) == [True]


def test_g10_codes_without_end_are_told_as_ten() -> None:
    second = Second()
    second.take(*(alert() for _ in range(ALERTS)))
    second.take(*(alert(f"c{number}") for number in range(1_000)))
    found = second.pace.summed()
    assert len(found) == ALERTS
    assert sum(each.count for each in found) == 1_000
    assert found[-1].alert.code == "c999"


def test_durable_alerts_are_in_the_database_by_themselves() -> None:
    second = Second()
    second.take(*(alert() for _ in range(ALERTS)))
    durable = structs.replace(alert("d"), boot_id="b", seq=1)
    mixed = structs.replace(alert("m"), boot_id="b", seq=2)
    second.take(durable, durable, mixed, alert("m"))
    assert [each.stored for each in second.pace.summed()] == [True, False]
