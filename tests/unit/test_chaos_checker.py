"""The checker of the chaos suite finds each kind of violation, and nothing in a sound history."""

import itertools
from typing import Any

import msgspec
import pytest

from tests.acceptance.chaos.checker import RULES, check
from tests.acceptance.chaos.history import (
    Acked,
    Answered,
    AnyFact,
    Asked,
    AuditEntry,
    Closed,
    Disowned,
    Ended,
    Fault,
    Gap,
    Grouped,
    History,
    Ledger,
    Lost,
    Noted,
    Opened,
    Ran,
    Received,
    Registry,
    Row,
    Saw,
    Sent,
    Step,
    Stranded,
    Subscribed,
    Used,
    read,
    write,
)  # fmt: skip
from tests.acceptance.chaos.seen import excused

MARK = ("d", "b", 1)
SINCE: dict[str, Any] = {"recovered": False, "since": None}


def row(**changes: Any) -> Row:
    valid = Row(
        command="c", device="d", seq=1, type="restart_service", status="SUCCESS", said=(1, 4.0)
    )
    return msgspec.structs.replace(valid, **changes)


def saw(offset: int, *, epoch: str = "e", at: float = 6.0, **more: Any) -> Saw:
    return Saw(dashboard="w", socket=1, at=at, epoch=epoch, offset=offset, type="event", **more)


def gap(lower: int | None, upper: int | None, *, epoch: str = "e", at: float = 6.0) -> Gap:
    return Gap(dashboard="w", socket=1, at=at, epoch=epoch, lower=lower, upper=upper, reason="bus")


def sound() -> list[AnyFact]:
    """One device runs one command and makes one event; one dashboard sees both."""
    return [
        Subscribed(at=0, dashboard="w", socket=1, epoch="e", offset=10, **SINCE),
        Opened(at=1, device="d", generation=1, replica="r"),
        Asked(at=2, call=1, kind="now", command="c"),
        Answered(at=3, call=1, http=202, commands=[("c", "SENT", None)]),
        Grouped(at=3, name="g", http=201),
        Received(at=3, device="d", generation=1, command="c"),
        Ran(at=3, device="d", journal="j", command="c", type="restart_service"),
        Sent(at=4, device="d", generation=1, boot="b", seq=1),
        Acked(at=5, device="d", generation=1, boot="b", seq=1),
        saw(11, mark=MARK),
        Saw(
            at=6, dashboard="w", socket=1, epoch="e", offset=12, type="command_result", command="c",
            status="SUCCESS",
        ),
        Registry(at=60, asked="r", lines={"d": (1, "r")}),
    ]  # fmt: skip


def ledger(**changes: Any) -> Ledger:
    valid = Ledger(
        rows=[row()],
        steps=[
            Step(command="c", before=None, after="SENT"),
            Step(command="c", before="SENT", after="SUCCESS"),
        ],
        stored=[MARK],
        entries=[
            AuditEntry(action="command.restart_service", subject="c"),
            AuditEntry(action="group.create", subject="g"),
        ],
    )
    return msgspec.structs.replace(valid, **changes)


def steps(*states: str | None) -> list[Step]:
    return [
        Step(command="c", before=before, after=after or "")
        for before, after in itertools.pairwise(states)
    ]


def ended_as(status: str, **changes: Any) -> Ledger:
    """The one command ended otherwise, by legal steps."""
    way = steps(None, "PENDING", status) if status == "EXPIRED" else steps(None, "SENT", status)
    return ledger(rows=[row(status=status, said=None, **changes)], steps=way)


def without(*kinds: type[AnyFact]) -> list[AnyFact]:
    return [fact for fact in sound() if not isinstance(fact, kinds)]


def found(facts: list[AnyFact], of: Ledger | None = None) -> dict[str, list[str]]:
    by_rule: dict[str, list[str]] = {}
    for violation in check(History(facts=facts, ledger=of or ledger())):
        by_rule.setdefault(violation.rule, []).append(violation.text)
    return by_rule


def test_nothing_is_found_in_a_sound_history() -> None:
    assert found(sound()) == {}


JOIN = AuditEntry(action="command.restart_service", subject="c", joined=True)


