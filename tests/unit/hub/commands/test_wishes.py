from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from hub.base.errors import Invalid, TooLarge
from hub.commands.records import Key
from hub.commands.wishes import MOST_PARAMS, Dispatch, new_commands
from protocol.commands import Command, ExecShell, ForceSync, PullLogs, PushConfig
from protocol.ids import DEFAULT_ORG, CommandId, DeviceId
from tests.factories import make_command, make_principal

NOW = 1_700_000_000.0
MOMENT = datetime.fromtimestamp(NOW, UTC)
TARGETS = [(DeviceId("d1"), CommandId("c1")), (DeviceId("d2"), CommandId("c2"))]


def expiry(**wish: object) -> datetime | None:
    full = Dispatch(**{"command": ForceSync(), **wish})  # pyright: ignore[reportArgumentType]
    (new, _) = new_commands(make_principal(), full, TARGETS, digest=b"d", now=NOW)
    return new.expires_at


def test_a_wish_becomes_a_command_for_each_target() -> None:
    by = make_principal("ADMIN")
    wish = Dispatch(command=PullLogs(lines=7), timeout_ms=500)
    one, two = new_commands(by, wish, TARGETS, digest=b"d", now=NOW, batch_id="b")
    assert (one.command_id, one.device_id, two.device_id) == ("c1", "d1", "d2")
    assert (one.type, one.params["lines"], one.timeout_ms) == ("pull_logs", 7, 500)
    assert (one.by, one.batch_id, one.request_hash) == (by, "b", b"d")


def test_the_default_timeout_is_that_of_the_command() -> None:
    wish = Dispatch(command=ForceSync())
    assert new_commands(make_principal(), wish, TARGETS, digest=b"", now=NOW)[0].timeout_ms == 15000


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
    wish = Dispatch(command=ForceSync(), delivery="queue", expires_at=MOMENT + ahead)
    assert (wish.problem(NOW) is None) is fits


def test_without_an_expiry_there_is_no_problem() -> None:
    assert Dispatch(command=ForceSync()).problem(NOW) is None
    assert Dispatch(command=ForceSync(), delivery="queue").problem(NOW) is None


def test_a_digest_is_equal_for_the_same_request_with_defaults_filled_in() -> None:
    wish = Dispatch(command=ForceSync())
    assert wish.digest("d1") == Dispatch(
        command=ForceSync(id=CommandId("x")), timeout_ms=15000
    ).digest("d1")
    later = Dispatch(command=ForceSync(), delivery="queue", expires_at=MOMENT)
    assert len({wish.digest("d1"), wish.digest("d2"), later.digest("d1")}) == 3


def test_a_key_is_scoped_by_organisation_caller_and_path() -> None:
    by = make_principal(subject="u1")
    assert Dispatch(command=ForceSync()).scoped_key(by) is None
    wish = Dispatch(command=ForceSync(), key="k", path="/p")
    assert wish.scoped_key(by) == Key(DEFAULT_ORG, "user u1 /p", "k")
    of_key = make_principal(kind="api_key", subject="u1", key_id="k1")
    scopes = {wish.scoped_key(who) for who in (by, of_key, make_principal(subject="u2"))}
    assert len(scopes) == 3


def test_a_command_is_measured_as_it_is_sent() -> None:
    """A number that is short in the request goes out long."""
    for count, fits in ((13_000, True), (14_000, False)):
        wish = Dispatch(command=PushConfig(patch={"a": [1e15] * count}))
        problem = wish.problem(NOW)
        assert (problem is None) is fits
    assert isinstance(problem, TooLarge)
    assert [each.field for each in problem.errors] == ["command.patch"]


def test_the_head_of_a_frame_does_not_count_for_the_bound_and_does_for_the_device() -> None:
    empty = len(msgspec.json.encode(PushConfig(patch={"a": ""}).patch))
    text = "x" * (MOST_PARAMS - empty - len(',"patch":'))
    assert Dispatch(command=PushConfig(patch={"a": text})).problem(NOW) is None
    assert Dispatch(command=PushConfig(patch={"a": text + "x"})).problem(NOW) is not None
    wish = Dispatch(command=PushConfig(patch={"a": text}))
    (new, _) = new_commands(make_principal(), wish, TARGETS, digest=b"", now=NOW)
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
def test_no_secret_is_known_so_none_is_handed_on(command: Command, field: str) -> None:
    problem = Dispatch(command=command).problem(NOW)
    assert isinstance(problem, Invalid)
    assert [each.field for each in problem.errors] == [field]


def test_what_only_looks_like_a_secret_is_plain_data() -> None:
    patch = {"a": "$secret", "b": ["$secret"], "secret": 1}
    assert Dispatch(command=PushConfig(patch=patch)).problem(NOW) is None
