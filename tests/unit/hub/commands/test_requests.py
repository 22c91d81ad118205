from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from hub.base.errors import Invalid, TooLarge, invalid
from hub.base.principal import Principal
from hub.commands.acceptance import Submission
from hub.commands.records import IdempotencyKey, IdempotencyRow
from hub.commands.requests import MOST_PARAMS, CommandRequest, secret_in, submission_of
from hub.own.description import OwnTerms
from protocol.commands import (
    Command,
    Custom,
    ExecShell,
    ForceSync,
    PullLogs,
    PushConfig,
    SecretReference,
)
from protocol.ids import DEFAULT_ORG, CommandId, DeviceId
from tests.factories import make_command, make_principal

SYNC = ForceSync()
NOW = 1_700_000_000.0
MOMENT = datetime.fromtimestamp(NOW, UTC)
TARGETS = [(DeviceId("d1"), CommandId("c1")), (DeviceId("d2"), CommandId("c2"))]


def submitted(
    by: Principal | None = None, *, command: Command = SYNC, **request: Any
) -> Submission:
    full = CommandRequest(command=command, **request)
    return submission_of(full, by or make_principal(), TARGETS, now=NOW)


def expiry(**request: Any) -> datetime | None:
    return submitted(**request).commands[0].expires_at


def hashed(target: str = "d1", *, command: Command = SYNC, **request: Any) -> bytes:
    full = CommandRequest(command=command, **request)
    targets = [(DeviceId(target), CommandId("c1"))]
    return submission_of(full, make_principal(), targets, now=NOW).commands[0].request_hash


def test_a_request_becomes_a_command_for_each_target() -> None:
    by = make_principal("ADMIN")
    request = CommandRequest(command=PullLogs(lines=7), timeout_ms=500)
    one, two = submission_of(request, by, TARGETS, now=NOW, batch_id="b").commands
    assert (one.command_id, one.device_id, two.device_id) == ("c1", "d1", "d2")
    assert (one.type, one.params["lines"], one.timeout_ms) == ("pull_logs", 7, 500)
    assert (one.by, one.batch_id) == (by, "b")


def test_the_default_timeout_is_that_of_the_command() -> None:
    assert submitted().commands[0].timeout_ms == 15000


def test_what_is_queued_expires_within_30_days_and_by_default_in_one() -> None:
    assert expiry() is None
    assert expiry(delivery="queue") == MOMENT + timedelta(hours=24)
    soon = MOMENT + timedelta(minutes=1)
    assert expiry(delivery="queue", expires_at=soon) == soon


def test_an_expiry_of_what_is_not_queued_is_invalid() -> None:
    with pytest.raises(Invalid, match="expiresAt"):
        expiry(expires_at=MOMENT + timedelta(hours=1))


@pytest.mark.parametrize(
    ("ahead", "fits"),
    [
        (timedelta(0), False),
        (timedelta(days=31), False),
        (timedelta(days=30), True),
        (timedelta(seconds=1), True),
    ],
)
def test_an_expiry_must_lie_ahead_when_the_command_is_new(ahead: timedelta, fits: bool) -> None:
    problem = submitted(delivery="queue", expires_at=MOMENT + ahead).problem
    assert (problem is None) is fits


def test_without_an_expiry_there_is_no_problem() -> None:
    assert submitted().problem is None
    assert submitted(delivery="queue").problem is None


def test_a_hash_is_equal_for_the_same_request_with_defaults_filled_in() -> None:
    assert hashed() == hashed(command=ForceSync(id=CommandId("x")), timeout_ms=15000)
    assert len({hashed(), hashed("d2"), hashed(delivery="queue", expires_at=MOMENT)}) == 3


def test_a_hash_does_not_depend_on_the_order_of_the_targets() -> None:
    request = CommandRequest(command=ForceSync())
    turned = submission_of(request, make_principal(), TARGETS[::-1], now=NOW)
    assert turned.commands[0].request_hash == submitted().commands[0].request_hash


def test_a_key_is_scoped_by_organisation_caller_and_path() -> None:
    by = make_principal(subject="u1")
    assert submitted(by).key is None
    of_key = make_principal(kind="api_key", subject="u1", key_id="k1")
    keyed = [
        submitted(who, key="k", path="/p") for who in (by, of_key, make_principal(subject="u2"))
    ]
    keys = [each.key for each in keyed]
    assert keys[0] == (
        IdempotencyKey(DEFAULT_ORG, "user u1 /p", "k"),
        IdempotencyRow(keyed[0].commands[0].request_hash, "c1"),
    )
    assert len({key for key, _ in filter(None, keys)}) == 3


def test_a_key_of_many_stands_for_their_batch() -> None:
    request = CommandRequest(command=ForceSync(), key="k")
    key = submission_of(request, make_principal(), TARGETS, now=NOW, batch_id="b").key
    assert key is not None
    assert key[1].subject == "b"


