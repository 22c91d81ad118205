"""Commands, replies, close codes, ids, merge patches: the small parts of the vocabulary."""

import time
import uuid
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.canonical import hash_of
from protocol.closing import CLOSINGS, CloseCode, closing
from protocol.commands import (
    COMMANDS,
    CUSTOM,
    Command,
    Danger,
    PushConfig,
    UpdateFirmware,
    own_type,
    params_of,
    spec_of,
    timeout_of,
    type_of,
    wire_type,
)
from protocol.ids import (
    CommandId,
    is_command_id,
    is_device_id,
    new_command_id,
    new_replica_id,
    uuid7,
)
from protocol.lifecycle import LifecycleEvent
from protocol.merge_patch import leading_to, merge
from protocol.replies import Ack, Outcome, Progress, Reply, Result, event_of

# Name: danger, safe to redeliver, seconds (protocol.md, 1.4)
WANTED = {
    "force_sync": ("no", True, 15),
    "clear_queue": ("yes", True, 15),
    "pull_logs": ("no", True, 60),
    "restart_service": ("medium", False, 60),
    "reboot_os": ("yes", False, 300),
    "shutdown_os": ("yes", False, 300),
    "push_config": ("no", True, 30),
    "update_firmware": ("medium", True, 3600),
    "exec_shell": ("medium", False, 60),
    "enable_device": ("no", True, 15),
    "disable_device": ("yes", True, 15),
    "restart_workload": ("medium", False, 300),
}


def test_the_registry_is_the_table_of_the_protocol() -> None:
    assert {
        name: (str(spec.danger), spec.redeliverable, spec.timeout_ms // 1000)
        for name, spec in COMMANDS.items()
    } == WANTED
    assert {spec.params for spec in (*COMMANDS.values(), CUSTOM)} == set(Command.__args__)
    assert set(Danger) == {danger for danger, _, _ in WANTED.values()}
    concurrent = {name for name, spec in COMMANDS.items() if spec.concurrent}
    assert concurrent == {"pull_logs", "force_sync", "exec_shell"}


def test_parameters_come_with_their_defaults_and_without_type_and_id() -> None:
    command = msgspec.json.decode(b'{"type":"pull_logs","id":"c"}', type=Command)
    assert type_of(command) == "pull_logs"
    assert spec_of(command) is COMMANDS["pull_logs"]
    assert params_of(command) == {"lines": 200}
    assert params_of(msgspec.json.decode(b'{"type":"force_sync"}', type=Command)) == {}


def test_a_devices_own_command_is_one_type_on_the_wire_and_has_its_name_in_records() -> None:
    command = msgspec.json.decode(b'{"type":"custom","name":"calibrate"}', type=Command)
    assert type_of(command) == own_type("calibrate") == "custom.calibrate"
    assert wire_type("custom.calibrate") == "custom"
    assert wire_type("force_sync") == "force_sync"
    assert spec_of(command) is CUSTOM
    assert params_of(command) == {"name": "calibrate", "args": {}}
    assert (CUSTOM.danger, CUSTOM.redeliverable, timeout_of(command)) == (Danger.YES, False, 60_000)


@pytest.mark.parametrize("name", ["", "Calibrate", "1st", "a" * 41, "a.b", "a\n", "ä"])
def test_names_of_own_commands_are_short_and_plain(name: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"type": "custom", "name": name}, Command)


def result(*, success: bool, outcome: Outcome | None = None) -> Result:
    return Result(command_id=CommandId("c"), success=success, outcome=outcome)


@pytest.mark.parametrize(
    ("reply", "event"),
    [
        (Ack(command_id=CommandId("c")), LifecycleEvent.ACK),
        (Progress(command_id=CommandId("c")), LifecycleEvent.PROGRESS),
        (result(success=True), LifecycleEvent.SUCCEED),
        (result(success=True, outcome="unknown"), LifecycleEvent.SUCCEED),
        (result(success=False), LifecycleEvent.FAIL),
        (result(success=False, outcome="unknown"), LifecycleEvent.LOSE),
        (result(success=False, outcome="rejected"), LifecycleEvent.REJECT),
        (result(success=False, outcome="cancelled"), LifecycleEvent.CANCEL),
    ],
)
def test_what_a_reply_asks_for(reply: Reply, event: LifecycleEvent) -> None:
    assert event_of(reply) is event


def test_every_close_code_has_a_row_that_fits_into_a_close_frame() -> None:
    assert CLOSINGS.keys() == set(CloseCode)
    assert all(len(row.reason.encode()) <= 123 for row in CLOSINGS.values())
    assert {code for code, row in CLOSINGS.items() if not row.come_back} == {1008, 4403}
    assert {code for code, row in CLOSINGS.items() if row.new_token} == {4401}
    waits = {code: row.wait_seconds for code, row in CLOSINGS.items() if row.wait_seconds}
    assert waits == {1013: 5.0, 4400: 30.0, 4409: 30.0, 4429: 30.0}
    assert closing(4409) is CLOSINGS[CloseCode.SUPERSEDED]
    assert closing(4999).come_back


