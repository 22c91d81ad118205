import pytest
from msgspec import structs

from hub.base.errors import (
    Conflict,
    HubError,
    Invalid,
    NotFound,
    Quarantined,
    TooManyCommands,
    invalid,
)
from hub.commands.acceptance import Acceptance, Submission, SubmissionOutcome
from hub.commands.decisions import NewCommand, UnsentEnd
from hub.commands.records import CommandRow, IdempotencyKey, IdempotencyRow
from protocol.ids import DEFAULT_ORG, CommandId, CommandKey, DeviceId
from protocol.lifecycle import State
from tests.factories import make_command, make_new, make_target

PLACE = (DEFAULT_ORG, DeviceId("d1"))
KEY = IdempotencyKey(DEFAULT_ORG, "/path", "key")


def take(
    *acceptor: Submission,
    keys: dict[IdempotencyKey, IdempotencyRow] | None = None,
    existing: dict[CommandKey, CommandRow] | None = None,
    unfinished: int = 0,
    refused: dict[CommandKey, HubError] | None = None,
    reserved: dict[CommandKey, str] | None = None,
) -> tuple[Acceptance, list[SubmissionOutcome]]:
    group = Acceptance(list(acceptor))
    group.decide(
        keys=keys or {},
        targets={PLACE: make_target(unfinished=unfinished)},
        existing=existing or {},
        ready=lambda _: None,
        refused=refused or {},
        reserved=reserved or {},
    )
    rows = {
        (i.new.org, i.new.command_id): make_command(
            State.PENDING, command_id=i.new.command_id, seq=i.seq
        )
        for i in group.inserts
    }
    return group, group.outcomes(rows)


def one(command_id: str, **changes: object) -> Submission:
    return Submission(commands=[make_new(command_id=command_id, **changes)])


def with_key(command_id: str, request_hash: bytes = b"hash") -> Submission:
    new = make_new(command_id=command_id)
    return Submission(commands=[new], key=(KEY, IdempotencyRow(request_hash, command_id)))


def ledgered(outcome: CommandRow | HubError) -> CommandRow:
    assert isinstance(outcome, CommandRow)
    return outcome


def test_what_is_wanted_is_named_once_and_sorted() -> None:
    group = Acceptance([one("b"), with_key("a"), one("b", device_id=DeviceId("d0"))])
    assert [new.command_id for new in group.commands()] == ["b", "a", "b"]
    assert group.keys_wanted() == [KEY]
    assert group.places_wanted() == [(DEFAULT_ORG, "d0"), (DEFAULT_ORG, "d1")]
    assert group.names_wanted() == [(DEFAULT_ORG, "a"), (DEFAULT_ORG, "b")]


def test_g5_commands_of_a_group_are_numbered_in_the_order_of_their_calls() -> None:
    group, taken = take(one("b"), one("a"), one("c"))
    assert [(i.new.command_id, i.seq) for i in group.inserts] == [("b", 1), ("a", 2), ("c", 3)]
    assert [ledgered(t.outcomes[0]).command_id for t in taken] == ["b", "a", "c"]


def test_g2_the_same_id_twice_in_a_group_is_one_command_or_a_conflict() -> None:
    group, taken = take(one("a"), one("a"), one("a", request_hash=b"other"))
    assert len(group.inserts) == 1
    assert taken[0].outcomes == taken[1].outcomes
    assert isinstance(taken[2].outcomes[0], Conflict)


def test_g2_the_same_id_for_another_device_in_a_group_is_a_conflict() -> None:
    _, taken = take(one("a"), one("a", device_id=DeviceId("d2")))
    assert isinstance(taken[1].outcomes[0], Conflict)


def test_an_id_that_is_there_is_joined_and_has_no_second_audit_row() -> None:
    there = make_command(command_id="a")
    group, taken = take(one("a"), existing={(DEFAULT_ORG, there.command_id): there})
    assert taken[0].outcomes == [there]
    assert (group.inserts, group.entries) == ([], [])


def test_the_fifty_are_counted_over_the_whole_group() -> None:
    _, taken = take(one("a"), one("b"), unfinished=49)
    assert isinstance(taken[1].outcomes[0], TooManyCommands)


