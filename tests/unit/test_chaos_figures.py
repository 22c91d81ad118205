"""What a chaos run says of itself at its end."""

from tests.acceptance.chaos.checker import Violation
from tests.acceptance.chaos.figures import recoveries, summary
from tests.acceptance.chaos.history import Answered, AnyFact, Asked, Fault, History, Probed


def fault(name: str, at: float, *, began: bool) -> Fault:
    return Fault(at=at, name=name, began=began)


def probed(began: float, at: float, *, ok: bool = True) -> Probed:
    return Probed(began=began, at=at, ok=ok)


FACTS: list[AnyFact] = [
    fault("redis down", 10, began=True),
    fault("clone", 11, began=False),
    fault("redis down", 20, began=False),
    probed(19, 21),
    probed(21, 24, ok=False),
    probed(24, 25.5),
    fault("postgres frozen", 40, began=True),
    fault("postgres frozen", 50, began=False),
    fault("replica killed", 51, began=True),
    fault("replica killed", 55, began=False),
    probed(56, 57),
]


def test_a_recovery_ends_with_a_probe_that_began_after_the_fault() -> None:
    assert recoveries(FACTS) == [("redis down", 5.5), ("replica killed", 2)]


def test_a_fault_beside_another_is_not_measured() -> None:
    facts = [*FACTS, fault("redis killed", 9, began=True), fault("redis killed", 19, began=False)]
    assert recoveries(sorted(facts, key=lambda fact: fact.at)) == recoveries(FACTS)


def test_after_the_last_fault_nothing_may_be_missing() -> None:
    assert recoveries(FACTS[:-1])[-1] == ("replica killed", float("inf"))


def test_the_last_line_has_the_figures() -> None:
    calls: list[AnyFact] = [
        Asked(at=1, call=1, kind="now"),
        Answered(at=1.25, call=1, http=202, commands=[("c", "SENT", None)]),
    ]
    said = summary(History(facts=[*FACTS, *calls]), [Violation("fence", "why")])
    assert "calls 1 (202 1), lost 0" in said
    assert "accepted in p50 250 ms" in said
    assert "worst recovery 5.5 s (redis down)" in said
    assert said.endswith("violations 1")