def test_a_command_is_measured_as_it_is_sent() -> None:
    """A number that is short in the request goes out long."""
    for count, fits in ((13_000, True), (14_000, False)):
        problem = submitted(command=PushConfig(patch={"a": [1e15] * count})).problem
        assert (problem is None) is fits
    assert isinstance(problem, TooLarge)
    assert [each.field for each in problem.errors] == ["command.patch"]


def test_the_head_of_a_frame_does_not_count_for_the_bound_and_does_for_the_device() -> None:
    empty = len(msgspec.json.encode(PushConfig(patch={"a": ""}).patch))
    text = "x" * (MOST_PARAMS - empty - len(',"patch":'))
    longest = submitted(command=PushConfig(patch={"a": text}))
    assert longest.problem is None
    assert submitted(command=PushConfig(patch={"a": text + "x"})).problem is not None
    new = longest.commands[0]
    frame = make_command(type="push_config", command_id="c1", params=new.params).frame(MOMENT)
    assert new.frame_bytes == len(frame) > MOST_PARAMS


@pytest.mark.parametrize(
    ("command", "field"),
    [
        (PushConfig(patch={"$secret": "nope"}), "command.patch"),
        (
            PushConfig(patch={"wifi": {"password": {"$secret": "nope"}}}),
            "command.patch.wifi.password",
        ),
        (PushConfig(patch={"keys": [1, {"$secret": "a/b"}]}), "command.patch.keys.1"),
        (PushConfig(patch={"a": {"$secret": None, "more": 1}}), "command.patch.a"),
        (ExecShell(template="t", args={"$secret": "nope"}), "command.args"),
    ],
)
def test_a_secret_stands_for_nothing_but_an_argument(command: Command, field: str) -> None:
    problem = submitted(command=command).problem
    assert isinstance(problem, Invalid)
    assert [each.field for each in problem.errors] == [field]


def test_an_argument_may_name_a_secret_and_then_the_command_is_claimed() -> None:
    named = ExecShell(template="t", args={"a": SecretReference("wifi"), "b": "x"})
    found = submitted(command=named)
    assert found.problem is None
    assert found.commands[0].names_secrets
    assert found.commands[0].params["args"] == {"a": {"$secret": "wifi"}, "b": "x"}
    own = submitted(command=Custom(name="c", args={"a": [{"$secret": "wifi/key"}]}))
    assert (own.problem, own.commands[0].names_secrets) == (None, True)
    assert (
        not submitted(command=ExecShell(template="t", args={"a": "wifi"})).commands[0].names_secrets
    )


def test_a_secret_that_is_not_there_is_the_problem_of_the_call() -> None:
    request = CommandRequest(command=ExecShell(template="t", args={"a": SecretReference("x")}))
    unknown = invalid("command.args.a", "no such secret")
    targets = [(DeviceId("d1"), CommandId("c1"))]
    found = submission_of(request, make_principal("ADMIN"), targets, now=NOW, unknown=unknown)
    assert found.problem is unknown


@pytest.mark.parametrize("name", ["secrets", "signature"])
def test_members_of_the_frame_are_no_names_of_arguments(name: str) -> None:
    for command in (ExecShell(template="t", args={name: "x"}), Custom(name="c", args={name: 1})):
        problem = submitted(command=command).problem
        assert isinstance(problem, Invalid)
        assert [each.field for each in problem.errors] == [f"command.args.{name}"]


def test_what_only_looks_like_a_secret_is_plain_data() -> None:
    patch = {"a": "$secret", "b": ["$secret"], "secret": 1}
    assert submitted(command=PushConfig(patch=patch)).problem is None


def test_a_devices_own_command_goes_on_the_terms_of_each_device() -> None:
    command = Custom(name="calibrate", args={"axis": "x"})
    problem = invalid("command.args.axis", "wrong")
    terms = {
        DeviceId("d1"): OwnTerms(timeout_ms=5, redeliver=True),
        DeviceId("d2"): OwnTerms(timeout_ms=7, problem=problem),
    }
    targets = [(DeviceId(f"d{n}"), CommandId(f"c{n}")) for n in (1, 2, 3)]
    request = CommandRequest(command=command)
    plain = submission_of(request, make_principal("ADMIN"), targets, now=NOW)
    found = submission_of(request, make_principal("ADMIN"), targets, now=NOW, terms=terms)
    assert [(c.timeout_ms, c.redeliver, c.problem) for c in found.commands] == [
        (5, True, None), (7, False, problem), (60_000, False, None),
    ]  # fmt: skip
    assert {c.type for c in found.commands} == {"custom.calibrate"}
    assert found.commands[0].request_hash == plain.commands[0].request_hash
    given = CommandRequest(command=command, timeout_ms=9)
    sent = submission_of(given, make_principal("ADMIN"), targets, now=NOW, terms=terms)
    assert [c.timeout_ms for c in sent.commands] == [9, 9, 9]


def test_what_stands_for_a_secret_is_found_anywhere_in_a_document() -> None:
    assert secret_in({"a": [{"b": {"$secret": "s"}}]}) == ".a.0.b"
    assert secret_in({"$secret": "s"}) == ""
    assert secret_in({"secret": {"a": "$secret"}}) is None