def test_g2_a_key_that_was_used_stands_for_what_it_made() -> None:
    used = {KEY: IdempotencyRow(b"hash", "first")}
    group, taken = take(with_key("new"), keys=used)
    assert taken == [SubmissionOutcome([], IdempotencyRow(b"hash", "first"))]
    assert (group.inserts, group.keys) == ([], [])


@pytest.mark.parametrize("keys", [{KEY: IdempotencyRow(b"other", "first")}, None])
def test_g2_a_key_of_another_request_refuses_the_whole_call(
    keys: dict[IdempotencyKey, IdempotencyRow] | None,
) -> None:
    """Used before, or by a call in front of it in the same group."""
    first = with_key("first", b"other")
    _, taken = take(first, with_key("new"), keys=keys)
    assert isinstance(taken[1].refused, Conflict)
    assert taken[1].outcomes == []


def test_g2_a_key_used_twice_in_a_group_makes_one_command() -> None:
    group, taken = take(with_key("first"), with_key("second"))
    assert taken[1].joined is not None
    assert taken[1].joined.subject == "first"
    assert group.keys == [(KEY, IdempotencyRow(b"hash", "first"))]
    assert len(group.inserts) == 1


def test_a_key_is_not_used_up_by_a_call_of_which_nothing_was_accepted() -> None:
    _, taken = take(with_key("a"), with_key("b"), unfinished=50)
    assert [type(t.outcomes[0]) for t in taken] == [TooManyCommands, TooManyCommands]


def test_g16_each_command_has_an_audit_row_that_names_its_device_and_batch() -> None:
    asked: dict[str, object] = {"type": "reboot_os", "params": {"delaySeconds": 5}}
    news: list[NewCommand] = [
        make_new(command_id=name, batch_id="b1", **asked) for name in ("a", "b")
    ]
    unknown = make_new(command_id="c", device_id=DeviceId("nobody"), batch_id="b1")
    group, taken = take(one("x"), Submission(commands=[*news, unknown]))
    assert {(d.action, d.target, d.actor_id) for d in group.entries} == {
        ("command.force_sync", "d1", "u1"), ("command.reboot_os", "d1", "u1"),
    }  # fmt: skip
    assert [d.detail for d in group.entries] == [
        {"commandId": "x"},
        {"commandId": "a", "batchId": "b1", "params": {"delaySeconds": 5}},
        {"commandId": "b", "batchId": "b1", "params": {"delaySeconds": 5}},
    ]
    assert isinstance(taken[1].outcomes[2], NotFound)


def test_a_key_remembers_the_targets_that_its_call_refused() -> None:
    new, stranger = make_new(command_id="a"), make_new(command_id="b", device_id=DeviceId("d9"))
    group, _ = take(
        Submission(commands=[new, stranger], key=(KEY, IdempotencyRow(b"hash", "batch")))
    )
    ((_, row),) = group.keys
    assert row.refused == {"d9": {"code": "not_found", "message": "no such device"}}


def test_g2_a_problem_of_the_call_refuses_it_unless_it_was_accepted_before() -> None:
    intake = structs.replace(one("c1"), problem=invalid("expiresAt", "lies behind"))
    group, (taken,) = take(intake)
    assert (group.inserts, taken.outcomes) == ([], [])
    assert isinstance(taken.refused, Invalid)
    before = make_command(State.PENDING, command_id="c1")
    _, (joined,) = take(intake, existing={(DEFAULT_ORG, before.command_id): before})
    assert (joined.outcomes, joined.refused) == ([before], None)


def test_g2_a_key_that_was_used_is_joined_whatever_the_problem_is_now() -> None:
    used = IdempotencyRow(b"hash", "first")
    intake = structs.replace(with_key("second"), problem=invalid("expiresAt", "lies behind"))
    _, (taken,) = take(intake, keys={KEY: used})
    assert (taken.joined, taken.refused) == (used, None)


def test_what_a_device_does_not_take_is_refused_for_it_alone_and_a_repeat_joins() -> None:
    why = invalid("command.args.axis", "is not one of these")
    bad = make_new(command_id="a", problem=why)
    good = make_new(command_id="b")
    group, (taken,) = take(Submission(commands=[bad, good]))
    assert taken.outcomes[0] is why
    assert [insert.new.command_id for insert in group.inserts] == ["b"]
    before = make_command(State.PENDING, command_id="a")
    existing = {(DEFAULT_ORG, before.command_id): before}
    _, (joined,) = take(Submission(commands=[bad]), existing=existing)
    assert joined.outcomes == [before]
    nobody = make_new(device_id=DeviceId("nobody"), problem=why)
    _, (unknown,) = take(Submission(commands=[nobody]))
    assert isinstance(unknown.outcomes[0], NotFound)