def test_uuid7_carries_its_version_and_sorts_by_time() -> None:
    made = [uuid7(ms) for ms in (0, 1, 1_700_000_000_000, 2**48 - 1)]
    assert made == sorted(made)
    for text in made:
        assert (uuid.UUID(text).version, uuid.UUID(text).variant) == (7, uuid.RFC_4122)
    before = time.time_ns() // 1_000_000
    assert before <= uuid.UUID(new_command_id()).int >> 80 <= time.time_ns() // 1_000_000
    assert len({uuid7(5) for _ in range(100)}) == 100
    assert is_command_id(new_command_id())
    assert new_replica_id() != new_replica_id()


@pytest.mark.parametrize(
    ("text", "device", "command"),
    [
        ("a", True, True),
        ("A9._:-", True, True),
        ("-a", False, True),
        (".a", False, True),
        ("", False, False),
        ("a b", False, False),
        ("a\n", False, False),
        ("a\0", False, False),
        ("é", False, False),
        ("a/b", False, False),
        ("connected", False, True),
        ("Connected", True, True),
        ("x" * 64, True, True),
        ("x" * 65, True, False),
        ("x" * 128, True, False),
        ("x" * 129, False, False),
    ],
)
def test_the_grammar_of_ids(text: str, device: bool, command: bool) -> None:
    assert is_device_id(text) is device
    assert is_command_id(text) is command


def test_a_merge_changes_neither_of_the_two() -> None:
    """The cases of RFC 7396 are in tests/unit/device/config/test_patch.py."""
    target, patch = {"a": {"b": 1, "c": 2}}, {"a": {"b": None, "d": {"e": None}}}
    assert merge(target, patch) == {"a": {"c": 2, "d": {}}}
    assert merge(target, [1]) == [1]
    assert (target, patch) == ({"a": {"b": 1, "c": 2}}, {"a": {"b": None, "d": {"e": None}}})


_names = st.sampled_from(["a", "b", "c"])
_values = st.recursive(
    st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(_names, below, max_size=3),
    max_leaves=8,
)
_documents = st.dictionaries(_names, _values, max_size=4)


@given(_documents, st.lists(_documents, max_size=3))
def test_one_patch_leads_from_each_document_to_the_target(
    target: dict[str, Any], known: list[dict[str, Any]]
) -> None:
    patch = leading_to(target, known)
    for document in [*known, {}]:
        assert hash_of(merge(document, patch)) == hash_of(target)


def test_the_time_of_a_trial_counts() -> None:
    assert timeout_of(PushConfig(patch={})) == 30_000
    assert timeout_of(PushConfig(patch={}, confirm_seconds=60)) == 90_000
    assert timeout_of(UpdateFirmware(
        release_id="r", version="1", url="/", sha256="", size=0)) == 3_600_000  # fmt: skip


def test_the_hash_of_a_document_is_of_its_content() -> None:
    one = hash_of({"a": 1000, "b": [1, True, None, "x"], "c": {"d": 0.5, "e": 1e300}})
    assert one == hash_of({"c": {"e": 10**300, "d": 0.5}, "b": [1.0, True, None, "x"], "a": 1e3})
    assert one != hash_of({"a": 1000, "b": [1, 1, None, "x"], "c": {"d": 0.5, "e": 1e300}})
    assert len(one) == 64


@pytest.mark.parametrize(
    ("url", "is_taken"),
    [
        ("/api/v1/firmware/releases/0199-x.y_z~:/artifact", True),
        ("/api/v1/firmware/releases/r/artifact\n", False),
        ("/api/v1/firmware/releases//artifact", False),
        ("/api/v1/firmware/releases/../artifact", False),
        ("/api/v1/firmware/releases/./artifact", False),
        ("/api/v1/firmware/releases/a/b/artifact", False),
        ("/api/v1/firmware/releases/a%2fb/artifact", False),
        ("/api/v1/firmware/releases/a/artifact?x", False),
        ("/http://stranger/api/v1/firmware/releases/a/artifact", False),
        ("//stranger/api/v1/firmware/releases/a/artifact", False),
        ("http://stranger/api/v1/firmware/releases/a/artifact", False),
    ],
)
def test_an_artifact_is_fetched_from_the_hub_alone(url: str, is_taken: bool) -> None:
    fields = {"releaseId": "r", "version": "1", "sha256": "0" * 64, "size": 1, "url": url}
    try:
        msgspec.convert({"type": "update_firmware", **fields}, UpdateFirmware)
    except msgspec.ValidationError:
        assert not is_taken
    else:
        assert is_taken
