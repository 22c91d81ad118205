from msgspec import structs

from hub.telemetry.quota import (
    ALERTS,
    BOOT_SECONDS,
    DAY_SECONDS,
    MOST_BOOTS,
    MOST_METRICS,
    AlertPace,
    BootPace,
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
    boots = many_starts()
    assert boots.takes("b0", 1, 1.0)
    assert not boots.takes("another", 1, 1.0)
    assert boots.refused == 1


def many_starts() -> BootPace:
    boots = BootPace(0.0)
    assert all(boots.takes(f"b{number}", 1, 1.0) for number in range(MOST_BOOTS))
    return boots


def test_one_more_agent_may_start_after_a_while() -> None:
    boots = many_starts()
    later = 1.0 + BOOT_SECONDS
    assert not boots.takes("another", 2, later - 0.5)
    assert boots.takes("third", 2, later)
    assert not boots.takes("fourth", 2, later)
    assert boots.takes("third", 2, later)


def test_what_was_refused_is_not_taken_on_the_same_line_but_on_the_next() -> None:
    """A later event of the same start would acknowledge the refused one."""
    boots = many_starts()
    assert not boots.takes("another", 1, 2.0)
    later = 2.0 + 10 * BOOT_SECONDS
    assert not boots.takes("another", 1, later)
    assert boots.takes("third", 1, later)
    assert boots.takes("another", 2, later)
    assert boots.refused == 0


def test_what_is_remembered_of_starts_is_bounded() -> None:
    boots = many_starts()
    assert not any(boots.takes(f"r{number}", 1, 2.0) for number in range(MOST_BOOTS))
    assert boots.refused == MOST_BOOTS
    assert not boots.takes("one more", 1, 10 * BOOT_SECONDS)
    assert boots.refused == MOST_BOOTS
    later = 10 * BOOT_SECONDS  # room for nine
    assert boots.takes("b0", 1, later)
    assert boots.takes("forgets the oldest", 2, later)
    assert all(boots.takes(f"c{number}", 2, later) for number in range(8))
    assert boots.takes("b0", 2, later)
    assert not boots.takes("b1", 2, later)


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
