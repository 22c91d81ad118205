"""Commands whose arguments name secrets: as they travel, and as they run."""

import msgspec
import pytest

from protocol.codec import decode_hub_frame, encode_command
from protocol.commands import (
    Command,
    Custom,
    Delivery,
    ExecShell,
    ForceSync,
    PushConfig,
    SecretReference,
    may_name_secrets,
    params_of,
    with_values,
)
from protocol.ids import CommandId
from protocol.secret_values import SecretMissing, Values

C1 = CommandId("c1")
SHELL = ExecShell(id=C1, template="t", args={"a": SecretReference("wifi/key"), "b": "x"})


def delivered(**secrets: str) -> Delivery:
    raw = encode_command("exec_shell", C1, params_of(SHELL), None, "now", secrets)
    found = decode_hub_frame(raw)
    assert isinstance(found, Delivery)
    return found


def test_values_travel_beside_the_parameters() -> None:
    raw = encode_command("exec_shell", C1, params_of(SHELL), None, "now", {"wifi/key": "v"})
    assert msgspec.json.decode(raw)["secrets"] == {"wifi/key": "v"}
    assert msgspec.json.decode(raw)["args"]["a"] == {"$secret": "wifi/key"}
    assert b"secrets" not in encode_command("exec_shell", C1, {}, None, "now")
    found = delivered(**{"wifi/key": "v"})
    assert found.command == SHELL
    assert found.secrets == {"wifi/key": "v"}
    assert "'v'" not in repr(found)


@pytest.mark.parametrize("odd", [None, 1, "x", [1], {"wifi/key": 1}])
def test_values_that_are_none_are_as_good_as_missing(odd: object) -> None:
    raw = msgspec.json.encode(
        {**params_of(SHELL), "type": "exec_shell", "id": "c1", "secrets": odd}
    )
    found = decode_hub_frame(raw)
    assert isinstance(found, Delivery)
    assert found.secrets == {}


def test_a_command_runs_with_the_values() -> None:
    values = Values({"wifi/key": "v", "s": "w"})
    assert with_values(SHELL, values) == ExecShell(id=C1, template="t", args={"a": "v", "b": "x"})
    own = Custom(id=C1, name="n", args={"a": [{"$secret": "s"}]})
    assert with_values(own, values) == Custom(id=C1, name="n", args={"a": ["w"]})
    with pytest.raises(SecretMissing):
        with_values(SHELL, Values())
    with pytest.raises(msgspec.ValidationError) as refused:
        with_values(SHELL, Values({"wifi/key": "v" * 4097}))
    assert "vvv" not in str(refused.value)


@pytest.mark.parametrize(
    "command", [ForceSync(), PushConfig(patch={"a": {"$secret": "s"}}), Custom(name="n")]
)
def test_what_names_nothing_or_is_kept_stays_as_it_is(command: Command) -> None:
    assert with_values(command, Values({"s": "w"})) is command


def test_which_commands_may_name_secrets() -> None:
    assert may_name_secrets("exec_shell")
    assert may_name_secrets("custom.calibrate")
    assert not may_name_secrets("push_config")
    assert not may_name_secrets("custom")


@pytest.mark.parametrize(
    "odd", [{"$secret": ""}, {"$secret": "a/b/c"}, {"$secret": "a", "b": 1}, {}]
)
def test_an_argument_is_a_text_or_a_reference(odd: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"type": "exec_shell", "template": "t", "args": {"a": odd}}, ExecShell)