LEDGERS: list[tuple[str, Ledger]] = [
    ("accepted", ledger(rows=[row(), row()])),
    ("accepted", ledger(rows=[row(status="SENT", said=None)], steps=steps(None, "SENT"))),
    ("transitions", ledger(steps=steps(None, "SENT", "PENDING", "SENT", "SUCCESS"))),
    ("transitions", ledger(steps=steps(None, "SENT", "FAILED", "SUCCESS"))),
    ("transitions", ledger(steps=steps(None, "PENDING", "SUCCESS"))),
    ("transitions", ledger(steps=steps(None, "SENT", "ACKED"))),
    ("unsent means not ran", ledger(rows=[row(was_sent=False)])),
    ("unsent means not ran", ended_as("TIMEOUT", error="not_delivered")),
    ("unsent means not ran", ended_as("EXPIRED")),
    ("stored once", ledger(stored=[])),
    ("stored once", ledger(stored=[MARK, MARK])),
    ("stored once", ledger(stored=[MARK, ("d", "b", 9)])),
    ("audited", ledger(entries=ledger().entries[:1])),
    ("audited", ledger(entries=ledger().entries[1:])),
    ("audited", ledger(entries=[*ledger().entries, ledger().entries[0]])),
    (
        "audited",
        ledger(entries=[*ledger().entries, AuditEntry(action="command.force_sync", subject="x")]),
    ),
    (
        "audited",
        ledger(entries=[*ledger().entries, AuditEntry(action="group.create", subject="x")]),
    ),
    ("audited", ledger(entries=[*ledger().entries, msgspec.structs.replace(JOIN, subject="x")])),
    ("audited", ledger(entries=[JOIN, ledger().entries[1]])),
    ("audited", ledger(rows=[row(), row(command="c2")])),
    (
        "audited",
        ledger(entries=[*ledger().entries, AuditEntry(action="command.cancel", subject="c")]),
    ),
]


@pytest.mark.parametrize(("rule", "told"), LEDGERS)
def test_a_false_ledger_is_found(rule: str, told: Ledger) -> None:
    assert rule in found(sound(), told)


def opened(generation: int, at: float) -> Opened:
    return Opened(at=at, device="d", generation=generation, replica="r")


def ending(status: str) -> Saw:
    return Saw(
        dashboard="w", socket=1, epoch="e", offset=13, type="command_result", command="c",
        status=status,
    )  # fmt: skip


def used(began: float, http: int = 200, *, renewed: bool = False) -> Used:
    return Used(credential="t", replica="r", began=began, http=http, renewed=renewed)


def blind(since: float, until: float) -> list[AnyFact]:
    """While the replicas could not read."""
    return [
        Fault(at=since, name="postgres frozen", began=True),
        Fault(at=until, name="postgres frozen", began=False),
    ]