def test_what_a_floor_above_refuses_takes_no_number_and_a_repeat_joins_all_the_same() -> None:
    name = (DEFAULT_ORG, one("bad").commands[0].command_id)
    why = invalid("config.port", "too large")
    group, taken = take(one("bad"), one("good"), refused={name: why})
    assert taken[0].outcomes == [why]
    assert [(insert.new.command_id, insert.seq) for insert in group.inserts] == [("good", 1)]
    there = make_command(command_id=name[1])
    _, taken = take(one("bad"), existing={name: there}, refused={name: why})
    assert taken[0].outcomes == [there]
    elsewhere = one("bad", device_id=DeviceId("nobody"))
    _, taken = take(elsewhere, refused={name: why})
    assert isinstance(taken[0].outcomes[0], NotFound)


def test_an_equal_command_that_waits_does_for_whoever_names_no_call() -> None:
    waits = make_command(State.PENDING, command_id="old", delivery="queue")
    key = ("default", "d1", b"hash")
    queued = {"delivery": "queue", "chosen": False}
    row = IdempotencyRow(b"hash", "c")
    joins = make_new(command_id="a", **queued)
    group = Acceptance([
        Submission(commands=[joins]),
        Submission(commands=[make_new(command_id="b", delivery="queue")]),
        Submission(commands=[make_new(command_id="c", **queued)], key=(KEY, row)),
        Submission(commands=[make_new(command_id="d", chosen=False)]),
        Submission(commands=[make_new(command_id="e", type="clear_queue", **queued)]),
    ])  # fmt: skip
    assert group.requests_wanted() == [key]
    group.decide(
        keys={},
        targets={(DEFAULT_ORG, DeviceId("d1")): make_target()},
        existing={},
        waiting={(DEFAULT_ORG, DeviceId("d1"), b"hash"): waits},
        ready=lambda _: None,
    )
    assert [insert.new.command_id for insert in group.inserts] == ["b", "c", "d", "e"]
    assert group.outcomes({(i.new.org, i.new.command_id): waits for i in group.inserts})[
        0
    ].outcomes == [waits]


def test_nobody_joins_what_waits_for_a_device_in_quarantine() -> None:
    place = (DEFAULT_ORG, DeviceId("d1"))
    group = Acceptance([
        Submission(commands=[make_new(command_id="a", delivery="queue", chosen=False)])
    ])  # fmt: skip
    group.decide(
        keys={},
        targets={place: make_target(quarantined=True)},
        existing={},
        waiting={(*place, b"hash"): make_command(State.PENDING, delivery="queue")},
        ready=lambda _: None,
    )
    (outcome,) = group.outcomes({})[0].outcomes
    assert isinstance(outcome, Quarantined)


def test_an_id_that_waits_for_an_approval_is_for_that_call_alone() -> None:
    reserved = {(DEFAULT_ORG, CommandId("a")): "approval"}
    group, (taken,) = take(one("a"), reserved=reserved)
    assert isinstance(taken.outcomes[0], Conflict)
    assert group.inserts == []
    group, (taken,) = take(one("a", approval_id="approval"), reserved=reserved)
    assert ledgered(taken.outcomes[0]).command_id == "a"
    assert group.entries[0].detail["approvalId"] == "approval"


def test_what_was_not_approved_is_written_as_it_ended_whatever_stands_against_it() -> None:
    end = UnsentEnd(State.CANCELLED, {"code": "approval_rejected", "message": ""})
    refused: dict[CommandKey, HubError] = {(DEFAULT_ORG, CommandId("a")): invalid("x", "no")}
    group, _ = take(one("a", end=end), unfinished=50, refused=refused)
    (insert,) = group.inserts
    assert (insert.status, insert.error, insert.seq) == (end.status, end.error, 1)
    assert (group.entries[0].outcome, group.entries[0].reason) == ("refused", "approval_rejected")