FACTS: list[tuple[str, list[AnyFact]]] = [
    ("noted", [Noted(rule="drain", text="exit 1")]),
    ("accepted", [Answered(call=1, http=202, commands=[("lost", "SENT", None)])]),
    ("refused in order", [Answered(call=2, http=500)]),
    ("one command", [Asked(call=2, kind="now", command="c", same=1), Answered(call=2, http=409)]),
    ("one command", [Asked(call=2, kind="now", command="c", same=1), Answered(call=2, http=400)]),
    (
        "one command",
        [
            Asked(call=2, kind="now", same=1),
            Answered(call=2, http=202, commands=[("c2", "SENT", None)]),
        ],
    ),
    (
        "one command",
        [
            Asked(call=2, kind="now", command="c", same=1, other=True),
            Answered(call=2, http=202, commands=[("c", "SENT", None)]),
        ],
    ),
    ("ran once", [Ran(device="d", journal="j", command="c", type="restart_service")]),
    ("ran once", [Ran(device="d", journal="j2", command="c", type="restart_service")]),
    ("unsent means not ran", [Received(device="e", generation=1, command="c")]),
    ("unsent means not ran", [Received(device="d", generation=1, command="nobody's")]),
    ("answers agree", [Answered(call=1, http=200, commands=[("c", "TIMEOUT", "timeout")])]),
    ("in order", [Received(device="d", generation=1, command="c")]),
    ("fence", [opened(2, at=3.5)]),
    ("fence", [opened(2, at=70), Stranded(device="d", generation=1, boot="b", seq=1)]),
    ("registry", [opened(2, at=30)]),
    ("registry", [Closed(at=30, device="d", generation=1, code=1000)]),
    ("registry", [Registry(at=60, asked="r2", lines={})]),
    ("audited", [Asked(call=5, kind="cancel", command="c"), Answered(call=5, http=202)]),
    ("unbroken", [saw(12)]),
    ("unbroken", [saw(14)]),
    ("unbroken", [saw(1, epoch="other")]),
    ("unbroken", [gap(12, 13), saw(15)]),
    ("unbroken", [gap(None, None), saw(20), saw(30)]),
    ("unbroken", [Saw(dashboard="w", socket=2, epoch="e", offset=13, type="event")]),
    ("events seen once", [saw(13, mark=MARK)]),
    ("events seen once", [saw(13), gap(13, 20), saw(21, mark=MARK)]),
    (
        "events seen once",
        [
            Sent(at=7, device="d", generation=1, boot="b", seq=2),
            Acked(at=8, device="d", generation=1, boot="b", seq=2),
        ],
    ),
    ("ended", [Ended(at=10, credential="t"), used(15.1)]),
    ("ended", [Ended(at=10, credential="t"), used(10.1, renewed=True)]),
    ("ended", [Ended(at=10, credential="t"), *blind(20, 30), used(16)]),
    ("ended", [Ended(at=10, credential="t"), *blind(11, 30), used(75.1)]),
    ("ended", [Ended(at=10, credential="t"), *blind(11, 80), used(12, renewed=True)]),
    ("owners", [Disowned(command="c")]),
    ("results agree", [ending("FAILED")]),
    ("results agree", [ending("SUCCESS")]),
]


@pytest.mark.parametrize(("rule", "more"), FACTS)
def test_what_was_seen_once_too_often_is_found(rule: str, more: list[AnyFact]) -> None:
    assert rule in found([*sound(), *more])


@pytest.mark.parametrize(
    ("rule", "facts"),
    [
        ("success means ran", without(Ran)),
        ("unbroken", without(Subscribed)),
        ("stored once", without(Sent)),
        ("registry", [*without(Closed, Registry), Registry(at=60, asked="r", lines={})]),
    ],
)
def test_what_is_missing_is_found(rule: str, facts: list[AnyFact]) -> None:
    assert rule in found(facts)


def test_who_joins_a_command_has_rows_beside_its_own() -> None:
    assert found(sound(), ledger(entries=[*ledger().entries, JOIN, JOIN])) == {}


FORBIDDEN = ended_as("CANCELLED", error="forbidden")


def test_a_command_without_its_owner_is_withdrawn_unseen() -> None:
    lost: list[AnyFact] = [Disowned(command="c")]
    facts = [
        fact
        for fact in without(Received, Ran, Answered)
        if not isinstance(fact, Saw) or fact.command is None
    ]
    assert found([*facts, *lost], FORBIDDEN) == {}
    for told in (ended_as("EXPIRED"), ended_as("CANCELLED", error="cancelled")):
        assert "owners" in found([*facts, *lost], told)
    for reached in (
        Received(device="d", generation=1, command="c"),
        Ran(device="d", journal="j", command="c", type="restart_service"),
    ):
        assert "owners" in found([*facts, *lost, reached], FORBIDDEN)


def test_an_event_that_was_only_sent_on_an_old_line_must_not_be_stored() -> None:
    more: list[AnyFact] = [
        opened(2, at=20),
        Sent(at=21, device="d", generation=1, boot="b2", seq=1),
    ]
    assert "fence" not in found([*sound(), *more])
    told = found([*sound(), *more], ledger(stored=[MARK, ("d", "b2", 1)]))
    assert told["fence"] == ["event ('d', 'b2', 1) was only sent on old lines, and is stored"]


MISSED: list[AnyFact] = [
    Sent(at=7, device="d", generation=1, boot="b", seq=2),
    Acked(at=8, device="d", generation=1, boot="b", seq=2),
]


def elsewhere(offset: int, epoch: str = "e") -> list[AnyFact]:
    """Another dashboard that sees the missed event, and what came before it."""
    return [
        Subscribed(at=7, dashboard="v", socket=1, epoch=epoch, offset=offset - 1, **SINCE),
        Saw(
            at=8, dashboard="v", socket=1, epoch=epoch, offset=offset, type="event",
            mark=("d", "b", 2),
        ),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "excuse",
    [
        pytest.param([*elsewhere(13), gap(12, 13)], id="a gap over its place"),
        pytest.param([*elsewhere(13), gap(None, 5, epoch="f", at=9)], id="the end of its epoch"),
        pytest.param([*elsewhere(3, "local"), gap(12, 13, at=9)], id="an epoch never visited"),
        pytest.param([gap(12, 13, at=9)], id="an event that had no place"),
    ],
)
def test_a_gap_covers_an_event_that_was_missed(excuse: list[AnyFact]) -> None:
    assert found([*sound(), *MISSED, *excuse], ledger(stored=[MARK, ("d", "b", 2)])) == {}


@pytest.mark.parametrize(
    "excuse",
    [
        pytest.param([], id="none"),
        pytest.param([*elsewhere(14), gap(12, 13)], id="a gap beside its place"),
        pytest.param([*elsewhere(11), gap(None, 5, epoch="f", at=9)], id="before what was seen"),
        pytest.param([gap(12, 13, at=6)], id="a gap from before it was sent"),
    ],
)
def test_other_gaps_do_not(excuse: list[AnyFact]) -> None:
    told = found([*sound(), *MISSED, *excuse], ledger(stored=[MARK, ("d", "b", 2)]))
    assert "events seen once" in told


def test_what_gaps_excused_is_counted() -> None:
    assert excused(History(facts=sound())) == (0, 1)
    assert excused(History(facts=[*sound(), *MISSED, gap(12, 13)])) == (1, 2)


LAWFUL: list[list[AnyFact]] = [
    [gap(12, 20), saw(21)],
    [gap(None, 3, epoch="f"), saw(4, epoch="f"), gap(None, 30), saw(31)],
    [gap(None, None, epoch="f"), saw(4, epoch="f"), saw(5, epoch="f")],
    [gap(None, 3, epoch="f"), saw(4, epoch="f", mark=MARK)],
    [gap(None, 3, epoch="f"), saw(4, epoch="f"), gap(None, 12), saw(13, mark=MARK)],
    [
        Subscribed(dashboard="w", socket=2, epoch="e", offset=14, recovered=True, since=("e", 12)),
        Saw(dashboard="w", socket=2, epoch="e", offset=13, type="event"),
    ],
    [Answered(call=1, http=202, commands=[("c", "SUCCESS", None)])],
    [Asked(call=2, kind="now", command="c", same=1), Answered(call=2, http=503)],
    [Asked(call=2, kind="now", command="c", same=1), Lost(call=2, why="reset")],
    [Asked(call=2, kind="now", command="c", same=1, other=True), Answered(call=2, http=409)],
    [Received(at=9, device="d", generation=2, command="c"), opened(2, at=8)],
    [Grouped(name="refused", http=503)],
    [Stranded(device="d", generation=1, boot="b", seq=7)],
    [used(1), used(9, renewed=True), Ended(at=10, credential="t"), used(15), used(99, 401)],
    [Ended(at=10, credential="t"), *blind(11, 30), used(70)],
    [Disowned(command="one whose call was lost")],
]


@pytest.mark.parametrize("more", LAWFUL)
def test_what_the_promises_allow_is_not_a_violation(more: list[AnyFact]) -> None:
    registry = without(Registry) if any(isinstance(fact, Opened) for fact in more) else sound()
    assert found([*registry, *more]) == {}


def test_a_history_can_be_written_and_checked_again(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.mktemp("history") / "history.json"
    whole = History(facts=sound(), ledger=ledger())
    write(whole, path)
    assert read(path) == whole


RULE_NAMES = {rule for rule, _ in [*LEDGERS, *FACTS]} | {"success means ran"}


def test_each_rule_has_been_seen_to_fail() -> None:
    assert set(RULES) == RULE_NAMES
